#ifndef TLSMGM_TEST_FAILING_ALLOC_H
#define TLSMGM_TEST_FAILING_ALLOC_H

#include <stdbool.h>

/* The allocation after the next count ones fails, once. -1: none fails any more. */
void tlsmgm_test_fail_after(long count);

/* Every allocation of a TLS library that asks us for memory fails, as long as this is so. */
void tlsmgm_test_refuse_library(bool refuse);

/* Blocks handed out and not yet given back. */
long tlsmgm_test_live(void);

#endif
