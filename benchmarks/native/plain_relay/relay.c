#include "relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(struct relay *relay) {
    if (relay->phase == RELAY_OVER) return;
    relay->phase = RELAY_OVER;
    bench_tls_free(relay->tls);
    if (relay->client.fd >= 0) (void)close(relay->client.fd);
    if (relay->upstream.fd >= 0) (void)close(relay->upstream.fd);
    relay->next_over = relay->world->over;
    relay->world->over = relay;
}

void relay_bury(struct relay_world *world) {
    while (world->over != NULL) {
        struct relay *relay = world->over;
        world->over = relay->next_over;
        free(relay->client.waiting);
        free(relay->upstream.waiting);
        free(relay);
    }
}

/* Edge-triggered, once and for all: nobody has to be asked again. */
static bool watch(struct relay_side *side) {
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = side,
    };
    return epoll_ctl(side->relay->world->epoll, EPOLL_CTL_ADD, side->fd, &event) == 0;
}

static void send_at_once(int fd) {
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void relay_begin(struct relay_world *world, int fd) {
    struct relay *relay = calloc(1, sizeof *relay);
    struct bench_tls *tls = relay == NULL ? NULL : bench_tls_new(world->context, fd);
    if (tls == NULL) {
        free(relay);
        (void)close(fd);
        return;
    }
    relay->world = world;
    relay->tls = tls;
    relay->client = (struct relay_side){.relay = relay, .fd = fd};
    relay->upstream = (struct relay_side){.relay = relay, .fd = -1};
    send_at_once(fd);
    if (!watch(&relay->client)) end(relay);
}

/* WAIT only if nothing could be written. */
static enum bench_tls_step write_some(struct relay_side *side, const uint8_t *data, size_t size,
                                      size_t *count) {
    struct relay *relay = side->relay;
    if (side == &relay->client) return bench_tls_write(relay->tls, data, size, count);
    ssize_t sent = send(side->fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? BENCH_TLS_WAIT : BENCH_TLS_FAILED;
    *count = (size_t)sent;
    return BENCH_TLS_DONE;
}

/* DONE: all of it; WAIT: *count of it. */
static enum bench_tls_step write_all(struct relay_side *side, const uint8_t *data, size_t size,
                                     size_t *count) {
    *count = 0;
    while (*count < size) {
        size_t written = 0;
        enum bench_tls_step step = write_some(side, data + *count, size - *count, &written);
        if (step != BENCH_TLS_DONE) return step;
        *count += written;
    }
    return BENCH_TLS_DONE;
}

static enum bench_tls_step write_or_keep(struct relay_side *side, const uint8_t *data,
                                         size_t size) {
    size_t count;
    enum bench_tls_step step = write_all(side, data, size, &count);
    if (step != BENCH_TLS_WAIT) return step;
    side->waiting = malloc(size - count);
    if (side->waiting == NULL) return BENCH_TLS_FAILED;
    side->waiting_size = size - count;
    memcpy(side->waiting, data + count, side->waiting_size);
    return BENCH_TLS_WAIT;
}

static enum bench_tls_step write_waiting(struct relay_side *side) {
    size_t count;
    if (side->waiting == NULL) return BENCH_TLS_DONE;
    enum bench_tls_step step = write_all(side, side->waiting, side->waiting_size, &count);
    if (step == BENCH_TLS_WAIT) {
        side->waiting_size -= count;
        memmove(side->waiting, side->waiting + count, side->waiting_size);
        return step;
    }
    free(side->waiting);
    side->waiting = NULL;
    return step;
}

static enum bench_tls_step read_some(struct relay_side *side, uint8_t *data, size_t *count) {
    struct relay *relay = side->relay;
    if (side == &relay->client) return bench_tls_read(relay->tls, data, RELAY_ROOM, count);
    ssize_t size = recv(side->fd, data, RELAY_ROOM, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? BENCH_TLS_WAIT : BENCH_TLS_FAILED;
    *count = (size_t)size;
    return size == 0 ? BENCH_TLS_CLOSED : BENCH_TLS_DONE;
}

/* The other side has ended, and has everything. */
static void pass_end_on(struct relay_side *side) {
    struct relay *relay = side->relay;
    if (side == &relay->client) bench_tls_shutdown(relay->tls);
    (void)shutdown(side->fd, SHUT_WR);
}

/* One direction. FAILED, or anything else. */
static enum bench_tls_step pump(struct relay_side *from, struct relay_side *to) {
    uint8_t *room = from->relay->world->room;
    enum bench_tls_step step = write_waiting(to);
    while (step == BENCH_TLS_DONE && !from->has_ended) {
        size_t count = 0;
        step = read_some(from, room, &count);
        if (step == BENCH_TLS_DONE) {
            step = write_or_keep(to, room, count);
        } else if (step == BENCH_TLS_CLOSED) {
            from->has_ended = true;
            pass_end_on(to);
        }
    }
    return step;
}

static void talk(struct relay *relay) {
    if (pump(&relay->client, &relay->upstream) == BENCH_TLS_FAILED ||
        pump(&relay->upstream, &relay->client) == BENCH_TLS_FAILED ||
        (relay->client.has_ended && relay->upstream.has_ended)) {
        end(relay);
    }
}

static void call_upstream(struct relay *relay) {
    const struct sockaddr_in *address = &relay->world->upstream;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    relay->upstream.fd = fd;
    relay->phase = RELAY_CONNECTING;
    if (fd < 0) {
        end(relay);
        return;
    }
    send_at_once(fd);
    if ((connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
         errno != EINPROGRESS) ||
        !watch(&relay->upstream)) {
        end(relay);
    }
}

static void shake(struct relay *relay) {
    enum bench_tls_step step = bench_tls_handshake(relay->tls);
    if (step == BENCH_TLS_DONE) call_upstream(relay);
    if (step == BENCH_TLS_CLOSED || step == BENCH_TLS_FAILED) end(relay);
}

/* What has become of connecting is known once the upstream's socket says anything. */
static void connected(struct relay *relay) {
    int error = 0;
    socklen_t size = sizeof error;
    (void)getsockopt(relay->upstream.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        end(relay);
        return;
    }
    relay->phase = RELAY_TALKING;
    talk(relay);
}

void relay_turn(struct relay_side *side) {
    struct relay *relay = side->relay;
    switch (relay->phase) {
        case RELAY_SHAKING:
            shake(relay);
            break;
        case RELAY_CONNECTING:
            if (side == &relay->upstream) connected(relay);
            break;
        case RELAY_TALKING:
            talk(relay);
            break;
        case RELAY_OVER:
            break;
    }
}
