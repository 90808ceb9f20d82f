#include "connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define ROUNDS_MAX 8

static bool watch(struct load_connection *connection, int how, bool for_room) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (for_room) event.events |= EPOLLOUT;
    connection->awaits_room = for_room;
    return epoll_ctl(connection->world->epoll, how, connection->socket, &event) == 0;
}

static bool open_socket(struct load_connection *connection) {
    const struct sockaddr_in *target = &connection->world->options->target;
    int yes = 1;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->socket < 0) return false;
    (void)setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(connection->socket, (const struct sockaddr *)target, sizeof *target) != 0 &&
        errno != EINPROGRESS) {
        return false;
    }
    return watch(connection, EPOLL_CTL_ADD, true);
}

bool load_connection_open(struct load_connection *connection, struct bench_fault *fault) {
    struct load_world *world = connection->world;
    load_connection_close(connection);
    connection->begun = bench_clock(CLOCK_MONOTONIC);
    connection->sent = 0;
    connection->received = 0;
    connection->offered = connection->session != NULL;
    bool good = bench_contract_client(&world->options->setting, world->ctx, connection->session,
                                      &connection->conn, fault);
    if (good && !open_socket(connection)) {
        good = bench_fail(fault, "connecting: %s", strerror(errno));
    }
    if (good) connection->state = LOAD_CONNECTING;
    if (!good) load_connection_close(connection);
    return good;
}

void load_connection_close(struct load_connection *connection) {
    bench_backend->conn_free(connection->conn);
    connection->conn = NULL;
    if (connection->socket >= 0) (void)close(connection->socket);
    connection->socket = -1;
    connection->state = LOAD_CLOSED;
    connection->stands = false;
}

static void drop_session(struct load_connection *connection) {
    bench_backend->session_free(connection->session);
    connection->session = NULL;
}

void load_connection_free(struct load_connection *connection) {
    load_connection_close(connection);
    drop_session(connection);
}

/* As much as the socket gives at once; epoll tells again when there is more. */
static bool take_wire(struct load_connection *connection, struct bench_fault *fault) {
    struct tlsmgm_error error;
    uint8_t *room = connection->world->room;
    ssize_t size = recv(connection->socket, room, LOAD_ROOM, 0);
    if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) return true;
        return bench_fail(fault, "receiving: %s", strerror(errno));
    }
    if (size == 0) {
        bench_backend->feed_eof(connection->conn);
        return true;
    }
    return bench_backend->feed(connection->conn, room, (size_t)size, &error) == TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "feed", &error);
}

/* As much as the socket takes; epoll watches for more room while anything is left. */
static bool give_wire(struct load_connection *connection, struct bench_fault *fault) {
    struct tlsmgm_bytes bytes = bench_backend->output(connection->conn);
    while (bytes.size > 0) {
        ssize_t size = send(connection->socket, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (size < 0) return bench_fail(fault, "sending: %s", strerror(errno));
        bench_backend->output_consume(connection->conn, (size_t)size);
        bytes = bench_backend->output(connection->conn);
    }
    bool for_room = bytes.size > 0;
    if (for_room == connection->awaits_room) return true;
    return watch(connection, EPOLL_CTL_MOD, for_room) ||
           bench_fail(fault, "epoll: %s", strerror(errno));
}

static bool finish_connecting(struct load_connection *connection, struct bench_fault *fault) {
    int code = 0;
    socklen_t size = sizeof code;
    (void)getsockopt(connection->socket, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) return bench_fail(fault, "connecting: %s", strerror(code));
    connection->state = LOAD_SHAKING;
    return true;
}

/* What was negotiated must be what is pinned, and an offered session must have been taken. */
static bool shake(struct load_connection *connection, struct load_progress *progress,
                  struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct bench_facts facts;
    enum tlsmgm_status status = bench_backend->handshake(connection->conn, &error);
    if (status == TLSMGM_STATUS_WANT_READ) return true;
    if (status != TLSMGM_STATUS_OK) return bench_contract_fail(fault, "handshake", &error);
    bench_contract_facts(connection->conn, &facts);
    const struct bench_setting *setting = &connection->world->options->setting;
    if (!bench_setting_check(setting, &facts, connection->offered, fault)) return false;
    connection->state = LOAD_TALKING;
    progress->handshake = true;
    progress->was_resumed = facts.is_resumed;
    if (connection->world->options->mode != LOAD_HANDSHAKE) {
        connection->begun = bench_clock(CLOCK_MONOTONIC);
    }
    return true;
}

/* How much the client sends for one operation. */
static uint64_t bytes_to_send(const struct load_options *options) {
    bool sends_one = options->mode == LOAD_HANDSHAKE || options->mode == LOAD_DOWN;
    return sends_one ? 1 : options->bytes;
}

/* Writes what is still to be sent, as far as there is room for it. */
static bool talk(struct load_connection *connection, struct load_progress *progress,
                 struct bench_fault *fault) {
    static const uint8_t zeroes[LOAD_ROOM];
    struct tlsmgm_error error;
    uint64_t whole = bytes_to_send(connection->world->options);
    while (connection->sent < whole) {
        uint64_t left = whole - connection->sent;
        size_t size = left < LOAD_ROOM ? (size_t)left : LOAD_ROOM;
        size_t count = 0;
        enum tlsmgm_status status =
            bench_backend->write(connection->conn, zeroes, size, &count, &error);
        if (status == TLSMGM_STATUS_WANT_WRITE) break;
        if (status != TLSMGM_STATUS_OK) return bench_contract_fail(fault, "write", &error);
        connection->sent += count;
        progress->sent += count;
    }
    return true;
}

static bool listen_to(struct load_connection *connection, struct load_progress *progress,
                      struct bench_fault *fault) {
    struct tlsmgm_error error;
    for (;;) {
        size_t count = 0;
        enum tlsmgm_status status = bench_backend->read(connection->conn, connection->world->room,
                                                        LOAD_ROOM, &count, &error);
        connection->received += count;
        progress->received += count;
        if (status == TLSMGM_STATUS_WANT_READ) return true;
        if (status == TLSMGM_STATUS_CLOSED) return bench_fail(fault, "the server has closed");
        if (status != TLSMGM_STATUS_OK) return bench_contract_fail(fault, "read", &error);
    }
}

static void complete(struct load_connection *connection, struct load_progress *progress) {
    int64_t now = bench_clock(CLOCK_MONOTONIC);
    progress->operations++;
    progress->latency = now - connection->begun;
    connection->begun = now;
    connection->sent = 0;
    connection->received = 0;
}

/* The end of a connection whose handshake was all that mattered. */
static bool say_goodbye(struct load_connection *connection, struct load_progress *progress,
                        struct bench_fault *fault) {
    struct tlsmgm_error error;
    complete(connection, progress);
    if (connection->world->options->setting.resume) {
        drop_session(connection);
        if (bench_backend->conn_session(connection->conn, &connection->session, &error) !=
            TLSMGM_STATUS_OK) {
            return bench_contract_fail(fault, "session", &error);
        }
        if (connection->session == NULL) return bench_fail(fault, "the server gave no ticket");
    }
    (void)bench_backend->shutdown(connection->conn, &error);
    (void)give_wire(connection, fault); /* the server may be gone already */
    load_connection_close(connection);
    return true;
}

/* Counts what is complete. */
static bool settle(struct load_connection *connection, struct load_progress *progress,
                   struct bench_fault *fault) {
    const struct load_options *options = connection->world->options;
    switch (options->mode) {
        case LOAD_HANDSHAKE:
            return connection->received == 0 || say_goodbye(connection, progress, fault);
        case LOAD_ECHO:
            if (connection->received > options->bytes) {
                return bench_fail(fault, "more came back than was sent");
            }
            if (connection->received == options->bytes) complete(connection, progress);
            return true;
        case LOAD_DOWN:
            progress->operations += connection->received / options->bytes;
            connection->received %= options->bytes;
            return true;
        case LOAD_UP:
            if (connection->sent == options->bytes) complete(connection, progress);
            progress->latency = 0; /* when the server has it is not known */
            return true;
    }
    return true;
}

/*
 * Both directions, until nothing moves any more; a round that sent something is followed by another
 * one, for the socket may have taken more than a connection holds at a time. After some rounds the
 * others have their turn, and epoll calls back.
 */
static bool converse(struct load_connection *connection, struct load_progress *progress,
                     struct bench_fault *fault) {
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uint64_t before = progress->operations + progress->sent;
        if (!listen_to(connection, progress, fault) || !talk(connection, progress, fault) ||
            !give_wire(connection, fault) || !settle(connection, progress, fault)) {
            return false;
        }
        bool moved = progress->operations + progress->sent != before;
        if (connection->state != LOAD_TALKING || !moved || connection->awaits_room) return true;
    }
    return watch(connection, EPOLL_CTL_MOD, true) ||
           bench_fail(fault, "epoll: %s", strerror(errno));
}

bool load_connection_turn(struct load_connection *connection, uint32_t events,
                          struct load_progress *progress, struct bench_fault *fault) {
    *progress = (struct load_progress){0};
    bool good = connection->state != LOAD_CONNECTING || finish_connecting(connection, fault);
    if (good && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        good = take_wire(connection, fault);
    if (good && connection->state == LOAD_SHAKING) {
        good = shake(connection, progress, fault) && give_wire(connection, fault);
    }
    if (good && connection->state == LOAD_TALKING) good = converse(connection, progress, fault);
    if (!good) load_connection_close(connection);
    return good;
}
