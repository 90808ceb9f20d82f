/* What a context presents: certificate, chain and key; and Diffie-Hellman parameters. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "backends/openssl/internal.h"
#include "base/blob.h"
#include "base/error.h"
#include "kit/credentials.h"
#include "kit/ctx_config.h"

/* OpenSSL takes 0 for an empty phrase. */
static int passphrase_callback(char *out, int size, int writing, void *argument) {
    (void)writing;
    int length = tlsmgm_passphrase_copy(argument, out, size);
    return length > 0 ? length : -1;
}

static BIO *blob_bio(const struct tlsmgm_blob *blob) {
    return BIO_new_mem_buf(blob->data, (int)blob->size);
}

/* The first one is the leaf, the others are its chain. */
static enum tlsmgm_status use_certificate(struct tlsmgm_ctx *ctx,
                                          const struct tlsmgm_identity *identity,
                                          const struct tlsmgm_chain_item *item, bool is_leaf,
                                          struct tlsmgm_error *error) {
    const unsigned char *data = item->der.data;
    X509 *certificate = d2i_X509(NULL, &data, (long)item->der.size);
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    long result = 0;
    if (certificate != NULL) {
        result = is_leaf ? SSL_CTX_use_certificate(ctx->ssl_ctx, certificate)
                         : SSL_CTX_add1_chain_cert(ctx->ssl_ctx, certificate);
    }
    X509_free(certificate);
    if (result != 1) {
        status = ossl_fail_item(error, identity->certificate_name, item->place,
                                certificate == NULL ? "OpenSSL cannot decode it"
                                                    : "the certificate cannot be used");
    }
    return status;
}

static enum tlsmgm_status use_chain(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                    const struct tlsmgm_identity *identity,
                                    const struct tlsmgm_chain *chain, struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    (void)config;
    for (size_t i = 0; status == TLSMGM_STATUS_OK && i < chain->count; i++) {
        status = use_certificate(ctx, identity, &chain->items[i], i == 0, error);
    }
    return status;
}

/* An encrypted key that did not open: by the wrong pass phrase, or because OpenSSL cannot do it. */
static enum tlsmgm_status fail_key(const struct tlsmgm_key *key, const char *parameter,
                                   struct tlsmgm_error *error) {
    unsigned long code = ERR_peek_error();
    /* A decoder calls what a wrong phrase makes of a key unsupported, too: once in 256 times the
     * padding looks good. */
    bool is_unsupported =
        ERR_GET_LIB(code) == ERR_LIB_EVP && ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
    if (!key->encryption.is_given) {
        return ossl_fail_item(error, parameter, key->place, "OpenSSL cannot decode it");
    }
    if (is_unsupported && strcmp(key->encryption.derivation, "PBES1") == 0) {
        ossl_clear_errors();
        return tlsmgm_key_fail_encryption(key, parameter, "OpenSSL", error);
    }
    return ossl_fail_item(error, parameter, key->place, "its pass phrase is wrong or missing");
}

static enum tlsmgm_status use_key(struct tlsmgm_ctx *ctx, const struct tlsmgm_key *key,
                                  const char *parameter, struct tlsmgm_bytes passphrase,
                                  struct tlsmgm_error *error) {
    BIO *bio = blob_bio(&key->pem);
    EVP_PKEY *loaded =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, passphrase_callback, &passphrase);
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    if (loaded == NULL) {
        status = fail_key(key, parameter, error);
    } else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx->ssl_ctx), loaded) != 1) {
        ossl_clear_errors();
        status =
            tlsmgm_fail_parameter(error, parameter, "the key does not belong to the certificate");
    } else if (SSL_CTX_use_PrivateKey(ctx->ssl_ctx, loaded) != 1) {
        status = ossl_fail_item(error, parameter, key->place, "the key cannot be used");
    }
    EVP_PKEY_free(loaded);
    BIO_free(bio);
    return status;
}

enum tlsmgm_status ossl_load_identity(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_ctx_config *config,
                                      struct tlsmgm_error *error) {
    struct tlsmgm_identity first = tlsmgm_identity_first(config);
    struct tlsmgm_identity second = tlsmgm_identity_second(config);
    struct tlsmgm_blob *leaf = &ctx->base.certificate;
    if (!tlsmgm_source_is_given(first.certificate)) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_load_chain(ctx, config, &first, use_chain, leaf, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_load_key(ctx, config, &first, use_key, error);
    if (status != TLSMGM_STATUS_OK || !tlsmgm_source_is_given(second.certificate)) return status;
    status = tlsmgm_load_chain(ctx, config, &second, use_chain, &ctx->certificate2, error);
    if (status == TLSMGM_STATUS_OK)
        status = tlsmgm_check_two_kinds(leaf, &ctx->certificate2, error);
    return status == TLSMGM_STATUS_OK ? tlsmgm_load_key(ctx, config, &second, use_key, error)
                                      : status;
}

/* PKCS#3 is "DH" here, and X9.42 "DHX"; "openssl dhparam -dsaparam" writes the latter. */
static enum tlsmgm_status use_dh(struct tlsmgm_ctx *ctx, const struct tlsmgm_dh *dh,
                                 struct tlsmgm_error *error) {
    BIO *bio = blob_bio(&dh->pem);
    EVP_PKEY *parameters = bio == NULL ? NULL : PEM_read_bio_Parameters(bio, NULL);
    BIO_free(bio);
    if (parameters == NULL ||
        (EVP_PKEY_is_a(parameters, "DH") != 1 && EVP_PKEY_is_a(parameters, "DHX") != 1)) {
        EVP_PKEY_free(parameters);
        return ossl_fail_item(error, "dh_params", dh->place, "OpenSSL cannot decode them");
    }
    /* A cipher list can lower the security level; at this one OpenSSL itself takes a bit less. */
    if (SSL_CTX_get_security_level(ctx->ssl_ctx) >= 2 && dh->bits < TLSMGM_DH_BITS_MIN) {
        EVP_PKEY_free(parameters);
        return tlsmgm_dh_fail_size(dh, "dh_params", error);
    }
    if (SSL_CTX_set0_tmp_dh_pkey(ctx->ssl_ctx, parameters) == 1) return TLSMGM_STATUS_OK;
    EVP_PKEY_free(parameters);
    return ossl_fail_item(error, "dh_params", dh->place, "they cannot be used");
}

enum tlsmgm_status ossl_load_dh_params(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    return tlsmgm_load_dh(ctx, config, use_dh, error);
}
