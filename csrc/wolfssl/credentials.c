/* What a context presents: certificate, chain and key; and Diffie-Hellman parameters. */
#include <string.h>

#include "error.h"
#include "internal.h"

/* Answers a question for a pass phrase with what the configuration says; never asks a terminal. */
static int passphrase_callback(char *out, int size, int writing, void *argument) {
    const struct tlsmgm_bytes *passphrase = argument;
    (void)writing;
    if (passphrase == NULL || passphrase->size == 0 || passphrase->size > (size_t)size) return 0;
    memcpy(out, passphrase->data, passphrase->size);
    return (int)passphrase->size;
}

static enum tlsmgm_status keep_leaf(struct tlsmgm_ctx *ctx, const struct tlsmgm_blob *pem,
                                    struct tlsmgm_error *error) {
    DerBuffer *der = NULL;
    int result = wc_PemToDer(pem->data, (long)pem->size, CERT_TYPE, &der, NULL, NULL, NULL);
    enum tlsmgm_status status = TLSMGM_OK;
    if (result != 0) {
        status = wssl_fail_parameter(error, "certificate", "no readable PEM certificate", result);
    } else {
        struct tlsmgm_source source = {.data = {der->buffer, der->length}};
        status = tlsmgm_source_read(&source, "certificate", &ctx->certificate, error);
    }
    wc_FreeDer(&der);
    return status;
}

static enum tlsmgm_status load_certificate(struct tlsmgm_ctx *ctx,
                                           const struct tlsmgm_source *source,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_blob pem;
    enum tlsmgm_status status = tlsmgm_source_read(source, "certificate", &pem, error);
    if (status == TLSMGM_OK) status = keep_leaf(ctx, &pem, error);
    if (status == TLSMGM_OK) {
        int result =
            wolfSSL_CTX_use_certificate_chain_buffer(ctx->ssl_ctx, pem.data, (long)pem.size);
        if (result != WOLFSSL_SUCCESS) {
            status =
                wssl_fail_parameter(error, "certificate", "the certificate cannot be used", result);
        }
    }
    tlsmgm_blob_free(&pem);
    return status;
}

static enum tlsmgm_status load_private_key(struct tlsmgm_ctx *ctx,
                                           const struct tlsmgm_ctx_config *config,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_blob pem;
    struct tlsmgm_bytes passphrase = config->passphrase;
    enum tlsmgm_status status =
        tlsmgm_source_read(&config->private_key, "private_key", &pem, error);
    if (status != TLSMGM_OK) return status;
    wolfSSL_CTX_set_default_passwd_cb(ctx->ssl_ctx, passphrase_callback);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, &passphrase);
    int result = wolfSSL_CTX_use_PrivateKey_buffer(ctx->ssl_ctx, pem.data, (long)pem.size,
                                                   WOLFSSL_FILETYPE_PEM);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, NULL);
    tlsmgm_blob_free(&pem);
    if (result != WOLFSSL_SUCCESS) {
        return wssl_fail_parameter(error, "private_key",
                                   "no readable PEM key, or its pass phrase is wrong or missing",
                                   result);
    }
    if (wolfSSL_CTX_check_private_key(ctx->ssl_ctx) == WOLFSSL_SUCCESS) return TLSMGM_OK;
    return tlsmgm_fail_parameter(error, "private_key",
                                 "the key does not belong to the certificate");
}

enum tlsmgm_status wssl_load_identity(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_ctx_config *config,
                                      struct tlsmgm_error *error) {
    if (!tlsmgm_source_is_given(&config->certificate)) return TLSMGM_OK;
    enum tlsmgm_status status = load_certificate(ctx, &config->certificate, error);
    return status == TLSMGM_OK ? load_private_key(ctx, config, error) : status;
}

enum tlsmgm_status wssl_load_dh_params(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_blob pem;
    if (!tlsmgm_source_is_given(&config->dh_params)) return TLSMGM_OK;
    enum tlsmgm_status status = tlsmgm_source_read(&config->dh_params, "dh_params", &pem, error);
    if (status != TLSMGM_OK) return status;
    int result =
        wolfSSL_CTX_SetTmpDH_buffer(ctx->ssl_ctx, pem.data, (long)pem.size, WOLFSSL_FILETYPE_PEM);
    tlsmgm_blob_free(&pem);
    if (result == WOLFSSL_SUCCESS) return TLSMGM_OK;
    return wssl_fail_parameter(error, "dh_params", "no usable Diffie-Hellman parameters", result);
}
