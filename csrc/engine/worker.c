#include "engine/worker.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "engine/accepting.h"
#include "engine/channels.h"
#include "engine/connecting.h"
#include "engine/slots.h"

/* After the time to linger, for what hangs on. */
#define LAST_WAIT_MS 500

static uint64_t clock_now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
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
    (void)tlsmgm_relay_ready(&channel->relay, side, &ready, worker->now);
    tlsmgm_channel_look_after(worker, channel);
}

/* Each that had more to do when this began goes on once. */
static void take_turns(struct tlsmgm_worker *worker) {
    static const struct tlsmgm_ready nothing = {0};
    struct tlsmgm_channel *channel = worker->first_turn;
    worker->first_turn = NULL;
    worker->last_turn = &worker->first_turn;
    while (channel != NULL) {
        struct tlsmgm_channel *next = channel->next_turn;
        struct tlsmgm_relay *relay = &channel->relay;
        channel->is_queued = false;
        if (relay->phase == TLSMGM_RELAY_OVER) {
            tlsmgm_channel_free(worker, channel);
        } else {
            (void)tlsmgm_relay_ready(relay, TLSMGM_RELAY_CLIENT, &nothing, worker->now);
            (void)tlsmgm_relay_ready(relay, TLSMGM_RELAY_UPSTREAM, &nothing, worker->now);
            tlsmgm_channel_look_after(worker, channel);
        }
        channel = next;
    }
}

static struct tlsmgm_channel *channel_of_timer(struct tlsmgm_timer *timer) {
    return (struct tlsmgm_channel *)((char *)timer - offsetof(struct tlsmgm_channel, timer));
}

static void expire(struct tlsmgm_worker *worker) {
    struct tlsmgm_timer *timer;
    while ((timer = tlsmgm_wheel_expire(&worker->wheel, worker->now)) != NULL) {
        if (timer == &worker->pause) {
            tlsmgm_listeners_watch(worker);
            continue;
        }
        struct tlsmgm_channel *channel = channel_of_timer(timer);
        if (channel->relay.deadline <= worker->now) {
            tlsmgm_relay_expire(&channel->relay, worker->now);
        }
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

static void replace(struct tlsmgm_worker *worker, struct tlsmgm_selector *selector,
                    struct tlsmgm_routes *routes) {
    if (selector != NULL) {
        tlsmgm_selector_free(worker->selector);
        worker->selector = selector;
    }
    if (routes != NULL) {
        tlsmgm_routes_free(worker->routes);
        worker->routes = routes;
    }
}

static void begin_draining(struct tlsmgm_worker *worker, uint32_t timeout) {
    if (worker->drained_at != TLSMGM_NEVER) return;
    worker->drained_at = worker->now + timeout;
    tlsmgm_listeners_drain(worker);
}

/* False: it is to stop at once. */
static bool open_mailbox(struct tlsmgm_worker *worker) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    if (!atomic_exchange(&mailbox->has_mail, false)) return true;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_selector *selector = mailbox->selector;
    struct tlsmgm_routes *routes = mailbox->routes;
    bool drains = mailbox->drains;
    bool stops = mailbox->stops;
    uint32_t timeout = mailbox->drain_timeout;
    mailbox->selector = NULL;
    mailbox->routes = NULL;
    (void)pthread_mutex_unlock(&mailbox->lock);
    replace(worker, selector, routes);
    if (drains) begin_draining(worker, timeout);
    return !stops;
}

static bool is_done(struct tlsmgm_worker *worker) {
    if (worker->drained_at == TLSMGM_NEVER) return false;
    if (worker->drained_at <= worker->now) {
        for_all(worker, worker->is_stopping ? tlsmgm_relay_abort : tlsmgm_relay_stop);
        worker->is_stopping = true;
        worker->drained_at = worker->now + worker->settings->linger_timeout + LAST_WAIT_MS;
    }
    return atomic_load_explicit(&worker->connections, memory_order_relaxed) == 0;
}

static int time_to_wait(const struct tlsmgm_worker *worker) {
    if (worker->first_turn != NULL) return 0;
    int timeout = tlsmgm_wheel_timeout(&worker->wheel, worker->now);
    if (worker->drained_at == TLSMGM_NEVER) return timeout;
    uint64_t left = worker->drained_at > worker->now ? worker->drained_at - worker->now : 0;
    int most = left > INT32_MAX ? INT32_MAX : (int)left;
    return timeout < 0 || timeout > most ? most : timeout;
}

void tlsmgm_worker_run(struct tlsmgm_worker *worker) {
    struct tlsmgm_poll_event events[TLSMGM_POLL_MAX];
    worker->now = clock_now();
    tlsmgm_listeners_watch(worker);
    while (open_mailbox(worker) && !is_done(worker)) {
        int count =
            tlsmgm_poller_wait(worker->poller, events, TLSMGM_POLL_MAX, time_to_wait(worker));
        worker->now = clock_now();
        for (int i = 0; i < count; i++) handle(worker, &events[i]);
        take_turns(worker);
        expire(worker);
    }
    for_all(worker, tlsmgm_relay_abort);
    take_turns(worker);
    tlsmgm_listeners_close(worker);
}

/* --- from other threads ----------------------------------------------------------------------- */

static void wake(struct tlsmgm_worker *worker) {
    atomic_store(&worker->mailbox.has_mail, true);
    tlsmgm_poller_wake(worker->poller);
}

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
    worker->settings = config->settings;
    worker->hello_limit = config->hello_limit;
    worker->admission = config->admission;
    worker->selector = tlsmgm_selector_ref(config->selector);
    worker->routes = tlsmgm_routes_ref(config->routes);
    worker->records = config->records;
    worker->free_slot = TLSMGM_NO_SLOT;
    worker->last_turn = &worker->first_turn;
    worker->drained_at = TLSMGM_NEVER;
    (void)pthread_mutex_init(&worker->mailbox.lock, NULL);
    tlsmgm_wheel_init(&worker->wheel, clock_now());
    *out = worker;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_worker_free(struct tlsmgm_worker *worker) {
    if (worker == NULL) return;
    tlsmgm_listeners_close(worker);
    tlsmgm_selector_free(worker->selector);
    tlsmgm_routes_free(worker->routes);
    tlsmgm_selector_free(worker->mailbox.selector);
    tlsmgm_routes_free(worker->mailbox.routes);
    (void)pthread_mutex_destroy(&worker->mailbox.lock);
    tlsmgm_poller_free(worker->poller);
    tlsmgm_free(worker->slots);
    tlsmgm_free(worker->listeners);
    tlsmgm_free(worker);
}

void tlsmgm_worker_post(struct tlsmgm_worker *worker, struct tlsmgm_selector *selector,
                        struct tlsmgm_routes *routes) {
    struct tlsmgm_mailbox *mailbox = &worker->mailbox;
    (void)pthread_mutex_lock(&mailbox->lock);
    struct tlsmgm_selector *old_selector = selector == NULL ? NULL : mailbox->selector;
    struct tlsmgm_routes *old_routes = routes == NULL ? NULL : mailbox->routes;
    if (selector != NULL) mailbox->selector = tlsmgm_selector_ref(selector);
    if (routes != NULL) mailbox->routes = tlsmgm_routes_ref(routes);
    (void)pthread_mutex_unlock(&mailbox->lock);
    wake(worker);
    tlsmgm_selector_free(old_selector); /* nobody has seen them */
    tlsmgm_routes_free(old_routes);
}

void tlsmgm_worker_drain(struct tlsmgm_worker *worker, uint32_t timeout) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.drains = true;
    worker->mailbox.drain_timeout = timeout;
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
    wake(worker);
}

void tlsmgm_worker_stop(struct tlsmgm_worker *worker) {
    (void)pthread_mutex_lock(&worker->mailbox.lock);
    worker->mailbox.stops = true;
    (void)pthread_mutex_unlock(&worker->mailbox.lock);
    wake(worker);
}

void tlsmgm_worker_count(const struct tlsmgm_worker *worker, struct tlsmgm_worker_counts *out) {
    out->accepted = atomic_load_explicit(&worker->accepted, memory_order_relaxed);
    out->accept_errors = atomic_load_explicit(&worker->accept_errors, memory_order_relaxed);
    out->connections = atomic_load_explicit(&worker->connections, memory_order_relaxed);
}
