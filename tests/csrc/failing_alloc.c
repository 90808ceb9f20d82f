/* Stands in for csrc/alloc.c: counts live blocks, and fails when a test asks for it. */
#include "failing_alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "alloc.h"

static atomic_long left = -1; /* allocations until one fails; below 0: none will */
static atomic_long live;
static atomic_bool library_is_refused;

void tlsmgm_test_fail_after(long count) { atomic_store(&left, count); }

void tlsmgm_test_refuse_library(bool refuse) { atomic_store(&library_is_refused, refuse); }

long tlsmgm_test_live(void) { return atomic_load(&live); }

/* The one that fails is followed by ones that succeed, as after a short shortage. */
static bool is_refused(void) { return atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0; }

void *tlsmgm_calloc(size_t count, size_t size) {
    void *block = is_refused() ? NULL : calloc(count, size);
    if (block != NULL) atomic_fetch_add(&live, 1);
    return block;
}

void *tlsmgm_realloc(void *block, size_t size) {
    if (is_refused()) return NULL;
    void *moved = realloc(block, size);
    if (moved != NULL && block == NULL) atomic_fetch_add(&live, 1);
    return moved;
}

void *tlsmgm_library_realloc(void *block, size_t size) {
    return atomic_load(&library_is_refused) ? NULL : realloc(block, size);
}

void tlsmgm_free(void *block) {
    if (block != NULL) atomic_fetch_sub(&live, 1);
    free(block);
}
