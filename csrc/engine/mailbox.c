#include "engine/mailbox.h"

#include <time.h>

/* A clock that nobody sets, where waiting on a condition may be told to go by one. */
#ifdef __APPLE__
#define WAITING_CLOCK CLOCK_REALTIME
#else
#define WAITING_CLOCK CLOCK_MONOTONIC
#endif

void tlsmgm_mailbox_init(struct tlsmgm_mailbox *mailbox) {
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&attributes, WAITING_CLOCK);
#endif
    (void)pthread_mutex_init(&mailbox->lock, NULL);
    (void)pthread_cond_init(&mailbox->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void tlsmgm_mailbox_destroy(struct tlsmgm_mailbox *mailbox) {
    (void)pthread_cond_destroy(&mailbox->changed);
    (void)pthread_mutex_destroy(&mailbox->lock);
}

void tlsmgm_mailbox_refresh(struct tlsmgm_worker *worker) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    if (!atomic_load_explicit(&mailbox->has_plan, memory_order_acquire)) return;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_plan *plan = mailbox->plan;
    mailbox->plan = NULL;
    atomic_store(&mailbox->has_plan, false);
    (void)pthread_mutex_unlock(&mailbox->lock);
    tlsmgm_plan_free(worker->plan);
    worker->plan = plan;
}

struct tlsmgm_orders tlsmgm_mailbox_open(struct tlsmgm_worker *worker) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    struct tlsmgm_orders orders = {0};
    tlsmgm_mailbox_refresh(worker);
    if (!atomic_exchange(&mailbox->has_orders, false)) return orders;
    (void)pthread_mutex_lock(&mailbox->lock);
    orders = (struct tlsmgm_orders){mailbox->stops, mailbox->drains, mailbox->drain_timeout,
                                    mailbox->ordered};
    mailbox->drains = false;
    (void)pthread_mutex_unlock(&mailbox->lock);
    return orders;
}

void tlsmgm_mailbox_answer(struct tlsmgm_worker *worker, const struct tlsmgm_orders *orders) {
    if (orders->count == 0) return;
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.obeyed = orders->count;
    (void)pthread_cond_broadcast(&worker->mailbox.changed);
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
}

void tlsmgm_mailbox_attend(struct tlsmgm_worker *worker, bool runs) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.runs = runs;
    worker->mailbox.has_ended = !runs;
    (void)pthread_cond_broadcast(&worker->mailbox.changed);
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
}

/* With the lock held: the poller may go otherwise. */
static void wake(const struct tlsmgm_worker *worker) {
    if (worker->poller != NULL) tlsmgm_poller_wake(worker->poller);
}

void tlsmgm_mailbox_sleep(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    tlsmgm_poller_free(worker->poller);
    worker->poller = NULL;
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
}

struct tlsmgm_adoption *tlsmgm_mailbox_adoptions(struct tlsmgm_worker *worker) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    if (!atomic_load_explicit(&mailbox->has_adoptions, memory_order_acquire)) return NULL;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_adoption *first = mailbox->adoptions;
    mailbox->adoptions = NULL;
    atomic_store(&mailbox->has_adoptions, false);
    (void)pthread_mutex_unlock(&mailbox->lock);
    return first;
}

struct tlsmgm_answer *tlsmgm_mailbox_answers(struct tlsmgm_worker *worker) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    if (!atomic_load_explicit(&mailbox->has_answers, memory_order_acquire)) return NULL;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_answer *first = mailbox->answers;
    mailbox->answers = NULL;
    atomic_store(&mailbox->has_answers, false);
    (void)pthread_mutex_unlock(&mailbox->lock);
    return first;
}

/* --- from other threads ----------------------------------------------------------------------- */

void tlsmgm_mailbox_post(struct tlsmgm_worker *worker, struct tlsmgm_plan *plan) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_plan *old = mailbox->plan;
    mailbox->plan = tlsmgm_plan_ref(plan);
    atomic_store(&mailbox->has_plan, true);
    wake(worker); /* what the old one holds is given back soon */
    (void)pthread_mutex_unlock(&mailbox->lock);
    tlsmgm_plan_free(old); /* nobody has seen it */
}

bool tlsmgm_mailbox_adopt(struct tlsmgm_worker *worker, struct tlsmgm_adoption *adoption) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    bool is_taken = !mailbox->has_ended;
    if (is_taken) {
        adoption->next = mailbox->adoptions;
        mailbox->adoptions = adoption;
        atomic_store(&mailbox->has_adoptions, true);
        wake(worker);
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
    return is_taken;
}

bool tlsmgm_mailbox_bring(struct tlsmgm_worker *worker, struct tlsmgm_answer *answer) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    bool is_taken = !mailbox->has_ended;
    if (is_taken) {
        answer->next = mailbox->answers;
        mailbox->answers = answer;
        atomic_store(&mailbox->has_answers, true);
        wake(worker);
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
    return is_taken;
}

/* With the lock held, which it opens. */
static void order(struct tlsmgm_worker *worker) {
    worker->mailbox.ordered++;
    atomic_store(&worker->mailbox.has_orders, true);
    wake(worker);
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
}

/* Not for ever: somebody may have stopped the process at a bad moment. */
static void wait_until_obeyed(struct tlsmgm_mailbox *mailbox, uint32_t number) {
    struct timespec end;
    (void)clock_gettime(WAITING_CLOCK, &end);
    end.tv_sec += 1;
    (void)pthread_mutex_lock(&mailbox->lock);
    while (mailbox->runs && mailbox->obeyed < number) {
        if (pthread_cond_timedwait(&mailbox->changed, &mailbox->lock, &end) != 0) break;
    }
    (void)pthread_mutex_unlock(&mailbox->lock);
}

void tlsmgm_mailbox_drain(struct tlsmgm_worker *worker, uint32_t timeout) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    if (!mailbox->drains || timeout < mailbox->drain_timeout) mailbox->drain_timeout = timeout;
    mailbox->drains = true;
    uint32_t number = mailbox->ordered + 1;
    order(worker);
    wait_until_obeyed(mailbox, number);
}

void tlsmgm_mailbox_stop(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.stops = true;
    order(worker);
}
