/* A client and a server in one thread, with a wire between them; every step goes on the meter. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include "layer.h"
#include "meter.h"

/* The two ends of a setting. */
struct bench_contexts {
    const struct bench_setting *setting;
    struct bench_context *of[2]; /* by enum bench_side */
};

struct bench_pair {
    const struct bench_contexts *contexts;
    struct bench_meter *meter;      /* may be NULL */
    struct bench_pipe pipes[2];     /* by the side that receives */
    struct bench_endpoint *ends[2]; /* NULL between connections */
};

/* A new connection, handshake included, and the check of what was negotiated (not metered).
 * session is offered when it is not NULL, and must then be taken. */
bool bench_pair_connect(struct bench_pair *pair, const struct bench_session *session,
                        struct bench_fault *fault);

/* The client's session after it has read the server's tickets; never NULL when true. */
bool bench_pair_session(struct bench_pair *pair, struct bench_session **out,
                        struct bench_fault *fault);

/* All of data from one side. */
bool bench_pair_write(struct bench_pair *pair, enum bench_side side, const uint8_t *data,
                      size_t size, struct bench_fault *fault);

/* Exactly size bytes to the other; room is where they go. */
bool bench_pair_read(struct bench_pair *pair, enum bench_side side, uint8_t *room, size_t size,
                     struct bench_fault *fault);

/* The connection's end, metered too. */
void bench_pair_disconnect(struct bench_pair *pair);

/* Disconnects and gives everything back. */
void bench_pair_free(struct bench_pair *pair);

#endif
