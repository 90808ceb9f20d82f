/* What a connection negotiated: parameters, certificates, sessions. */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/status.h"

/* Seconds for which a ticket without a lifetime is offered; what OpenSSL's clients do. */
#define OPEN_LIFETIME 7200

static bool is_resumed(struct tlsmgm_conn *conn) { return wolfSSL_session_reused(conn->ssl) == 1; }

static enum tlsmgm_verify_reason peer_reason(struct tlsmgm_conn *conn) {
    if (conn->base.peer_chain.count > 0) {
        return conn->verdict.is_given ? conn->verdict.reason : TLSMGM_VERIFY_OTHER;
    }
    return is_resumed(conn) && conn->resumed_leaf.size > 0 ? conn->resumed_reason
                                                           : TLSMGM_VERIFY_MISSING;
}

/* What was agreed on, as the library has it now. */
static struct tlsmgm_bytes present_alpn(struct tlsmgm_conn *conn) {
    char *protocol = NULL;
    unsigned short size = 0;
    if (wolfSSL_ALPN_GetProtocol(conn->ssl, &protocol, &size) != WOLFSSL_SUCCESS) size = 0;
    return (struct tlsmgm_bytes){(const uint8_t *)protocol, size};
}

enum tlsmgm_status wssl_note_alpn(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    struct tlsmgm_bytes found = present_alpn(conn);
    return found.size == 0 ? TLSMGM_STATUS_OK : tlsmgm_blob_copy(found, &conn->alpn, error);
}

/* NULL before there is one. */
static const char *cipher_of(WOLFSSL *ssl) {
    const char *name = wssl_cipher_common_name(wolfSSL_get_cipher_name(ssl));
    return name != NULL && strcmp(name, "None") != 0 ? name : NULL;
}

void wssl_cipher_description(struct tlsmgm_conn *conn, char *out) {
    const char *cipher = cipher_of(conn->ssl);
    out[0] = '\0';
    if (cipher == NULL) return;
    wssl_cipher_describe(cipher, (uint16_t)wolfSSL_version(conn->ssl), out,
                         TLSMGM_DESCRIPTION_SIZE);
}

void wssl_conn_info(struct tlsmgm_conn *conn, struct tlsmgm_conn_info *info) {
    *info = (struct tlsmgm_conn_info){0};
    info->cipher = cipher_of(conn->ssl);
    if (info->cipher != NULL) {
        info->version = (uint16_t)wolfSSL_version(conn->ssl);
        info->cipher_bits = wssl_cipher_bits(info->cipher);
        info->group = wssl_group_common_name(wolfSSL_get_curve_name(conn->ssl));
    }
    info->alpn = conn->base.established ? tlsmgm_blob_view(&conn->alpn) : present_alpn(conn);
    info->session_reused = is_resumed(conn);
    info->is_unique = info->version >= TLSMGM_TLS1_3; /* wolfSSL does not tell of TLS 1.2 */
    info->has_peer_certificate =
        conn->base.peer_chain.count > 0 || (info->session_reused && conn->resumed_leaf.size > 0);
    info->verify_reason = peer_reason(conn);
}

struct tlsmgm_bytes wssl_peer_certificate(struct tlsmgm_conn *conn, size_t index) {
    const struct tlsmgm_peer_chain *chain = &conn->base.peer_chain;
    if (index == 0 && chain->count == 0 && conn->base.established && is_resumed(conn)) {
        return tlsmgm_blob_view(&conn->resumed_leaf);
    }
    return tlsmgm_peer_chain_at(chain, index);
}

struct tlsmgm_bytes wssl_own_certificate(struct tlsmgm_conn *conn) {
    return tlsmgm_blob_view(&conn->base.ctx->base.certificate);
}

size_t wssl_finished(struct tlsmgm_conn *conn, bool of_peer, uint8_t out[TLSMGM_FINISHED_MAX]) {
#ifdef WOLFSSL_HAVE_TLS_UNIQUE
    if (!conn->base.established) return 0;
    return of_peer ? wolfSSL_get_peer_finished(conn->ssl, out, TLSMGM_FINISHED_MAX)
                   : wolfSSL_get_finished(conn->ssl, out, TLSMGM_FINISHED_MAX);
#else
    (void)conn;
    (void)of_peer;
    (void)out;
    return 0;
#endif
}

enum tlsmgm_status wssl_export_keying_material(struct tlsmgm_conn *conn, const char *label,
                                               struct tlsmgm_bytes context, uint8_t *out,
                                               size_t size, struct tlsmgm_error *error) {
    struct tlsmgm_bytes name = {(const uint8_t *)label, strlen(label)};
    if (conn->base.established && wssl_exporter_export(conn, name, context, out, size)) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_fail(error, TLSMGM_STATUS_UNSUPPORTED,
                       "wolfSSL exports no keying material for this label and length");
}

static enum tlsmgm_status wrap_session(WOLFSSL_SESSION *ssl_session,
                                       struct tlsmgm_session_owner *owner,
                                       enum tlsmgm_verify_reason reason, struct tlsmgm_bytes leaf,
                                       struct tlsmgm_session **out, struct tlsmgm_error *error) {
    struct tlsmgm_session *session = tlsmgm_calloc(1, sizeof *session);
    if (session == NULL || tlsmgm_blob_copy(leaf, &session->leaf, error) != TLSMGM_STATUS_OK) {
        wolfSSL_SESSION_free(ssl_session);
        tlsmgm_free(session);
        return tlsmgm_fail_memory(error);
    }
    session->ssl_session = ssl_session;
    session->owner = tlsmgm_session_owner_ref(owner);
    session->verify_reason = reason;
    *out = session;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status wssl_conn_session(struct tlsmgm_conn *conn, struct tlsmgm_session **out,
                                     struct tlsmgm_error *error) {
    *out = NULL;
    if (conn->base.ctx->base.is_server || !conn->base.established ||
        !tlsmgm_session_owner_has_scope(conn->base.owner))
        return TLSMGM_STATUS_OK;
    /* Without a new ticket, TLS 1.3 would pair the old one with the new connection's secret. */
    if (!conn->ticket_received && wolfSSL_version(conn->ssl) >= TLS1_3_VERSION)
        return TLSMGM_STATUS_OK;
    WOLFSSL_SESSION *ssl_session = wolfSSL_get1_session(conn->ssl);
    if (ssl_session == NULL || wolfSSL_SESSION_has_ticket(ssl_session) != 1) {
        wolfSSL_SESSION_free(ssl_session);
        return TLSMGM_STATUS_OK;
    }
    /* A copy: wolfSSL goes on writing the next ticket into the session of the connection. */
    WOLFSSL_SESSION *copy = wolfSSL_SESSION_dup(ssl_session);
    wolfSSL_SESSION_free(ssl_session);
    if (copy == NULL) return tlsmgm_fail_memory(error);
    /* A server may leave the lifetime of a ticket open by saying 0 (RFC 5077 section 3.3), as
     * OpenSSL's does with every renewed one; wolfSSL takes such a session for expired. */
    if (wolfSSL_SESSION_get_timeout(copy) == 0) {
        (void)wolfSSL_SSL_SESSION_set_timeout(copy, OPEN_LIFETIME);
    }
    return wrap_session(copy, conn->base.owner, peer_reason(conn), wssl_peer_certificate(conn, 0),
                        out, error);
}

void wssl_session_free(struct tlsmgm_session *session) {
    if (session == NULL) return;
    wolfSSL_SESSION_free(session->ssl_session);
    tlsmgm_blob_free(&session->leaf);
    tlsmgm_session_owner_free(session->owner);
    tlsmgm_free(session);
}

#define REASON_SIZE      1u
#define LEAF_LENGTH_SIZE 3u

/* Behind the owner: the reason, the leaf after its length, and wolfSSL's own bytes. */
enum tlsmgm_status wssl_session_export(const struct tlsmgm_session *session, uint8_t *data,
                                       size_t *size, struct tlsmgm_error *error) {
    int native_size = wolfSSL_i2d_SSL_SESSION(session->ssl_session, NULL);
    size_t leaf_size = session->leaf.size;
    bool good = native_size > 0 && leaf_size <= 0xffffff;
    size_t whole = REASON_SIZE + LEAF_LENGTH_SIZE + leaf_size + (good ? (size_t)native_size : 0);
    uint8_t *next;
    enum tlsmgm_status status =
        tlsmgm_session_record_export(session->owner, good ? whole : 0, data, size, &next, error);
    if (next == NULL) return status;
    *next++ = (uint8_t)session->verify_reason;
    *next++ = (uint8_t)(leaf_size >> 16);
    *next++ = (uint8_t)(leaf_size >> 8);
    *next++ = (uint8_t)leaf_size;
    if (leaf_size > 0) memcpy(next, session->leaf.data, leaf_size);
    next += leaf_size;
    (void)wolfSSL_i2d_SSL_SESSION(session->ssl_session, &next);
    return TLSMGM_STATUS_OK;
}

/* What stands behind the owner; NULL: it is no session. leaf is borrowed. */
static WOLFSSL_SESSION *read_session(struct tlsmgm_bytes bytes, enum tlsmgm_verify_reason *reason,
                                     struct tlsmgm_bytes *leaf) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(bytes);
    uint32_t number;
    if (!tlsmgm_cursor_number(&cursor, REASON_SIZE, &number) ||
        tlsmgm_verify_reason_word((enum tlsmgm_verify_reason)number) == NULL ||
        !tlsmgm_cursor_vector(&cursor, LEAF_LENGTH_SIZE, leaf) || cursor.left == 0 ||
        cursor.left >= TLSMGM_FILE_MAX) {
        return NULL;
    }
    const unsigned char *native = cursor.next;
    *reason = (enum tlsmgm_verify_reason)number;
    return wolfSSL_d2i_SSL_SESSION(NULL, &native, (long)cursor.left);
}

enum tlsmgm_status wssl_session_import(const uint8_t *data, size_t size,
                                       struct tlsmgm_session **out, struct tlsmgm_error *error) {
    struct tlsmgm_session_owner *owner;
    struct tlsmgm_bytes bytes;
    struct tlsmgm_bytes leaf;
    enum tlsmgm_verify_reason reason;
    *out = NULL;
    enum tlsmgm_status status =
        tlsmgm_session_record_read((struct tlsmgm_bytes){data, size}, &owner, &bytes, error);
    if (status != TLSMGM_STATUS_OK) return status;
    WOLFSSL_SESSION *ssl_session = read_session(bytes, &reason, &leaf);
    status = ssl_session == NULL ? tlsmgm_session_record_fail(error)
                                 : wrap_session(ssl_session, owner, reason, leaf, out, error);
    tlsmgm_session_owner_free(owner);
    return status;
}
