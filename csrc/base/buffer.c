#include "base/buffer.h"

#include <string.h>

#include "base/alloc.h"

/* The first block: large enough for a flight of a handshake. */
#define PAGE 4096u

void tlsmgm_buffer_init(struct tlsmgm_buffer *buffer, size_t limit) {
    *buffer = (struct tlsmgm_buffer){.limit = limit};
}

void tlsmgm_buffer_free(struct tlsmgm_buffer *buffer) {
    tlsmgm_free(buffer->block);
    tlsmgm_buffer_init(buffer, buffer->limit);
}

/* Doubling keeps appending cheap; the bound keeps the product of two sizes far from overflow. */
static size_t grown_capacity(const struct tlsmgm_buffer *buffer, size_t needed) {
    size_t known = buffer->capacity > 0 ? buffer->capacity : buffer->usual;
    size_t capacity = known < PAGE ? PAGE : known;
    while (capacity < needed) capacity *= 2;
    return capacity;
}

static enum tlsmgm_status make_room(struct tlsmgm_buffer *buffer, size_t size) {
    size_t waiting = tlsmgm_buffer_size(buffer);
    if (size > buffer->limit - waiting) return TLSMGM_STATUS_NO_MEMORY;
    if (size <= buffer->capacity - buffer->end) return TLSMGM_STATUS_OK;
    if (buffer->start > 0) {
        memmove(buffer->block, buffer->block + buffer->start, waiting);
        buffer->start = 0;
        buffer->end = waiting;
    }
    if (size <= buffer->capacity - waiting) return TLSMGM_STATUS_OK;
    size_t capacity = grown_capacity(buffer, waiting + size);
    uint8_t *block = tlsmgm_realloc(buffer->block, capacity);
    if (block == NULL) return TLSMGM_STATUS_NO_MEMORY;
    buffer->block = block;
    buffer->capacity = capacity;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_buffer_append(struct tlsmgm_buffer *buffer, const uint8_t *data,
                                        size_t size) {
    if (size == 0) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = make_room(buffer, size);
    if (status != TLSMGM_STATUS_OK) return status;
    memcpy(buffer->block + buffer->end, data, size);
    buffer->end += size;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_buffer_consume(struct tlsmgm_buffer *buffer, size_t size) {
    size_t waiting = tlsmgm_buffer_size(buffer);
    if (size < waiting) {
        buffer->start += size;
        return;
    }
    if (buffer->capacity == 0) return;
    size_t filled = buffer->end;
    tlsmgm_buffer_free(buffer);
    /* In whole pages: twice as much might be more than the heap keeps, and each new block would
     * come from the kernel page by page. */
    buffer->usual = (filled + PAGE - 1) / PAGE * PAGE;
}

size_t tlsmgm_buffer_take(struct tlsmgm_buffer *buffer, uint8_t *data, size_t size) {
    size_t waiting = tlsmgm_buffer_size(buffer);
    size_t count = size < waiting ? size : waiting;
    if (count == 0) return 0;
    memcpy(data, buffer->block + buffer->start, count);
    tlsmgm_buffer_consume(buffer, count);
    return count;
}
