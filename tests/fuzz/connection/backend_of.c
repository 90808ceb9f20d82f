/* Which backend this program is about; build.py says. */
#ifdef FUZZ_OPENSSL
#include "backends/openssl/backend.h"
#else
#include "backends/wolfssl/backend.h"
#endif
#include "rig.h"

const struct tlsmgm_backend *const fuzz_backend =
#ifdef FUZZ_OPENSSL
    &tlsmgm_openssl_backend;
#else
    &tlsmgm_wolfssl_backend;
#endif
