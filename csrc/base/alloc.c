#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Not calloc(): glibc's takes no block from the thread's cache, which costs more than clearing. */
void *tlsmgm_calloc(size_t count, size_t size) {
    if (size > 0 && count > SIZE_MAX / size) return NULL;
    void *block = malloc(count * size);
    /* Unless it knows nothing of the block here, the compiler makes a calloc() of the two. */
    __asm__ __volatile__("" : "+r"(block));
    if (block != NULL) memset(block, 0, count * size);
    return block;
}

void *tlsmgm_realloc(void *block, size_t size) { return realloc(block, size); }

void *tlsmgm_library_realloc(void *block, size_t size) { return realloc(block, size); }

void tlsmgm_free(void *block) { free(block); }
