/* Connections: wolfSSL between two wire buffers. */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alert.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/count.h"
#include "base/error.h"
#include "base/wipe.h"

/* The library must read the name for which this context was chosen, byte for byte. */
static enum tlsmgm_status expect_name(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    if (!conn->base.has_server_name) return TLSMGM_STATUS_OK;
    struct tlsmgm_bytes name = tlsmgm_session_owner_name(conn->base.owner);
    if (wolfSSL_UseSNI(conn->ssl, WOLFSSL_SNI_HOST_NAME, name.data, (word16)name.size) !=
        WOLFSSL_SUCCESS) {
        return tlsmgm_fail_memory(error);
    }
    wolfSSL_SNI_SetOptions(conn->ssl, WOLFSSL_SNI_HOST_NAME, WOLFSSL_SNI_ABORT_ON_ABSENCE);
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status send_name(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    if (!conn->base.has_server_name) return TLSMGM_STATUS_OK;
    struct tlsmgm_bytes name = tlsmgm_session_owner_name(conn->base.owner);
    if (name.size > 0 && memchr(name.data, 0, name.size) == NULL &&
        wolfSSL_UseSNI(conn->ssl, WOLFSSL_SNI_HOST_NAME, name.data, (word16)name.size) ==
            WOLFSSL_SUCCESS) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_fail_parameter(error, "server_name", "the server name cannot be sent");
}

/* A resumed handshake shows no certificate: what the session says of the peer must be good. */
static bool peer_was_verified(const struct tlsmgm_session *session) {
    struct tlsmgm_bytes peer = tlsmgm_blob_view(&session->leaf);
    return session->verify_reason == TLSMGM_VERIFY_NONE && peer.size > 0 && wssl_is_in_force(peer);
}

/* What the session knew of the peer comes along. */
static enum tlsmgm_status offer_session(struct tlsmgm_conn *conn,
                                        const struct tlsmgm_session *session,
                                        struct tlsmgm_error *error) {
    if (session == NULL || !tlsmgm_session_owner_matches(session->owner, conn->base.owner)) {
        return TLSMGM_STATUS_OK;
    }
    if (conn->base.ctx->base.verify_peer && !peer_was_verified(session)) return TLSMGM_STATUS_OK;
    /* A copy: wolfSSL writes the next ticket into the session that a connection holds. */
    WOLFSSL_SESSION *copy = wolfSSL_SESSION_dup(session->ssl_session);
    if (copy == NULL) return tlsmgm_fail_memory(error);
    int result = wolfSSL_set_session(conn->ssl, copy);
    wolfSSL_SESSION_free(copy);
    if (result != WOLFSSL_SUCCESS) return TLSMGM_STATUS_OK; /* too old: a full handshake */
    conn->resumed_reason = session->verify_reason;
    return tlsmgm_blob_copy(tlsmgm_blob_view(&session->leaf), &conn->resumed_leaf, error);
}

static int ticket_arrived(WOLFSSL *ssl, const unsigned char *ticket, int size, void *argument) {
    struct tlsmgm_conn *conn = argument;
    (void)ssl;
    (void)ticket;
    (void)size;
    conn->ticket_received = true;
    return 0;
}

static void log_secret(WOLFSSL *ssl, const char *label, const void *secret, int size,
                       const struct tlsmgm_conn *conn) {
    unsigned char random[32];
    if (size <= 0 || wolfSSL_get_client_random(ssl, random, sizeof random) != sizeof random) return;
    tlsmgm_keylog_secret(&conn->base.ctx->base.keylog, label, random, secret, (size_t)size);
}

/* wolfSSL's callback for this is not called when a session is resumed. */
static void log_master_secret(const struct tlsmgm_conn *conn) {
    const struct wssl_exporter *exporter = &conn->exporter;
    const struct tlsmgm_keylog *keylog = &conn->base.ctx->base.keylog;
    if (keylog->descriptor < 0 || exporter->secret_size == 0) return;
    if (wolfSSL_version(conn->ssl) > TLS1_2_VERSION) return;
    tlsmgm_keylog_secret(keylog, "CLIENT_RANDOM", exporter->randoms, exporter->secret,
                         exporter->secret_size);
}

static void log_tls13_secret(WOLFSSL *ssl, int id, const unsigned char *secret, int size,
                             const struct tlsmgm_conn *conn) {
    static const char *const labels[] = {
        [CLIENT_HANDSHAKE_TRAFFIC_SECRET] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        [SERVER_HANDSHAKE_TRAFFIC_SECRET] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        [CLIENT_TRAFFIC_SECRET] = "CLIENT_TRAFFIC_SECRET_0",
        [SERVER_TRAFFIC_SECRET] = "SERVER_TRAFFIC_SECRET_0",
        [EXPORTER_SECRET] = "EXPORTER_SECRET",
    };
    if (id < 0 || (size_t)id >= TLSMGM_COUNT(labels) || labels[id] == NULL) return;
    log_secret(ssl, labels[id], secret, size, conn);
}

static int secret_made(WOLFSSL *ssl, int id, const unsigned char *secret, int size,
                       void *argument) {
    struct tlsmgm_conn *conn = argument;
    if (id == EXPORTER_SECRET && size > 0) wssl_exporter_keep(conn, secret, (size_t)size);
    if (conn->base.ctx->base.keylog.descriptor >= 0) log_tls13_secret(ssl, id, secret, size, conn);
    return 0;
}

static enum tlsmgm_status start(struct tlsmgm_conn *conn, const struct tlsmgm_conn_config *config,
                                struct tlsmgm_error *error) {
    wolfSSL_SetIOReadCtx(conn->ssl, conn);
    wolfSSL_SetIOWriteCtx(conn->ssl, conn);
    wolfSSL_SetCertCbCtx(conn->ssl, conn);
    wolfSSL_KeepArrays(conn->ssl); /* until it is complete; without them there is no exporter */
    (void)wolfSSL_set_tls13_secret_cb(conn->ssl, secret_made, conn);
    if (conn->base.ctx->base.is_server) return expect_name(conn, error);
    (void)wolfSSL_set_SessionTicket_cb(conn->ssl, ticket_arrived, conn);
    if (conn->base.ctx->require_staple && !wssl_require_staple(conn))
        return tlsmgm_fail_memory(error);
    /* What is added later comes first in the hello, where the name is expected. */
    enum tlsmgm_status status = offer_session(conn, config->session, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_send_shares(conn, error);
    if (status == TLSMGM_STATUS_OK) status = send_name(conn, error);
    return status;
}

/*
 * Of two certificates the one that the client can verify; of two that it can, the one without RSA,
 * which costs less. OpenSSL chooses alike.
 */
static struct tlsmgm_ctx *shown_to(struct tlsmgm_ctx *ctx,
                                   const struct tlsmgm_conn_config *client) {
    if (ctx->second == NULL) return ctx;
    bool first_is_rsa = tlsmgm_key_kind_is_rsa(ctx->key_kind);
    struct tlsmgm_ctx *better = first_is_rsa ? ctx->second : ctx;
    struct tlsmgm_ctx *other = first_is_rsa ? ctx : ctx->second;
    bool offered = tlsmgm_key_kind_is_offered(better->key_kind, client->signature_algorithms,
                                              client->cipher_suites, client->up_to_1_2);
    return offered ? better : other;
}

enum tlsmgm_status wssl_conn_new(struct tlsmgm_ctx *ctx, const struct tlsmgm_conn_config *config,
                                 struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_conn *conn = tlsmgm_calloc(1, sizeof *conn);
    if (conn == NULL) return tlsmgm_fail_memory(error);
    ctx = shown_to(ctx, config);
    conn->no_common_group = ctx->base.is_server && !config->up_to_1_2 && config->groups.size > 0 &&
                            !wssl_has_group_of(ctx, config->groups);
    enum tlsmgm_status status = tlsmgm_conn_base_init(&conn->base, ctx, config, error);
    if (status == TLSMGM_STATUS_OK) {
        conn->ssl = wolfSSL_new(ctx->ssl_ctx);
        status = conn->ssl == NULL ? tlsmgm_fail_memory(error) : start(conn, config, error);
    }
    if (status != TLSMGM_STATUS_OK) {
        wssl_conn_free(conn);
        return status;
    }
    *out = conn;
    return TLSMGM_STATUS_OK;
}

void wssl_conn_free(struct tlsmgm_conn *conn) {
    if (conn == NULL) return;
    wolfSSL_free(conn->ssl);
    wolfSSL_X509_STORE_free(conn->store);
    tlsmgm_wipe(&conn->exporter, sizeof conn->exporter);
    tlsmgm_blob_free(&conn->alpn);
    tlsmgm_blob_free(&conn->resumed_leaf);
    tlsmgm_conn_base_clear(&conn->base);
    wssl_ctx_free(conn->base.ctx);
    tlsmgm_free(conn);
}

/* The rules of the domain hold for a resumed handshake too: no peer, no connection. */
static enum tlsmgm_status check_resumed_peer(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    bool reused = wolfSSL_session_reused(conn->ssl) == 1;
    if (!reused) tlsmgm_blob_free(&conn->resumed_leaf);
    if (!reused || !conn->base.ctx->base.is_server || !conn->base.ctx->base.verify_peer ||
        !conn->base.ctx->base.require_peer || conn->resumed_leaf.size > 0) {
        return TLSMGM_STATUS_OK;
    }
    wssl_refuse(conn, TLSMGM_VERIFY_MISSING, NULL);
    return wssl_fail_verify(conn, error);
}

static bool has_peer_certificate(struct tlsmgm_conn *conn) {
    WOLFSSL_X509 *certificate =
        conn->base.peer_chain.count > 0 ? NULL : wolfSSL_get_peer_certificate(conn->ssl);
    bool found = certificate != NULL || conn->base.peer_chain.count > 0;
    wolfSSL_X509_free(certificate);
    return found;
}

/*
 * A peer that was not resumed has been judged in the callback, and found good where that counts.
 * Should wolfSSL ever pass the callback over, nobody gets through.
 */
static enum tlsmgm_status check_verdict(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    const struct tlsmgm_ctx *ctx = conn->base.ctx;
    bool reused = wolfSSL_session_reused(conn->ssl) == 1;
    bool is_good = conn->verdict.is_given && conn->verdict.reason == TLSMGM_VERIFY_NONE;
    if (!ctx->base.verify_peer || reused || is_good) return TLSMGM_STATUS_OK;
    if (ctx->base.is_server && !ctx->base.require_peer && !has_peer_certificate(conn))
        return TLSMGM_STATUS_OK;
    wssl_refuse(conn, TLSMGM_VERIFY_OTHER, "it was not judged");
    return wssl_fail_verify(conn, error);
}

/* wolfSSL would ask the client for a group that it has not offered (RFC 8446 section 4.1.1). */
static enum tlsmgm_status refuse_groups(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    struct tlsmgm_error failure;
    uint8_t record[TLSMGM_ALERT_RECORD_SIZE];
    (void)tlsmgm_fail(&failure, TLSMGM_STATUS_PROTOCOL, "the client offers no group of the domain");
    tlsmgm_alert_record(TLSMGM_ALERT_HANDSHAKE_FAILURE, record);
    if (tlsmgm_wire_put(&conn->base.wire, record, sizeof record) == TLSMGM_STATUS_OK) {
        failure.alert = TLSMGM_ALERT_HANDSHAKE_FAILURE;
    }
    return tlsmgm_wire_latch(&conn->base.wire, &failure, error);
}

enum tlsmgm_status wssl_handshake(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (conn->base.established) return TLSMGM_STATUS_OK;
    if (conn->no_common_group) return refuse_groups(conn, error);
    wssl_memory_watch();
    int result =
        conn->base.ctx->base.is_server ? wolfSSL_accept(conn->ssl) : wolfSSL_connect(conn->ssl);
    if (result != WOLFSSL_SUCCESS) return wssl_fail_conn(conn, result, error);
    status = check_resumed_peer(conn, error);
    if (status == TLSMGM_STATUS_OK) status = check_verdict(conn, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_note_alpn(conn, error);
    if (status != TLSMGM_STATUS_OK) return status;
    conn->base.established = true;
    wssl_exporter_forget_handshake(conn);
    log_master_secret(conn);
    return TLSMGM_STATUS_OK;
}

/* Nothing is read or written before the peer is known to be whom the domain wants. */
static enum tlsmgm_status establish(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    return conn->base.established ? TLSMGM_STATUS_OK : wssl_handshake(conn, error);
}

enum tlsmgm_status wssl_read(struct tlsmgm_conn *conn, uint8_t *data, size_t size, size_t *count,
                             struct tlsmgm_error *error) {
    *count = 0;
    enum tlsmgm_status status = establish(conn, error);
    if (status != TLSMGM_STATUS_OK || size == 0) return status;
    if (conn->close_received) return TLSMGM_STATUS_CLOSED;
    while (*count < size) {
        size_t piece = size - *count < INT32_MAX ? size - *count : INT32_MAX;
        int result = wolfSSL_read(conn->ssl, data + *count, (int)piece);
        if (result <= 0) {
            status = wssl_fail_conn(conn, result, error);
            return *count > 0 ? TLSMGM_STATUS_OK : status; /* the next call gives it again */
        }
        *count += (size_t)result;
        if (!tlsmgm_wire_has_input(&conn->base.wire) && wolfSSL_pending(conn->ssl) == 0) break;
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status wssl_write(struct tlsmgm_conn *conn, const uint8_t *data, size_t size,
                              size_t *count, struct tlsmgm_error *error) {
    *count = 0;
    enum tlsmgm_status status = establish(conn, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (conn->base.wire.close_sent) return TLSMGM_STATUS_CLOSED;
    while (*count < size) {
        size_t piece = size - *count < TLSMGM_RECORD_MAX ? size - *count : TLSMGM_RECORD_MAX;
        if (tlsmgm_wire_is_full(&conn->base.wire)) {
            return *count > 0 ? TLSMGM_STATUS_OK : TLSMGM_STATUS_WANT_WRITE;
        }
        int result = wolfSSL_write(conn->ssl, data + *count, (int)piece);
        if (result > 0) {
            *count += (size_t)result;
            continue;
        }
        status = wssl_fail_conn(conn, result, error);
        return *count > 0 ? TLSMGM_STATUS_OK : status;
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status wssl_shutdown(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_wire_status(&conn->base.wire, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (!conn->base.established) return TLSMGM_STATUS_OK;
    if (!conn->base.wire.close_sent) {
        int result = wolfSSL_shutdown(conn->ssl);
        if (result < 0) return wssl_fail_conn(conn, result, error);
        conn->base.wire.close_sent = true;
    }
    bool received = (wolfSSL_get_shutdown(conn->ssl) & WOLFSSL_RECEIVED_SHUTDOWN) != 0;
    return received ? TLSMGM_STATUS_OK : TLSMGM_STATUS_WANT_READ;
}
