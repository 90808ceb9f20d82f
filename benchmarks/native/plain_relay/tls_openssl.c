#include <openssl/err.h>

#include "openssl_context.h"
#include "tls.h"

/* The types of the relay are OpenSSL's own. */
static SSL *ssl_of(struct bench_tls *tls) { return (SSL *)tls; }

bool bench_tls_context_new(const struct bench_setting *setting, struct bench_tls_context **out,
                           struct bench_fault *fault) {
    SSL_CTX *ssl_ctx;
    *out = NULL;
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        return bench_openssl_fail(fault, "OpenSSL");
    }
    if (!bench_openssl_context(setting, true, &ssl_ctx, fault)) return false;
    (void)SSL_CTX_set_tlsext_servername_callback(ssl_ctx, NULL); /* it has one domain, for all */
    SSL_CTX_set_read_ahead(ssl_ctx, 1);                          /* half as many calls of recv */
    *out = (struct bench_tls_context *)ssl_ctx;
    return true;
}

struct bench_tls *bench_tls_new(struct bench_tls_context *context, int fd) {
    SSL *ssl = SSL_new((SSL_CTX *)context);
    if (ssl == NULL) return NULL;
    if (SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return (struct bench_tls *)ssl;
}

void bench_tls_free(struct bench_tls *tls) { SSL_free(ssl_of(tls)); }

static enum bench_tls_step step_of(SSL *ssl, int result) {
    if (result == 1) return BENCH_TLS_DONE;
    switch (SSL_get_error(ssl, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return BENCH_TLS_WAIT;
        case SSL_ERROR_ZERO_RETURN:
            return BENCH_TLS_CLOSED;
        default:
            ERR_clear_error();
            return BENCH_TLS_FAILED;
    }
}

enum bench_tls_step bench_tls_handshake(struct bench_tls *tls) {
    return step_of(ssl_of(tls), SSL_do_handshake(ssl_of(tls)));
}

enum bench_tls_step bench_tls_read(struct bench_tls *tls, uint8_t *data, size_t size,
                                   size_t *count) {
    return step_of(ssl_of(tls), SSL_read_ex(ssl_of(tls), data, size, count));
}

enum bench_tls_step bench_tls_write(struct bench_tls *tls, const uint8_t *data, size_t size,
                                    size_t *count) {
    return step_of(ssl_of(tls), SSL_write_ex(ssl_of(tls), data, size, count));
}

void bench_tls_shutdown(struct bench_tls *tls) {
    if (SSL_shutdown(ssl_of(tls)) < 0) ERR_clear_error();
}
