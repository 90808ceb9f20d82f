/* Stands in for csrc/alloc.c: counts live blocks, fails when a test asks for it, and looks for a
 * secret in what is given back. */
#include "failing_alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__APPLE__)
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

#include "base/alloc.h"

static atomic_long left = -1; /* allocations until one fails; below 0: none will */
static atomic_long live;
static atomic_bool library_is_refused;

static uint8_t watched[TLSMGM_TEST_SECRET_MAX];
static atomic_size_t watched_size; /* 0: nobody is looking */
static atomic_long sightings;

void tlsmgm_test_fail_after(long count) { atomic_store(&left, count); }

void tlsmgm_test_refuse_library(bool refuse) { atomic_store(&library_is_refused, refuse); }

long tlsmgm_test_live(void) { return atomic_load(&live); }

void tlsmgm_test_watch(const uint8_t *secret, size_t size) {
    atomic_store(&watched_size, 0);
    if (size > sizeof watched) abort();
    if (size > 0) memcpy(watched, secret, size);
    atomic_store(&sightings, 0);
    atomic_store(&watched_size, size);
}

long tlsmgm_test_sightings(void) { return atomic_load(&sightings); }

static size_t size_of(void *block) {
#if defined(__APPLE__)
    return malloc_size(block);
#else
    return malloc_usable_size(block);
#endif
}

bool tlsmgm_test_holds(void *block) {
    size_t size = atomic_load(&watched_size);
    if (block == NULL || size == 0) return false;
    const uint8_t *bytes = block;
    size_t room = size_of(block);
    for (size_t at = 0; at + size <= room; at++) {
        if (memcmp(bytes + at, watched, size) == 0) return true;
    }
    return false;
}

static void look_at(void *block) {
    if (tlsmgm_test_holds(block)) atomic_fetch_add(&sightings, 1);
}

/* The one that fails is followed by ones that succeed, as after a short shortage. */
static bool is_refused(void) { return atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0; }

void *tlsmgm_calloc(size_t count, size_t size) {
    void *block = is_refused() ? NULL : calloc(count, size);
    if (block != NULL) atomic_fetch_add(&live, 1);
    return block;
}

void *tlsmgm_realloc(void *block, size_t size) {
    if (is_refused()) return NULL;
    look_at(block); /* it may move, and leave a copy behind */
    void *moved = realloc(block, size);
    if (moved != NULL && block == NULL) atomic_fetch_add(&live, 1);
    return moved;
}

void *tlsmgm_library_realloc(void *block, size_t size) {
    return atomic_load(&library_is_refused) ? NULL : realloc(block, size);
}

void tlsmgm_free(void *block) {
    if (block != NULL) atomic_fetch_sub(&live, 1);
    look_at(block);
    free(block);
}
