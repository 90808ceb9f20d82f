/* Signature schemes: which a context offers and signs by, and by which a handshake was signed. */
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/error.h"
#include "kit/signature_list.h"

#define PARAMETER        "signature_algorithms"
#define CLIENT_PARAMETER "client_signature_algorithms"

/* Names and the colons between them. */
#define TEXT_SIZE (TLSMGM_SIGNATURES_MAX * TLSMGM_SIGNATURE_NAME_MAX)

/* SSL_CTX_set1_sigalgs_list(), or the same for the signatures of clients. */
static bool set_list(SSL_CTX *ssl_ctx, bool of_clients, const char *text) {
    return (of_clients ? SSL_CTX_set1_client_sigalgs_list(ssl_ctx, text)
                       : SSL_CTX_set1_sigalgs_list(ssl_ctx, text)) == 1;
}

/* Each name is tried alone: OpenSSL does not say which one it does not know. */
static enum tlsmgm_status set(SSL_CTX *ssl_ctx, bool of_clients, const char *text,
                              struct tlsmgm_error *error) {
    const char *parameter = of_clients ? CLIENT_PARAMETER : PARAMETER;
    struct tlsmgm_signature_list list;
    char known[TEXT_SIZE] = "";
    size_t size = 0;
    if (text == NULL) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_signature_list_read(text, parameter, &list, error);
    if (status != TLSMGM_STATUS_OK) return status;
    for (size_t i = 0; i < list.count; i++) {
        const struct tlsmgm_signature_item *item = &list.items[i];
        size_t length = strlen(item->name);
        if (!set_list(ssl_ctx, of_clients, item->name)) {
            ossl_clear_errors();
            if (item->is_optional) continue;
            return tlsmgm_fail_signature(error, parameter, "OpenSSL", item);
        }
        if (size > 0) known[size++] = ':';
        memcpy(known + size, item->name, length + 1);
        size += length;
    }
    if (size > 0 && set_list(ssl_ctx, of_clients, known)) return TLSMGM_STATUS_OK;
    return ossl_fail_parameter(error, parameter, "nothing is left of the list");
}

enum tlsmgm_status ossl_set_signatures(SSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    enum tlsmgm_status status = set(ssl_ctx, false, config->signature_algorithms, error);
    if (status != TLSMGM_STATUS_OK) return status;
    return set(ssl_ctx, true, config->client_signature_algorithms, error);
}

/* Releases before 3.5 do not tell the name. */
void ossl_signatures(struct tlsmgm_conn *conn, const char **own, const char **peer) {
    *own = NULL;
    *peer = NULL;
#ifdef SSL_get0_signature_name
    if (!conn->base.established || SSL_session_reused(conn->ssl) == 1) return;
    if (SSL_get0_signature_name(conn->ssl, own) != 1) *own = NULL;
    if (SSL_get0_peer_signature_name(conn->ssl, peer) != 1) *peer = NULL;
    ossl_clear_errors();
#else
    (void)conn;
#endif
}
