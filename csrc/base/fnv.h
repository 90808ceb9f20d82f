/*
 * FNV-1a (RFC 9923): a hash for tables whose makers can waste our time in other ways than by
 * collisions, which anybody can prepare; siphash.h is for the others.
 */
#ifndef TLSMGM_FNV_H
#define TLSMGM_FNV_H

#include <stdint.h>

#define TLSMGM_FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define TLSMGM_FNV_PRIME UINT64_C(0x100000001b3)

/* The hash of what was hashed before and one byte more; TLSMGM_FNV_BASIS is that of nothing. */
static inline uint64_t tlsmgm_fnv(uint64_t hash, uint8_t byte) {
    return (hash ^ byte) * TLSMGM_FNV_PRIME;
}

#endif
