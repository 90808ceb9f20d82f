/* Another staple in a server's context: what our own check would refuse, for the client to judge.
 */
#ifndef TLSMGM_TEST_SWAP_STAPLE_H
#define TLSMGM_TEST_SWAP_STAPLE_H

#include "include/tlsmgm.h"

/* Each backend has its own. ctx has a staple, and no connections yet. */
bool tlsmgm_test_swap_staple(struct tlsmgm_ctx *ctx, struct tlsmgm_bytes response);

#endif
