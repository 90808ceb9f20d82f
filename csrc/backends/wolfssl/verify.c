/*
 * A peer's certificate: judged by path.h, while wolfSSL waits in its callback. What wolfSSL itself
 * says of the leaf, that it knows no signer, is expected: it is told of none.
 */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "kit/clock.h"

#ifndef WOLFSSL_CERT_VERIFY_CB_JUDGES_CHAIN
#error "this wolfSSL lacks wheels/patches/wolfssl-peer-certificates.patch"
#endif

enum tlsmgm_verify_reason wssl_verify_reason(int code) {
    switch (code) {
        case NO_PEER_CERT:
            return TLSMGM_VERIFY_MISSING;
        case OCSP_CERT_REVOKED:
            return TLSMGM_VERIFY_REVOKED;
        case OCSP_CERT_UNKNOWN: /* wolfSSL's word for a staple that is not there */
            return TLSMGM_VERIFY_STAPLE_MISSING;
        case OCSP_INVALID_STATUS:
        case OCSP_LOOKUP_FAIL:
        case BAD_CERTIFICATE_STATUS_ERROR:
            return TLSMGM_VERIFY_STAPLE_INVALID;
        case RSA_KEY_SIZE_E:
        case ECC_KEY_SIZE_E:
            return TLSMGM_VERIFY_WEAK_KEY;
        case ASN_CRIT_EXT_E:
            return TLSMGM_VERIFY_OTHER;
        default: /* the library's numbers, not ours */
            return TLSMGM_VERIFY_MALFORMED;
    }
}

/* By which of its errors wolfSSL chooses the alert that OpenSSL would send, or the nearest one. */
static int code_for_alert(enum tlsmgm_verify_reason reason) {
    switch (reason) {
        case TLSMGM_VERIFY_EXPIRED:
        case TLSMGM_VERIFY_CRL_EXPIRED:
            return ASN_AFTER_DATE_E; /* certificate_expired */
        case TLSMGM_VERIFY_REVOKED:
            return CRL_CERT_REVOKED; /* certificate_revoked */
        case TLSMGM_VERIFY_UNKNOWN_CA:
        case TLSMGM_VERIFY_SELF_SIGNED:
        case TLSMGM_VERIFY_NOT_A_CA:
        case TLSMGM_VERIFY_TOO_DEEP:
        case TLSMGM_VERIFY_CRL_MISSING:
            return ASN_NO_SIGNER_E; /* unknown_ca */
        case TLSMGM_VERIFY_NONE:
        case TLSMGM_VERIFY_MISSING:
        case TLSMGM_VERIFY_NOT_YET_VALID:
        case TLSMGM_VERIFY_CRL_INVALID:
        case TLSMGM_VERIFY_STAPLE_MISSING:
        case TLSMGM_VERIFY_STAPLE_INVALID:
        case TLSMGM_VERIFY_PURPOSE:
        case TLSMGM_VERIFY_NAME_MISMATCH:
        case TLSMGM_VERIFY_SIGNATURE:
        case TLSMGM_VERIFY_WEAK_KEY:
        case TLSMGM_VERIFY_MALFORMED:
        case TLSMGM_VERIFY_OTHER:
            return ASN_SIG_CONFIRM_E; /* bad_certificate */
    }
    return ASN_SIG_CONFIRM_E;
}

/* wolfSSL reads no more certificates than that, and says nothing of those behind it. */
#define SHOWN_MAX ((int)MAX_CHAIN_DEPTH - 1)

/* wolfSSL does not keep the chain. False without memory. */
static bool keep_chain(struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    struct tlsmgm_peer_chain *chain = &conn->base.peer_chain;
    if (chain->items != NULL || store->totalCerts <= 0) return true;
    if (tlsmgm_peer_chain_reserve(chain, (size_t)store->totalCerts) != TLSMGM_STATUS_OK)
        return false;
    for (int i = 0; i < store->totalCerts; i++) {
        struct tlsmgm_bytes der = {store->certs[i].buffer, store->certs[i].length};
        if (tlsmgm_peer_chain_add(chain, der) != TLSMGM_STATUS_OK) return false;
    }
    return true;
}

void wssl_refuse(struct tlsmgm_conn *conn, enum tlsmgm_verify_reason reason, const char *text) {
    if (conn->verdict.is_given && conn->verdict.reason != TLSMGM_VERIFY_NONE) return;
    conn->verdict = (struct wssl_verdict){.is_given = true, .reason = reason, .text = text};
}

static struct tlsmgm_path_question question_about(const struct tlsmgm_conn *conn) {
    const struct tlsmgm_ctx *ctx = conn->base.ctx;
    return (struct tlsmgm_path_question){
        .is_server = !ctx->base.is_server,
        .accept_server_eku = ctx->accept_server_eku,
        .verify_depth = ctx->verify_depth,
        .min_rsa_bits = ctx->base.min_rsa_bits,
        .is_strict = ctx->base.is_strict,
        .check_crls = ctx->anchors.crl_count > 0,
        .check_all_crls = ctx->check_all_crls,
        .now = tlsmgm_clock(),
        .anchors = &ctx->anchors,
        .peer_rules = &ctx->base.peer_rules,
        .name = tlsmgm_session_owner_checked(conn->base.owner),
        .signature_check = wssl_check_signature,
    };
}

static void judge(struct tlsmgm_conn *conn) {
    struct tlsmgm_path_question question = question_about(conn);
    struct tlsmgm_bytes shown[TLSMGM_PATH_SHOWN_MAX];
    struct tlsmgm_path_answer answer;
    const struct tlsmgm_peer_chain *chain = &conn->base.peer_chain;
    for (size_t i = 0; i < chain->count && i < TLSMGM_PATH_SHOWN_MAX; i++) {
        shown[i] = tlsmgm_peer_chain_at(chain, i);
    }
    question.shown = shown;
    question.shown_count = chain->count;
    switch (tlsmgm_path_judge(&question, &answer, NULL)) {
        case TLSMGM_STATUS_OK:
            wssl_refuse(conn, answer.reason, answer.text); /* or not */
            conn->verdict.strict = answer.strict;
            conn->verdict.depth = answer.depth;
            break;
        case TLSMGM_STATUS_NO_MEMORY:
            conn->verdict.no_memory = true;
            return;
        default:
            wssl_refuse(conn, TLSMGM_VERIFY_MALFORMED, "a certificate cannot be decoded");
            break;
    }
    if (answer.reason == TLSMGM_VERIFY_NONE && conn->base.ctx->require_staple &&
        !wssl_expect_staple_of(conn, answer.issuer)) {
        conn->verdict.no_memory = true;
    }
}

/*
 * As OpenSSL has it: in TLS 1.2 a server's key on a curve must be one that may sign; of others, and
 * in TLS 1.3, nobody asks.
 */
static bool may_sign(const struct tlsmgm_conn *conn) {
    if (conn->base.ctx->base.is_server || wolfSSL_version(conn->ssl) > TLS1_2_VERSION) return true;
    if (conn->base.peer_chain.count == 0) return false;
    struct tlsmgm_bytes leaf = tlsmgm_peer_chain_at(&conn->base.peer_chain, 0);
    return tlsmgm_key_kind_is_rsa(tlsmgm_key_kind(leaf));
}

/*
 * Called twice: with what wolfSSL thinks of the certificate, which does not count, and, if we have
 * let it pass, with what it thinks of the key.
 */
static void look_at(struct tlsmgm_conn *conn, const WOLFSSL_X509_STORE_CTX *store) {
    if (store->totalCerts > SHOWN_MAX) {
        wssl_refuse(conn, TLSMGM_VERIFY_TOO_DEEP, "too many certificates were sent");
    } else if (store->error == PEER_KEY_ERROR) {
        wssl_refuse(conn, TLSMGM_VERIFY_WEAK_KEY, "wolfSSL cannot use the key");
    } else if (store->error == KEYUSE_SIGNATURE_E && !may_sign(conn)) {
        wssl_refuse(conn, TLSMGM_VERIFY_PURPOSE, "the key may not sign");
    } else if (conn->verdict.is_given) {
        return;
    } else if (keep_chain(conn, store)) {
        judge(conn);
    } else {
        conn->verdict.no_memory = true;
    }
}

int wssl_verify_callback(WOLFSSL_X509_STORE_CTX *store, void *argument) {
    struct tlsmgm_conn *conn = store->userCtx;
    (void)argument;
    if (store->totalCerts <= 0) return store->error == 0; /* a client without a certificate */
    look_at(conn, store);
    bool good = conn->verdict.is_given && conn->verdict.reason == TLSMGM_VERIFY_NONE;
    if (!conn->verdict.no_memory && (good || !conn->base.ctx->base.verify_peer)) return 1;
    store->error = conn->verdict.no_memory ? MEMORY_E : code_for_alert(conn->verdict.reason);
    return 0;
}

bool wssl_is_in_force(struct tlsmgm_bytes der) {
    struct tlsmgm_certificate_fields fields;
    return tlsmgm_certificate_fields_read(der, &fields, NULL) == TLSMGM_STATUS_OK &&
           tlsmgm_time_is_between(fields.not_before, fields.not_after, tlsmgm_clock());
}
