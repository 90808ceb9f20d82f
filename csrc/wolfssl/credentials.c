/* What a context presents: certificate, chain and key; and Diffie-Hellman parameters. */
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "identity.h"
#include "internal.h"

/* Answers a question for a pass phrase with what the configuration says; never asks a terminal. */
static int passphrase_callback(char *out, int size, int writing, void *argument) {
    const struct tlsmgm_bytes *passphrase = argument;
    (void)writing;
    if (passphrase == NULL || passphrase->size == 0 || passphrase->size > (size_t)size) return 0;
    memcpy(out, passphrase->data, passphrase->size);
    return (int)passphrase->size;
}

/* PEM of the whole chain, for a library that takes a chain in no other form. */
static enum tlsmgm_status write_chain(const struct tlsmgm_chain *chain, struct tlsmgm_blob *out,
                                      struct tlsmgm_error *error) {
    size_t size = 0;
    size_t written = 0;
    for (size_t i = 0; i < chain->count; i++) size += chain->items[i].der.size * 2 + 100;
    *out = (struct tlsmgm_blob){.data = tlsmgm_calloc(size + 1, 1), .size = size};
    if (out->data == NULL) {
        out->size = 0;
        return tlsmgm_fail_memory(error);
    }
    for (size_t i = 0; i < chain->count; i++) {
        const struct tlsmgm_blob *der = &chain->items[i].der;
        int length = wc_DerToPem(der->data, (word32)der->size, out->data + written,
                                 (word32)(size - written), CERT_TYPE);
        if (length <= 0) return tlsmgm_fail_memory(error);
        written += (size_t)length;
    }
    out->size = written;
    return TLSMGM_OK;
}

static enum tlsmgm_status use_chain(struct tlsmgm_ctx *ctx, const struct tlsmgm_chain *chain,
                                    struct tlsmgm_error *error) {
    struct tlsmgm_blob pem = {0};
    enum tlsmgm_status status = write_chain(chain, &pem, error);
    if (status == TLSMGM_OK) {
        int result =
            wolfSSL_CTX_use_certificate_chain_buffer(ctx->ssl_ctx, pem.data, (long)pem.size);
        if (result != WOLFSSL_SUCCESS) {
            status = wssl_fail_item(error, "certificate", chain->items[0].place,
                                    "the certificate cannot be used", result);
        }
    }
    tlsmgm_blob_free(&pem);
    return status;
}

static enum tlsmgm_status load_certificate(struct tlsmgm_ctx *ctx,
                                           const struct tlsmgm_source *source,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_chain chain;
    enum tlsmgm_status status = tlsmgm_chain_read(source, "certificate", &chain, error);
    if (status == TLSMGM_OK) status = use_chain(ctx, &chain, error);
    if (status == TLSMGM_OK) {
        ctx->certificate = chain.items[0].der;
        chain.items[0].der = (struct tlsmgm_blob){0};
    }
    tlsmgm_chain_free(&chain);
    return status;
}

/* wolfSSL takes some digests that it does not have for SHA-1, and then finds rubbish in the key. */
static bool can_open(const struct tlsmgm_key_encryption *used) {
    bool is_aes =
        strcmp(used->cipher, "AES-128-CBC") == 0 || strcmp(used->cipher, "AES-256-CBC") == 0;
    if (strcmp(used->derivation, "traditional") == 0) {
        return is_aes || strcmp(used->cipher, "AES-192-CBC") == 0;
    }
    return is_aes && strcmp(used->derivation, "PBKDF2") == 0 &&
           (strcmp(used->digest, "SHA1") == 0 || strcmp(used->digest, "SHA256") == 0);
}

static enum tlsmgm_status use_key(struct tlsmgm_ctx *ctx, const struct tlsmgm_key *key,
                                  struct tlsmgm_bytes passphrase, struct tlsmgm_error *error) {
    if (key->encryption.is_given && !can_open(&key->encryption)) {
        return tlsmgm_key_fail_encryption(key, "private_key", "wolfSSL", error);
    }
    wolfSSL_CTX_set_default_passwd_cb(ctx->ssl_ctx, passphrase_callback);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, &passphrase);
    int result = wolfSSL_CTX_use_PrivateKey_buffer(ctx->ssl_ctx, key->pem.data, (long)key->pem.size,
                                                   WOLFSSL_FILETYPE_PEM);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, NULL);
    if (result != WOLFSSL_SUCCESS) {
        return wssl_fail_item(error, "private_key", key->place,
                              key->encryption.is_given ? "its pass phrase is wrong or missing"
                                                       : "wolfSSL cannot decode it",
                              result);
    }
    if (wolfSSL_CTX_check_private_key(ctx->ssl_ctx) == WOLFSSL_SUCCESS) return TLSMGM_OK;
    return tlsmgm_fail_parameter(error, "private_key",
                                 "the key does not belong to the certificate");
}

enum tlsmgm_status wssl_load_identity(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_ctx_config *config,
                                      struct tlsmgm_error *error) {
    struct tlsmgm_key key;
    if (!tlsmgm_source_is_given(&config->certificate)) return TLSMGM_OK;
    enum tlsmgm_status status = load_certificate(ctx, &config->certificate, error);
    if (status != TLSMGM_OK) return status;
    status = tlsmgm_key_read(&config->private_key, "private_key", &key, error);
    if (status == TLSMGM_OK) status = use_key(ctx, &key, config->passphrase, error);
    tlsmgm_key_free(&key);
    return status;
}

/* OpenSSL's security level sets this bound; here no cipher list can lower it. */
static enum tlsmgm_status use_dh(struct tlsmgm_ctx *ctx, const struct tlsmgm_dh *dh,
                                 struct tlsmgm_error *error) {
    if (dh->bits < TLSMGM_DH_BITS_MIN) {
        return tlsmgm_fail_parameter(error, "dh_params", "%s: %zu bits are too few; make %u",
                                     dh->place, dh->bits, TLSMGM_DH_BITS_MIN);
    }
    int result = wolfSSL_CTX_SetTmpDH_buffer(ctx->ssl_ctx, dh->der.data, (long)dh->der.size,
                                             WOLFSSL_FILETYPE_ASN1);
    if (result == WOLFSSL_SUCCESS) return TLSMGM_OK;
    return wssl_fail_item(error, "dh_params", dh->place, "they cannot be used", result);
}

enum tlsmgm_status wssl_load_dh_params(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_dh dh;
    if (!tlsmgm_source_is_given(&config->dh_params)) return TLSMGM_OK;
    enum tlsmgm_status status = tlsmgm_dh_read(&config->dh_params, "dh_params", &dh, error);
    if (status == TLSMGM_OK) status = use_dh(ctx, &dh, error);
    tlsmgm_dh_free(&dh);
    return status;
}
