/* Contexts: a TLS domain as OpenSSL sees it. */
#include <openssl/x509v3.h>
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/error.h"
#include "base/warn.h"
#include "kit/cipher_list.h"
#include "kit/ctx_config.h"

static enum tlsmgm_status set_versions(SSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    if (SSL_CTX_set_min_proto_version(ssl_ctx, config->lowest_version) == 1 &&
        SSL_CTX_set_max_proto_version(ssl_ctx, config->highest_version) == 1) {
        return TLSMGM_STATUS_OK;
    }
    return ossl_fail_parameter(error, "tls_method", "this OpenSSL cannot do these versions");
}

/* Names of suites have dashes, keywords have none. */
static bool names_a_suite(struct tlsmgm_bytes word) {
    return memchr(word.data, '-', word.size) != NULL;
}

/*
 * OpenSSL passes over words that it does not know, as long as one word selects something. So each
 * word that should add suites is tried alone: an unknown suite is refused, and of a keyword that
 * no suite fits, such as RC4, somebody is told. Words that only take away are left to it.
 */
static enum tlsmgm_status check_cipher_words(SSL_CTX *ssl_ctx, const char *list,
                                             const struct tlsmgm_ctx_config *config,
                                             struct tlsmgm_error *error) {
    for (;;) {
        char word[256];
        struct tlsmgm_bytes bytes = tlsmgm_cipher_word_next(&list);
        if (bytes.size == 0) return TLSMGM_STATUS_OK;
        if (memchr("!-+@", bytes.data[0], 4) != NULL) continue;
        if (bytes.size + sizeof ":@SECLEVEL=0" > sizeof word) {
            return tlsmgm_fail_parameter(error, "cipher_list", "a word of %zu bytes", bytes.size);
        }
        memcpy(word, bytes.data, bytes.size);
        memcpy(word + bytes.size, ":@SECLEVEL=0", sizeof ":@SECLEVEL=0");
        if (SSL_CTX_set_cipher_list(ssl_ctx, word) == 1) continue;
        ossl_clear_errors();
        if (names_a_suite(bytes)) {
            return tlsmgm_fail_parameter(error, "cipher_list", "OpenSSL knows no cipher \"%.*s\"",
                                         (int)bytes.size, (const char *)bytes.data);
        }
        tlsmgm_warn_of(config, "cipher_list", "\"%.*s\" fits no suite of this library",
                       (int)bytes.size, (const char *)bytes.data);
    }
}

/* The trial above may have lowered the level; it goes back before the whole list is set. */
static enum tlsmgm_status set_older_ciphers(SSL_CTX *ssl_ctx, const char *list,
                                            const struct tlsmgm_ctx_config *config,
                                            struct tlsmgm_error *error) {
    int level = SSL_CTX_get_security_level(ssl_ctx);
    enum tlsmgm_status status = check_cipher_words(ssl_ctx, list, config, error);
    if (status != TLSMGM_STATUS_OK) return status;
    SSL_CTX_set_security_level(ssl_ctx, level);
    if (SSL_CTX_set_cipher_list(ssl_ctx, list) == 1) return TLSMGM_STATUS_OK;
    return ossl_fail_parameter(error, "cipher_list", "nothing is left of the list");
}

/* OpenSSL passes over unknown suites of TLS 1.3, too. */
static enum tlsmgm_status set_tls1_3_suites(SSL_CTX *ssl_ctx, const char *list,
                                            struct tlsmgm_error *error) {
    const char *rest = list;
    struct tlsmgm_bytes word = tlsmgm_cipher_word_next(&rest);
    for (; word.size > 0; word = tlsmgm_cipher_word_next(&rest)) {
        if (ossl_cipher_is_known(word)) continue;
        return tlsmgm_fail_parameter(error, "cipher_list", "OpenSSL knows no suite \"%.*s\"",
                                     (int)word.size, (const char *)word.data);
    }
    if (SSL_CTX_set_ciphersuites(ssl_ctx, list) == 1) return TLSMGM_STATUS_OK;
    return ossl_fail_parameter(error, "cipher_list", "the TLS 1.3 suites cannot be used");
}

static enum tlsmgm_status set_ciphers(SSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config,
                                      struct tlsmgm_error *error) {
    struct tlsmgm_cipher_list list = {0};
    if (config->cipher_list == NULL) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_cipher_list_split(config->cipher_list, &list, error);
    if (status == TLSMGM_STATUS_OK && *list.older != '\0') {
        status = set_older_ciphers(ssl_ctx, list.older, config, error);
    }
    if (status == TLSMGM_STATUS_OK && *list.tls1_3 != '\0') {
        status = set_tls1_3_suites(ssl_ctx, list.tls1_3, error);
    }
    tlsmgm_cipher_list_free(&list);
    return status;
}

static enum tlsmgm_status set_groups(SSL_CTX *ssl_ctx, const char *groups,
                                     struct tlsmgm_error *error) {
    if (groups == NULL || SSL_CTX_set1_groups_list(ssl_ctx, groups) == 1) return TLSMGM_STATUS_OK;
    ossl_clear_errors();
    return tlsmgm_fail_parameter(error, "ec_curve", "OpenSSL does not know all of \"%s\"", groups);
}

/* A client signs with its key, or agrees on one; what servers may have besides is no use to it. */
#define CLIENT_KEY_USAGE (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)

static bool chain_is_for_servers(X509_STORE_CTX *store) {
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);
        if (X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, i > 0) <= 0 ||
            (X509_get_extended_key_usage(certificate) & XKU_SSL_SERVER) == 0) {
            return false;
        }
    }
    return sk_X509_num(chain) > 0 &&
           (X509_get_key_usage(sk_X509_value(chain, 0)) & CLIENT_KEY_USAGE) != 0;
}

/*
 * A client's chain that is not for clients counts if all of it is for servers. Chains of those who
 * sign CRLs are verified with this callback, too, and have nothing to do with it.
 */
static int admit_servers(int verified, X509_STORE_CTX *store) {
    if (verified != 0 || X509_STORE_CTX_get_error(store) != X509_V_ERR_INVALID_PURPOSE) {
        return verified;
    }
    if (X509_STORE_CTX_get0_parent_ctx(store) != NULL || !chain_is_for_servers(store)) return 0;
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

static void set_verification(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config) {
    SSL_CTX *ssl_ctx = ctx->ssl_ctx;
    bool admits_servers = config->is_server && config->accept_server_eku;
    int mode = SSL_VERIFY_NONE;
    if (config->verify_peer) {
        mode = SSL_VERIFY_PEER;
        if (config->is_server && config->require_peer) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(ssl_ctx, mode, admits_servers ? admit_servers : NULL);
    SSL_CTX_set_verify_depth(ssl_ctx, config->verify_depth);
    SSL_CTX_set_cert_verify_callback(ssl_ctx, ossl_verify_callback, ctx);
}

/* The server's order counts; a client that shares nothing gets alert no_application_protocol. */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *offered, unsigned int offered_size, void *argument) {
    struct tlsmgm_ctx *ctx = argument;
    unsigned char *chosen = NULL;
    (void)ssl;
    int found = SSL_select_next_proto(&chosen, out_size, ctx->base.alpn.data,
                                      (unsigned int)ctx->base.alpn.size, offered, offered_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static enum tlsmgm_status set_alpn(struct tlsmgm_ctx *ctx, struct tlsmgm_error *error) {
    const struct tlsmgm_blob *alpn = &ctx->base.alpn;
    if (alpn->size == 0) return TLSMGM_STATUS_OK;
    if (ctx->base.is_server) {
        SSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, select_alpn, ctx);
    } else if (SSL_CTX_set_alpn_protos(ctx->ssl_ctx, alpn->data, (unsigned int)alpn->size) != 0) {
        return ossl_fail_parameter(error, "alpn", "the protocol list is malformed");
    }
    return TLSMGM_STATUS_OK;
}

/* Acknowledges the name, as RFC 6066 asks; that it is the right one was checked before. */
static int acknowledge_name(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    (void)argument;
    const struct tlsmgm_conn *conn = SSL_get_app_data(ssl);
    return conn->base.has_server_name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* Where every peer needs a certificate, a ticket without one opens nothing. */
static bool needs_peer(const SSL *ssl) {
    return (SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;
}

/* A resumed handshake shows no certificate, so one that has expired since must not count. */
static SSL_TICKET_RETURN ticket_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                       size_t name_size, SSL_TICKET_STATUS status, void *argument) {
    const struct tlsmgm_ctx *ctx = argument;
    (void)name;
    (void)name_size;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    if (ctx->base.verify_peer) {
        const X509 *peer = SSL_SESSION_get0_peer(session);
        bool good = peer == NULL ? !needs_peer(ssl) : ossl_is_in_force(peer);
        if (!good) return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* Tickets only: nothing is kept in memory, and a ticket opens with the domain's key ring only. */
static enum tlsmgm_status set_resumption(struct tlsmgm_ctx *ctx,
                                         const struct tlsmgm_ctx_config *config,
                                         struct tlsmgm_error *error) {
    (void)SSL_CTX_set_session_cache_mode(ctx->ssl_ctx, SSL_SESS_CACHE_OFF);
    if (!config->is_server) return TLSMGM_STATUS_OK;
    if (config->scope.size > 0 &&
        SSL_CTX_set_session_id_context(ctx->ssl_ctx, ctx->base.scope.bytes, ctx->base.scope.size) !=
            1) {
        return ossl_fail_parameter(error, "scope", "the scope cannot be used");
    }
    if (!tlsmgm_ctx_base_take_ticket_keys(&ctx->base, config)) {
        (void)SSL_CTX_set_options(ctx->ssl_ctx, SSL_OP_NO_TICKET);
        (void)SSL_CTX_set_num_tickets(ctx->ssl_ctx, 0);
        return TLSMGM_STATUS_OK;
    }
    /* One ticket a connection, unless more are asked for: each that resumes is given the next. */
    (void)SSL_CTX_set_num_tickets(ctx->ssl_ctx, config->tickets == 0 ? 1 : config->tickets);
    (void)SSL_CTX_set_session_ticket_cb(ctx->ssl_ctx, NULL, ticket_opened, ctx);
    (void)SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx->ssl_ctx, ossl_ticket_callback);
    return TLSMGM_STATUS_OK;
}

static void log_secret(const SSL *ssl, const char *line) {
    const struct tlsmgm_ctx *ctx = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    tlsmgm_keylog_line(&ctx->base.keylog, line);
}

static enum tlsmgm_status set_keylog(struct tlsmgm_ctx *ctx, const char *path,
                                     struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_keylog_open(&ctx->base.keylog, path, error);
    if (ctx->base.keylog.descriptor >= 0) SSL_CTX_set_keylog_callback(ctx->ssl_ctx, log_secret);
    return status;
}

static enum tlsmgm_status set_stapling(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    if (tlsmgm_source_is_given(&config->ocsp_response)) {
        status = ossl_load_staple(ctx, &config->ocsp_response, error);
        (void)SSL_CTX_set_tlsext_status_cb(ctx->ssl_ctx, ossl_staple_callback);
    } else if (config->require_staple) {
        (void)SSL_CTX_set_tlsext_status_type(ctx->ssl_ctx, TLSEXT_STATUSTYPE_ocsp);
        (void)SSL_CTX_set_tlsext_status_cb(ctx->ssl_ctx, ossl_check_staple_callback);
    }
    (void)SSL_CTX_set_tlsext_status_arg(ctx->ssl_ctx, ctx);
    return status;
}

static void set_callbacks(struct tlsmgm_ctx *ctx) {
    (void)SSL_CTX_set_app_data(ctx->ssl_ctx, ctx);
    SSL_CTX_set_info_callback(ctx->ssl_ctx, ossl_info_callback);
    if (!ctx->base.is_server) return;
    SSL_CTX_set_client_hello_cb(ctx->ssl_ctx, ossl_client_hello_callback, NULL);
    (void)SSL_CTX_set_tlsext_servername_callback(ctx->ssl_ctx, acknowledge_name);
}

static void set_options(SSL_CTX *ssl_ctx) {
    (void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_NO_AUTO_CHAIN);
    /* The wire is memory: OpenSSL takes all it has room for, not a header and then a body. */
    SSL_CTX_set_read_ahead(ssl_ctx, 1);
}

/* The order matters: the security level of the cipher list decides which keys are good enough. */
static enum tlsmgm_status configure(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                    struct tlsmgm_error *error) {
    set_options(ctx->ssl_ctx);
    set_callbacks(ctx);
    set_verification(ctx, config);
    enum tlsmgm_status status = set_versions(ctx->ssl_ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_ciphers(ctx->ssl_ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_groups(ctx->ssl_ctx, config->groups, error);
    if (status == TLSMGM_STATUS_OK) status = ossl_set_signatures(ctx->ssl_ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = ossl_load_dh_params(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = ossl_load_identity(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = ossl_load_trust(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_alpn(ctx, error);
    if (status == TLSMGM_STATUS_OK) status = set_resumption(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_stapling(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_keylog(ctx, config->keylog_file, error);
    return status;
}

enum tlsmgm_status ossl_ctx_new(const struct tlsmgm_ctx_config *config, struct tlsmgm_ctx **out,
                                struct tlsmgm_error *error) {
    struct tlsmgm_error unread;
    *out = NULL;
    if (error == NULL) error = &unread; /* some of what follows asks it for the status */
    struct tlsmgm_ctx *ctx = tlsmgm_calloc(1, sizeof *ctx);
    if (ctx == NULL) return tlsmgm_fail_memory(error);
    ossl_clear_errors();
    enum tlsmgm_status status = tlsmgm_ctx_base_init(&ctx->base, config, error);
    if (status == TLSMGM_STATUS_OK) {
        ctx->ssl_ctx = SSL_CTX_new(config->is_server ? TLS_server_method() : TLS_client_method());
        if (ctx->ssl_ctx == NULL) status = tlsmgm_fail_memory(error);
    }
    if (status == TLSMGM_STATUS_OK) status = configure(ctx, config, error);
    ossl_clear_errors();
    if (status != TLSMGM_STATUS_OK) {
        ossl_ctx_free(ctx);
        return status;
    }
    *out = ctx;
    return TLSMGM_STATUS_OK;
}

void ossl_ctx_free(struct tlsmgm_ctx *ctx) {
    if (ctx == NULL || !tlsmgm_ctx_base_release(&ctx->base)) return;
    SSL_CTX_free(ctx->ssl_ctx);
    tlsmgm_blob_free(&ctx->certificate2);
    tlsmgm_ctx_base_clear(&ctx->base);
    tlsmgm_free(ctx);
}
