/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash whose collisions nobody can prepare who does
 * not know the key. For tables that hold names of other people's choice.
 */
#ifndef TLSMGM_SIPHASH_H
#define TLSMGM_SIPHASH_H

#include "base/bytes.h"

struct tlsmgm_siphash_key {
    uint8_t bytes[16];
};

/* Of eight bytes, the prefix with its lowest byte first, and of the data behind them. */
uint64_t tlsmgm_siphash(const struct tlsmgm_siphash_key *key, uint64_t prefix,
                        struct tlsmgm_bytes data);

#endif
