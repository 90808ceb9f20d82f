/*
 * What the files of the wolfSSL backend share. Only wolfSSL's native handshake and verification
 * is used; its OpenSSL-compatible verifier is not.
 */
#ifndef TLSMGM_WOLFSSL_INTERNAL_H
#define TLSMGM_WOLFSSL_INTERNAL_H

/* options.h comes first: it says how the library was built. */
#include <wolfssl/options.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "files/source.h"
#include "kit/conn_base.h"
#include "kit/credentials.h"
#include "path/anchors.h"
#include "path/path.h"
#include "session/ticket_keys.h"
#include "x509/key_kind.h"

#define WSSL_GROUPS_MAX 8 /* what wolfSSL keeps for a context */

struct tlsmgm_ctx {
    struct tlsmgm_ctx_base base;
    WOLFSSL_CTX *ssl_ctx;
    bool accept_server_eku;
    bool require_staple;
    bool check_all_crls;
    int verify_depth;
    struct tlsmgm_anchors anchors;
    struct tlsmgm_ctx *second; /* the same with the other certificate, or NULL */
    enum tlsmgm_key_kind key_kind;
    int groups[WSSL_GROUPS_MAX]; /* IANA's numbers; none: all that wolfSSL has */
    int group_count;
    int share_count; /* of the first groups a client sends key shares; 0: wolfSSL's choice */
};

/* What became of the peer's certificate. */
struct wssl_verdict {
    bool is_given;
    bool no_memory;
    enum tlsmgm_verify_reason reason;
    const char *text;                /* static */
    enum tlsmgm_strict_fault strict; /* and which certificate breaks the rule, if it is one */
    size_t depth;
};

/* What exported keying material follows from. */
struct wssl_exporter {
    uint8_t secret[48];  /* TLS 1.3: the exporter secret; 1.2: the master secret */
    uint8_t secret_size; /* 0: there is none */
    bool is_sha384;      /* TLS 1.2: of the PRF; in 1.3 the size tells */
    uint8_t randoms[64]; /* TLS 1.2: the client's, the server's */
};

struct tlsmgm_conn {
    struct tlsmgm_conn_base base;
    WOLFSSL *ssl;              /* its I/O contexts point back here */
    WOLFSSL_X509_STORE *store; /* who may sign the staple; NULL where none is required */
    bool close_received;
    bool ticket_received;  /* client: a ticket of this very connection */
    unsigned ticket_depth; /* server: resumptions before this one, of the ticket that was opened */
    bool no_common_group;  /* server, TLS 1.3: there can be no key exchange */
    struct wssl_verdict verdict;
    struct wssl_exporter exporter;
    struct tlsmgm_blob alpn;         /* once established: the library forgets it in the end */
    struct tlsmgm_blob resumed_leaf; /* DER of the peer in the ticket or session in use */
    enum tlsmgm_verify_reason resumed_reason;
};

struct tlsmgm_session {
    WOLFSSL_SESSION *ssl_session;
    struct tlsmgm_session_owner *owner;
    enum tlsmgm_verify_reason verify_reason;
    struct tlsmgm_blob leaf; /* DER of the peer; empty when there was none */
};

/* context.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_ctx_new(const struct tlsmgm_ctx_config *config,
                                                struct tlsmgm_ctx **out,
                                                struct tlsmgm_error *error);
void wssl_ctx_free(struct tlsmgm_ctx *ctx);

/* inspect.c: what the library would not tell for as long as the connection is there. */
TLSMGM_MUST_USE enum tlsmgm_status wssl_note_alpn(struct tlsmgm_conn *conn,
                                                  struct tlsmgm_error *error);

/* ciphers.c: names and what they stand for. */
void wssl_ciphers_init(void);
const char *wssl_cipher_name(size_t index);
bool wssl_cipher_is_known(struct tlsmgm_bytes word);
const char *wssl_cipher_common_name(const char *native);
int wssl_cipher_bits(const char *name);
void wssl_cipher_describe(const char *name, uint16_t version, char *out, size_t size);

/* groups.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_set_groups(struct tlsmgm_ctx *ctx,
                                                   const struct tlsmgm_ctx_config *config,
                                                   struct tlsmgm_error *error);
/* Puts the key shares of a client into its hello; once the session is known that it offers. */
TLSMGM_MUST_USE enum tlsmgm_status wssl_send_shares(struct tlsmgm_conn *conn,
                                                    struct tlsmgm_error *error);
bool wssl_has_group_of(const struct tlsmgm_ctx *ctx, struct tlsmgm_bytes offered);
const char *wssl_group_common_name(const char *native);

/* signatures.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_set_signatures(WOLFSSL_CTX *ssl_ctx,
                                                       const struct tlsmgm_ctx_config *config,
                                                       struct tlsmgm_error *error);
void wssl_signatures(struct tlsmgm_conn *conn, const char **own, const char **peer);

/* credentials.c; a context has one identity. */
TLSMGM_MUST_USE enum tlsmgm_status wssl_load_identity(struct tlsmgm_ctx *ctx,
                                                      const struct tlsmgm_ctx_config *config,
                                                      const struct tlsmgm_identity *identity,
                                                      struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status wssl_load_dh_params(struct tlsmgm_ctx *ctx,
                                                       const struct tlsmgm_ctx_config *config,
                                                       struct tlsmgm_error *error);

/*
 * memory.c: whether wolfSSL was refused memory in this thread since the watch began, which is when
 * a handshake goes on. Nothing that comes later has certificates.
 */
void wssl_memory_init(void);
void wssl_memory_watch(void);
bool wssl_memory_was_short(void);

/* trust.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_load_trust(struct tlsmgm_ctx *ctx,
                                                   const struct tlsmgm_ctx_config *config,
                                                   struct tlsmgm_error *error);

/* stapling.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_load_staple(struct tlsmgm_ctx *ctx,
                                                    const struct tlsmgm_source *source,
                                                    struct tlsmgm_error *error);
bool wssl_require_staple(struct tlsmgm_conn *conn);
int wssl_staple_callback(WOLFSSL *ssl, int verdict, unsigned char *response, word32 size,
                         word32 index, void *argument);
bool wssl_expect_staple_of(struct tlsmgm_conn *conn, struct tlsmgm_bytes issuer); /* DER */

/* signature.c */
enum wc_HashType wssl_hash_of(enum tlsmgm_digest digest);
enum tlsmgm_signature_answer wssl_check_signature(const struct tlsmgm_signature *signature,
                                                  const struct tlsmgm_public_key *key);
bool wssl_can_use_key(const struct tlsmgm_public_key *key); /* this build can compute with it */

/* verify.c: the peer's certificate. The first refusal counts. */
bool wssl_is_in_force(struct tlsmgm_bytes der); /* within its dates now */
int wssl_verify_callback(WOLFSSL_X509_STORE_CTX *store, void *argument);
enum tlsmgm_verify_reason wssl_verify_reason(int code);
void wssl_refuse(struct tlsmgm_conn *conn, enum tlsmgm_verify_reason reason, const char *text);

/* tickets.c */
int wssl_ticket_callback(WOLFSSL *ssl, unsigned char *name, unsigned char *iv, unsigned char *mac,
                         int sealing, unsigned char *ticket, int size, int *out_size,
                         void *argument);

/* callbacks.c: set in a context, called for its connections. */
int wssl_server_name_callback(WOLFSSL *ssl, int *alert, void *argument);
int wssl_wire_receive(WOLFSSL *ssl, char *data, int size, void *argument);
int wssl_wire_send(WOLFSSL *ssl, char *data, int size, void *argument);

/* connection.c */
TLSMGM_MUST_USE enum tlsmgm_status wssl_conn_new(struct tlsmgm_ctx *ctx,
                                                 const struct tlsmgm_conn_config *config,
                                                 struct tlsmgm_conn **out,
                                                 struct tlsmgm_error *error);
void wssl_conn_free(struct tlsmgm_conn *conn);
TLSMGM_MUST_USE enum tlsmgm_status wssl_handshake(struct tlsmgm_conn *conn,
                                                  struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status wssl_read(struct tlsmgm_conn *conn, uint8_t *data, size_t size,
                                             size_t *count, struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status wssl_write(struct tlsmgm_conn *conn, const uint8_t *data,
                                              size_t size, size_t *count,
                                              struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status wssl_shutdown(struct tlsmgm_conn *conn,
                                                 struct tlsmgm_error *error);

/* exporter.c */
void wssl_exporter_keep(struct tlsmgm_conn *conn, const uint8_t *secret, size_t size);
/* Frees what wolfSSL remembers of a handshake that is complete, as far as nobody will need it. */
void wssl_exporter_forget_handshake(struct tlsmgm_conn *conn);
/* context.data NULL: none. False: not for this label or these sizes. */
bool wssl_exporter_export(const struct tlsmgm_conn *conn, struct tlsmgm_bytes label,
                          struct tlsmgm_bytes context, uint8_t *out, size_t size);

/* inspect.c: what was negotiated, certificates, sessions. */
void wssl_cipher_description(struct tlsmgm_conn *conn, char *out);
void wssl_conn_info(struct tlsmgm_conn *conn, struct tlsmgm_conn_info *info);
struct tlsmgm_bytes wssl_own_certificate(struct tlsmgm_conn *conn);
size_t wssl_finished(struct tlsmgm_conn *conn, bool of_peer, uint8_t out[TLSMGM_FINISHED_MAX]);
TLSMGM_MUST_USE enum tlsmgm_status wssl_export_keying_material(struct tlsmgm_conn *conn,
                                                               const char *label,
                                                               struct tlsmgm_bytes context,
                                                               uint8_t *out, size_t size,
                                                               struct tlsmgm_error *error);
struct tlsmgm_bytes wssl_peer_certificate(struct tlsmgm_conn *conn, size_t index);
TLSMGM_MUST_USE enum tlsmgm_status wssl_conn_session(struct tlsmgm_conn *conn,
                                                     struct tlsmgm_session **out,
                                                     struct tlsmgm_error *error);
void wssl_session_free(struct tlsmgm_session *session);
TLSMGM_MUST_USE enum tlsmgm_status wssl_session_export(const struct tlsmgm_session *session,
                                                       uint8_t *data, size_t *size,
                                                       struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status wssl_session_import(const uint8_t *data, size_t size,
                                                       struct tlsmgm_session **out,
                                                       struct tlsmgm_error *error);

/* error.c: the only reader of wolfSSL's error codes on a connection. */
enum tlsmgm_status wssl_fail_conn(struct tlsmgm_conn *conn, int result, struct tlsmgm_error *error);
enum tlsmgm_status wssl_fail_verify(struct tlsmgm_conn *conn, struct tlsmgm_error *error);
enum tlsmgm_status wssl_fail_parameter(struct tlsmgm_error *error, const char *parameter,
                                       const char *what, int code);
/* place may be NULL. */
enum tlsmgm_status wssl_fail_item(struct tlsmgm_error *error, const char *parameter,
                                  const char *place, const char *what, int code);

#endif
