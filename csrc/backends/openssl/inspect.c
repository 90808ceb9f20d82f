/* What a connection negotiated: parameters, certificates, sessions. */
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "kit/clock.h"
#include "x509/certificate_time.h"

/*
 * TLS 1.2 agrees on no key when it resumes; OpenSSL knows the group of the session's first time.
 * A handshake that fails early has no session, and OpenSSL 3.0 looks into it without asking.
 */
static const char *group_name(SSL *ssl) {
    if (SSL_get_session(ssl) == NULL) return NULL;
    if (SSL_session_reused(ssl) == 1 && SSL_version(ssl) < TLS1_3_VERSION) return NULL;
    int group = (int)SSL_get_negotiated_group(ssl);
    return group == 0 ? NULL : SSL_group_to_name(ssl, group);
}

/* Of a handshake that has failed, too. */
static const SSL_CIPHER *cipher_of(SSL *ssl) {
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    return cipher != NULL ? cipher : SSL_get_pending_cipher(ssl);
}

void ossl_cipher_description(struct tlsmgm_conn *conn, char *out) {
    const SSL_CIPHER *cipher = cipher_of(conn->ssl);
    out[0] = '\0';
    if (cipher != NULL) (void)SSL_CIPHER_description(cipher, out, TLSMGM_DESCRIPTION_SIZE);
}

void ossl_conn_info(struct tlsmgm_conn *conn, struct tlsmgm_conn_info *info) {
    *info = (struct tlsmgm_conn_info){0};
    ossl_clear_errors();
    const SSL_CIPHER *cipher = cipher_of(conn->ssl);
    if (cipher != NULL) {
        info->version = (uint16_t)SSL_version(conn->ssl);
        info->cipher = SSL_CIPHER_get_name(cipher);
        info->cipher_bits = SSL_CIPHER_get_bits(cipher, NULL);
    }
    info->group = group_name(conn->ssl);
    unsigned int alpn_size = 0;
    SSL_get0_alpn_selected(conn->ssl, &info->alpn.data, &alpn_size);
    info->alpn.size = alpn_size;
    info->session_reused = SSL_session_reused(conn->ssl) == 1;
    info->is_unique = info->version >= TLS1_3_VERSION || SSL_get_extms_support(conn->ssl) == 1;
    bool has_verified = SSL_get0_peer_certificate(conn->ssl) != NULL;
    info->has_peer_certificate = has_verified || conn->base.peer_chain.count > 0;
    info->verify_reason =
        has_verified ? ossl_verify_reason(SSL_get_verify_result(conn->ssl)) : TLSMGM_VERIFY_MISSING;
    if (conn->strict_fault != TLSMGM_STRICT_GOOD)
        info->verify_reason = tlsmgm_strict_reason(conn->strict_fault);
    const struct tlsmgm_error *failure = conn->base.wire.latched;
    if (failure != NULL && failure->verify_reason != TLSMGM_VERIFY_NONE) {
        info->verify_reason = failure->verify_reason;
    }
    ossl_clear_errors();
}

static bool keep_certificate(struct tlsmgm_peer_chain *chain, X509 *certificate) {
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    bool good =
        size > 0 &&
        tlsmgm_peer_chain_add(chain, (struct tlsmgm_bytes){der, (size_t)size}) == TLSMGM_STATUS_OK;
    OPENSSL_free(der);
    return good;
}

/*
 * On a server OpenSSL's chain leaves the leaf out, on a client it does not, and after resumption
 * only the leaf is left. So the leaf is taken by itself and passed over in the chain.
 */
static bool keep_peer_chain(struct tlsmgm_conn *conn, X509 *leaf) {
    struct tlsmgm_peer_chain *kept = &conn->base.peer_chain;
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(conn->ssl);
    int count = chain == NULL ? 0 : sk_X509_num(chain);
    int first = conn->base.ctx->base.is_server ? 0 : 1;
    bool good = tlsmgm_peer_chain_reserve(kept, (size_t)count + 1) == TLSMGM_STATUS_OK &&
                keep_certificate(kept, leaf);
    for (int i = first; good && i < count; i++) {
        good = keep_certificate(kept, sk_X509_value(chain, i));
    }
    return good;
}

/* OpenSSL forgets whom it has refused. Without memory, so do we. */
void ossl_keep_refused(struct tlsmgm_conn *conn, STACK_OF(X509) * shown) {
    struct tlsmgm_peer_chain *kept = &conn->base.peer_chain;
    int count = sk_X509_num(shown);
    if (conn->peer_chain_read || count <= 0) return;
    bool good = tlsmgm_peer_chain_reserve(kept, (size_t)count) == TLSMGM_STATUS_OK;
    for (int i = 0; good && i < count; i++) good = keep_certificate(kept, sk_X509_value(shown, i));
    if (!good) tlsmgm_peer_chain_free(kept);
    conn->peer_chain_read = good;
}

/* Half a chain is none: what finds no memory is tried again when it is next asked for. */
static void read_peer_chain(struct tlsmgm_conn *conn) {
    X509 *leaf = SSL_get0_peer_certificate(conn->ssl);
    conn->peer_chain_read = leaf == NULL || keep_peer_chain(conn, leaf);
    if (!conn->peer_chain_read) tlsmgm_peer_chain_free(&conn->base.peer_chain);
    ossl_clear_errors();
}

struct tlsmgm_bytes ossl_peer_certificate(struct tlsmgm_conn *conn, size_t index) {
    if (!conn->peer_chain_read && conn->base.established) read_peer_chain(conn);
    return tlsmgm_peer_chain_at(&conn->base.peer_chain, index);
}

/* One of the context's; which one, depends on what the client could verify. */
struct tlsmgm_bytes ossl_own_certificate(struct tlsmgm_conn *conn) {
    const struct tlsmgm_blob *first = &conn->base.ctx->base.certificate;
    const struct tlsmgm_blob *second = &conn->base.ctx->certificate2;
    const struct tlsmgm_blob *shown = first;
    unsigned char *der = NULL;
    if (second->size > 0) {
        X509 *certificate = SSL_get_certificate(conn->ssl);
        int size = certificate == NULL ? 0 : i2d_X509(certificate, &der);
        struct tlsmgm_bytes used = {der, size > 0 ? (size_t)size : 0};
        if (tlsmgm_bytes_equal(used, tlsmgm_blob_view(second))) shown = second;
        OPENSSL_free(der);
        ossl_clear_errors();
    }
    return tlsmgm_blob_view(shown);
}

size_t ossl_finished(struct tlsmgm_conn *conn, bool of_peer, uint8_t out[TLSMGM_FINISHED_MAX]) {
    if (!conn->base.established) return 0;
    size_t size = of_peer ? SSL_get_peer_finished(conn->ssl, out, TLSMGM_FINISHED_MAX)
                          : SSL_get_finished(conn->ssl, out, TLSMGM_FINISHED_MAX);
    return size <= TLSMGM_FINISHED_MAX ? size : 0;
}

enum tlsmgm_status ossl_export_keying_material(struct tlsmgm_conn *conn, const char *label,
                                               struct tlsmgm_bytes context, uint8_t *out,
                                               size_t size, struct tlsmgm_error *error) {
    static const uint8_t nothing[1];
    bool has_context = context.data != NULL;
    ossl_clear_errors();
    int result = SSL_export_keying_material(conn->ssl, out, size, label, strlen(label),
                                            has_context ? context.data : nothing, context.size,
                                            has_context ? 1 : 0);
    ossl_clear_errors();
    if (result == 1) return TLSMGM_STATUS_OK;
    return tlsmgm_fail(error, TLSMGM_STATUS_UNSUPPORTED,
                       "OpenSSL exports no keying material for this label and length");
}

static struct tlsmgm_certificate_time time_of(const ASN1_TIME *time) {
    return (struct tlsmgm_certificate_time){
        .digits = {ASN1_STRING_get0_data(time), (size_t)ASN1_STRING_length(time)},
        .is_generalized = ASN1_STRING_type(time) == V_ASN1_GENERALIZEDTIME};
}

/* Each connection that resumes asks; X509_cmp_current_time() goes by way of printed numbers. */
bool ossl_is_in_force(const X509 *peer) {
    return tlsmgm_time_is_between(time_of(X509_get0_notBefore(peer)),
                                  time_of(X509_get0_notAfter(peer)), tlsmgm_clock());
}

static enum tlsmgm_status wrap_session(SSL_SESSION *ssl_session, struct tlsmgm_session_owner *owner,
                                       struct tlsmgm_session **out, struct tlsmgm_error *error) {
    struct tlsmgm_session *session = tlsmgm_calloc(1, sizeof *session);
    if (session == NULL) {
        SSL_SESSION_free(ssl_session);
        return tlsmgm_fail_memory(error);
    }
    session->ssl_session = ssl_session;
    session->owner = tlsmgm_session_owner_ref(owner);
    *out = session;
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status ossl_conn_session(struct tlsmgm_conn *conn, struct tlsmgm_session **out,
                                     struct tlsmgm_error *error) {
    *out = NULL;
    if (conn->base.ctx->base.is_server || !tlsmgm_session_owner_has_scope(conn->base.owner))
        return TLSMGM_STATUS_OK;
    if (!SSL_is_init_finished(conn->ssl)) return TLSMGM_STATUS_OK;
    SSL_SESSION *current = SSL_get0_session(conn->ssl);
    if (current == NULL || SSL_SESSION_is_resumable(current) != 1 ||
        SSL_SESSION_has_ticket(current) != 1) {
        return TLSMGM_STATUS_OK;
    }
    /* In TLS 1.3 a ticket is for one use (RFC 8446 C.4), and each new one comes with a session. */
    if (current == conn->offered && SSL_version(conn->ssl) >= TLS1_3_VERSION)
        return TLSMGM_STATUS_OK;
    /* A copy: OpenSSL spoils the session of a connection that ends without close_notify. */
    SSL_SESSION *copy = SSL_SESSION_dup(current);
    if (copy == NULL) return tlsmgm_fail_memory(error);
    return wrap_session(copy, conn->base.owner, out, error);
}

void ossl_session_free(struct tlsmgm_session *session) {
    if (session == NULL) return;
    SSL_SESSION_free(session->ssl_session);
    tlsmgm_session_owner_free(session->owner);
    tlsmgm_free(session);
}

enum tlsmgm_status ossl_session_export(const struct tlsmgm_session *session, uint8_t *data,
                                       size_t *size, struct tlsmgm_error *error) {
    int der_size = i2d_SSL_SESSION(session->ssl_session, NULL);
    unsigned char *next;
    enum tlsmgm_status status = tlsmgm_session_record_export(
        session->owner, der_size > 0 ? (size_t)der_size : 0, data, size, &next, error);
    if (next != NULL) (void)i2d_SSL_SESSION(session->ssl_session, &next);
    return status;
}

enum tlsmgm_status ossl_session_import(const uint8_t *data, size_t size,
                                       struct tlsmgm_session **out, struct tlsmgm_error *error) {
    struct tlsmgm_session_owner *owner;
    struct tlsmgm_bytes bytes;
    *out = NULL;
    enum tlsmgm_status status =
        tlsmgm_session_record_read((struct tlsmgm_bytes){data, size}, &owner, &bytes, error);
    if (status != TLSMGM_STATUS_OK) return status;
    const unsigned char *der = bytes.data;
    SSL_SESSION *ssl_session =
        bytes.size < TLSMGM_FILE_MAX ? d2i_SSL_SESSION(NULL, &der, (long)bytes.size) : NULL;
    ossl_clear_errors();
    status = ssl_session == NULL ? tlsmgm_session_record_fail(error)
                                 : wrap_session(ssl_session, owner, out, error);
    tlsmgm_session_owner_free(owner);
    return status;
}
