/* Connections: OpenSSL between two wire buffers. */
#include <openssl/x509v3.h>
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/alloc.h"
#include "base/error.h"

static enum tlsmgm_status set_client_name(struct tlsmgm_conn *conn,
                                          const struct tlsmgm_conn_config *config,
                                          struct tlsmgm_error *error) {
    if (config->server_name.data == NULL) return TLSMGM_STATUS_OK;
    struct tlsmgm_bytes name = tlsmgm_session_owner_name(conn->base.owner);
    const char *text = (const char *)name.data; /* a 0 follows */
    if (name.size > 0 && strlen(text) == name.size &&
        SSL_set_tlsext_host_name(conn->ssl, text) == 1) {
        return TLSMGM_STATUS_OK;
    }
    return ossl_fail_parameter(error, "server_name", "the server name cannot be sent");
}

/*
 * The name itself is looked for in verify.c, with the matcher of both backends: releases of OpenSSL
 * differ in the names that they take. Its name constraints must know, though, that the common name
 * is none (RFC 9525).
 */
static void leave_out_common_name(struct tlsmgm_conn *conn) {
    bool is_checked = tlsmgm_session_owner_checked(conn->base.owner).size > 0;
    if (!is_checked || conn->base.ctx->base.peer_rules.is_sip) return;
    X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(conn->ssl), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
}

/* OpenSSL gives a connection the verdict of the session that it is to offer, and has no other way
 * to ask for it. */
static void withdraw_unverified(SSL *ssl) {
    if (SSL_get_verify_result(ssl) == X509_V_OK) return;
    (void)SSL_set_session(ssl, NULL);
    SSL_set_verify_result(ssl, X509_V_OK);
}

/* A resumed handshake shows no certificate: who verifies offers none whose peer was not verified.
 */
static enum tlsmgm_status offer_session(struct tlsmgm_conn *conn,
                                        const struct tlsmgm_session *session,
                                        struct tlsmgm_error *error) {
    if (session == NULL || !tlsmgm_session_owner_matches(session->owner, conn->base.owner)) {
        return TLSMGM_STATUS_OK;
    }
    bool verifies = conn->base.ctx->base.verify_peer;
    if (verifies) {
        const X509 *peer = SSL_SESSION_get0_peer(session->ssl_session);
        if (peer == NULL || !ossl_is_in_force(peer)) return TLSMGM_STATUS_OK;
    }
    /* A copy: freeing a connection that was not closed spoils the session that it holds. */
    SSL_SESSION *copy = SSL_SESSION_dup(session->ssl_session);
    conn->offered = copy;
    bool offered = copy != NULL && SSL_set_session(conn->ssl, copy) == 1;
    if (offered && verifies) withdraw_unverified(conn->ssl);
    if (offered) return TLSMGM_STATUS_OK;
    return ossl_fail_parameter(error, "session", "the session cannot be offered");
}

static enum tlsmgm_status start(struct tlsmgm_conn *conn, const struct tlsmgm_conn_config *config,
                                struct tlsmgm_error *error) {
    BIO *bio = BIO_new(ossl_bio_method());
    if (bio == NULL) return tlsmgm_fail_memory(error);
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    SSL_set_bio(conn->ssl, bio, bio);
    (void)SSL_set_app_data(conn->ssl, conn);
    if (conn->base.ctx->base.is_server) {
        SSL_set_accept_state(conn->ssl);
        return TLSMGM_STATUS_OK;
    }
    SSL_set_connect_state(conn->ssl);
    enum tlsmgm_status status = set_client_name(conn, config, error);
    leave_out_common_name(conn);
    if (status == TLSMGM_STATUS_OK) status = offer_session(conn, config->session, error);
    return status;
}

enum tlsmgm_status ossl_conn_new(struct tlsmgm_ctx *ctx, const struct tlsmgm_conn_config *config,
                                 struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    *out = NULL;
    ossl_clear_errors();
    struct tlsmgm_conn *conn = tlsmgm_calloc(1, sizeof *conn);
    if (conn == NULL) return tlsmgm_fail_memory(error);
    conn->alert_sent = TLSMGM_NO_ALERT;
    enum tlsmgm_status status = tlsmgm_conn_base_init(&conn->base, ctx, config, error);
    if (status == TLSMGM_STATUS_OK) {
        conn->ssl = SSL_new(ctx->ssl_ctx);
        status = conn->ssl == NULL ? tlsmgm_fail_memory(error) : start(conn, config, error);
    }
    ossl_clear_errors();
    if (status != TLSMGM_STATUS_OK) {
        ossl_conn_free(conn);
        return status;
    }
    *out = conn;
    return TLSMGM_STATUS_OK;
}

void ossl_conn_free(struct tlsmgm_conn *conn) {
    if (conn == NULL) return;
    /* Without a close_notify OpenSSL would spoil the session, which others may hold and offer. */
    if (conn->ssl != NULL) SSL_set_shutdown(conn->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(conn->ssl);
    SSL_SESSION_free(conn->offered);
    tlsmgm_conn_base_clear(&conn->base);
    ossl_ctx_free(conn->base.ctx);
    tlsmgm_free(conn);
}

enum tlsmgm_status ossl_handshake(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    ossl_clear_errors();
    int result = SSL_do_handshake(conn->ssl);
    return result == 1 ? TLSMGM_STATUS_OK : ossl_fail_conn(conn, result, error);
}

/*
 * Known without asking OpenSSL, which takes as long to say so as to read a small message. That
 * relies on two habits of OpenSSL: it reads ahead only in records of application data, so none are
 * left behind in the record layer of the handshake, and within one call it reads on behind a
 * KeyUpdate.
 */
static bool has_nothing_to_read(const struct tlsmgm_conn *conn) {
    return conn->base.established && !tlsmgm_wire_has_input(&conn->base.wire) &&
           !conn->base.wire.input_ended && !SSL_has_pending(conn->ssl) &&
           SSL_get_shutdown(conn->ssl) == 0;
}

/*
 * Fills data as far as the wire bytes reach: fewer calls for the caller, one per record for us, and
 * none that could only say that it wants more.
 */
enum tlsmgm_status ossl_read(struct tlsmgm_conn *conn, uint8_t *data, size_t size, size_t *count,
                             struct tlsmgm_error *error) {
    *count = 0;
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (size == 0) return TLSMGM_STATUS_OK;
    if (has_nothing_to_read(conn)) return TLSMGM_STATUS_WANT_READ;
    ossl_clear_errors();
    while (*count < size) {
        size_t taken = 0;
        int result = SSL_read_ex(conn->ssl, data + *count, size - *count, &taken);
        *count += taken;
        if (result != 1) {
            status = ossl_fail_conn(conn, result, error);
            return *count > 0 ? TLSMGM_STATUS_OK
                              : status; /* fatal ones are latched for the next call */
        }
        if (!tlsmgm_wire_has_input(&conn->base.wire) && !SSL_has_pending(conn->ssl)) break;
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status ossl_write(struct tlsmgm_conn *conn, const uint8_t *data, size_t size,
                              size_t *count, struct tlsmgm_error *error) {
    *count = 0;
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (conn->base.wire.close_sent) return TLSMGM_STATUS_CLOSED;
    ossl_clear_errors();
    while (*count < size) {
        size_t taken = 0;
        size_t piece = size - *count < TLSMGM_RECORD_MAX ? size - *count : TLSMGM_RECORD_MAX;
        if (tlsmgm_wire_is_full(&conn->base.wire)) {
            return *count > 0 ? TLSMGM_STATUS_OK : TLSMGM_STATUS_WANT_WRITE;
        }
        int result = SSL_write_ex(conn->ssl, data + *count, piece, &taken);
        *count += taken;
        if (result == 1) continue;
        status = ossl_fail_conn(conn, result, error);
        return *count > 0 ? TLSMGM_STATUS_OK : status;
    }
    return TLSMGM_STATUS_OK;
}

/* Whether the peer has closed is known from reading; this only says goodbye ourselves. */
enum tlsmgm_status ossl_shutdown(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (!SSL_is_init_finished(conn->ssl)) return TLSMGM_STATUS_OK;
    ossl_clear_errors();
    if (!conn->base.wire.close_sent) {
        int result = SSL_shutdown(conn->ssl);
        if (result < 0) return ossl_fail_conn(conn, result, error);
        conn->base.wire.close_sent = true;
    }
    return (SSL_get_shutdown(conn->ssl) & SSL_RECEIVED_SHUTDOWN) != 0 ? TLSMGM_STATUS_OK
                                                                      : TLSMGM_STATUS_WANT_READ;
}
