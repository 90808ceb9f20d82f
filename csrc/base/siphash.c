#include "base/siphash.h"

#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits) {
    return (word << bits) | (word >> (64 - bits));
}

static void mix(struct state *s, unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void absorb(struct state *s, uint64_t word) {
    s->v3 ^= word;
    mix(s, 2);
    s->v0 ^= word;
}

/* Eight bytes, the lowest first. */
static uint64_t whole_word(const uint8_t *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Up to eight bytes, the lowest first. */
static uint64_t word_of(const uint8_t *data, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) word |= (uint64_t)data[i] << (8 * i);
    return word;
}

uint64_t tlsmgm_siphash(const struct tlsmgm_siphash_key *key, uint64_t prefix,
                        struct tlsmgm_bytes data) {
    uint64_t k0 = whole_word(key->bytes);
    uint64_t k1 = whole_word(key->bytes + 8);
    struct state s = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du, k0 ^ 0x6c7967656e657261u,
                      k1 ^ 0x7465646279746573u};
    size_t whole = data.size - data.size % 8;
    absorb(&s, prefix);
    for (size_t i = 0; i < whole; i += 8) absorb(&s, whole_word(data.data + i));
    uint64_t length = (uint64_t)(8 + data.size) << 56;
    absorb(&s, length | word_of(data.data + whole, data.size - whole));
    s.v2 ^= 0xff;
    mix(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
