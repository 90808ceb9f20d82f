/*
 * Many ends of connections, or many contexts, of a layer; the other ends are in the process that
 * asks. All ends share one wire, which is empty whenever they idle, so an end has nothing but what
 * its library keeps.
 */
#ifndef BENCH_HOLDER_H
#define BENCH_HOLDER_H

#include "layer.h"

/* Pointers of one kind; what they point to is never given back. */
struct bench_heap {
    void **items;
    size_t count;
    size_t capacity;
};

struct bench_holder {
    struct bench_setting setting;
    bool is_server;
    struct bench_context *context; /* of the connections; made with the first */
    struct bench_heap ends;
    struct bench_heap contexts;
    struct bench_pipe in;
    struct bench_pipe out;
    uint8_t *room; /* for data that comes, BENCH_FRAME_MAX bytes */
};

/* What is to be sent back; borrowed until the next command. */
struct bench_answer {
    uint8_t head[1];
    size_t head_size;
    const uint8_t *rest; /* may be NULL */
    size_t rest_size;
};

/* Does what a frame says; size is at least 1. False fills in the fault. */
bool bench_holder_obey(struct bench_holder *holder, const uint8_t *frame, size_t size,
                       struct bench_answer *answer, struct bench_fault *fault);

#endif
