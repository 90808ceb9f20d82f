/*
 * Cursor: reads big-endian numbers and length-prefixed pieces from bytes of a stranger. A read
 * past the end fails and leaves the cursor where it was, so a parser cannot run out of bounds.
 */
#ifndef TLSMGM_CURSOR_H
#define TLSMGM_CURSOR_H

#include "include/tlsmgm.h"

struct tlsmgm_cursor {
    const uint8_t *next;
    size_t left;
};

static inline struct tlsmgm_cursor tlsmgm_cursor(struct tlsmgm_bytes bytes) {
    return (struct tlsmgm_cursor){.next = bytes.data, .left = bytes.size};
}

/* The next size bytes. */
static inline bool tlsmgm_cursor_bytes(struct tlsmgm_cursor *cursor, size_t size,
                                       struct tlsmgm_bytes *out) {
    if (cursor->left < size) return false;
    *out = (struct tlsmgm_bytes){.data = cursor->next, .size = size};
    if (size > 0) cursor->next += size;
    cursor->left -= size;
    return true;
}

/* An unsigned number of width bytes, 1 to 4. */
static inline bool tlsmgm_cursor_number(struct tlsmgm_cursor *cursor, size_t width, uint32_t *out) {
    struct tlsmgm_bytes bytes;
    if (!tlsmgm_cursor_bytes(cursor, width, &bytes)) return false;
    uint32_t number = 0;
    for (size_t i = 0; i < width; i++) number = number << 8 | bytes.data[i];
    *out = number;
    return true;
}

/* A piece that follows its own length, which has width bytes (a vector of RFC 8446 section 3.4). */
static inline bool tlsmgm_cursor_vector(struct tlsmgm_cursor *cursor, size_t width,
                                        struct tlsmgm_bytes *out) {
    struct tlsmgm_cursor trial = *cursor;
    uint32_t size;
    if (!tlsmgm_cursor_number(&trial, width, &size)) return false;
    if (!tlsmgm_cursor_bytes(&trial, size, out)) return false;
    *cursor = trial;
    return true;
}

#endif
