/*
 * Whether memory was short: wolfSSL says MEMORY_E of some malformed certificates, too. Its blocks
 * come from where they would come anyway; noted is only which thread was refused one.
 */
#include <stdlib.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"

static bool is_watched; /* written once, by init */
static _Thread_local bool was_short;

static void *resize(void *block, size_t size) {
    void *moved = tlsmgm_library_realloc(block, size);
    if (moved == NULL && size > 0) was_short = true;
    return moved;
}

static void *allocate(size_t size) { return resize(NULL, size); }

void wssl_memory_init(void) {
    wolfSSL_Malloc_cb others = NULL;
    (void)wolfSSL_GetAllocators(&others, NULL, NULL);
    is_watched = others == NULL && wolfSSL_SetAllocators(allocate, free, resize) == 0;
}

void wssl_memory_watch(void) { was_short = false; }

bool wssl_memory_was_short(void) { return was_short || !is_watched; }
