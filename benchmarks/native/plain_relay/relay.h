/*
 * One client and its plain upstream. Each direction is read until there is nothing more, and not
 * while something waits to be written; a direction that ends is ended on the other side, and the
 * other direction goes on. Whatever fails ends both.
 */
#ifndef PLAIN_RELAY_RELAY_H
#define PLAIN_RELAY_RELAY_H

#include <netinet/in.h>

#include "tls.h"

/* What all relays share; the room is for one step of any of them. */
#define RELAY_ROOM 65536u
struct relay_world {
    int epoll;
    struct sockaddr_in upstream;
    struct bench_tls_context *context;
    struct relay *over; /* those that have ended, until relay_bury() */
    uint8_t room[RELAY_ROOM];
};

/* What epoll has for a socket of a relay. */
struct relay_side {
    struct relay *relay;
    int fd;
    uint8_t *waiting; /* for this side; owned */
    size_t waiting_size;
    bool has_ended; /* nothing more comes from it */
};

enum relay_phase { RELAY_SHAKING, RELAY_CONNECTING, RELAY_TALKING, RELAY_OVER };

struct relay {
    struct relay_world *world;
    struct relay *next_over;
    struct relay_side client;
    struct relay_side upstream;
    struct bench_tls *tls;
    enum relay_phase phase;
};

/* Takes a client that was accepted; its socket does not block. */
void relay_begin(struct relay_world *world, int fd);

/* A socket is ready for something. */
void relay_turn(struct relay_side *side);

/* Frees those that have ended: what epoll has reported may still name them before. */
void relay_bury(struct relay_world *world);

#endif
