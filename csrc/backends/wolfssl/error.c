#include "base/error.h"

#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alert.h"

static const char *code_text(int code) {
    const char *text = wolfSSL_ERR_reason_error_string((unsigned long)(code < 0 ? -code : code));
    return text != NULL ? text : "no reason given";
}

/* -1: there was none; 0: close_notify. */
static int alert_of(const WOLFSSL_ALERT *entry) {
    return entry->code <= 0 ? TLSMGM_NO_ALERT : entry->code;
}

static int alert_sent(struct tlsmgm_conn *conn) {
    WOLFSSL_ALERT_HISTORY history;
    if (wolfSSL_get_alert_history(conn->ssl, &history) != WOLFSSL_SUCCESS) return TLSMGM_NO_ALERT;
    return alert_of(&history.last_tx);
}

/* Neither who gives up (RFC 8446 section 6.1) nor who knows no name ends the connection with it. */
static bool is_warning(const WOLFSSL_ALERT *entry) {
    return entry->level == alert_warning && (entry->code == TLSMGM_ALERT_USER_CANCELED ||
                                             entry->code == TLSMGM_ALERT_UNRECOGNIZED_NAME);
}

/*
 * The alert that has ended the connection, if one has. A client of TLS 1.3 that refuses our hello
 * or certificate may not have the keys yet and sends it in the clear, which wolfSSL cannot parse
 * but has noted (RFC 8446 section 5.1: the record of an alert holds nothing else).
 */
static int ending_alert(struct tlsmgm_conn *conn, int code) {
    WOLFSSL_ALERT_HISTORY history;
    bool is_in_clear =
        code == PARSE_ERROR && conn->base.ctx->base.is_server && !conn->base.established;
    if ((code != FATAL_ERROR && !is_in_clear) ||
        wolfSSL_get_alert_history(conn->ssl, &history) != WOLFSSL_SUCCESS ||
        is_warning(&history.last_rx)) {
        return TLSMGM_NO_ALERT;
    }
    return alert_of(&history.last_rx);
}

enum tlsmgm_status wssl_fail_verify(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    struct tlsmgm_error failure;
    const struct wssl_verdict *verdict = &conn->verdict;
    if (verdict->no_memory) {
        (void)tlsmgm_fail_memory(&failure);
    } else if (verdict->strict != TLSMGM_STRICT_GOOD) {
        (void)tlsmgm_strict_fail(&failure, verdict->strict, verdict->depth);
    } else {
        (void)tlsmgm_fail_verify(&failure, verdict->reason, verdict->text);
    }
    failure.alert = alert_sent(conn);
    return tlsmgm_wire_latch(&conn->base.wire, &failure, error);
}

/* For its own callers wolfSSL makes a failed system call of a suite that nobody shares. */
static int code_of(struct tlsmgm_conn *conn, int result) {
    int code = wolfSSL_get_error(conn->ssl, result);
    return code == WOLFSSL_ERROR_SYSCALL ? wolfSSL_state(conn->ssl) : code;
}

/*
 * One code stands for a server that finds no suite and for one that finds no signature scheme. Up
 * to TLS 1.2 OpenSSL has one word for both, too: there a suite says how it is signed.
 */
static const char *text_for(struct tlsmgm_conn *conn, int code) {
    if (code != MATCH_SUITE_ERROR || !conn->base.ctx->base.is_server) return code_text(code);
    const char *suite = wssl_cipher_common_name(wolfSSL_get_cipher_name(conn->ssl));
    bool is_of_tls1_3 = suite != NULL && strncmp(suite, "TLS_", 4) == 0;
    return is_of_tls1_3 ? "no suitable signature algorithm" : "no shared cipher";
}

static enum tlsmgm_status fail_with_code(struct tlsmgm_conn *conn, int code,
                                         struct tlsmgm_error *failure) {
    int received = ending_alert(conn, code);
    if (received != TLSMGM_NO_ALERT) return tlsmgm_fail_peer_alert(failure, received);
    if (code == MEMORY_E && wssl_memory_was_short()) return tlsmgm_fail_memory(failure);
    (void)tlsmgm_fail(failure, TLSMGM_STATUS_PROTOCOL, "%s", text_for(conn, code));
    failure->alert = alert_sent(conn);
    return TLSMGM_STATUS_PROTOCOL;
}

/* wolfSSL drops some malformed hellos without a word; the client is owed an alert (RFC 8446
 * section 6.2). Nothing is encrypted yet when we have sent nothing. */
static void send_missing_alert(struct tlsmgm_conn *conn, struct tlsmgm_error *failure) {
    uint8_t record[TLSMGM_ALERT_RECORD_SIZE];
    if (failure->status != TLSMGM_STATUS_PROTOCOL || failure->alert != TLSMGM_NO_ALERT ||
        conn->base.wire.output_begun || !conn->base.ctx->base.is_server) {
        return;
    }
    tlsmgm_alert_record(TLSMGM_ALERT_DECODE_ERROR, record);
    if (tlsmgm_wire_put(&conn->base.wire, record, sizeof record) == TLSMGM_STATUS_OK) {
        failure->alert = TLSMGM_ALERT_DECODE_ERROR;
    }
}

/* wolfSSL reports a missing certificate in several ways, none of them to the callback. */
static bool is_missing_certificate(const struct tlsmgm_conn *conn, int code) {
    return code == NO_PEER_CERT && conn->base.ctx->base.verify_peer &&
           conn->base.ctx->base.require_peer;
}

/* What is wrong with a staple is not told to the callback either. */
static bool is_about_staple(const struct tlsmgm_conn *conn, int code) {
    return conn->base.ctx->require_staple &&
           (code == OCSP_CERT_UNKNOWN || code == OCSP_CERT_REVOKED ||
            code == BAD_CERTIFICATE_STATUS_ERROR || code == OCSP_INVALID_STATUS ||
            code == OCSP_LOOKUP_FAIL);
}

/* Errors of wolfSSL's certificate reader lie together. It sends no alert for some. */
static bool is_about_certificate(int code) {
    return (code <= ASN_PARSE_E && code >= ASN_DH_KEY_E) || code == ASN_CRIT_EXT_E ||
           code == ASN_ALT_NAME_E || code == ASN_ECC_KEY_E || code == ECC_CURVE_OID_E ||
           code == ASN_NAME_INVALID_E || code == KEYUSAGE_E || code == EXTKEYUSAGE_E;
}

/* wolfSSL tells the callback nothing of a leaf that it cannot read, nor of a staple. */
static void note_untold(struct tlsmgm_conn *conn, int code) {
    if (conn->base.established || !conn->base.ctx->base.verify_peer) return;
    if (is_missing_certificate(conn, code)) {
        wssl_refuse(conn, TLSMGM_VERIFY_MISSING, NULL);
    } else if (is_about_staple(conn, code)) {
        wssl_refuse(conn, wssl_verify_reason(code), code_text(code));
    } else if (!conn->verdict.is_given && is_about_certificate(code)) {
        wssl_refuse(conn, wssl_verify_reason(code), code_text(code));
    } else if (conn->verdict.is_given && (code == RSA_KEY_SIZE_E || code == ECC_KEY_SIZE_E)) {
        wssl_refuse(conn, TLSMGM_VERIFY_WEAK_KEY, code_text(code));
    } else if (conn->verdict.is_given && code == WC_KEY_SIZE_E) {
        wssl_refuse(conn, TLSMGM_VERIFY_OTHER, "its key is larger than wolfSSL can compute with");
    }
}

enum tlsmgm_status wssl_fail_conn(struct tlsmgm_conn *conn, int result,
                                  struct tlsmgm_error *error) {
    struct tlsmgm_error failure;
    int code = code_of(conn, result);
    if (code == WOLFSSL_ERROR_ZERO_RETURN) {
        conn->close_received = true;
        if (conn->base.established) return TLSMGM_STATUS_CLOSED;
        (void)tlsmgm_fail_early_close(&failure);
        failure.library_code = code;
        return tlsmgm_wire_latch(&conn->base.wire, &failure, error);
    }
    if (code == WOLFSSL_ERROR_WANT_READ && !conn->base.wire.input_ended)
        return TLSMGM_STATUS_WANT_READ;
    note_untold(conn, code);
    bool is_refused = conn->verdict.is_given && conn->verdict.reason != TLSMGM_VERIFY_NONE;
    if (!conn->base.established && code != WOLFSSL_ERROR_WANT_READ &&
        (conn->verdict.no_memory || (is_refused && conn->base.ctx->base.verify_peer))) {
        return wssl_fail_verify(conn, error);
    }
    if (code == WOLFSSL_ERROR_WANT_READ) {
        (void)tlsmgm_fail_truncated(&failure, conn->base.established);
    } else if (code == WOLFSSL_ERROR_WANT_WRITE) {
        (void)tlsmgm_fail_memory(&failure); /* our output refuses bytes only without memory */
    } else {
        (void)fail_with_code(conn, code, &failure);
        (void)tlsmgm_conn_base_tell_stranger(&conn->base, "wrong version number", &failure);
        send_missing_alert(conn, &failure);
    }
    if (failure.library_code == 0) failure.library_code = code;
    return tlsmgm_wire_latch(&conn->base.wire, &failure, error);
}

enum tlsmgm_status wssl_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                       const char *what, int code) {
    return wssl_fail_item(error, parameter, NULL, what, code);
}

enum tlsmgm_status wssl_fail_item(struct tlsmgm_error *error, const char *parameter,
                                  const char *place, const char *what, int code) {
    return tlsmgm_fail_library(error, parameter, place, what,
                               code == WOLFSSL_FAILURE ? NULL : code_text(code), code);
}
