#include "engine/mailbox.h"

#include "engine/worker.h"

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
    orders = (struct tlsmgm_orders){mailbox->stops, mailbox->drains, mailbox->drain_timeout};
    mailbox->drains = false;
    (void)pthread_mutex_unlock(&mailbox->lock);
    return orders;
}

/* --- from other threads ----------------------------------------------------------------------- */

void tlsmgm_worker_post(struct tlsmgm_worker *worker, struct tlsmgm_plan *plan) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_plan *old = mailbox->plan;
    mailbox->plan = tlsmgm_plan_ref(plan);
    atomic_store(&mailbox->has_plan, true);
    (void)pthread_mutex_unlock(&mailbox->lock);
    tlsmgm_poller_wake(worker->poller); /* what the old one holds is given back soon */
    tlsmgm_plan_free(old);              /* nobody has seen it */
}

static void order(struct tlsmgm_worker *worker) {
    atomic_store(&worker->mailbox.has_orders, true);
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
    tlsmgm_poller_wake(worker->poller);
}

void tlsmgm_worker_drain(struct tlsmgm_worker *worker, uint32_t timeout) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    if (!mailbox->drains || timeout < mailbox->drain_timeout) mailbox->drain_timeout = timeout;
    mailbox->drains = true;
    order(worker);
}

void tlsmgm_worker_stop(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.stops = true;
    order(worker);
}
