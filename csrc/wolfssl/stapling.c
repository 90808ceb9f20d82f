/*
 * OCSP stapling (RFC 6066 section 8). A client's certificate manager checks the response by itself,
 * and insists on one. What a server staples comes from a callback of its certificate manager, which
 * can be set through a context only; and a server that verifies has other managers than its
 * context, those of the stores that it lends to its connections.
 */
#include <string.h>

#include "error.h"
#include "internal.h"
#include "staple.h"

/* Behind the options, which come with internal.h. */
#include <wolfssl/wolfcrypt/hash.h>

#define STAPLED     0 /* WOLFSSL_OCSP_STATUS_CB_OK */
#define NOT_STAPLED 3 /* WOLFSSL_OCSP_STATUS_CB_NOACK */

static int staple(WOLFSSL *ssl, void *argument) {
    const struct tlsmgm_conn *conn = wolfSSL_GetIOReadCtx(ssl);
    const struct tlsmgm_blob *response = &conn->ctx->ocsp_response;
    (void)argument;
    if (response->size == 0) return NOT_STAPLED;
    /* wolfSSL takes the copy over. */
    unsigned char *copy = wolfSSL_Malloc(response->size);
    if (copy == NULL) return NOT_STAPLED;
    memcpy(copy, response->data, response->size);
    if (wolfSSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)response->size) == WOLFSSL_SUCCESS) {
        return STAPLED;
    }
    wolfSSL_Free(copy);
    return NOT_STAPLED;
}

static size_t hash(enum tlsmgm_hash which, struct tlsmgm_bytes data, uint8_t out[TLSMGM_HASH_MAX]) {
    enum wc_HashType type = WC_HASH_TYPE_NONE;
    switch (which) {
        case TLSMGM_HASH_SHA1:
            type = WC_HASH_TYPE_SHA;
            break;
        case TLSMGM_HASH_SHA256:
            type = WC_HASH_TYPE_SHA256;
            break;
        case TLSMGM_HASH_SHA384:
            type = WC_HASH_TYPE_SHA384;
            break;
        case TLSMGM_HASH_SHA512:
            type = WC_HASH_TYPE_SHA512;
            break;
    }
    int size = wc_HashGetDigestSize(type);
    bool good = size > 0 && wc_Hash(type, data.data, (word32)data.size, out, (word32)size) == 0;
    return good ? (size_t)size : 0;
}

static bool enable_stapling(WOLFSSL_CTX *ssl_ctx) {
    return wolfSSL_CTX_EnableOCSPStapling(ssl_ctx) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_tlsext_status_cb(ssl_ctx, staple) == WOLFSSL_SUCCESS;
}

enum tlsmgm_status wssl_load_staple(struct tlsmgm_ctx *ctx, const struct tlsmgm_source *source,
                                    struct tlsmgm_error *error) {
    struct tlsmgm_staple staple;
    struct tlsmgm_blob *response = &ctx->ocsp_response;
    enum tlsmgm_status status = tlsmgm_source_read(source, "ocsp_response", response, error);
    if (status == TLSMGM_OK) {
        status = tlsmgm_staple_read((struct tlsmgm_bytes){response->data, response->size},
                                    wssl_ctx_certificate(ctx), hash, &staple, error);
    }
    if (status != TLSMGM_OK || enable_stapling(ctx->ssl_ctx)) return status;
    return tlsmgm_fail_memory(error);
}

/* By way of a context that borrows the store's manager. */
static bool enable_in_store(WOLFSSL_X509_STORE *store) {
    WOLFSSL_CTX *ssl_ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
    bool good = ssl_ctx != NULL && wolfSSL_X509_STORE_up_ref(store) == WOLFSSL_SUCCESS;
    if (good) {
        wolfSSL_CTX_set_cert_store(ssl_ctx, store);
        good = enable_stapling(ssl_ctx);
    }
    wolfSSL_CTX_free(ssl_ctx);
    return good;
}

bool wssl_prepare_store(WOLFSSL_X509_STORE *store, enum wssl_stapling stapling) {
    switch (stapling) {
        case WSSL_NO_STAPLING:
            return true;
        case WSSL_STAPLE:
            return enable_in_store(store);
        case WSSL_REQUIRE_STAPLE:
            return wolfSSL_CertManagerEnableOCSPStapling(store->cm) == WOLFSSL_SUCCESS &&
                   wolfSSL_CertManagerEnableOCSPMustStaple(store->cm) == WOLFSSL_SUCCESS;
    }
    return false;
}
