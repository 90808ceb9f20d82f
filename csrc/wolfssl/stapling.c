/*
 * OCSP stapling (RFC 6066 section 8). A client's certificate manager checks the response by itself,
 * and insists on one. What a server staples comes from a callback of its certificate manager, which
 * can be set through a context only; and a server that verifies has other managers than its
 * context, those of the stores that it lends to its connections.
 */
#include <string.h>

#include "internal.h"

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

bool wssl_enable_stapling(WOLFSSL_CTX *ssl_ctx) {
    return wolfSSL_CTX_EnableOCSPStapling(ssl_ctx) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_tlsext_status_cb(ssl_ctx, staple) == WOLFSSL_SUCCESS;
}

/* By way of a context that borrows the store's manager. */
static bool enable_in_store(WOLFSSL_X509_STORE *store) {
    WOLFSSL_CTX *ssl_ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
    bool good = ssl_ctx != NULL && wolfSSL_X509_STORE_up_ref(store) == WOLFSSL_SUCCESS;
    if (good) {
        wolfSSL_CTX_set_cert_store(ssl_ctx, store);
        good = wssl_enable_stapling(ssl_ctx);
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
