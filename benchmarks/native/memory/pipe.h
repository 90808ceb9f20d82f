/*
 * One direction of a wire in memory; it plays the sockets' part. It keeps its memory, so that
 * what is measured pays for no allocation of ours.
 */
#ifndef BENCH_PIPE_H
#define BENCH_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_pipe {
    uint8_t *block; /* owned */
    size_t capacity;
    size_t start; /* first byte on its way */
    size_t end;
};

/* False without memory; then nothing was sent. */
bool bench_pipe_send(struct bench_pipe *pipe, const uint8_t *data, size_t size);

/* Room for size bytes more, or NULL without memory; then how much of it was filled. */
uint8_t *bench_pipe_room(struct bench_pipe *pipe, size_t size);
void bench_pipe_sent(struct bench_pipe *pipe, size_t size);

/* Takes up to size bytes off; returns how many. */
size_t bench_pipe_receive(struct bench_pipe *pipe, uint8_t *data, size_t size);

/* What is on its way, without taking it; NULL and 0 when there is nothing. Then how much was taken.
 */
const uint8_t *bench_pipe_view(const struct bench_pipe *pipe, size_t *size);
void bench_pipe_skip(struct bench_pipe *pipe, size_t size);

/* Whatever is on its way is lost. */
void bench_pipe_empty(struct bench_pipe *pipe);
void bench_pipe_free(struct bench_pipe *pipe);

#endif
