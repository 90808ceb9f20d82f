#include "tls.h"
#include "wolfssl_context.h"

/* The types of the relay are wolfSSL's own. */
static WOLFSSL *ssl_of(struct bench_tls *tls) { return (WOLFSSL *)tls; }

bool bench_tls_context_new(const struct bench_setting *setting, struct bench_tls_context **out,
                           struct bench_fault *fault) {
    WOLFSSL_CTX *ssl_ctx;
    *out = NULL;
    if (wolfSSL_Init() != WOLFSSL_SUCCESS)
        return bench_fail(fault, "wolfSSL cannot be initialised");
    if (!bench_wolfssl_context(setting, true, &ssl_ctx, fault)) return false;
    *out = (struct bench_tls_context *)ssl_ctx;
    return true;
}

struct bench_tls *bench_tls_new(struct bench_tls_context *context, int fd) {
    WOLFSSL *ssl = wolfSSL_new((WOLFSSL_CTX *)context);
    if (ssl == NULL) return NULL;
    if (wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS) {
        wolfSSL_free(ssl);
        return NULL;
    }
    return (struct bench_tls *)ssl;
}

void bench_tls_free(struct bench_tls *tls) { wolfSSL_free(ssl_of(tls)); }

static enum bench_tls_step step_of(WOLFSSL *ssl, int result) {
    switch (wolfSSL_get_error(ssl, result)) {
        case WOLFSSL_ERROR_WANT_READ:
        case WOLFSSL_ERROR_WANT_WRITE:
            return BENCH_TLS_WAIT;
        case WOLFSSL_ERROR_ZERO_RETURN:
            return BENCH_TLS_CLOSED;
        default:
            return BENCH_TLS_FAILED;
    }
}

enum bench_tls_step bench_tls_handshake(struct bench_tls *tls) {
    int result = wolfSSL_accept(ssl_of(tls));
    return result == WOLFSSL_SUCCESS ? BENCH_TLS_DONE : step_of(ssl_of(tls), result);
}

enum bench_tls_step bench_tls_read(struct bench_tls *tls, uint8_t *data, size_t size,
                                   size_t *count) {
    int result = wolfSSL_read(ssl_of(tls), data, (int)size);
    if (result <= 0) return step_of(ssl_of(tls), result);
    *count = (size_t)result;
    return BENCH_TLS_DONE;
}

enum bench_tls_step bench_tls_write(struct bench_tls *tls, const uint8_t *data, size_t size,
                                    size_t *count) {
    int result = wolfSSL_write(ssl_of(tls), data, (int)size);
    if (result <= 0) return step_of(ssl_of(tls), result);
    *count = (size_t)result;
    return BENCH_TLS_DONE;
}

void bench_tls_shutdown(struct bench_tls *tls) { (void)wolfSSL_shutdown(ssl_of(tls)); }
