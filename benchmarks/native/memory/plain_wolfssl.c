/* The layer `plain` over wolfSSL's own interface: what one would write who needs nothing but this.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"
#include "wolfssl_context.h"

struct bench_context {
    const struct bench_setting *setting;
    bool is_server;
    WOLFSSL_CTX *ssl_ctx;
};

struct bench_endpoint {
    WOLFSSL *ssl;
    const struct bench_context *context;
    struct bench_wire wire;
};

/* wolfSSL has names of its own for these. */
static const struct {
    int number; /* on the wire */
    const char *name;
} suites[] = {
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
};

static int wire_receive(WOLFSSL *ssl, char *data, int size, void *argument) {
    struct bench_endpoint *endpoint = argument;
    (void)ssl;
    size_t count = bench_pipe_receive(endpoint->wire.in, (uint8_t *)data, (size_t)size);
    return count > 0 ? (int)count : WOLFSSL_CBIO_ERR_WANT_READ;
}

static int wire_send(WOLFSSL *ssl, char *data, int size, void *argument) {
    struct bench_endpoint *endpoint = argument;
    (void)ssl;
    if (bench_pipe_send(endpoint->wire.out, (const uint8_t *)data, (size_t)size)) return size;
    return WOLFSSL_CBIO_ERR_GENERAL;
}

static const char *version(void) { return wolfSSL_lib_version(); }

static bool init(struct bench_fault *fault) {
    return wolfSSL_Init() == WOLFSSL_SUCCESS || bench_fail(fault, "wolfSSL cannot be initialised");
}

static void context_free(struct bench_context *context) {
    if (context == NULL) return;
    wolfSSL_CTX_free(context->ssl_ctx);
    free(context);
}

static bool context_new(const struct bench_setting *setting, bool is_server,
                        struct bench_context **out, struct bench_fault *fault) {
    struct bench_context *context = calloc(1, sizeof *context);
    *out = NULL;
    if (context == NULL) return bench_fail(fault, "out of memory");
    context->setting = setting;
    context->is_server = is_server;
    if (!bench_wolfssl_context(setting, is_server, &context->ssl_ctx, fault)) {
        context_free(context);
        return false;
    }
    wolfSSL_CTX_SetIORecv(context->ssl_ctx, wire_receive);
    wolfSSL_CTX_SetIOSend(context->ssl_ctx, wire_send);
    *out = context;
    return true;
}

static void endpoint_free(struct bench_endpoint *endpoint) {
    if (endpoint == NULL) return;
    wolfSSL_free(endpoint->ssl);
    free(endpoint);
}

/* A server compares the name itself, and refuses a client that sends none. */
static bool set_name(struct bench_endpoint *endpoint) {
    const struct bench_setting *setting = endpoint->context->setting;
    if (*setting->server_name == '\0') return true;
    if (wolfSSL_UseSNI(endpoint->ssl, WOLFSSL_SNI_HOST_NAME, setting->server_name,
                       (word16)strlen(setting->server_name)) != WOLFSSL_SUCCESS) {
        return false;
    }
    if (endpoint->context->is_server) {
        wolfSSL_SNI_SetOptions(endpoint->ssl, WOLFSSL_SNI_HOST_NAME, WOLFSSL_SNI_ABORT_ON_ABSENCE);
        return true;
    }
    return *setting->ca == '\0' ||
           wolfSSL_check_domain_name(endpoint->ssl, setting->server_name) == WOLFSSL_SUCCESS;
}

static bool endpoint_new(struct bench_context *context, struct bench_wire wire,
                         const struct bench_session *session, struct bench_endpoint **out,
                         struct bench_fault *fault) {
    struct bench_endpoint *endpoint = calloc(1, sizeof *endpoint);
    *out = NULL;
    if (endpoint == NULL) return bench_fail(fault, "out of memory");
    endpoint->context = context;
    endpoint->wire = wire;
    endpoint->ssl = wolfSSL_new(context->ssl_ctx);
    bool good = endpoint->ssl != NULL && set_name(endpoint);
    if (good) {
        wolfSSL_SetIOReadCtx(endpoint->ssl, endpoint);
        wolfSSL_SetIOWriteCtx(endpoint->ssl, endpoint);
        /* Sessions are wolfSSL's own, and counted. */
        good = session == NULL ||
               wolfSSL_set_session(endpoint->ssl, (WOLFSSL_SESSION *)(uintptr_t)session) ==
                   WOLFSSL_SUCCESS;
    }
    if (!good) {
        endpoint_free(endpoint);
        return bench_fail(fault, "the connection cannot be created");
    }
    *out = endpoint;
    return true;
}

/* Returns false. */
static bool fail(struct bench_endpoint *endpoint, int result, const char *what,
                 struct bench_fault *fault) {
    char reason[WOLFSSL_MAX_ERROR_SZ] = "";
    int code = wolfSSL_get_error(endpoint->ssl, result);
    (void)wolfSSL_ERR_error_string((unsigned long)code, reason);
    return bench_fail(fault, "%s: %s", what, reason);
}

static enum bench_step step_of(struct bench_endpoint *endpoint, int result, const char *what,
                               struct bench_fault *fault) {
    if (wolfSSL_get_error(endpoint->ssl, result) == WOLFSSL_ERROR_WANT_READ) return BENCH_WAIT;
    (void)fail(endpoint, result, what, fault);
    return BENCH_FAILED;
}

static enum bench_step handshake(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    int result = endpoint->context->is_server ? wolfSSL_accept(endpoint->ssl)
                                              : wolfSSL_connect(endpoint->ssl);
    return result == WOLFSSL_SUCCESS ? BENCH_DONE : step_of(endpoint, result, "handshake", fault);
}

static enum bench_step read_some(struct bench_endpoint *endpoint, uint8_t *data, size_t size,
                                 size_t *count, struct bench_fault *fault) {
    int result = wolfSSL_read(endpoint->ssl, data, (int)size);
    *count = result > 0 ? (size_t)result : 0;
    return result > 0 ? BENCH_DONE : step_of(endpoint, result, "read", fault);
}

static bool write_all(struct bench_endpoint *endpoint, const uint8_t *data, size_t size,
                      struct bench_fault *fault) {
    int result = wolfSSL_write(endpoint->ssl, data, (int)size);
    return (result > 0 && (size_t)result == size) || fail(endpoint, result, "write", fault);
}

static const char *cipher_name(WOLFSSL *ssl) {
    int number = wolfSSL_get_current_cipher_suite(ssl);
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (suites[i].number == number) return suites[i].name;
    }
    return wolfSSL_get_cipher_name(ssl); /* up to TLS 1.2 these are the common ones */
}

/* A certificate that was sent is known by the chain; wolfSSL keeps it with OPENSSL_EXTRA. */
static void facts(struct bench_endpoint *endpoint, struct bench_facts *out) {
    const char *cipher = cipher_name(endpoint->ssl);
    const char *group = wolfSSL_get_curve_name(endpoint->ssl);
    WOLFSSL_X509 *peer = wolfSSL_get_peer_certificate(endpoint->ssl);
    *out = (struct bench_facts){
        .version = (uint16_t)wolfSSL_version(endpoint->ssl),
        .is_resumed = wolfSSL_session_reused(endpoint->ssl) == 1,
        .has_peer_certificate = peer != NULL,
    };
    wolfSSL_X509_free(peer);
    (void)snprintf(out->cipher, sizeof out->cipher, "%s", cipher == NULL ? "none" : cipher);
    (void)snprintf(out->group, sizeof out->group, "%s", group == NULL ? "" : group);
}

static bool session(struct bench_endpoint *endpoint, struct bench_session **out,
                    struct bench_fault *fault) {
    WOLFSSL_SESSION *found = wolfSSL_get1_session(endpoint->ssl);
    (void)fault;
    if (found != NULL && wolfSSL_SESSION_has_ticket(found) != 1) {
        wolfSSL_SESSION_free(found);
        found = NULL;
    }
    *out = (struct bench_session *)found;
    return true;
}

static void session_free(struct bench_session *session) {
    wolfSSL_SESSION_free((WOLFSSL_SESSION *)session);
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
