/* What a context presents: certificate, chain and key; and Diffie-Hellman parameters. */
#include <string.h>

/* options.h comes first, by way of this one. */
#include "backends/wolfssl/internal.h"

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/error.h"
#include "x509/certificate_fields.h"
#include "x509/der.h"
#include "x509/public_key.h"

static int passphrase_callback(char *out, int size, int writing, void *argument) {
    (void)writing;
    return tlsmgm_passphrase_copy(argument, out, size);
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
    return TLSMGM_STATUS_OK;
}

/* TLS 1.3 has room for the extensions of so many certificates (wolfssl/internal.h, not public). */
#ifndef MAX_CHAIN_DEPTH
#define MAX_CHAIN_DEPTH 9
#endif
#define CHAIN_COUNT_MAX (1u + MAX_CHAIN_DEPTH)

/* RFC 4055 section 1.2: parameters restrict the key to one digest; without them it takes any. */
static bool has_parameters(struct tlsmgm_bytes public_key_info) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(public_key_info);
    struct tlsmgm_cursor info;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes oid;
    return tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &info) &&
           tlsmgm_der_enter(&info, TLSMGM_DER_SEQUENCE, &algorithm) &&
           tlsmgm_der_oid(&algorithm, &oid) && algorithm.left > 0;
}

/* What wolfSSL would load, to fail in each handshake. NULL: nothing is known against it. */
static const char *unusable(struct tlsmgm_bytes leaf) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_public_key key;
    if (tlsmgm_certificate_fields_read(leaf, &fields, NULL) != TLSMGM_STATUS_OK) return NULL;
    tlsmgm_public_key_read(fields.public_key_info, &key);
    if (key.rsa_bits > RSA_MAX_SIZE) {
        return "wolfSSL cannot use RSA keys of this size; it ends at 4096 bits";
    }
    if (key.kind == TLSMGM_PUBLIC_KEY_RSA_PSS && has_parameters(fields.public_key_info)) {
        return "wolfSSL cannot use RSA-PSS keys with parameters";
    }
    if (key.has_explicit_curve) return "wolfSSL cannot use keys whose curve is spelled out";
    if (key.kind == TLSMGM_PUBLIC_KEY_EC && tlsmgm_key_kind(leaf) == TLSMGM_KEY_OTHER) {
        return "wolfSSL can use keys on the curves P-256, P-384 and P-521 only";
    }
    return NULL;
}

/* What it is about a certificate that wolfSSL cannot decode. */
static const char *trouble_with(struct tlsmgm_bytes leaf) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_public_key key;
    if (tlsmgm_certificate_fields_read(leaf, &fields, NULL) == TLSMGM_STATUS_OK) {
        tlsmgm_public_key_read(fields.public_key_info, &key);
        if (key.kind == TLSMGM_PUBLIC_KEY_ED448) return "this wolfSSL has no Ed448";
    }
    return "wolfSSL cannot decode it";
}

/* With words for what is wrong; the function that loads it has one number for everything. */
static enum tlsmgm_status check_leaf(const struct tlsmgm_chain_item *item,
                                     const struct tlsmgm_ctx_config *config, const char *parameter,
                                     struct tlsmgm_error *error) {
    struct tlsmgm_bytes leaf = tlsmgm_blob_view(&item->der);
    const char *trouble = unusable(leaf);
    int code = WOLFSSL_FAILURE;
    if (trouble == NULL) {
        struct DecodedCert *decoded = tlsmgm_calloc(1, sizeof *decoded);
        if (decoded == NULL) return tlsmgm_fail_memory(error);
        wc_InitDecodedCert(decoded, leaf.data, (word32)leaf.size, NULL);
        code = wc_ParseCert(decoded, CERT_TYPE, NO_VERIFY, NULL);
        wc_FreeDecodedCert(decoded);
        tlsmgm_free(decoded);
        if (code == MEMORY_E) return tlsmgm_fail_memory(error);
        if (code != 0) trouble = trouble_with(leaf);
    }
    if (trouble == NULL && config->lowest_version < TLSMGM_TLS1_3 &&
        tlsmgm_key_kind(leaf) == TLSMGM_KEY_RSA_PSS) {
        trouble = "wolfSSL can use RSA-PSS keys in TLS 1.3 only (tls_method = TLSv1_3)";
        code = WOLFSSL_FAILURE;
    }
    if (trouble == NULL) return TLSMGM_STATUS_OK;
    return wssl_fail_item(error, parameter, item->place, trouble, code);
}

static enum tlsmgm_status use_chain(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                    const struct tlsmgm_identity *identity,
                                    const struct tlsmgm_chain *chain, struct tlsmgm_error *error) {
    const char *parameter = identity->certificate_name;
    const char *place = chain->items[0].place;
    struct tlsmgm_blob pem = {0};
    if (chain->count > CHAIN_COUNT_MAX) {
        return tlsmgm_fail_parameter(error, parameter,
                                     "%s: it and its chain are %zu certificates; wolfSSL takes %u",
                                     place, chain->count, CHAIN_COUNT_MAX);
    }
    enum tlsmgm_status status = check_leaf(&chain->items[0], config, parameter, error);
    if (status == TLSMGM_STATUS_OK) status = write_chain(chain, &pem, error);
    if (status == TLSMGM_STATUS_OK) {
        int code = wolfSSL_CTX_use_certificate_chain_buffer(ctx->ssl_ctx, pem.data, (long)pem.size);
        if (code != WOLFSSL_SUCCESS) {
            status =
                wssl_fail_item(error, parameter, place, "the certificate cannot be used", code);
        }
    }
    tlsmgm_blob_free(&pem);
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
                                  const char *parameter, struct tlsmgm_bytes passphrase,
                                  struct tlsmgm_error *error) {
    if (key->encryption.is_given && !can_open(&key->encryption)) {
        return tlsmgm_key_fail_encryption(key, parameter, "wolfSSL", error);
    }
    wolfSSL_CTX_set_default_passwd_cb(ctx->ssl_ctx, passphrase_callback);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, &passphrase);
    int result = wolfSSL_CTX_use_PrivateKey_buffer(ctx->ssl_ctx, key->pem.data, (long)key->pem.size,
                                                   WOLFSSL_FILETYPE_PEM);
    wolfSSL_CTX_set_default_passwd_cb_userdata(ctx->ssl_ctx, NULL);
    if (result != WOLFSSL_SUCCESS) {
        return wssl_fail_item(error, parameter, key->place,
                              key->encryption.is_given ? "its pass phrase is wrong or missing"
                                                       : "wolfSSL cannot decode it",
                              result);
    }
    if (wolfSSL_CTX_check_private_key(ctx->ssl_ctx) == WOLFSSL_SUCCESS) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, parameter, "the key does not belong to the certificate");
}

enum tlsmgm_status wssl_load_identity(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_ctx_config *config,
                                      const struct tlsmgm_identity *identity,
                                      struct tlsmgm_error *error) {
    if (!tlsmgm_source_is_given(identity->certificate)) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status =
        tlsmgm_load_chain(ctx, config, identity, use_chain, &ctx->base.certificate, error);
    return status == TLSMGM_STATUS_OK ? tlsmgm_load_key(ctx, config, identity, use_key, error)
                                      : status;
}

/* OpenSSL's security level sets this bound; here no cipher list can lower it. */
static enum tlsmgm_status use_dh(struct tlsmgm_ctx *ctx, const struct tlsmgm_dh *dh,
                                 struct tlsmgm_error *error) {
    if (dh->bits < TLSMGM_DH_BITS_MIN) return tlsmgm_dh_fail_size(dh, "dh_params", error);
    if (dh->bits > RSA_MAX_SIZE) { /* the bound of all its numbers */
        return tlsmgm_fail_parameter(error, "dh_params",
                                     "%s: wolfSSL cannot use %zu bits; it ends at %d", dh->place,
                                     dh->bits, (int)RSA_MAX_SIZE);
    }
    int result = wolfSSL_CTX_SetTmpDH_buffer(ctx->ssl_ctx, dh->der.data, (long)dh->der.size,
                                             WOLFSSL_FILETYPE_ASN1);
    if (result == WOLFSSL_SUCCESS) return TLSMGM_STATUS_OK;
    return wssl_fail_item(error, "dh_params", dh->place, "they cannot be used", result);
}

enum tlsmgm_status wssl_load_dh_params(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    /* That of a server which we call, too. */
    (void)wolfSSL_CTX_SetMinDhKey_Sz(ctx->ssl_ctx, TLSMGM_DH_BITS_MIN);
    return tlsmgm_load_dh(ctx, config, use_dh, error);
}
