#include "base/error.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "backends/openssl/internal.h"

/* OpenSSL reports a received alert as reason 1000 + number. */
#define ALERT_REASON_BASE 1000

/* A look costs a tenth of clearing, and before a call of the library there is hardly ever one. */
void ossl_clear_errors(void) {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

static const char *reason_text(unsigned long code) {
    const char *text = ERR_reason_error_string(code);
    if (text != NULL) return text;
    return ERR_SYSTEM_ERROR(code) ? "system error" : "no reason given";
}

enum tlsmgm_verify_reason ossl_verify_reason(long result) {
    switch (result) {
        case X509_V_OK:
            return TLSMGM_VERIFY_NONE;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return TLSMGM_VERIFY_EXPIRED;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return TLSMGM_VERIFY_NOT_YET_VALID;
        case X509_V_ERR_CERT_REVOKED:
            return TLSMGM_VERIFY_REVOKED;
        case X509_V_ERR_UNABLE_TO_GET_CRL:
        case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
        case X509_V_ERR_DIFFERENT_CRL_SCOPE:
            return TLSMGM_VERIFY_CRL_MISSING;
        case X509_V_ERR_CRL_HAS_EXPIRED:
        case X509_V_ERR_CRL_NOT_YET_VALID:
            return TLSMGM_VERIFY_CRL_EXPIRED;
        case X509_V_ERR_CRL_SIGNATURE_FAILURE:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
        case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
        case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
            return TLSMGM_VERIFY_CRL_INVALID;
        case X509_V_ERR_OCSP_VERIFY_NEEDED:
            return TLSMGM_VERIFY_STAPLE_MISSING;
        case X509_V_ERR_OCSP_VERIFY_FAILED:
            return TLSMGM_VERIFY_STAPLE_INVALID;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return TLSMGM_VERIFY_SELF_SIGNED;
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_UNTRUSTED:
        case X509_V_ERR_CERT_REJECTED:
            return TLSMGM_VERIFY_UNKNOWN_CA;
        case X509_V_ERR_INVALID_CA:
        case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
            return TLSMGM_VERIFY_NOT_A_CA;
        case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        case X509_V_ERR_PATH_LENGTH_EXCEEDED:
            return TLSMGM_VERIFY_TOO_DEEP;
        case X509_V_ERR_INVALID_PURPOSE:
            return TLSMGM_VERIFY_PURPOSE;
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_EMAIL_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return TLSMGM_VERIFY_NAME_MISMATCH;
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
            return TLSMGM_VERIFY_SIGNATURE;
        case X509_V_ERR_EE_KEY_TOO_SMALL:
        case X509_V_ERR_CA_KEY_TOO_SMALL:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return TLSMGM_VERIFY_WEAK_KEY;
        case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
        case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
        case X509_V_ERR_INVALID_EXTENSION:
            return TLSMGM_VERIFY_MALFORMED;
        default: /* the library's numbers, not ours */
            return TLSMGM_VERIFY_OTHER;
    }
}

static enum tlsmgm_status fail_verify(struct tlsmgm_conn *conn, unsigned long code,
                                      struct tlsmgm_error *error) {
    long result = SSL_get_verify_result(conn->ssl);
    if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
        return tlsmgm_fail_verify(error, TLSMGM_VERIFY_MISSING, NULL);
    }
    enum tlsmgm_verify_reason reason = ossl_verify_reason(result);
    if (result != X509_V_OK && conn->strict_fault != TLSMGM_STRICT_GOOD) {
        (void)tlsmgm_strict_fail(error, conn->strict_fault, conn->strict_depth);
        error->library_code = result;
        return TLSMGM_STATUS_VERIFY;
    }
    (void)tlsmgm_fail_verify(error, reason == TLSMGM_VERIFY_NONE ? TLSMGM_VERIFY_OTHER : reason,
                             result == X509_V_ERR_APPLICATION_VERIFICATION
                                 ? "it is too large for a session ticket of TLS 1.2"
                                 : X509_verify_cert_error_string(result));
    error->library_code = result;
    return TLSMGM_STATUS_VERIFY;
}

/* OpenSSL's reader comes before its verifier, which then has no say. */
static bool is_unreadable_certificate(const struct tlsmgm_conn *conn, unsigned long first,
                                      unsigned long last) {
    return conn->base.ctx->base.verify_peer && !conn->base.established &&
           ERR_GET_LIB(first) == ERR_LIB_ASN1 && ERR_GET_LIB(last) == ERR_LIB_SSL &&
           ERR_GET_REASON(last) == ERR_R_ASN1_LIB;
}

/* The first entry of the queue is the cause; what follows it are consequences. */
static enum tlsmgm_status fail_from_queue(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    unsigned long code = ERR_peek_error();
    unsigned long last = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    bool is_ssl = ERR_GET_LIB(code) == ERR_LIB_SSL;
    /*
     * From 3.6 on OpenSSL decodes staples by itself. Where it cannot, the reader's complaint comes
     * first; alone, the same reason would be an alert that was received.
     */
    if (!is_ssl && ERR_GET_LIB(last) == ERR_LIB_SSL &&
        ERR_GET_REASON(last) == SSL_R_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE) {
        SSL_set_verify_result(conn->ssl, X509_V_ERR_OCSP_VERIFY_FAILED);
        return fail_verify(conn, last, error);
    }
    /* A bad signature leaves an entry of the provider before the one that says what it means. */
    if (ERR_GET_LIB(last) == ERR_LIB_SSL &&
        ERR_GET_REASON(last) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        return fail_verify(conn, last, error);
    }
    if (is_ssl &&
        (reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_INVALID_STATUS_RESPONSE ||
         reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)) {
        return fail_verify(conn, code, error);
    }
    if (is_ssl && reason >= ALERT_REASON_BASE && reason < ALERT_REASON_BASE + 256) {
        return tlsmgm_fail_peer_alert(error, reason - ALERT_REASON_BASE);
    }
    if (reason == ERR_R_MALLOC_FAILURE) return tlsmgm_fail_memory(error);
    if (is_unreadable_certificate(conn, code, last)) {
        return tlsmgm_fail_verify(error, TLSMGM_VERIFY_MALFORMED, reason_text(code));
    }
    if (reason == ERR_R_INTERNAL_ERROR) {
        return tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL, "OpenSSL: %s", reason_text(code));
    }
    return tlsmgm_fail(error, TLSMGM_STATUS_PROTOCOL, "%s", reason_text(code));
}

/*
 * SSL_get_error(), but a close_notify of TLS 1.3 is one also after the alert user_canceled, with
 * which every Java announces it (RFC 8446 section 6.1). OpenSSL keeps the number of that alert for
 * the last one, and calls the close_notify a failed system call.
 */
static int ssl_error(const struct tlsmgm_conn *conn, int result, unsigned long code) {
    int kind = SSL_get_error(conn->ssl, result);
    bool received = (SSL_get_shutdown(conn->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    return kind == SSL_ERROR_SYSCALL && code == 0 && received ? SSL_ERROR_ZERO_RETURN : kind;
}

enum tlsmgm_status ossl_fail_conn(struct tlsmgm_conn *conn, int result,
                                  struct tlsmgm_error *error) {
    struct tlsmgm_error failure;
    unsigned long code = ERR_peek_error();
    switch (ssl_error(conn, result, code)) {
        case SSL_ERROR_WANT_READ:
            if (!conn->base.wire.input_ended) return TLSMGM_STATUS_WANT_READ;
            (void)tlsmgm_fail_truncated(&failure, conn->base.established);
            break;
        case SSL_ERROR_WANT_WRITE: /* our output refuses bytes only when memory is exhausted */
            (void)tlsmgm_fail_memory(&failure);
            break;
        case SSL_ERROR_ZERO_RETURN:
            if (conn->base.established) return TLSMGM_STATUS_CLOSED;
            (void)tlsmgm_fail_early_close(&failure);
            break;
        case SSL_ERROR_SSL:
            (void)fail_from_queue(conn, &failure);
            (void)tlsmgm_conn_base_tell_stranger(&conn->base, reason_text(code), &failure);
            break;
        default: /* the library's numbers; none of the others can come from our BIO */
            (void)tlsmgm_fail(&failure, TLSMGM_STATUS_INTERNAL, "OpenSSL: %s", reason_text(code));
            break;
    }
    if (failure.alert == TLSMGM_NO_ALERT) failure.alert = conn->alert_sent;
    if (failure.library_code == 0) failure.library_code = (int64_t)code;
    ERR_clear_error();
    return tlsmgm_wire_latch(&conn->base.wire, &failure, error);
}

enum tlsmgm_status ossl_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                       const char *what) {
    return ossl_fail_item(error, parameter, NULL, what);
}

enum tlsmgm_status ossl_fail_item(struct tlsmgm_error *error, const char *parameter,
                                  const char *place, const char *what) {
    unsigned long code = ERR_peek_error();
    ERR_clear_error();
    return tlsmgm_fail_library(error, parameter, place, what, code == 0 ? NULL : reason_text(code),
                               (int64_t)code);
}
