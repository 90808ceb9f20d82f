/*
 * Memory of our own code. One place, so that a test can replace alloc.c by one that fails on
 * request. The TLS libraries use the system's.
 */
#ifndef TLSMGM_ALLOC_H
#define TLSMGM_ALLOC_H

#include <stddef.h>

/* Zeroed memory for count items of size bytes, or NULL; the product may not overflow. */
void *tlsmgm_calloc(size_t count, size_t size);

/* As realloc(): on failure NULL, and the old block stays. */
void *tlsmgm_realloc(void *block, size_t size);

/* realloc() for a TLS library; what it gives is given back with free(). */
void *tlsmgm_library_realloc(void *block, size_t size);

/* free(NULL) is legal. */
void tlsmgm_free(void *block);

#endif
