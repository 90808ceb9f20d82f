/* OCSP stapling (RFC 6066 section 8): what a server staples, and what a client makes of it. */
#include <openssl/ocsp.h>

#include "backends/openssl/internal.h"
#include "x509/staple.h"

/* Seconds by which the clocks of a responder and of ours may differ. */
#define CLOCK_SKEW 300L

static const EVP_MD *algorithm_of(enum tlsmgm_digest digest) {
    switch (digest) {
        case TLSMGM_DIGEST_NONE:
        case TLSMGM_DIGEST_MD5:
            return NULL;
        case TLSMGM_DIGEST_SHA1:
            return EVP_sha1();
        case TLSMGM_DIGEST_SHA224:
            return EVP_sha224();
        case TLSMGM_DIGEST_SHA256:
            return EVP_sha256();
        case TLSMGM_DIGEST_SHA384:
            return EVP_sha384();
        case TLSMGM_DIGEST_SHA512:
            return EVP_sha512();
    }
    return NULL;
}

static size_t hash(enum tlsmgm_digest which, struct tlsmgm_bytes data,
                   uint8_t out[TLSMGM_HASH_MAX]) {
    unsigned int size = 0;
    return EVP_Digest(data.data, data.size, out, &size, algorithm_of(which), NULL) == 1 ? size : 0;
}

/* From 3.6 on OpenSSL sends no response that is not about the certificate, and says nothing. */
enum tlsmgm_status ossl_load_staple(struct tlsmgm_ctx *ctx, const struct tlsmgm_source *source,
                                    struct tlsmgm_error *error) {
    return tlsmgm_ctx_base_load_staple(&ctx->base, source, hash, error);
}

/* The response is about the first certificate; a client that is shown the second gets none. */
int ossl_staple_callback(SSL *ssl, void *argument) {
    const struct tlsmgm_ctx *ctx = argument;
    struct tlsmgm_bytes shown = ossl_own_certificate(SSL_get_app_data(ssl));
    if (ctx->base.ocsp_response.size == 0 || shown.data != ctx->base.certificate.data) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    unsigned char *copy =
        OPENSSL_memdup(ctx->base.ocsp_response.data, ctx->base.ocsp_response.size);
    if (copy == NULL) return SSL_TLSEXT_ERR_NOACK;
    if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)ctx->base.ocsp_response.size) == 1) {
        return SSL_TLSEXT_ERR_OK;
    }
    OPENSSL_free(copy);
    return SSL_TLSEXT_ERR_NOACK;
}

/* Whether a single response is about this certificate, whatever hash it names it by. */
static bool is_about(OCSP_SINGLERESP *single, const X509 *leaf, const X509 *issuer) {
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
    ASN1_OBJECT *hash = NULL;
    if (OCSP_id_get0_info(NULL, &hash, NULL, NULL, (OCSP_CERTID *)(uintptr_t)id) != 1) return false;
    const EVP_MD *digest = EVP_get_digestbyobj(hash);
    OCSP_CERTID *ours = digest == NULL ? NULL : OCSP_cert_to_id(digest, leaf, issuer);
    bool same = ours != NULL && OCSP_id_cmp(ours, id) == 0;
    OCSP_CERTID_free(ours);
    return same;
}

static long status_of(OCSP_SINGLERESP *single) {
    ASN1_GENERALIZEDTIME *this_update = NULL;
    ASN1_GENERALIZEDTIME *next_update = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
    if (status == V_OCSP_CERTSTATUS_REVOKED) return X509_V_ERR_CERT_REVOKED;
    if (status != V_OCSP_CERTSTATUS_GOOD || next_update == NULL ||
        OCSP_check_validity(this_update, next_update, CLOCK_SKEW, -1) != 1) {
        return X509_V_ERR_OCSP_VERIFY_FAILED;
    }
    return X509_V_OK;
}

/* The responder must be the issuer, or have a certificate of the issuer's for this purpose. */
static long judge(SSL *ssl, OCSP_BASICRESP *basic) {
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (chain == NULL || sk_X509_num(chain) < 2) return X509_V_ERR_OCSP_VERIFY_FAILED;
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (OCSP_basic_verify(basic, chain, store, 0) <= 0) return X509_V_ERR_OCSP_VERIFY_FAILED;
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        if (is_about(single, sk_X509_value(chain, 0), sk_X509_value(chain, 1))) {
            return status_of(single);
        }
    }
    return X509_V_ERR_OCSP_VERIFY_FAILED;
}

static long judge_response(SSL *ssl) {
    const unsigned char *data = NULL;
    long size = SSL_get_tlsext_status_ocsp_resp(ssl, &data);
    if (data == NULL || size <= 0) return X509_V_ERR_OCSP_VERIFY_NEEDED;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &data, size);
    OCSP_BASICRESP *basic = NULL;
    if (response != NULL && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        basic = OCSP_response_get1_basic(response);
    }
    long result = basic == NULL ? X509_V_ERR_OCSP_VERIFY_FAILED : judge(ssl, basic);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return result;
}

int ossl_check_staple_callback(SSL *ssl, void *argument) {
    (void)argument;
    if (SSL_session_reused(ssl) == 1) return 1; /* no certificate, and no word about one */
    long result = judge_response(ssl);
    ossl_clear_errors(); /* what comes next in the queue is the reason that counts */
    if (result == X509_V_OK) return 1;
    SSL_set_verify_result(ssl, result);
    return 0;
}
