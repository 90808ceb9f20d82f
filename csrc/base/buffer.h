/*
 * Wire buffer: a queue of bytes with a bound. Bytes are appended at the end and consumed at the
 * front; an empty buffer gives its block back, so that an idle connection is small. The next block
 * is at once as large as the last filling was, so that a busy one need not grow it again.
 */
#ifndef TLSMGM_BUFFER_H
#define TLSMGM_BUFFER_H

#include "include/tlsmgm.h"

struct tlsmgm_buffer {
    uint8_t *block;  /* owned; NULL while capacity is 0 */
    size_t capacity; /* size of block */
    size_t start;    /* first unread byte */
    size_t end;      /* one past the last */
    size_t limit;    /* most bytes that may wait unread */
    size_t usual;    /* capacity that the last filling needed; 0 before the first */
};

/* An empty buffer; allocates nothing. */
void tlsmgm_buffer_init(struct tlsmgm_buffer *buffer, size_t limit);

/* Gives the memory back; the buffer is empty and can be used again. */
void tlsmgm_buffer_free(struct tlsmgm_buffer *buffer);

/* OK, or NO_MEMORY when memory or the bound is exhausted; then nothing was appended. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_buffer_append(struct tlsmgm_buffer *buffer,
                                                        const uint8_t *data, size_t size);

/* How many bytes wait unread. */
static inline size_t tlsmgm_buffer_size(const struct tlsmgm_buffer *buffer) {
    return buffer->end - buffer->start;
}

/* The unread bytes, borrowed until the buffer is next changed. */
static inline struct tlsmgm_bytes tlsmgm_buffer_view(const struct tlsmgm_buffer *buffer) {
    size_t size = tlsmgm_buffer_size(buffer);
    return (struct tlsmgm_bytes){.data = size == 0 ? NULL : buffer->block + buffer->start,
                                 .size = size};
}

/* Drops bytes from the front; never more than there are. */
void tlsmgm_buffer_consume(struct tlsmgm_buffer *buffer, size_t size);

/* Moves up to size bytes from the front to data; returns how many. */
size_t tlsmgm_buffer_take(struct tlsmgm_buffer *buffer, uint8_t *data, size_t size);

#endif
