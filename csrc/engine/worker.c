#include "engine/worker.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "engine/accepting.h"
#include "engine/asking.h"
#include "engine/channels.h"
#include "engine/connecting.h"
#include "engine/handing_over.h"
#include "engine/introducing.h"
#include "engine/mailbox.h"
#include "engine/records.h"
#include "engine/slots.h"

/* After the time to linger, for what hangs on. */
#define LAST_WAIT_MS 500

/* Between two looks whether the last one has gone, while only others have connections. */
#define LOOK_MS 50

/* Rounds with more events than fit, in which no timer runs off: there may be news of its peer. */
#define FULL_ROUNDS_MAX 64

/* Nanoseconds for newcomers in each round, but for one of them: then others go first. */
#define NEWCOMERS_NS 1000000

uint64_t tlsmgm_worker_clock(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t clock_now(void) { return tlsmgm_worker_clock() / 1000000; }

/*
 * Whose ClientHello is still to be read, or to be answered. What follows it takes longer than all
 * other steps, so whoever is further waits for one newcomer, and not for all that have come, or for
 * whom a domain was found, meanwhile.
 */
static bool is_newcomer(const struct tlsmgm_channel *channel) {
    const struct tlsmgm_relay *relay = &channel->relay;
    return relay->phase == TLSMGM_RELAY_HANDSHAKE && relay->client.acceptor != NULL;
}

static void note_news(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                      const struct tlsmgm_ready *ready) {
    struct tlsmgm_ready *news = &channel->news;
    news->readable = news->readable || ready->readable;
    news->writable = news->writable || ready->writable;
    news->ended = news->ended || ready->ended;
    tlsmgm_channel_queue(worker, channel);
}

static void handle(struct tlsmgm_worker *worker, const struct tlsmgm_poll_event *event) {
    if (event->token >> 32 == 0) {
        tlsmgm_listeners_ready(worker, event->token);
        return;
    }
    struct tlsmgm_channel *channel = tlsmgm_channel_of(worker, event->token);
    if (channel == NULL || channel->relay.phase == TLSMGM_RELAY_OVER) return;
    enum tlsmgm_relay_side side = (enum tlsmgm_relay_side)(event->token & 1);
    if (side == TLSMGM_RELAY_UPSTREAM && channel->connecting >= 0) {
        /* What was said of one that has failed is not true of the next. */
        if (!tlsmgm_connect_go_on(worker, channel)) {
            tlsmgm_channel_look_after(worker, channel);
            return;
        }
    }
    const struct tlsmgm_ready ready = {event->readable, event->writable, event->ended};
    if (is_newcomer(channel)) {
        note_news(worker, channel, &ready);
        return;
    }
    if (channel->relay.awaits_header)
        tlsmgm_introduce(worker, channel, &ready);
    else
        (void)tlsmgm_relay_ready(&channel->relay, side, &ready, worker->now);
    tlsmgm_channel_look_after(worker, channel);
}

static void take_turn(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    static const struct tlsmgm_ready nothing = {0};
    const struct tlsmgm_ready news = channel->news;
    channel->news = nothing;
    if (channel->answer != NULL) tlsmgm_obey_answer(worker, channel);
    (void)tlsmgm_relay_ready(&channel->relay, TLSMGM_RELAY_CLIENT, &news, worker->now);
    (void)tlsmgm_relay_ready(&channel->relay, TLSMGM_RELAY_UPSTREAM, &nothing, worker->now);
    tlsmgm_channel_look_after(worker, channel);
}

/* Each that had more to do when this began goes on once, newcomers as long as there is time. */
static void take_turns(struct tlsmgm_worker *worker) {
    struct tlsmgm_channel *channel = worker->first_turn;
    if (channel == NULL) return;
    /* One alone needs no look at the clock. */
    uint64_t end = channel->next_turn == NULL ? 0 : tlsmgm_worker_clock() + NEWCOMERS_NS;
    bool is_late = false;
    worker->first_turn = NULL;
    worker->last_turn = &worker->first_turn;
    while (channel != NULL) {
        struct tlsmgm_channel *next = channel->next_turn;
        bool is_new = is_newcomer(channel);
        channel->is_queued = false;
        if (channel->relay.phase == TLSMGM_RELAY_OVER) {
            tlsmgm_channel_free(worker, channel);
        } else if (is_new && is_late) {
            tlsmgm_channel_queue(worker, channel);
        } else {
            take_turn(worker, channel);
            if (is_new && next != NULL) is_late = is_late || tlsmgm_worker_clock() >= end;
        }
        channel = next;
    }
}

static struct tlsmgm_channel *channel_of_timer(struct tlsmgm_timer *timer) {
    return (struct tlsmgm_channel *)((char *)timer - offsetof(struct tlsmgm_channel, timer));
}

/*
 * What was due by a moment before which all events are handled: a process that was stopped, or got
 * no processor, finds out that it is late before it hears what its peers have sent in time.
 */
static void expire(struct tlsmgm_worker *worker, uint64_t due) {
    struct tlsmgm_timer *timer;
    while ((timer = tlsmgm_wheel_expire(&worker->wheel, due)) != NULL) {
        if (timer == &worker->pause) {
            tlsmgm_listeners_watch(worker);
            continue;
        }
        if (timer == &worker->last_call) {
            tlsmgm_listeners_end(worker);
            continue;
        }
        struct tlsmgm_channel *channel = channel_of_timer(timer);
        /* It was there in time, and is queued: its turn comes, and sets the timer again. */
        if (channel->news.readable || channel->answer != NULL) continue;
        if (channel->relay.deadline <= due) {
            tlsmgm_relay_expire(&channel->relay, worker->now);
        }
        tlsmgm_connect_expire(worker, channel);
        tlsmgm_channel_look_after(worker, channel);
    }
}

static void for_all(struct tlsmgm_worker *worker,
                    void (*call)(struct tlsmgm_relay *relay, uint64_t now)) {
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        struct tlsmgm_channel *channel = worker->slots[i].channel;
        if (channel == NULL || channel->relay.phase == TLSMGM_RELAY_OVER) continue;
        call(&channel->relay, worker->now);
        tlsmgm_channel_look_after(worker, channel);
    }
}

static void begin_draining(struct tlsmgm_worker *worker, uint32_t timeout) {
    uint64_t end = worker->now + timeout;
    if (worker->is_stopping || worker->drained_at <= end) return;
    if (worker->drained_at == TLSMGM_NEVER) tlsmgm_listeners_drain(worker, timeout);
    worker->drained_at = end;
}

static bool is_done(struct tlsmgm_worker *worker) {
    if (worker->drained_at == TLSMGM_NEVER) return false;
    bool is_due = worker->drained_at <= worker->now;
    if (tlsmgm_timer_is_set(&worker->last_call)) {
        if (!is_due) return false;
        tlsmgm_listeners_end(worker);
    }
    if (is_due) {
        for_all(worker, worker->is_stopping ? tlsmgm_relay_abort : tlsmgm_relay_stop);
        worker->is_stopping = true;
        worker->drained_at = worker->now + worker->plan->settings.linger_timeout + LAST_WAIT_MS;
    }
    if (worker->connections > 0) return false;
    /* Those that the program has may come back until their time is over. */
    return worker->is_stopping || tlsmgm_admission_is_empty(worker->admission);
}

static void take_back(struct tlsmgm_worker *worker) {
    struct tlsmgm_adoption *adoption = tlsmgm_mailbox_adoptions(worker);
    while (adoption != NULL) {
        struct tlsmgm_adoption *next = adoption->next;
        struct tlsmgm_channel *channel = tlsmgm_take_back(worker, adoption);
        if (channel != NULL) tlsmgm_channel_look_after(worker, channel);
        adoption = next;
    }
}

static void take_answers(struct tlsmgm_worker *worker) {
    struct tlsmgm_answer *answer = tlsmgm_mailbox_answers(worker);
    while (answer != NULL) {
        struct tlsmgm_answer *next = answer->next;
        struct tlsmgm_channel *channel = tlsmgm_keep_answer(worker, answer);
        if (channel != NULL) tlsmgm_channel_queue(worker, channel);
        answer = next;
    }
}

/* Does what others have asked for. False: it is over. */
static bool obey(struct tlsmgm_worker *worker) {
    take_back(worker);
    take_answers(worker);
    struct tlsmgm_orders orders = tlsmgm_mailbox_open(worker);
    if (orders.drains) begin_draining(worker, orders.drain_timeout);
    bool goes_on = !orders.stops && !is_done(worker);
    tlsmgm_mailbox_answer(worker, &orders);
    return goes_on;
}

/* Once for all that were handed over in a round. */
static void ring(struct tlsmgm_worker *worker) {
    if (!worker->has_handed_over) return;
    worker->has_handed_over = false;
    tlsmgm_ring_bell(worker->handover_bell);
}

static int time_to_wait(const struct tlsmgm_worker *worker) {
    if (worker->first_turn != NULL) return 0;
    int timeout = tlsmgm_wheel_timeout(&worker->wheel, worker->now);
    if (worker->drained_at == TLSMGM_NEVER) return timeout;
    uint64_t left = worker->drained_at > worker->now ? worker->drained_at - worker->now : 0;
    if (worker->connections == 0 && left > LOOK_MS) left = LOOK_MS; /* nobody tells of others */
    int most = left > INT32_MAX ? INT32_MAX : (int)left;
    return timeout < 0 || timeout > most ? most : timeout;
}

void tlsmgm_worker_run(struct tlsmgm_worker *worker) {
    struct tlsmgm_poll_event events[TLSMGM_POLL_MAX];
    (void)pthread_mutex_lock(&worker->turn);
    worker->now = clock_now();
    tlsmgm_mailbox_attend(worker, true);
    tlsmgm_listeners_watch(worker);
    for (unsigned full = 0; obey(worker);) {
        uint64_t asked = worker->now;
        int timeout = time_to_wait(worker);
        ring(worker);
        (void)pthread_mutex_unlock(&worker->turn);
        int count = tlsmgm_poller_wait(worker->poller, events, TLSMGM_POLL_MAX, timeout);
        (void)pthread_mutex_lock(&worker->turn);
        worker->now = clock_now();
        for (int i = 0; i < count; i++) handle(worker, &events[i]);
        take_turns(worker);
        full = count < TLSMGM_POLL_MAX ? 0 : full + 1;
        if (full % FULL_ROUNDS_MAX == 0) expire(worker, asked);
    }
    tlsmgm_mailbox_attend(worker, false);
    take_back(worker); /* what came before that */
    take_answers(worker);
    for_all(worker, tlsmgm_relay_abort);
    take_turns(worker);
    ring(worker);
    tlsmgm_listeners_close(worker);
    tlsmgm_mailbox_sleep(worker);
    (void)pthread_mutex_unlock(&worker->turn);
}

/* --- how it begins and ends ---------------------------------------------------------------------
 */

/* What may be missing in the end. */
static enum tlsmgm_status allocate(const struct tlsmgm_worker_config *config,
                                   struct tlsmgm_worker **out, struct tlsmgm_error *error) {
    struct tlsmgm_worker *worker = tlsmgm_calloc(1, sizeof *worker);
    *out = worker;
    if (worker == NULL) return tlsmgm_fail_memory(error);
    worker->listeners = tlsmgm_calloc(config->listener_count + 1, sizeof *worker->listeners);
    if (worker->listeners == NULL) return tlsmgm_fail_memory(error);
    return tlsmgm_poller_new(&worker->poller, error);
}

static enum tlsmgm_status fail_to_begin(const struct tlsmgm_worker_config *config,
                                        struct tlsmgm_worker *worker, enum tlsmgm_status status) {
    for (size_t i = 0; i < config->listener_count; i++) (void)close(config->listeners[i].fd);
    if (worker != NULL) tlsmgm_free(worker->listeners);
    tlsmgm_free(worker);
    return status;
}

enum tlsmgm_status tlsmgm_worker_new(const struct tlsmgm_worker_config *config,
                                     struct tlsmgm_worker **out, struct tlsmgm_error *error) {
    struct tlsmgm_worker *worker;
    *out = NULL;
    enum tlsmgm_status status = allocate(config, &worker, error);
    if (status != TLSMGM_STATUS_OK) return fail_to_begin(config, worker, status);
    for (size_t i = 0; i < config->listener_count; i++) {
        worker->listeners[i] = config->listeners[i];
    }
    worker->listener_count = config->listener_count;
    worker->admission = config->admission;
    worker->plan = tlsmgm_plan_ref(config->plan);
    worker->records = config->records;
    worker->bell = config->bell;
    worker->handovers = config->handovers;
    worker->handover_bell = config->handover_bell;
    worker->questions = config->questions;
    worker->question_bell = config->question_bell;
    worker->tells_ends = config->tells_ends;
    worker->keeps_tls = config->keeps_tls;
    worker->free_slot = TLSMGM_NO_SLOT;
    worker->last_turn = &worker->first_turn;
    worker->drained_at = TLSMGM_NEVER;
    (void)pthread_mutex_init(&worker->turn, NULL);
    tlsmgm_mailbox_init(&worker->mailbox);
    tlsmgm_wheel_init(&worker->wheel, clock_now());
    *out = worker;
    return TLSMGM_STATUS_OK;
}

/* Those that came when it did not look any more. */
static void discard_adoptions(struct tlsmgm_worker *worker) {
    struct tlsmgm_adoption *adoption = worker->mailbox.adoptions;
    while (adoption != NULL) {
        struct tlsmgm_adoption *next = adoption->next;
        tlsmgm_adoption_discard(worker->admission, adoption);
        adoption = next;
    }
}

static void discard_answers(struct tlsmgm_worker *worker) {
    struct tlsmgm_answer *answer = worker->mailbox.answers;
    while (answer != NULL) {
        struct tlsmgm_answer *next = answer->next;
        tlsmgm_answer_discard(answer);
        answer = next;
    }
}

void tlsmgm_worker_free(struct tlsmgm_worker *worker) {
    if (worker == NULL || worker->is_forgotten) return;
    tlsmgm_listeners_close(worker);
    discard_adoptions(worker);
    discard_answers(worker);
    tlsmgm_plan_free(worker->plan);
    tlsmgm_plan_free(worker->mailbox.plan);
    tlsmgm_mailbox_destroy(&worker->mailbox);
    (void)pthread_mutex_destroy(&worker->turn);
    tlsmgm_poller_free(worker->poller);
    tlsmgm_free(worker->slots);
    tlsmgm_free(worker->listeners);
    tlsmgm_free(worker);
}

/* --- around a fork ------------------------------------------------------------------------------
 */

/* What others put into the mailbox must be whole, too: the child looks into it. */
void tlsmgm_worker_hold(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->turn);
    (void)pthread_mutex_lock(&worker->mailbox.lock);
}

void tlsmgm_worker_release(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
    (void)pthread_mutex_unlock(&worker->turn);
}

/* Not forgotten by the poller, which the parent has, too. */
static void close_copy(int *fd) {
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

void tlsmgm_worker_forget(struct tlsmgm_worker *worker) {
    if (worker->is_forgotten) return;
    worker->is_forgotten = true;
    for (size_t i = 0; i < worker->listener_count; i++) close_copy(&worker->listeners[i].fd);
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        struct tlsmgm_channel *channel = worker->slots[i].channel;
        if (channel == NULL) continue;
        close_copy(&channel->connecting);
        close_copy(&channel->elder_socket);
        close_copy(&channel->relay.client.fd);
        if (channel->relay.has_upstream) close_copy(&channel->relay.upstream.fd);
    }
    struct tlsmgm_adoption *adoption = worker->mailbox.adoptions;
    for (; adoption != NULL; adoption = adoption->next) close_copy(&adoption->handover.fd);
    tlsmgm_poller_free(worker->poller);
    worker->poller = NULL;
}

void tlsmgm_worker_count(const struct tlsmgm_worker *worker, struct tlsmgm_worker_counts *out) {
    tlsmgm_counters_read(&worker->counters, out);
}

/* --- from other threads ----------------------------------------------------------------------- */

void tlsmgm_worker_post(struct tlsmgm_worker *worker, struct tlsmgm_plan *plan) {
    tlsmgm_mailbox_post(worker, plan);
}

void tlsmgm_worker_drain(struct tlsmgm_worker *worker, uint32_t timeout) {
    tlsmgm_mailbox_drain(worker, timeout);
}

void tlsmgm_worker_stop(struct tlsmgm_worker *worker) { tlsmgm_mailbox_stop(worker); }

enum tlsmgm_status tlsmgm_worker_adopt(struct tlsmgm_worker *worker,
                                       struct tlsmgm_handover *handover,
                                       struct tlsmgm_routes *routes, struct tlsmgm_error *error) {
    struct tlsmgm_adoption *adoption = tlsmgm_calloc(1, sizeof *adoption);
    if (adoption == NULL) return tlsmgm_fail_memory(error);
    adoption->handover = *handover;
    adoption->routes = tlsmgm_routes_ref(routes);
    if (!tlsmgm_mailbox_adopt(worker, adoption)) {
        tlsmgm_routes_free(routes);
        tlsmgm_free(adoption);
        return TLSMGM_STATUS_CLOSED;
    }
    *handover = (struct tlsmgm_handover){.fd = -1};
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_worker_answer(struct tlsmgm_worker *worker, uint64_t token,
                                        struct tlsmgm_plan *plan, struct tlsmgm_error *error) {
    struct tlsmgm_answer *answer = tlsmgm_calloc(1, sizeof *answer);
    if (answer == NULL) return tlsmgm_fail_memory(error);
    *answer = (struct tlsmgm_answer){.token = token, .plan = tlsmgm_plan_ref(plan)};
    if (tlsmgm_mailbox_bring(worker, answer)) return TLSMGM_STATUS_OK;
    tlsmgm_answer_discard(answer);
    return TLSMGM_STATUS_CLOSED;
}
