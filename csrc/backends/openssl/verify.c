/* What is asked of a peer's certificates besides what OpenSSL asks. */
#include <openssl/x509v3.h>

#include "backends/openssl/internal.h"
#include "x509/crl_points.h"
#include "x509/subject_alt_name.h"

/* The value of an extension, as it came. */
static struct tlsmgm_bytes extension_at(const X509 *certificate, int at) {
    const ASN1_OCTET_STRING *value =
        X509_EXTENSION_get_data((X509_EXTENSION *)(uintptr_t)X509_get_ext(certificate, at));
    return (struct tlsmgm_bytes){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
}

/* Looks at the extension as it came: decoding it is what may cost too much. */
static bool is_cheap(const X509 *certificate) {
    int at = X509_get_ext_by_NID(certificate, NID_crl_distribution_points, -1);
    const unsigned char *issuer = NULL;
    size_t issuer_size = 0;
    if (at < 0) return true;
    if (X509_NAME_get0_der(X509_get_issuer_name(certificate), &issuer, &issuer_size) != 1) {
        return false;
    }
    return tlsmgm_crl_points_are_bounded(extension_at(certificate, at), issuer_size);
}

/* The leaf is among what was sent. A second extension of that kind is refused later, undecoded. */
static bool all_are_cheap(X509_STORE_CTX *store) {
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(sent); i++) {
        if (!is_cheap(sk_X509_value(sent, i))) return false;
    }
    return is_cheap(X509_STORE_CTX_get0_cert(store));
}

/*
 * RFC 5280 section 4.1.1.2: a certificate names its signature's algorithm twice. OpenSSL looks
 * where it checks the signature, so not at a leaf that is trusted for itself.
 */
static bool names_one_algorithm(const X509 *certificate) {
    const X509_ALGOR *outer = NULL;
    const ASN1_OBJECT *inner_kind = NULL;
    const ASN1_OBJECT *outer_kind = NULL;
    X509_get0_signature(NULL, &outer, certificate);
    X509_ALGOR_get0(&outer_kind, NULL, NULL, outer);
    X509_ALGOR_get0(&inner_kind, NULL, NULL, X509_get0_tbs_sigalg(certificate));
    return OBJ_cmp(inner_kind, outer_kind) == 0;
}

/* The names of a certificate; none, too, when they cannot be decoded. */
static struct tlsmgm_bytes alt_names_of(const X509 *certificate) {
    struct tlsmgm_bytes names = {0};
    int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    if (at < 0) return names;
    return tlsmgm_san_read(extension_at(certificate, at), &names) ? names
                                                                  : (struct tlsmgm_bytes){0};
}

static bool is_small_rsa(const X509 *certificate, int bits) {
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (key == NULL) return true; /* nobody knows of what size */
    int kind = EVP_PKEY_get_base_id(key);
    return (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) && EVP_PKEY_get_bits(key) < bits;
}

/* The chain that was found, what is trusted included. */
static bool has_large_rsa_keys(X509_STORE_CTX *store, int bits) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    for (int depth = 0; bits > 0 && depth < sk_X509_num(chain); depth++) {
        if (!is_small_rsa(sk_X509_value(chain, depth), bits)) continue;
        X509_STORE_CTX_set_error(store, depth == 0 ? X509_V_ERR_EE_KEY_TOO_SMALL
                                                   : X509_V_ERR_CA_KEY_TOO_SMALL);
        return false;
    }
    return true;
}

/* OpenSSL's number for what it would have said itself; whatever has none is a bad extension. */
static int strict_error(enum tlsmgm_strict_fault fault) {
    switch (fault) {
        case TLSMGM_STRICT_GOOD:
            return X509_V_OK;
        case TLSMGM_STRICT_HALF_A_CA:
            return X509_V_ERR_INVALID_CA;
        case TLSMGM_STRICT_PATH_LENGTH_OF_NO_CA:
            return X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA;
        case TLSMGM_STRICT_PATH_LENGTH_WITHOUT_USAGE:
            return X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN;
        case TLSMGM_STRICT_CONSTRAINTS_NOT_CRITICAL:
            return X509_V_ERR_CA_BCONS_NOT_CRITICAL;
        case TLSMGM_STRICT_CA_WITHOUT_USAGE:
            return X509_V_ERR_CA_CERT_MISSING_KEY_USAGE;
        case TLSMGM_STRICT_USAGE_OF_NO_CA:
            return X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA;
        case TLSMGM_STRICT_NO_ISSUER:
            return X509_V_ERR_ISSUER_NAME_EMPTY;
        case TLSMGM_STRICT_NO_SUBJECT:
            return X509_V_ERR_SUBJECT_NAME_EMPTY;
        case TLSMGM_STRICT_NAMES_NOT_CRITICAL:
            return X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL;
        case TLSMGM_STRICT_NO_NAMES:
            return X509_V_ERR_EMPTY_SUBJECT_ALT_NAME;
        case TLSMGM_STRICT_TWO_ALGORITHMS:
            return X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY;
        case TLSMGM_STRICT_NO_AUTHORITY_KEY:
            return X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER;
        case TLSMGM_STRICT_NO_SUBJECT_KEY:
            return X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER;
        case TLSMGM_STRICT_OLD_VERSION:
            return X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3;
    }
    return X509_V_ERR_INVALID_EXTENSION;
}

/* X509_V_OK, the error of a certificate that breaks a rule, or of one that we cannot read. */
static int judge_strictly(struct tlsmgm_conn *conn, X509 *item, size_t depth, size_t count) {
    struct tlsmgm_certificate certificate;
    unsigned char *der = NULL;
    int size = i2d_X509(item, &der);
    if (size <= 0) return X509_V_ERR_OUT_OF_MEM;
    int error = X509_V_ERR_INVALID_EXTENSION;
    if (tlsmgm_certificate_read((struct tlsmgm_bytes){der, (size_t)size}, &certificate, NULL) ==
        TLSMGM_STATUS_OK) {
        conn->strict_fault = tlsmgm_strict_check(&certificate, depth, count);
        conn->strict_depth = depth;
        error = strict_error(conn->strict_fault);
    }
    OPENSSL_free(der);
    return error;
}

/*
 * The rules of X509_V_FLAG_X509_STRICT. Releases of OpenSSL differ in them, and a flag would have
 * them asked for before others; so we ask, with both libraries.
 */
static bool is_strictly_good(X509_STORE_CTX *store, const struct tlsmgm_ctx *ctx) {
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    for (int depth = 0; ctx->base.is_strict && depth < sk_X509_num(chain); depth++) {
        int error = judge_strictly(SSL_get_app_data(ssl), sk_X509_value(chain, depth),
                                   (size_t)depth, (size_t)sk_X509_num(chain));
        if (error == X509_V_OK) continue;
        X509_STORE_CTX_set_error(store, error);
        return false;
    }
    return true;
}

/* The name that the connection asks for, and those that every peer of the domain must have. */
static bool is_expected(X509_STORE_CTX *store, const struct tlsmgm_ctx *ctx) {
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tlsmgm_conn *conn = SSL_get_app_data(ssl);
    struct tlsmgm_bytes name = tlsmgm_session_owner_checked(conn->base.owner);
    return tlsmgm_peer_is_expected(alt_names_of(X509_STORE_CTX_get0_cert(store)),
                                   &ctx->base.peer_rules, name);
}

/*
 * OpenSSL's ticket holds the client's certificate, in less than 65,280 bytes for all of the
 * session, and a handshake whose ticket is larger fails with an internal error. TLS 1.3 can do
 * without a ticket; in TLS 1.2 it has been promised by then.
 */
#define LEAF_SIZE_MAX 64000

static bool fits_ticket(X509_STORE_CTX *store, const struct tlsmgm_ctx *ctx) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    if (ctx->base.ticket_keys == NULL) return true;
    if (i2d_X509(X509_STORE_CTX_get0_cert(store), NULL) <= LEAF_SIZE_MAX) return true;
    return SSL_version(ssl) >= TLS1_3_VERSION && SSL_set_num_tickets(ssl, 0) == 1;
}

static int verify(X509_STORE_CTX *store, const struct tlsmgm_ctx *ctx) {
    if (!all_are_cheap(store) || !names_one_algorithm(X509_STORE_CTX_get0_cert(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_EXTENSION);
        return 0;
    }
    if (!fits_ticket(store, ctx)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    int verified = X509_verify_cert(store);
    if (verified <= 0) return verified;
    if (!is_strictly_good(store, ctx)) return 0;
    if (!has_large_rsa_keys(store, ctx->base.min_rsa_bits)) return 0;
    if (is_expected(store, ctx)) return verified;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
}

int ossl_verify_callback(X509_STORE_CTX *store, void *argument) {
    const struct tlsmgm_ctx *ctx = argument;
    int verified = verify(store, ctx);
    if (verified <= 0 && ctx->base.verify_peer) {
        const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        ossl_keep_refused(SSL_get_app_data(ssl), X509_STORE_CTX_get0_untrusted(store));
    }
    return verified;
}
