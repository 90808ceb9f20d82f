#include "signature.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/ecc.h>

bool tlsmgm_test_p256_verifies(struct tlsmgm_bytes key, struct tlsmgm_bytes hash,
                               struct tlsmgm_bytes signature) {
    ecc_key point;
    if (wc_ecc_init(&point) != 0) return false;
    int good = 0;
    bool done = wc_ecc_import_x963_ex(key.data, (word32)key.size, &point, ECC_SECP256R1) == 0 &&
                wc_ecc_verify_hash(signature.data, (word32)signature.size, hash.data,
                                   (word32)hash.size, &good, &point) == 0;
    wc_ecc_free(&point);
    return done && good == 1;
}
