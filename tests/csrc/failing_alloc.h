#ifndef TLSMGM_TEST_FAILING_ALLOC_H
#define TLSMGM_TEST_FAILING_ALLOC_H

/* The allocation after the next count ones fails, once. -1: none fails any more. */
void tlsmgm_test_fail_after(long count);

/* Blocks handed out and not yet given back. */
long tlsmgm_test_live(void);

#endif
