/* Bytes of others compared, and letters of names. */
#ifndef TLSMGM_BYTES_H
#define TLSMGM_BYTES_H

#include <string.h>

#include "include/tlsmgm.h"

static inline bool tlsmgm_bytes_equal(struct tlsmgm_bytes one, struct tlsmgm_bytes other) {
    return one.size == other.size && (one.size == 0 || memcmp(one.data, other.data, one.size) == 0);
}

static inline uint8_t tlsmgm_ascii_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

/* Names of hosts and the like: without regard to ASCII case. */
static inline bool tlsmgm_bytes_equal_ignoring_case(struct tlsmgm_bytes one,
                                                    struct tlsmgm_bytes other) {
    if (one.size != other.size) return false;
    for (size_t i = 0; i < one.size; i++) {
        if (tlsmgm_ascii_lower(one.data[i]) != tlsmgm_ascii_lower(other.data[i])) return false;
    }
    return true;
}

#endif
