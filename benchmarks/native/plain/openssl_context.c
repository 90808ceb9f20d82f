#include "openssl_context.h"

#include <openssl/err.h>
#include <string.h>
#include <strings.h>

/* "what: the oldest entry of OpenSSL's queue", which is then empty. Returns false. */
bool bench_openssl_fail(struct bench_fault *fault, const char *what) {
    char reason[256] = "no reason given";
    unsigned long code = ERR_peek_error();
    if (code != 0) ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    return bench_fail(fault, "%s: %s", what, reason);
}

/* Another name than the domain's is none of ours (alert unrecognized_name). */
static int check_name(SSL *ssl, int *alert, void *argument) {
    const struct bench_setting *setting = argument;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (strcasecmp(name == NULL ? "" : name, setting->server_name) == 0) return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool pin(SSL_CTX *ssl_ctx, const struct bench_setting *setting, bool is_server) {
    char groups[BENCH_GROUPS_SIZE];
    bench_setting_groups(setting, is_server, groups);
    bool is_tls1_3 = setting->version == BENCH_TLS1_3;
    return SSL_CTX_set_min_proto_version(ssl_ctx, setting->version) == 1 &&
           SSL_CTX_set_max_proto_version(ssl_ctx, setting->version) == 1 &&
           (is_tls1_3 ? SSL_CTX_set_ciphersuites(ssl_ctx, setting->cipher)
                      : SSL_CTX_set_cipher_list(ssl_ctx, setting->cipher)) == 1 &&
           SSL_CTX_set1_groups_list(ssl_ctx, groups) == 1;
}

static bool use_identity(SSL_CTX *ssl_ctx, const char *certificate, const char *key) {
    return SSL_CTX_use_certificate_chain_file(ssl_ctx, certificate) == 1 &&
           SSL_CTX_use_PrivateKey_file(ssl_ctx, key, SSL_FILETYPE_PEM) == 1;
}

static bool trust(SSL_CTX *ssl_ctx, const char *ca, int mode) {
    SSL_CTX_set_verify(ssl_ctx, mode, NULL);
    (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl_ctx), X509_V_FLAG_PARTIAL_CHAIN);
    return SSL_CTX_load_verify_file(ssl_ctx, ca) == 1;
}

static bool configure_server(SSL_CTX *ssl_ctx, const struct bench_setting *setting) {
    static const unsigned char scope[] = "benchmark";
    (void)SSL_CTX_set_tlsext_servername_callback(ssl_ctx, check_name);
    (void)SSL_CTX_set_tlsext_servername_arg(ssl_ctx, (void *)(uintptr_t)setting);
    (void)SSL_CTX_set_num_tickets(ssl_ctx, setting->tickets ? 1 : 0);
    if (!setting->tickets) (void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_TICKET);
    if (setting->mutual) {
        SSL_CTX_set_client_CA_list(ssl_ctx, SSL_load_client_CA_file(setting->ca));
        if (!trust(ssl_ctx, setting->ca, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT)) {
            return false;
        }
    }
    return SSL_CTX_set_session_id_context(ssl_ctx, scope, sizeof scope - 1) == 1 &&
           use_identity(ssl_ctx, setting->certificate, setting->key);
}

static bool configure_client(SSL_CTX *ssl_ctx, const struct bench_setting *setting) {
    bool shows_certificate = *setting->client_certificate != '\0';
    if (*setting->ca != '\0' && !trust(ssl_ctx, setting->ca, SSL_VERIFY_PEER)) return false;
    return !shows_certificate ||
           use_identity(ssl_ctx, setting->client_certificate, setting->client_key);
}

static bool configure(SSL_CTX *ssl_ctx, const struct bench_setting *setting, bool is_server) {
    (void)SSL_CTX_set_options(ssl_ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_PRIORITIZE_CHACHA);
    (void)SSL_CTX_set_mode(ssl_ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_NO_AUTO_CHAIN);
    (void)SSL_CTX_set_session_cache_mode(ssl_ctx, SSL_SESS_CACHE_OFF);
    return pin(ssl_ctx, setting, is_server) &&
           (is_server ? configure_server(ssl_ctx, setting) : configure_client(ssl_ctx, setting));
}

bool bench_openssl_context(const struct bench_setting *setting, bool is_server, SSL_CTX **out,
                           struct bench_fault *fault) {
    SSL_CTX *ssl_ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    *out = NULL;
    if (ssl_ctx == NULL || !configure(ssl_ctx, setting, is_server)) {
        SSL_CTX_free(ssl_ctx);
        return bench_openssl_fail(fault, is_server ? "server context" : "client context");
    }
    *out = ssl_ctx;
    return true;
}
