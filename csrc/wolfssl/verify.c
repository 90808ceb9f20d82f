/*
 * What is noted about the peer's certificate while wolfSSL judges it. Its stored result is no use
 * (with verification off, and for a wrong purpose or name, it says OK), so the native codes are
 * taken from the callback, and the chain with them, which wolfSSL does not keep.
 */
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "certificate_fields.h"
#include "internal.h"

enum tlsmgm_verify_reason wssl_verify_reason(int code) {
    switch (code) {
        case 0:
            return TLSMGM_VERIFY_NONE;
        case NO_PEER_CERT:
            return TLSMGM_VERIFY_MISSING;
        case ASN_AFTER_DATE_E:
            return TLSMGM_VERIFY_EXPIRED;
        case ASN_BEFORE_DATE_E:
            return TLSMGM_VERIFY_NOT_YET_VALID;
        case CRL_CERT_REVOKED:
            return TLSMGM_VERIFY_REVOKED;
        case CRL_MISSING:
            return TLSMGM_VERIFY_CRL_MISSING;
        case CRL_CERT_DATE_ERR:
            return TLSMGM_VERIFY_CRL_EXPIRED;
        case ASN_CRL_CONFIRM_E:
        case ASN_CRL_NO_SIGNER_E:
            return TLSMGM_VERIFY_CRL_INVALID;
        case OCSP_CERT_REVOKED:
            return TLSMGM_VERIFY_REVOKED;
        case OCSP_CERT_UNKNOWN: /* wolfSSL's word for a staple that is not there */
            return TLSMGM_VERIFY_STAPLE_MISSING;
        case OCSP_INVALID_STATUS:
        case OCSP_LOOKUP_FAIL:
        case BAD_CERTIFICATE_STATUS_ERROR:
            return TLSMGM_VERIFY_STAPLE_INVALID;
        case ASN_SELF_SIGNED_E:
            return TLSMGM_VERIFY_SELF_SIGNED;
        case ASN_NO_SIGNER_E:
            return TLSMGM_VERIFY_UNKNOWN_CA;
        case NOT_CA_ERROR:
            return TLSMGM_VERIFY_NOT_A_CA;
        case MAX_CHAIN_ERROR:
        case ASN_PATHLEN_SIZE_E:
        case ASN_PATHLEN_INV_E:
            return TLSMGM_VERIFY_TOO_DEEP;
        case EXTKEYUSE_AUTH_E:
        case KEYUSE_SIGNATURE_E:
        case KEYUSE_ENCIPHER_E:
            return TLSMGM_VERIFY_PURPOSE;
        case DOMAIN_NAME_MISMATCH:
        case IPADDR_MISMATCH:
            return TLSMGM_VERIFY_NAME_MISMATCH;
        case ASN_SIG_CONFIRM_E:
            return TLSMGM_VERIFY_SIGNATURE;
        case RSA_KEY_SIZE_E:
        case ECC_KEY_SIZE_E:
        case DH_KEY_SIZE_E:
            return TLSMGM_VERIFY_WEAK_KEY;
        case ASN_PARSE_E:
        case ASN_VERSION_E:
        case BUFFER_ERROR:
            return TLSMGM_VERIFY_MALFORMED;
        default: /* the library's numbers, not ours */
            return TLSMGM_VERIFY_OTHER;
    }
}

/* False without memory: a chain that was not kept cannot be checked for a name. */
static bool keep_chain(struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    if (conn->peer_chain != NULL || store->totalCerts <= 0) return true;
    conn->peer_chain = tlsmgm_calloc((size_t)store->totalCerts, sizeof *conn->peer_chain);
    if (conn->peer_chain == NULL) return false;
    for (int i = 0; i < store->totalCerts; i++) {
        struct tlsmgm_source der = {
            .data = {.data = store->certs[i].buffer, .size = store->certs[i].length}};
        struct tlsmgm_blob *blob = &conn->peer_chain[conn->peer_chain_size];
        if (tlsmgm_source_read(&der, NULL, blob, NULL) != TLSMGM_OK) return false;
        conn->peer_chain_size++;
    }
    return true;
}

static bool is_same(struct tlsmgm_bytes one, struct tlsmgm_bytes other) {
    return one.size == other.size && memcmp(one.data, other.data, one.size) == 0;
}

/* Whether a certificate of the peer's chain was issued by the next one, which is no authority. */
static bool is_below_no_ca(const struct tlsmgm_conn *conn, size_t depth,
                           struct tlsmgm_certificate_fields fields) {
    struct tlsmgm_certificate_fields next;
    if (depth + 1 >= conn->peer_chain_size) return false;
    const struct tlsmgm_blob *blob = &conn->peer_chain[depth + 1];
    struct tlsmgm_bytes der = {blob->data, blob->size};
    return tlsmgm_certificate_fields_read(der, &next, NULL) == TLSMGM_OK &&
           is_same(fields.issuer, next.subject) && !wssl_may_sign(blob);
}

/*
 * wolfSSL says "no signer" of a leaf that signed itself, and of a certificate whose issuer it has
 * just found good, but which is no authority; people want to know the difference.
 */
static int refine_code(const struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    struct tlsmgm_certificate_fields fields;
    size_t depth = (size_t)store->error_depth;
    if (store->error == ASN_SELF_SIGNED_E && depth > 0) return ASN_NO_SIGNER_E;
    if (store->error != ASN_NO_SIGNER_E || depth >= conn->peer_chain_size) return store->error;
    struct tlsmgm_bytes der = {conn->peer_chain[depth].data, conn->peer_chain[depth].size};
    if (tlsmgm_certificate_fields_read(der, &fields, NULL) != TLSMGM_OK) return store->error;
    if (depth == 0 && is_same(fields.issuer, fields.subject)) return ASN_SELF_SIGNED_E;
    return is_below_no_ca(conn, depth, fields) ? NOT_CA_ERROR : store->error;
}

/*
 * OpenSSL compares the name before it looks at CRLs and dates; a certificate with two faults gets
 * the same word from both when wolfSSL's complaint about those gives way to the name.
 */
static bool comes_after_name(int code) {
    switch (wssl_verify_reason(code)) {
        case TLSMGM_VERIFY_NONE:
        case TLSMGM_VERIFY_EXPIRED:
        case TLSMGM_VERIFY_NOT_YET_VALID:
        case TLSMGM_VERIFY_REVOKED:
        case TLSMGM_VERIFY_CRL_MISSING:
        case TLSMGM_VERIFY_CRL_EXPIRED:
        case TLSMGM_VERIFY_CRL_INVALID:
        case TLSMGM_VERIFY_STAPLE_MISSING:
        case TLSMGM_VERIFY_STAPLE_INVALID:
            return true;
        case TLSMGM_VERIFY_MISSING:
        case TLSMGM_VERIFY_SELF_SIGNED:
        case TLSMGM_VERIFY_UNKNOWN_CA:
        case TLSMGM_VERIFY_NOT_A_CA:
        case TLSMGM_VERIFY_TOO_DEEP:
        case TLSMGM_VERIFY_PURPOSE:
        case TLSMGM_VERIFY_NAME_MISMATCH:
        case TLSMGM_VERIFY_SIGNATURE:
        case TLSMGM_VERIFY_WEAK_KEY:
        case TLSMGM_VERIFY_MALFORMED:
        case TLSMGM_VERIFY_OTHER:
            return false;
    }
    return false;
}

static void check_name(struct tlsmgm_conn *conn) {
    const struct tlsmgm_peer_rules *rules = &conn->ctx->peer_rules;
    struct tlsmgm_bytes leaf = {0};
    struct tlsmgm_bytes name = {(const uint8_t *)conn->owner.checked, conn->owner.checked_size};
    if (name.size == 0 && rules->names.size == 0) return;
    if (conn->peer_chain_size > 0) {
        leaf = (struct tlsmgm_bytes){conn->peer_chain[0].data, conn->peer_chain[0].size};
    }
    if (!comes_after_name(conn->verify_code)) return;
    if (!tlsmgm_peer_is_expected(leaf, rules, name)) conn->verify_code = DOMAIN_NAME_MISMATCH;
}

bool wssl_is_in_force(struct tlsmgm_bytes der) {
    struct tlsmgm_certificate_fields fields;
    int64_t from;
    int64_t until;
    int64_t now = (int64_t)time(NULL);
    return tlsmgm_certificate_fields_read(der, &fields, NULL) == TLSMGM_OK &&
           tlsmgm_time_unix(fields.not_before, &from) &&
           tlsmgm_time_unix(fields.not_after, &until) && from <= now && now <= until;
}

/*
 * An intermediate that ca_list names needs nobody above it, but when the peer sends it, too,
 * wolfSSL asks for its issuer. It complains about that before it looks at the dates.
 */
static bool is_trusted_itself(const struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    int depth = store->error_depth;
    if (store->error != ASN_NO_SIGNER_E || depth <= 0 || depth >= store->totalCerts) return false;
    struct tlsmgm_bytes der = {store->certs[depth].buffer, store->certs[depth].length};
    return wssl_trust_has(conn->ctx->trust, der) && wssl_is_in_force(der);
}

/*
 * wolfSSL passes over some malformed bytes beside the part that is signed. OpenSSL does not, and
 * who then asks for a field of such a certificate would get none.
 */
static bool is_malformed(const struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    struct tlsmgm_certificate_fields fields;
    size_t depth = (size_t)store->error_depth;
    if (depth >= conn->peer_chain_size) return false;
    struct tlsmgm_bytes der = {conn->peer_chain[depth].data, conn->peer_chain[depth].size};
    return tlsmgm_certificate_fields_read(der, &fields, NULL) != TLSMGM_OK;
}

int wssl_verify_callback(int verified, WOLFSSL_X509_STORE_CTX *store) {
    struct tlsmgm_conn *conn = store->userCtx;
    if (!keep_chain(conn, store)) conn->verify_code = MEMORY_E;
    if (conn->verify_code == MEMORY_E) return 0;
    if (!verified && is_trusted_itself(conn, store)) {
        return conn->verify_code == 0 || !conn->ctx->verify_peer;
    }
    if (!verified && conn->verify_code == 0) conn->verify_code = refine_code(conn, store);
    if (conn->verify_code == 0 && is_malformed(conn, store)) conn->verify_code = ASN_PARSE_E;
    if (store->error_depth == 0) check_name(conn);
    return conn->verify_code == 0 || !conn->ctx->verify_peer;
}
