#include "engine/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "engine/poller.h"
#include "engine/wheel.h"

#define ACCEPTS_MAX 64   /* of one listener, then others go first */
#define BACKLOG_MAX 4096 /* of one listener, before it closes: Linux has no more (somaxconn) */
#define PAUSE_MS    500  /* without accepting, where there are no descriptors */

/* After the time to linger, for what hangs on. */
#define LAST_WAIT_MS 500

/* A connection in its slot. */
struct channel {
    struct tlsmgm_relay relay;
    struct tlsmgm_timer timer; /* never later than the relay's deadline */
    struct channel *next_turn;
    const struct tlsmgm_worker_listener *listener;
    const struct tlsmgm_route_address *address; /* that is being asked */
    struct tlsmgm_routes *routes; /* a reference; of the time of the selector that chooses for it */
    struct tlsmgm_route_tries tries;
    uint64_t accepted;
    uint32_t index;
    int connecting; /* descriptor, or -1 */
    uint16_t client_port;
    uint8_t client[16];
    bool has_client_address;
    bool is_queued;
    bool holds_handshake; /* a place of those that shake hands */
};

struct slot {
    struct channel *channel; /* NULL: free */
    uint32_t generation;     /* of what is or was here; listeners have 0 */
    uint32_t next_free;
};

#define NO_SLOT UINT32_MAX

/* What others have asked for. */
struct mailbox {
    pthread_mutex_t lock;
    struct tlsmgm_selector *selector;
    struct tlsmgm_routes *routes;
    uint32_t drain_timeout;
    bool drains;
    bool stops;
    atomic_bool has_mail; /* nobody takes the lock to find nothing */
};

struct tlsmgm_worker {
    struct tlsmgm_worker_listener *listeners;
    size_t listener_count;
    const struct tlsmgm_relay_settings *settings;
    size_t hello_limit;
    struct tlsmgm_admission *admission;
    struct tlsmgm_selector *selector;
    struct tlsmgm_routes *routes;
    struct tlsmgm_record_ring *records;
    struct tlsmgm_poller *poller;
    struct slot *slots;
    uint32_t slot_count;
    uint32_t free_slot;
    struct channel *first_turn; /* those with more to do, in their order */
    struct channel **last_turn;
    struct mailbox mailbox;
    _Atomic uint64_t accepted;
    _Atomic uint64_t accept_errors;
    _Atomic uint64_t connections;
    uint64_t now;
    uint64_t drained_at;       /* when what is left is ended; TLSMGM_NEVER: it does not drain */
    bool is_stopping;          /* they were stopped, and linger */
    struct tlsmgm_timer pause; /* set: no listener is watched */
    struct tlsmgm_wheel wheel;
    struct tlsmgm_room room;
};

/* --- slots ----------------------------------------------------------------------------------- */

static uint64_t token_of(const struct tlsmgm_worker *worker, const struct channel *channel,
                         enum tlsmgm_relay_side side) {
    uint64_t generation = worker->slots[channel->index].generation;
    return generation << 32 | (uint64_t)channel->index << 1 | side;
}

static bool add_slots(struct tlsmgm_worker *worker) {
    uint32_t count = worker->slot_count == 0 ? 64 : worker->slot_count * 2;
    if (count > (uint32_t)INT32_MAX / 2) return false;
    struct slot *slots = tlsmgm_realloc(worker->slots, count * sizeof *slots);
    if (slots == NULL) return false;
    for (uint32_t i = worker->slot_count; i < count; i++) {
        slots[i] = (struct slot){.next_free = i + 1 < count ? i + 1 : NO_SLOT};
    }
    worker->slots = slots;
    worker->free_slot = worker->slot_count;
    worker->slot_count = count;
    return true;
}

static struct channel *new_channel(struct tlsmgm_worker *worker) {
    if (worker->free_slot == NO_SLOT && !add_slots(worker)) return NULL;
    struct channel *channel = tlsmgm_calloc(1, sizeof *channel);
    if (channel == NULL) return NULL;
    channel->index = worker->free_slot;
    channel->connecting = -1;
    struct slot *slot = &worker->slots[channel->index];
    worker->free_slot = slot->next_free;
    slot->channel = channel;
    slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
    return channel;
}

static void free_channel(struct tlsmgm_worker *worker, struct channel *channel) {
    struct slot *slot = &worker->slots[channel->index];
    slot->channel = NULL;
    slot->next_free = worker->free_slot;
    worker->free_slot = channel->index;
    tlsmgm_routes_free(channel->routes);
    tlsmgm_free(channel);
}

/* NULL: an event of something that is gone. */
static struct channel *channel_of(const struct tlsmgm_worker *worker, uint64_t token) {
    uint32_t index = (uint32_t)token >> 1;
    if (index >= worker->slot_count) return NULL;
    const struct slot *slot = &worker->slots[index];
    return slot->generation == token >> 32 ? slot->channel : NULL;
}

/* --- the end of a connection ------------------------------------------------------------------ */

static void put_record(const struct tlsmgm_worker *worker, const struct channel *channel) {
    const struct tlsmgm_relay *relay = &channel->relay;
    const struct tlsmgm_error *failure = relay->failure;
    if (worker->records == NULL) return;
    struct tlsmgm_worker_record record = {
        .client_port = channel->client_port,
        .status = (uint16_t)relay->status,
        .listener = channel->listener->number,
        .domain = relay->client.domain,
        .error = relay->error,
        .alert = failure == NULL ? TLSMGM_NO_ALERT : failure->alert,
        .failure_status = (uint16_t)(failure == NULL ? TLSMGM_STATUS_OK : failure->status),
        .verify_reason = (uint16_t)(failure == NULL ? TLSMGM_VERIFY_NONE : failure->verify_reason),
        .generation = relay->client.generation,
        .bytes_in = relay->client.bytes_received,
        .bytes_out = relay->has_upstream ? relay->upstream.bytes_received : 0,
        .duration = worker->now - channel->accepted,
    };
    memcpy(record.client, channel->client, sizeof record.client);
    bool was_empty;
    (void)tlsmgm_record_ring_push(worker->records, &record, &was_empty);
}

static void give_back_handshake(const struct tlsmgm_worker *worker, struct channel *channel) {
    if (!channel->holds_handshake) return;
    channel->holds_handshake = false;
    tlsmgm_admission_handshake_over(worker->admission,
                                    channel->has_client_address ? channel->client : NULL);
}

static void abandon_connecting(struct channel *channel) {
    if (channel->connecting >= 0) (void)close(channel->connecting);
    channel->connecting = -1;
}

static void finish(struct tlsmgm_worker *worker, struct channel *channel) {
    abandon_connecting(channel);
    put_record(worker, channel);
    give_back_handshake(worker, channel);
    tlsmgm_admission_leave(worker->admission);
    tlsmgm_wheel_cancel(&worker->wheel, &channel->timer);
    tlsmgm_relay_free(&channel->relay);
    atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
    /* In the queue it is found again, and freed there. */
    if (!channel->is_queued) free_channel(worker, channel);
}

/* --- upstreams -------------------------------------------------------------------------------- */

static void set_nodelay(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* unix: has none */
}

/* 0, EINPROGRESS, or another errno. */
static int open_upstream(struct tlsmgm_worker *worker, struct channel *channel) {
    const struct sockaddr *address = (const struct sockaddr *)channel->address->sockaddr;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    channel->connecting = fd;
    if (address->sa_family != AF_UNIX) set_nodelay(fd);
    int error = connect(fd, address, channel->address->size) == 0 ? 0 : errno;
    if (error != 0 && error != EINPROGRESS) return error;
    int failed = tlsmgm_poller_watch_stream(worker->poller, fd,
                                            token_of(worker, channel, TLSMGM_RELAY_UPSTREAM));
    return failed != 0 ? failed : error;
}

static void attach(struct tlsmgm_worker *worker, struct channel *channel) {
    int fd = channel->connecting;
    channel->connecting = -1;
    tlsmgm_routes_reached(channel->routes, channel->address);
    tlsmgm_relay_attach(&channel->relay, fd, (struct tlsmgm_bytes){0}, NULL, NULL, worker->now);
}

/* That is our own trouble, whatever address is asked. */
static bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == ENOSPC;
}

/* Asks one address after the other, until one answers, or may answer, or none is left. */
static void connect_upstream(struct tlsmgm_worker *worker, struct channel *channel, int error) {
    while (!is_shortage(error)) {
        abandon_connecting(channel);
        channel->address = channel->routes == NULL
                               ? NULL
                               : tlsmgm_routes_next(channel->routes, channel->relay.client.domain,
                                                    &channel->tries, worker->now);
        if (channel->address == NULL) break;
        error = open_upstream(worker, channel);
        if (error == 0) attach(worker, channel);
        if (error == 0 || error == EINPROGRESS) return;
        if (!is_shortage(error)) {
            tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
        }
    }
    abandon_connecting(channel);
    tlsmgm_relay_no_upstream(&channel->relay, TLSMGM_RELAY_UPSTREAM_FAILED,
                             error == 0 ? "the domain has no upstream" : NULL, error, worker->now);
}

/* The socket that connects says something. True: it is the upstream's now. */
static bool go_on_connecting(struct tlsmgm_worker *worker, struct channel *channel) {
    int error = 0;
    socklen_t size = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(channel->connecting, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0 && getpeername(channel->connecting, (struct sockaddr *)&peer, &peer_size) != 0) {
        if (errno == ENOTCONN) return false; /* not yet */
        error = errno;
    }
    if (error == 0) {
        attach(worker, channel);
        return true;
    }
    tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
    connect_upstream(worker, channel, error);
    return false;
}

/* The relay has ended before anybody has answered. */
static void give_up_connecting(const struct tlsmgm_worker *worker, struct channel *channel) {
    if (channel->connecting < 0) return;
    if (channel->relay.status == TLSMGM_RELAY_UPSTREAM_TIMEOUT) {
        tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
    }
    abandon_connecting(channel);
}

/* --- what a relay wants after it was called ----------------------------------------------------
 */

static void queue(struct tlsmgm_worker *worker, struct channel *channel) {
    if (channel->is_queued) return;
    channel->is_queued = true;
    channel->next_turn = NULL;
    *worker->last_turn = channel;
    worker->last_turn = &channel->next_turn;
}

static void look_after(struct tlsmgm_worker *worker, struct channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    if (relay->client.established) give_back_handshake(worker, channel);
    if (relay->is_waiting && channel->connecting < 0) connect_upstream(worker, channel, 0);
    if (!relay->is_waiting) give_up_connecting(worker, channel);
    if (relay->phase == TLSMGM_RELAY_OVER) {
        finish(worker, channel);
        return;
    }
    if (relay->has_more) queue(worker, channel);
    /* One that comes too early finds that out, which is cheaper than to move it with each byte. */
    if (relay->deadline == TLSMGM_NEVER) return;
    if (!tlsmgm_timer_is_set(&channel->timer) || relay->deadline < channel->timer.deadline) {
        tlsmgm_wheel_set(&worker->wheel, &channel->timer, relay->deadline);
    }
}

/* --- accepting -------------------------------------------------------------------------------- */

static uint64_t listener_token(size_t number) { return (uint64_t)number << 1; }

static void pause_accepting(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i].fd >= 0) {
            (void)tlsmgm_poller_forget(worker->poller, worker->listeners[i].fd);
        }
    }
    tlsmgm_wheel_set(&worker->wheel, &worker->pause, worker->now + PAUSE_MS);
}

/* All of them, or none for now: one that is watched cannot be watched again. */
static void watch_listeners(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        int fd = worker->listeners[i].fd;
        if (fd < 0) continue;
        if (tlsmgm_poller_watch_listener(worker->poller, fd, listener_token(i)) != 0) {
            pause_accepting(worker);
            return;
        }
    }
}

/* False: it has no address of the Internet, such as a unix socket. */
static bool read_address(const struct sockaddr_storage *from, uint8_t address[16], uint16_t *port) {
    if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)from;
        memcpy(address, &ipv6->sin6_addr, 16);
        *port = ntohs(ipv6->sin6_port);
        return true;
    }
    if (from->ss_family != AF_INET) return false;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)from;
    memset(address, 0, 10);
    memset(address + 10, 0xff, 2);
    memcpy(address + 12, &ipv4->sin_addr, 4);
    *port = ntohs(ipv4->sin_port);
    return true;
}

static struct tlsmgm_local local_of(const struct tlsmgm_worker_listener *listener, int fd) {
    struct tlsmgm_local local = listener->local;
    struct sockaddr_storage name;
    socklen_t size = sizeof name;
    if (listener->has_wildcard && getsockname(fd, (struct sockaddr *)&name, &size) == 0) {
        (void)read_address(&name, local.address, &local.port);
    }
    local.listener = listener->number;
    return local;
}

/* Without a word, and without anything that waits in the system afterwards. */
static void turn_away(int fd) {
    const struct tlsmgm_transport *sockets = tlsmgm_socket_transport();
    sockets->reset(sockets->context, fd);
}

static void welcome(struct tlsmgm_worker *worker, const struct tlsmgm_worker_listener *listener,
                    int fd, const struct sockaddr_storage *from) {
    uint8_t address[16] = {0};
    uint16_t port = 0;
    bool has_address = read_address(from, address, &port);
    const uint8_t *network = has_address ? address : NULL;
    if (tlsmgm_admission_enter(worker->admission, network, !listener->is_plain) !=
        TLSMGM_ADMISSION_ADMITTED) {
        turn_away(fd);
        return;
    }
    struct channel *channel = new_channel(worker);
    if (channel == NULL) {
        if (!listener->is_plain) tlsmgm_admission_handshake_over(worker->admission, network);
        tlsmgm_admission_leave(worker->admission);
        turn_away(fd);
        return;
    }
    atomic_fetch_add_explicit(&worker->connections, 1, memory_order_relaxed);
    set_nodelay(fd);
    channel->listener = listener;
    channel->accepted = worker->now;
    channel->client_port = port;
    channel->routes = tlsmgm_routes_ref(worker->routes);
    channel->has_client_address = has_address;
    channel->holds_handshake = !listener->is_plain;
    memcpy(channel->client, address, sizeof address);
    struct tlsmgm_local local = local_of(listener, fd);
    struct tlsmgm_relay *relay = &channel->relay;
    tlsmgm_relay_init(relay, worker->settings, tlsmgm_socket_transport(), &worker->room, fd,
                      worker->now);
    if (tlsmgm_poller_watch_stream(worker->poller, fd,
                                   token_of(worker, channel, TLSMGM_RELAY_CLIENT)) != 0) {
        tlsmgm_relay_abort(relay, worker->now);
    } else {
        tlsmgm_relay_begin(relay, listener->is_plain ? NULL : worker->selector, &local,
                           worker->hello_limit, worker->now);
    }
    look_after(worker, channel);
}

/* It would say the same again and again. */
static bool is_lasting(int error) {
    return is_shortage(error) || error == EBADF || error == EINVAL || error == ENOTSOCK;
}

/* Returns whether the backlog may have more. */
static bool accept_some(struct tlsmgm_worker *worker,
                        const struct tlsmgm_worker_listener *listener) {
    for (int i = 0; i < ACCEPTS_MAX && listener->fd >= 0; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            atomic_fetch_add_explicit(&worker->accepted, 1, memory_order_relaxed);
            welcome(worker, listener, fd, &from);
            continue;
        }
        if (is_lasting(errno)) {
            atomic_fetch_add_explicit(&worker->accept_errors, 1, memory_order_relaxed);
            pause_accepting(worker);
            return false;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        /* Anything else is about that one connection, such as ECONNABORTED (accept(2)). */
    }
    return true;
}

static void close_listeners(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct tlsmgm_worker_listener *listener = &worker->listeners[i];
        if (listener->fd < 0) continue;
        (void)tlsmgm_poller_forget(worker->poller, listener->fd);
        (void)close(listener->fd);
        listener->fd = -1;
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

static uint64_t clock_now(void) {
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void handle(struct tlsmgm_worker *worker, const struct tlsmgm_poll_event *event) {
    if (event->token >> 32 == 0) {
        size_t number = (size_t)event->token >> 1;
        if (!tlsmgm_timer_is_set(&worker->pause)) {
            (void)accept_some(worker, &worker->listeners[number]);
        }
        return;
    }
    struct channel *channel = channel_of(worker, event->token);
    if (channel == NULL || channel->relay.phase == TLSMGM_RELAY_OVER) return;
    enum tlsmgm_relay_side side = (enum tlsmgm_relay_side)(event->token & 1);
    if (side == TLSMGM_RELAY_UPSTREAM && channel->connecting >= 0) {
        /* What was said of one that has failed is not true of the next. */
        if (!go_on_connecting(worker, channel)) {
            look_after(worker, channel);
            return;
        }
    }
    const struct tlsmgm_ready ready = {event->readable, event->writable, event->ended};
    (void)tlsmgm_relay_ready(&channel->relay, side, &ready, worker->now);
    look_after(worker, channel);
}

/* Each that had more to do when this began goes on once. */
static void take_turns(struct tlsmgm_worker *worker) {
    static const struct tlsmgm_ready nothing = {0};
    struct channel *channel = worker->first_turn;
    worker->first_turn = NULL;
    worker->last_turn = &worker->first_turn;
    while (channel != NULL) {
        struct channel *next = channel->next_turn;
        struct tlsmgm_relay *relay = &channel->relay;
        channel->is_queued = false;
        if (relay->phase == TLSMGM_RELAY_OVER) {
            free_channel(worker, channel);
        } else {
            (void)tlsmgm_relay_ready(relay, TLSMGM_RELAY_CLIENT, &nothing, worker->now);
            (void)tlsmgm_relay_ready(relay, TLSMGM_RELAY_UPSTREAM, &nothing, worker->now);
            look_after(worker, channel);
        }
        channel = next;
    }
}

static struct channel *channel_of_timer(struct tlsmgm_timer *timer) {
    return (struct channel *)((char *)timer - offsetof(struct channel, timer));
}

static void expire(struct tlsmgm_worker *worker) {
    struct tlsmgm_timer *timer;
    while ((timer = tlsmgm_wheel_expire(&worker->wheel, worker->now)) != NULL) {
        if (timer == &worker->pause) {
            watch_listeners(worker);
            continue;
        }
        struct channel *channel = channel_of_timer(timer);
        if (channel->relay.deadline <= worker->now) {
            tlsmgm_relay_expire(&channel->relay, worker->now);
        }
        look_after(worker, channel);
    }
}

static void for_all(struct tlsmgm_worker *worker,
                    void (*call)(struct tlsmgm_relay *relay, uint64_t now)) {
    for (uint32_t i = 0; i < worker->slot_count; i++) {
        struct channel *channel = worker->slots[i].channel;
        if (channel == NULL || channel->relay.phase == TLSMGM_RELAY_OVER) continue;
        call(&channel->relay, worker->now);
        look_after(worker, channel);
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

/* Those in the backlog have connected before: they are taken before the door closes. */
static void begin_draining(struct tlsmgm_worker *worker, uint32_t timeout) {
    if (worker->drained_at != TLSMGM_NEVER) return;
    worker->drained_at = worker->now + timeout;
    for (size_t i = 0; i < worker->listener_count; i++) {
        int rounds = BACKLOG_MAX / ACCEPTS_MAX;
        while (rounds-- > 0 && accept_some(worker, &worker->listeners[i])) {
        }
    }
    tlsmgm_wheel_cancel(&worker->wheel, &worker->pause);
    close_listeners(worker);
}

/* False: it is to stop at once. */
static bool open_mailbox(struct tlsmgm_worker *worker) {
    struct mailbox *mailbox = &worker->mailbox;
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
    watch_listeners(worker);
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
    close_listeners(worker);
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
    worker->free_slot = NO_SLOT;
    worker->last_turn = &worker->first_turn;
    worker->drained_at = TLSMGM_NEVER;
    (void)pthread_mutex_init(&worker->mailbox.lock, NULL);
    tlsmgm_wheel_init(&worker->wheel, clock_now());
    *out = worker;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_worker_free(struct tlsmgm_worker *worker) {
    if (worker == NULL) return;
    close_listeners(worker);
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
    struct mailbox *mailbox = &worker->mailbox;
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
