/* What OpenSSL tells and asks while a connection shakes hands. */
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/bytes.h"
#include "base/cursor.h"

/* Remembers that the handshake was complete, and the alert that we send, for the error after it. */
void ossl_info_callback(const SSL *ssl, int where, int value) {
    struct tlsmgm_conn *conn = SSL_get_app_data(ssl);
    if (conn == NULL) return;
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0) conn->base.established = true;
    if ((where & SSL_CB_WRITE_ALERT) != SSL_CB_WRITE_ALERT) return;
    if ((value >> 8) == SSL3_AL_FATAL) conn->alert_sent = value & 0xff;
}

/* The host name of a server_name extension, or empty. */
static struct tlsmgm_bytes name_in_extension(const unsigned char *data, size_t size) {
    struct tlsmgm_cursor cursor = {.next = data, .left = size};
    struct tlsmgm_bytes list;
    struct tlsmgm_bytes name = {0};
    uint32_t type;
    if (!tlsmgm_cursor_vector(&cursor, 2, &list)) return name;
    cursor = tlsmgm_cursor(list);
    if (!tlsmgm_cursor_number(&cursor, 1, &type) || type != TLSEXT_NAMETYPE_host_name) return name;
    if (!tlsmgm_cursor_vector(&cursor, 2, &name)) return (struct tlsmgm_bytes){0};
    return name;
}

/*
 * The library must have read the name for which this context was chosen. Also asked for the second
 * ClientHello after a HelloRetryRequest, where a change is illegal (RFC 8446 section 4.1.2).
 */
int ossl_client_hello_callback(SSL *ssl, int *alert, void *argument) {
    const struct tlsmgm_conn *conn = SSL_get_app_data(ssl);
    const unsigned char *data = NULL;
    size_t size = 0;
    (void)argument;
    bool sent = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1;
    struct tlsmgm_bytes name = {0};
    if (sent) name = name_in_extension(data, size);
    if (sent == conn->base.has_server_name &&
        tlsmgm_bytes_equal(name, tlsmgm_session_owner_name(conn->base.owner))) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return SSL_CLIENT_HELLO_ERROR;
}
