#include "signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

static EVP_PKEY *new_key(struct tlsmgm_bytes key) {
    char group[] = "P-256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)key.data,
                                          key.size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *made = NULL;
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (maker == NULL || EVP_PKEY_fromdata_init(maker) != 1 ||
        EVP_PKEY_fromdata(maker, &made, EVP_PKEY_PUBLIC_KEY, parameters) != 1) {
        made = NULL;
    }
    EVP_PKEY_CTX_free(maker);
    return made;
}

bool tlsmgm_test_p256_verifies(struct tlsmgm_bytes key, struct tlsmgm_bytes hash,
                               struct tlsmgm_bytes signature) {
    EVP_PKEY *made = new_key(key);
    EVP_PKEY_CTX *verifier = made != NULL ? EVP_PKEY_CTX_new(made, NULL) : NULL;
    bool good =
        verifier != NULL && EVP_PKEY_verify_init(verifier) == 1 &&
        EVP_PKEY_verify(verifier, signature.data, signature.size, hash.data, hash.size) == 1;
    EVP_PKEY_CTX_free(verifier);
    EVP_PKEY_free(made);
    return good;
}
