/* The layer `plain` over OpenSSL: what one would write who needs nothing but this. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "openssl_context.h"

struct bench_context {
    const struct bench_setting *setting;
    bool is_server;
    SSL_CTX *ssl_ctx;
};

struct bench_endpoint {
    SSL *ssl;
    struct bench_wire wire;
};

static BIO_METHOD *wire_method;

static int wire_read(BIO *bio, char *data, size_t size, size_t *count) {
    struct bench_endpoint *endpoint = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = bench_pipe_receive(endpoint->wire.in, (uint8_t *)data, size);
    if (*count > 0) return 1;
    BIO_set_retry_read(bio);
    return 0;
}

static int wire_write(BIO *bio, const char *data, size_t size, size_t *count) {
    struct bench_endpoint *endpoint = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = size;
    return bench_pipe_send(endpoint->wire.out, (const uint8_t *)data, size) ? 1 : 0;
}

static long wire_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static const char *version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }

static bool init(struct bench_fault *fault) {
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return bench_openssl_fail(fault, "OpenSSL");
    wire_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "benchmark wire");
    bool good = wire_method != NULL && BIO_meth_set_read_ex(wire_method, wire_read) == 1 &&
                BIO_meth_set_write_ex(wire_method, wire_write) == 1 &&
                BIO_meth_set_ctrl(wire_method, wire_control) == 1;
    return good || bench_openssl_fail(fault, "BIO");
}

static void context_free(struct bench_context *context) {
    if (context == NULL) return;
    SSL_CTX_free(context->ssl_ctx);
    free(context);
}

static bool context_new(const struct bench_setting *setting, bool is_server,
                        struct bench_context **out, struct bench_fault *fault) {
    struct bench_context *context = calloc(1, sizeof *context);
    *out = NULL;
    if (context == NULL) return bench_fail(fault, "out of memory");
    context->setting = setting;
    context->is_server = is_server;
    if (!bench_openssl_context(setting, is_server, &context->ssl_ctx, fault)) {
        context_free(context);
        return false;
    }
    *out = context;
    return true;
}

static bool prepare_client(SSL *ssl, const struct bench_setting *setting, SSL_SESSION *session) {
    SSL_set_connect_state(ssl);
    if (*setting->server_name != '\0') {
        if (SSL_set_tlsext_host_name(ssl, setting->server_name) != 1) return false;
        X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
        X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                   X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        if (*setting->ca != '\0' &&
            X509_VERIFY_PARAM_set1_host(rules, setting->server_name, 0) != 1) {
            return false;
        }
    }
    return session == NULL || SSL_set_session(ssl, session) == 1;
}

static void endpoint_free(struct bench_endpoint *endpoint) {
    if (endpoint == NULL) return;
    /* Without a close_notify OpenSSL would call the session spoilt. */
    if (endpoint->ssl != NULL) {
        SSL_set_shutdown(endpoint->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    }
    SSL_free(endpoint->ssl);
    free(endpoint);
}

static bool start(struct bench_endpoint *endpoint, const struct bench_context *context,
                  SSL_SESSION *session) {
    endpoint->ssl = SSL_new(context->ssl_ctx);
    BIO *bio = endpoint->ssl == NULL ? NULL : BIO_new(wire_method);
    if (bio == NULL) return false;
    BIO_set_data(bio, endpoint);
    BIO_set_init(bio, 1);
    SSL_set_bio(endpoint->ssl, bio, bio);
    if (!context->is_server) return prepare_client(endpoint->ssl, context->setting, session);
    SSL_set_accept_state(endpoint->ssl);
    return true;
}

static bool endpoint_new(struct bench_context *context, struct bench_wire wire,
                         const struct bench_session *session, struct bench_endpoint **out,
                         struct bench_fault *fault) {
    struct bench_endpoint *endpoint = calloc(1, sizeof *endpoint);
    *out = NULL;
    if (endpoint == NULL) return bench_fail(fault, "out of memory");
    endpoint->wire = wire;
    /* Sessions are OpenSSL's own, and counted. */
    if (!start(endpoint, context, (SSL_SESSION *)(uintptr_t)session)) {
        endpoint_free(endpoint);
        return bench_openssl_fail(fault, "connection");
    }
    *out = endpoint;
    return true;
}

static enum bench_step step_of(struct bench_endpoint *endpoint, int result, const char *what,
                               struct bench_fault *fault) {
    if (result == 1) return BENCH_DONE;
    if (SSL_get_error(endpoint->ssl, result) == SSL_ERROR_WANT_READ) return BENCH_WAIT;
    (void)bench_openssl_fail(fault, what);
    return BENCH_FAILED;
}

static enum bench_step handshake(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    ERR_clear_error();
    return step_of(endpoint, SSL_do_handshake(endpoint->ssl), "handshake", fault);
}

static enum bench_step read_some(struct bench_endpoint *endpoint, uint8_t *data, size_t size,
                                 size_t *count, struct bench_fault *fault) {
    *count = 0;
    ERR_clear_error();
    return step_of(endpoint, SSL_read_ex(endpoint->ssl, data, size, count), "read", fault);
}

static bool write_all(struct bench_endpoint *endpoint, const uint8_t *data, size_t size,
                      struct bench_fault *fault) {
    while (size > 0) {
        size_t count = 0;
        ERR_clear_error();
        if (SSL_write_ex(endpoint->ssl, data, size, &count) != 1)
            return bench_openssl_fail(fault, "write");
        data += count;
        size -= count;
    }
    return true;
}

static void facts(struct bench_endpoint *endpoint, struct bench_facts *out) {
    const char *cipher = SSL_get_cipher_name(endpoint->ssl);
    int group = (int)SSL_get_negotiated_group(endpoint->ssl);
    const char *group_name = group == 0 ? "" : SSL_group_to_name(endpoint->ssl, group);
    *out = (struct bench_facts){
        .version = (uint16_t)SSL_version(endpoint->ssl),
        .is_resumed = SSL_session_reused(endpoint->ssl) == 1,
        .has_peer_certificate = SSL_get0_peer_certificate(endpoint->ssl) != NULL,
    };
    (void)snprintf(out->cipher, sizeof out->cipher, "%s", cipher == NULL ? "none" : cipher);
    (void)snprintf(out->group, sizeof out->group, "%s", group_name == NULL ? "" : group_name);
}

static bool session(struct bench_endpoint *endpoint, struct bench_session **out,
                    struct bench_fault *fault) {
    SSL_SESSION *found = SSL_get1_session(endpoint->ssl);
    (void)fault;
    if (found != NULL && SSL_SESSION_is_resumable(found) != 1) {
        SSL_SESSION_free(found);
        found = NULL;
    }
    *out = (struct bench_session *)found;
    return true;
}

static void session_free(struct bench_session *session) {
    SSL_SESSION_free((SSL_SESSION *)session);
}

const struct bench_layer bench_layer = {
    .name = "plain",
    .library = BENCH_LIBRARY,
    .version = version,
    .init = init,
    .context_new = context_new,
    .context_free = context_free,
    .endpoint_new = endpoint_new,
    .endpoint_free = endpoint_free,
    .handshake = handshake,
    .read = read_some,
    .write = write_all,
    .facts = facts,
    .session = session,
    .session_free = session_free,
    .fields = NULL,
};
