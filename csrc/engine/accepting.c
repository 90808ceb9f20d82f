#include "engine/accepting.h"

#include <string.h>
#include <unistd.h>

#include "engine/channels.h"
#include "engine/mailbox.h"
#include "engine/records.h"
#include "engine/slots.h"
#include "engine/syn_filter.h"
#include "engine/turning_away.h"

#define ACCEPTS_MAX 64   /* of one listener, then others go first */
#define BACKLOG_MAX 4096 /* of one listener, before it closes: Linux has no more (somaxconn) */
#define PAUSE_MS    500  /* without accepting, where there are no descriptors */

/* From the last SYN that is answered to the end: for those whose part of a handshake is on its way.
 */
#define LAST_CALL_MS 50u

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
void tlsmgm_listeners_watch(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        int fd = worker->listeners[i].fd;
        if (fd < 0) continue;
        tlsmgm_set_nodelay(fd); /* whoever is accepted inherits it */
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

/* Whoever may not say who the client is. */
static bool is_untrusted(const struct tlsmgm_worker_listener *listener, const uint8_t *address) {
    if (!listener->expects_header) return false;
    return address == NULL ||
           !tlsmgm_networks_have(listener->senders, listener->sender_count, address);
}

static void begin(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    const struct tlsmgm_worker_listener *listener = channel->listener;
    const struct tlsmgm_plan *plan = channel->plan;
    if (listener->expects_header) {
        tlsmgm_relay_await_header(&channel->relay, !listener->is_plain);
        return;
    }
    tlsmgm_relay_begin(&channel->relay, listener->is_plain ? NULL : plan->selector, &channel->local,
                       plan->hello_limit, worker->now);
}

/* Whoever has just come. */
struct stranger {
    const struct tlsmgm_worker_listener *listener;
    int fd;
    uint16_t port;
    bool has_address;
    uint8_t address[16];
};

/* Behind a header, whose handshake it is will be known later. */
static bool shakes_hands(const struct tlsmgm_worker_listener *listener) {
    return !listener->is_plain && !listener->expects_header;
}

static const uint8_t *network_of(const struct stranger *stranger) {
    return stranger->has_address ? stranger->address : NULL;
}

/* False: whoever it was is gone. */
static bool let_in(struct tlsmgm_worker *worker, const struct stranger *stranger) {
    const struct tlsmgm_worker_listener *listener = stranger->listener;
    if (is_untrusted(listener, network_of(stranger))) {
        turn_away(stranger->fd);
        tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(untrusted), 1);
        tlsmgm_record_untrusted(worker, listener, stranger->address, stranger->has_address);
        return false;
    }
    enum tlsmgm_admission_verdict verdict =
        tlsmgm_admission_enter(worker->admission, network_of(stranger), shakes_hands(listener));
    if (verdict == TLSMGM_ADMISSION_ADMITTED) return true;
    turn_away(stranger->fd);
    tlsmgm_record_turned_away(worker, listener, verdict, stranger->address, stranger->has_address);
    return false;
}

/* What is known of it, before its first byte. */
static void fill(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                 const struct stranger *stranger) {
    const struct tlsmgm_worker_listener *listener = stranger->listener;
    channel->listener = listener;
    channel->accepted = tlsmgm_worker_clock();
    channel->client_port = stranger->port;
    channel->plan = tlsmgm_plan_ref(worker->plan);
    channel->has_client_address = stranger->has_address;
    channel->holds_handshake = shakes_hands(listener);
    memcpy(channel->client, stranger->address, sizeof channel->client);
    channel->local = local_of(listener, stranger->fd);
    tlsmgm_relay_init(&channel->relay, &channel->plan->settings, tlsmgm_socket_transport(),
                      &worker->room, stranger->fd, worker->now);
    channel->relay.client.is_tls = channel->holds_handshake; /* until it begins, which may fail */
    channel->relay.client.keeps_tickets = worker->handovers != NULL;
    if (channel->holds_handshake) {
        tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(handshakes_started), 1);
    }
}

static void welcome(struct tlsmgm_worker *worker, const struct stranger *stranger) {
    if (!let_in(worker, stranger)) return;
    struct tlsmgm_channel *channel = tlsmgm_channel_new(worker);
    if (channel == NULL) {
        struct tlsmgm_channel nowhere = {.connecting = -1, .elder_socket = -1};
        fill(worker, &nowhere, stranger);
        tlsmgm_channel_turn_away(worker, &nowhere);
        return;
    }
    fill(worker, channel, stranger);
    worker->connections++;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(connections), 1);
    int failed = tlsmgm_poller_watch_stream(
        worker->poller, stranger->fd, tlsmgm_channel_token(worker, channel, TLSMGM_RELAY_CLIENT));
    if (failed != 0)
        tlsmgm_relay_fail(&channel->relay, NULL, failed, worker->now);
    else if (!stranger->listener->is_plain && channel->plan->selector == NULL)
        tlsmgm_relay_fail(&channel->relay, "there is no TLS library", 0, worker->now);
    else
        begin(worker, channel);
    tlsmgm_channel_look_after(worker, channel);
}

/* About one connection, which is gone (accept(2)). Others would be told again and again. */
static bool is_about_one(int error) {
    switch (error) {
        case ECONNABORTED:
        case EINTR:
        case EPROTO:
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
#ifdef ENONET
        case ENONET:
#endif
            return true;
        default:
            return false;
    }
}

/* Returns whether the backlog may have more. */
static bool accept_some(struct tlsmgm_worker *worker,
                        const struct tlsmgm_worker_listener *listener) {
    for (int i = 0; i < ACCEPTS_MAX && listener->fd >= 0; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof from;
        struct stranger stranger = {.listener = listener};
        stranger.fd =
            accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (stranger.fd >= 0) {
            tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(accepted), 1);
            tlsmgm_mailbox_refresh(worker); /* a reload that has returned holds for whoever comes */
            stranger.has_address = read_address(&from, stranger.address, &stranger.port);
            welcome(worker, &stranger);
            continue;
        }
        if (is_about_one(errno)) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
        tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(accept_errors), 1);
        tlsmgm_record_cannot_accept(worker, listener, errno);
        pause_accepting(worker);
        return false;
    }
    return true;
}

void tlsmgm_listeners_ready(struct tlsmgm_worker *worker, uint64_t token) {
    size_t number = (size_t)token >> 1;
    if (tlsmgm_timer_is_set(&worker->pause)) return;
    (void)accept_some(worker, &worker->listeners[number]);
}

void tlsmgm_listeners_close(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct tlsmgm_worker_listener *listener = &worker->listeners[i];
        if (listener->fd < 0) continue;
        if (worker->poller != NULL) (void)tlsmgm_poller_forget(worker->poller, listener->fd);
        (void)close(listener->fd);
        listener->fd = -1;
    }
}

/*
 * What comes between the last accept and the end of a socket would be reset, though its connect()
 * has succeeded. So SYN packets are dropped first: whoever is not heard tries again in a second,
 * and meets a closed port or another process. False: the system cannot do that, or others have the
 * socket, who would be deaf with us.
 */
static bool take_no_more(const struct tlsmgm_worker_listener *listener) {
    return listener->is_exclusive && listener->fd >= 0 && tlsmgm_drop_syns(listener->fd);
}

void tlsmgm_listeners_drain(struct tlsmgm_worker *worker, uint32_t timeout) {
    bool may_wait = timeout > 0;
    for (size_t i = 0; i < worker->listener_count; i++) {
        may_wait = take_no_more(&worker->listeners[i]) && may_wait;
    }
    if (!may_wait) {
        tlsmgm_listeners_end(worker);
        return;
    }
    uint32_t delay = timeout < LAST_CALL_MS ? timeout : LAST_CALL_MS;
    tlsmgm_wheel_set(&worker->wheel, &worker->last_call, worker->now + delay);
}

void tlsmgm_listeners_end(struct tlsmgm_worker *worker) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        int rounds = BACKLOG_MAX / ACCEPTS_MAX;
        while (rounds-- > 0 && accept_some(worker, &worker->listeners[i])) {
        }
    }
    tlsmgm_wheel_cancel(&worker->wheel, &worker->pause);
    tlsmgm_wheel_cancel(&worker->wheel, &worker->last_call);
    tlsmgm_listeners_close(worker);
}
