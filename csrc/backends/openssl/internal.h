/* What the files of the OpenSSL backend share. */
#ifndef TLSMGM_OPENSSL_INTERNAL_H
#define TLSMGM_OPENSSL_INTERNAL_H

#include <openssl/ssl.h>

#include "files/source.h"
#include "kit/conn_base.h"
#include "session/ticket_keys.h"
#include "x509/strict.h"

struct tlsmgm_ctx {
    struct tlsmgm_ctx_base base;
    SSL_CTX *ssl_ctx;                /* its app data points back here */
    struct tlsmgm_blob certificate2; /* DER of the second leaf; empty: none */
};

struct tlsmgm_conn {
    struct tlsmgm_conn_base base;
    SSL *ssl;             /* its app data points back here */
    SSL_SESSION *offered; /* a reference, as long as it may be the current one; or NULL */
    int alert_sent;       /* or TLSMGM_NO_ALERT */
    bool peer_chain_read; /* from ssl, when it is first asked for */
    enum tlsmgm_strict_fault strict_fault; /* of the peer's path, and of which certificate */
    size_t strict_depth;
};

struct tlsmgm_session {
    SSL_SESSION *ssl_session;
    struct tlsmgm_session_owner *owner;
};

/* library.c: what there is once. */
TLSMGM_MUST_USE enum tlsmgm_status ossl_init(struct tlsmgm_error *error);
BIO_METHOD *ossl_bio_method(void);
const EVP_CIPHER *ossl_ticket_cipher(void);
const char *ossl_cipher_name(size_t index); /* or NULL, behind the last */
bool ossl_cipher_is_known(struct tlsmgm_bytes word);

/* context.c */
TLSMGM_MUST_USE enum tlsmgm_status ossl_ctx_new(const struct tlsmgm_ctx_config *config,
                                                struct tlsmgm_ctx **out,
                                                struct tlsmgm_error *error);
void ossl_ctx_free(struct tlsmgm_ctx *ctx);

/* credentials.c: what a context presents. */
TLSMGM_MUST_USE enum tlsmgm_status ossl_load_identity(struct tlsmgm_ctx *ctx,
                                                      const struct tlsmgm_ctx_config *config,
                                                      struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status ossl_load_dh_params(struct tlsmgm_ctx *ctx,
                                                       const struct tlsmgm_ctx_config *config,
                                                       struct tlsmgm_error *error);

/* signatures.c */
TLSMGM_MUST_USE enum tlsmgm_status ossl_set_signatures(SSL_CTX *ssl_ctx,
                                                       const struct tlsmgm_ctx_config *config,
                                                       struct tlsmgm_error *error);
void ossl_signatures(struct tlsmgm_conn *conn, const char **own, const char **peer);

/* trust.c: whom it trusts. */
TLSMGM_MUST_USE enum tlsmgm_status ossl_load_trust(struct tlsmgm_ctx *ctx,
                                                   const struct tlsmgm_ctx_config *config,
                                                   struct tlsmgm_error *error);

/* ocsp.c */
TLSMGM_MUST_USE enum tlsmgm_status ossl_load_staple(struct tlsmgm_ctx *ctx,
                                                    const struct tlsmgm_source *source,
                                                    struct tlsmgm_error *error);
int ossl_staple_callback(SSL *ssl, void *argument);
int ossl_check_staple_callback(SSL *ssl, void *argument);

/* verify.c */
int ossl_verify_callback(X509_STORE_CTX *store, void *argument);

/* tickets.c */
int ossl_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing);

/* callbacks.c: set in a context, called for its connections. */
int ossl_client_hello_callback(SSL *ssl, int *alert, void *argument);
void ossl_info_callback(const SSL *ssl, int where, int value);

/* connection.c */
TLSMGM_MUST_USE enum tlsmgm_status ossl_conn_new(struct tlsmgm_ctx *ctx,
                                                 const struct tlsmgm_conn_config *config,
                                                 struct tlsmgm_conn **out,
                                                 struct tlsmgm_error *error);
void ossl_conn_free(struct tlsmgm_conn *conn);
TLSMGM_MUST_USE enum tlsmgm_status ossl_handshake(struct tlsmgm_conn *conn,
                                                  struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status ossl_read(struct tlsmgm_conn *conn, uint8_t *data, size_t size,
                                             size_t *count, struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status ossl_write(struct tlsmgm_conn *conn, const uint8_t *data,
                                              size_t size, size_t *count,
                                              struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status ossl_shutdown(struct tlsmgm_conn *conn,
                                                 struct tlsmgm_error *error);

/* inspect.c: what was negotiated, certificates, sessions. */
void ossl_cipher_description(struct tlsmgm_conn *conn, char *out);
void ossl_conn_info(struct tlsmgm_conn *conn, struct tlsmgm_conn_info *info);
void ossl_keep_refused(struct tlsmgm_conn *conn, STACK_OF(X509) * shown); /* the leaf first */
struct tlsmgm_bytes ossl_own_certificate(struct tlsmgm_conn *conn);
size_t ossl_finished(struct tlsmgm_conn *conn, bool of_peer, uint8_t out[TLSMGM_FINISHED_MAX]);
TLSMGM_MUST_USE enum tlsmgm_status ossl_export_keying_material(struct tlsmgm_conn *conn,
                                                               const char *label,
                                                               struct tlsmgm_bytes context,
                                                               uint8_t *out, size_t size,
                                                               struct tlsmgm_error *error);
struct tlsmgm_bytes ossl_peer_certificate(struct tlsmgm_conn *conn, size_t index);
TLSMGM_MUST_USE enum tlsmgm_status ossl_conn_session(struct tlsmgm_conn *conn,
                                                     struct tlsmgm_session **out,
                                                     struct tlsmgm_error *error);
bool ossl_is_in_force(const X509 *peer); /* within its dates now */
void ossl_session_free(struct tlsmgm_session *session);
TLSMGM_MUST_USE enum tlsmgm_status ossl_session_export(const struct tlsmgm_session *session,
                                                       uint8_t *data, size_t *size,
                                                       struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status ossl_session_import(const uint8_t *data, size_t size,
                                                       struct tlsmgm_session **out,
                                                       struct tlsmgm_error *error);

/* error.c: the only reader of OpenSSL's error queue. All empty the queue. */
void ossl_clear_errors(void);
enum tlsmgm_status ossl_fail_conn(struct tlsmgm_conn *conn, int result, struct tlsmgm_error *error);
enum tlsmgm_status ossl_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                       const char *what);
/* place may be NULL. */
enum tlsmgm_status ossl_fail_item(struct tlsmgm_error *error, const char *parameter,
                                  const char *place, const char *what);
enum tlsmgm_verify_reason ossl_verify_reason(long result);

#endif
