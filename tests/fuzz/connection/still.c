/*
 * The linker puts the __wrap_ functions in the place of the C library's (--wrap, see build.py), in
 * the static TLS libraries, too. libFuzzer looks at another clock, which goes on.
 */
#include "still.h"

#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>

#define NOW 1790000000 /* September 2026 */

time_t __wrap_time(time_t *out);
int __wrap_gettimeofday(struct timeval *out, void *zone);
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags);

static uint64_t state;

static void fill(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        /* SplitMix64 */
        uint64_t word = state += 0x9e3779b97f4a7c15u;
        word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
        word = (word ^ word >> 27) * 0x94d049bb133111ebu;
        data[i] = (uint8_t)(word >> 32);
    }
}

void still_rewind(void) { state = 0; }

time_t __wrap_time(time_t *out) {
    if (out != NULL) *out = NOW;
    return NOW;
}

int __wrap_gettimeofday(struct timeval *out, void *zone) {
    (void)zone;
    *out = (struct timeval){.tv_sec = NOW};
    return 0;
}

/* wolfSSL seeds each connection's generator from here. */
ssize_t __wrap_getrandom(void *data, size_t size, unsigned flags) {
    (void)flags;
    fill(data, size);
    return (ssize_t)size;
}

#ifdef FUZZ_OPENSSL

/* OpenSSL has one generator for everything, so all of it is replaced. The way is deprecated, and
 * the new one, a provider, is much more of the same. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>
#include <stdlib.h>

static int ossl_bytes(unsigned char *data, int size) {
    if (size > 0) fill(data, (size_t)size);
    return 1;
}

static int ossl_status(void) { return 1; }

void still_begin(void) {
    static const RAND_METHOD method = {
        .bytes = ossl_bytes, .pseudorand = ossl_bytes, .status = ossl_status};
    if (RAND_set_rand_method(&method) != 1) abort();
}

#else

void still_begin(void) {}

#endif
