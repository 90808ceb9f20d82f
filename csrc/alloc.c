#include "alloc.h"

#include <stdlib.h>

void *tlsmgm_calloc(size_t count, size_t size) { return calloc(count, size); }

void *tlsmgm_realloc(void *block, size_t size) { return realloc(block, size); }

void *tlsmgm_library_realloc(void *block, size_t size) { return realloc(block, size); }

void tlsmgm_free(void *block) { free(block); }
