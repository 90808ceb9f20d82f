/* What wolfSSL asks for while a connection is at work. */
#include "backends/wolfssl/internal.h"
#include "base/alert.h"

int wssl_wire_receive(WOLFSSL *ssl, char *data, int size, void *argument) {
    struct tlsmgm_conn *conn = argument;
    (void)ssl;
    if (size <= 0) return WOLFSSL_CBIO_ERR_WANT_READ;
    size_t count = tlsmgm_wire_take(&conn->base.wire, (uint8_t *)data, (size_t)size);
    return count > 0 ? (int)count : WOLFSSL_CBIO_ERR_WANT_READ;
}

int wssl_wire_send(WOLFSSL *ssl, char *data, int size, void *argument) {
    struct tlsmgm_conn *conn = argument;
    (void)ssl;
    if (size <= 0) return 0;
    conn->base.wire.output_begun = true;
    enum tlsmgm_status status =
        tlsmgm_wire_put(&conn->base.wire, (const uint8_t *)data, (size_t)size);
    return status == TLSMGM_STATUS_OK ? size : WOLFSSL_CBIO_ERR_WANT_WRITE;
}

/*
 * wolfSSL puts a ticket of TLS 1.3 into one record, however small the client wants its records to
 * be (RFC 6066 section 4). Those with the client's certificate are too large for that.
 */
static void withhold_large_ticket(WOLFSSL *ssl, const struct tlsmgm_ctx *ctx) {
#ifdef HAVE_MAX_FRAGMENT
    WOLFSSL_SESSION *session = wolfSSL_get_session(ssl);
    if (!ctx->base.verify_peer || session == NULL) return;
    if (wolfSSL_SESSION_get_max_fragment_length(session) == 0) return;
    (void)wolfSSL_no_ticket_TLSv13(ssl);
#else
    (void)ssl;
    (void)ctx;
#endif
}

/*
 * Called for every ClientHello. Where a name is expected, wolfSSL compares it itself (see
 * expect_name()); where none was sent, there must be none now.
 */
int wssl_server_name_callback(WOLFSSL *ssl, int *alert, void *argument) {
    const struct tlsmgm_conn *conn = wolfSSL_GetIOReadCtx(ssl);
    void *name = NULL;
    (void)argument;
    withhold_large_ticket(ssl, conn->base.ctx);
    if (conn->base.has_server_name) return 0; /* SSL_TLSEXT_ERR_OK */
    if (wolfSSL_SNI_GetRequest(ssl, WOLFSSL_SNI_HOST_NAME, &name) == 0) {
        return 3; /* SSL_TLSEXT_ERR_NOACK */
    }
    *alert = TLSMGM_ALERT_ILLEGAL_PARAMETER;
    return 2; /* SSL_TLSEXT_ERR_ALERT_FATAL */
}
