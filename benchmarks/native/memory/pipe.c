#include "pipe.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY (256u << 10)

static bool grow(struct bench_pipe *pipe, size_t needed) {
    size_t capacity = pipe->capacity == 0 ? FIRST_CAPACITY : pipe->capacity;
    while (capacity < needed) capacity *= 2;
    if (capacity == pipe->capacity) return true;
    uint8_t *block = realloc(pipe->block, capacity);
    if (block == NULL) return false;
    pipe->block = block;
    pipe->capacity = capacity;
    return true;
}

uint8_t *bench_pipe_room(struct bench_pipe *pipe, size_t size) {
    return grow(pipe, pipe->end + size) ? pipe->block + pipe->end : NULL;
}

void bench_pipe_sent(struct bench_pipe *pipe, size_t size) { pipe->end += size; }

bool bench_pipe_send(struct bench_pipe *pipe, const uint8_t *data, size_t size) {
    uint8_t *room = bench_pipe_room(pipe, size);
    if (room == NULL) return false;
    memcpy(room, data, size);
    bench_pipe_sent(pipe, size);
    return true;
}

const uint8_t *bench_pipe_view(const struct bench_pipe *pipe, size_t *size) {
    *size = pipe->end - pipe->start;
    return *size == 0 ? NULL : pipe->block + pipe->start;
}

void bench_pipe_skip(struct bench_pipe *pipe, size_t size) {
    pipe->start += size;
    if (pipe->start >= pipe->end) bench_pipe_empty(pipe);
}

size_t bench_pipe_receive(struct bench_pipe *pipe, uint8_t *data, size_t size) {
    size_t waiting = pipe->end - pipe->start;
    size_t count = size < waiting ? size : waiting;
    if (count == 0) return 0;
    memcpy(data, pipe->block + pipe->start, count);
    bench_pipe_skip(pipe, count);
    return count;
}

void bench_pipe_empty(struct bench_pipe *pipe) {
    pipe->start = 0;
    pipe->end = 0;
}

void bench_pipe_free(struct bench_pipe *pipe) {
    free(pipe->block);
    *pipe = (struct bench_pipe){0};
}
