/*
 * OCSP stapling (RFC 6066 section 8). A client's certificate manager checks the response by itself,
 * and insists on one. What a server staples comes from a callback of its certificate manager.
 */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/blob.h"
#include "base/error.h"
#include "x509/staple.h"

/* Behind the options, which come with internal.h. */
#include <wolfssl/wolfcrypt/hash.h>

#define STAPLED     0 /* WOLFSSL_OCSP_STATUS_CB_OK */
#define NOT_STAPLED 3 /* WOLFSSL_OCSP_STATUS_CB_NOACK */

static int staple(WOLFSSL *ssl, void *argument) {
    const struct tlsmgm_conn *conn = wolfSSL_GetIOReadCtx(ssl);
    const struct tlsmgm_blob *response = &conn->base.ctx->base.ocsp_response;
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

static size_t hash(enum tlsmgm_digest which, struct tlsmgm_bytes data,
                   uint8_t out[TLSMGM_HASH_MAX]) {
    enum wc_HashType type = wssl_hash_of(which);
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
    enum tlsmgm_status status = tlsmgm_ctx_base_load_staple(&ctx->base, source, hash, error);
    if (status != TLSMGM_STATUS_OK || enable_stapling(ctx->ssl_ctx)) return status;
    return tlsmgm_fail_memory(error);
}

/*
 * A certificate manager of its own for each connection that asks, in which only the issuer of the
 * peer's certificate will be. And not in the context: in TLS 1.3 the answer would then count as one
 * that nobody asked for.
 */
bool wssl_require_staple(struct tlsmgm_conn *conn) {
    conn->store = wolfSSL_X509_STORE_new();
    return conn->store != NULL &&
           wolfSSL_CertManagerEnableOCSPStapling(conn->store->cm) == WOLFSSL_SUCCESS &&
           wolfSSL_CertManagerEnableOCSPMustStaple(conn->store->cm) == WOLFSSL_SUCCESS &&
           wolfSSL_set1_verify_cert_store(conn->ssl, conn->store) == WOLFSSL_SUCCESS &&
           wolfSSL_UseOCSPStapling(conn->ssl, WOLFSSL_CSR_OCSP, 0) == WOLFSSL_SUCCESS;
}

/* OpenSSL's backend asks for a time, too: without one an old response is good for ever. */
static bool has_an_end(const struct tlsmgm_conn *conn, struct tlsmgm_bytes response) {
    struct tlsmgm_staple staple;
    struct tlsmgm_bytes leaf = tlsmgm_peer_chain_at(&conn->base.peer_chain, 0);
    return tlsmgm_staple_read(response, leaf, hash, &staple, NULL) == TLSMGM_STATUS_OK &&
           staple.next_update.digits.size > 0;
}

int wssl_staple_callback(WOLFSSL *ssl, int verdict, unsigned char *response, word32 size,
                         word32 index, void *argument) {
    const struct tlsmgm_conn *conn = wolfSSL_GetIOReadCtx(ssl);
    (void)index;
    (void)argument;
    if (verdict != 0 || has_an_end(conn, (struct tlsmgm_bytes){response, size})) return verdict;
    return BAD_CERTIFICATE_STATUS_ERROR;
}

/* An issuer that wolfSSL does not take leaves the response without a signer, so it is refused. */
bool wssl_expect_staple_of(struct tlsmgm_conn *conn, struct tlsmgm_bytes issuer) {
    if (conn->store == NULL) return false;
    if (issuer.size == 0) return true;
    return wolfSSL_CertManagerLoadCABuffer(conn->store->cm, issuer.data, (long)issuer.size,
                                           WOLFSSL_FILETYPE_ASN1) != MEMORY_E;
}
