/* Verifying one signature with the library as it was built: vectors that a version gets wrong. */
#ifndef TLSMGM_TEST_SIGNATURE_H
#define TLSMGM_TEST_SIGNATURE_H

#include "include/tlsmgm.h"

/* Each backend has its own. key is a point of P-256, not compressed; signature is DER, of hash. */
bool tlsmgm_test_p256_verifies(struct tlsmgm_bytes key, struct tlsmgm_bytes hash,
                               struct tlsmgm_bytes signature);

#endif
