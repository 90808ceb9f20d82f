#ifndef TLSMGM_TEST_FAILING_ALLOC_H
#define TLSMGM_TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The allocation after the next count ones fails, once. -1: none fails any more. */
void tlsmgm_test_fail_after(long count);

/* Every allocation of a TLS library that asks us for memory fails, as long as this is so. */
void tlsmgm_test_refuse_library(bool refuse);

/* Blocks handed out and not yet given back. */
long tlsmgm_test_live(void);

#define TLSMGM_TEST_SECRET_MAX 128u

/* From now on looks for these bytes in every block that is given back or resized; size 0: no more.
 */
void tlsmgm_test_watch(const uint8_t *secret, size_t size);

/* Blocks that were given back or resized with the watched bytes in them. */
long tlsmgm_test_sightings(void);

/* Whether the watched bytes stand in a block that is in use. */
bool tlsmgm_test_holds(void *block);

#endif
