/*
 * One of the generator's connections: a socket that never blocks, and the contract's connection
 * behind it. It is driven by what epoll says, and tells what it has completed.
 */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "contract.h"
#include "options.h"

/* What all connections share. */
struct load_world {
    const struct load_options *options;
    struct tlsmgm_ctx *ctx;
    int epoll;
    uint8_t *room; /* LOAD_ROOM bytes for whatever is on its way */
};

#define LOAD_ROOM (64u << 10)

enum load_state { LOAD_CLOSED, LOAD_CONNECTING, LOAD_SHAKING, LOAD_TALKING };

struct load_connection {
    struct load_world *world;
    enum load_state state;
    int socket; /* -1: none */
    struct tlsmgm_conn *conn;
    struct tlsmgm_session *session; /* to offer next time */
    bool offered;                   /* this connection offered one */
    bool awaits_room;               /* epoll watches for room in the socket, too */
    bool stands;                    /* both ends are done with the handshake */
    int64_t begun;                  /* when the operation began, monotonic */
    uint64_t sent;                  /* bytes of the operation */
    uint64_t received;
};

/* What came out of a turn. */
struct load_progress {
    bool handshake;      /* one was completed, as pinned */
    bool was_resumed;    /* and the session of the one before was taken */
    uint64_t operations; /* completed now */
    int64_t latency;     /* of the last of them, where that means something; else 0 */
    uint64_t sent;       /* bytes of application data */
    uint64_t received;
};

/* Connects; what follows happens in turns. */
bool load_connection_open(struct load_connection *connection, struct bench_fault *fault);

/* Does what can be done after an event. False: the connection has failed and is closed. */
bool load_connection_turn(struct load_connection *connection, uint32_t events,
                          struct load_progress *progress, struct bench_fault *fault);

/* Ends it without a word; its session stays. */
void load_connection_close(struct load_connection *connection);

/* Closes and gives everything back. */
void load_connection_free(struct load_connection *connection);

#endif
