/* What a context presents (certificate, chain, key) and whom it trusts (CAs, CRLs). */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "ctx_config.h"
#include "error.h"
#include "internal.h"

/* Answers a question for a pass phrase with what the configuration says; never asks a terminal. */
static int passphrase_callback(char *out, int size, int writing, void *argument) {
    const struct tlsmgm_bytes *passphrase = argument;
    (void)writing;
    if (passphrase->size == 0 || passphrase->size > (size_t)size) return -1;
    memcpy(out, passphrase->data, passphrase->size);
    return (int)passphrase->size;
}

static BIO *bytes_bio(struct tlsmgm_bytes bytes) {
    return BIO_new_mem_buf(bytes.data, (int)bytes.size);
}

static BIO *blob_bio(const struct tlsmgm_blob *blob) {
    return bytes_bio((struct tlsmgm_bytes){blob->data, blob->size});
}

/* PEM readers end with this error; anything else means that an item was broken. */
static bool is_end_of_pem(void) {
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

/* All certificates of a blob; NULL with the error set when there is none or one is broken. */
static STACK_OF(X509) * read_certificates(struct tlsmgm_bytes bytes, const char *parameter,
                                          const char *path, struct tlsmgm_error *error) {
    BIO *bio = bytes_bio(bytes);
    STACK_OF(X509) *list = sk_X509_new_null();
    X509 *certificate = NULL;
    bool broken = bio == NULL || list == NULL;
    while (!broken && (certificate = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(list, certificate) > 0) continue;
        X509_free(certificate);
        broken = true;
    }
    if (!broken) broken = !is_end_of_pem() || sk_X509_num(list) == 0;
    BIO_free(bio);
    if (!broken) {
        ossl_clear_errors();
        return list;
    }
    sk_X509_pop_free(list, X509_free);
    ossl_clear_errors();
    (void)tlsmgm_fail_parameter(error, parameter, "no readable PEM certificate in %s",
                                path == NULL ? "the value" : path);
    return NULL;
}

static STACK_OF(X509) * read_certificate_source(const struct tlsmgm_source *source,
                                                const char *parameter, struct tlsmgm_error *error) {
    struct tlsmgm_blob blob;
    if (tlsmgm_source_read(source, parameter, &blob, error) != TLSMGM_OK) return NULL;
    struct tlsmgm_bytes bytes = {blob.data, blob.size};
    STACK_OF(X509) *list = read_certificates(bytes, parameter, source->path, error);
    tlsmgm_blob_free(&blob);
    return list;
}

static enum tlsmgm_status keep_der(X509 *leaf, struct tlsmgm_blob *out,
                                   struct tlsmgm_error *error) {
    unsigned char *der = NULL;
    int size = i2d_X509(leaf, &der);
    if (size <= 0) return tlsmgm_fail_memory(error);
    struct tlsmgm_source copy = {.data = {.data = der, .size = (size_t)size}};
    enum tlsmgm_status status = tlsmgm_source_read(&copy, "certificate", out, error);
    OPENSSL_free(der);
    return status;
}

/* One of the certificates of a domain and its key, with the names of their parameters. */
struct identity {
    const struct tlsmgm_source *certificate;
    const struct tlsmgm_source *private_key;
    const char *certificate_name;
    const char *key_name;
    struct tlsmgm_blob *leaf; /* DER is put there */
};

static enum tlsmgm_status load_certificate(struct tlsmgm_ctx *ctx, const struct identity *identity,
                                           struct tlsmgm_error *error) {
    const char *parameter = identity->certificate_name;
    STACK_OF(X509) *list = read_certificate_source(identity->certificate, parameter, error);
    if (list == NULL) return error->status;
    X509 *leaf = sk_X509_value(list, 0);
    enum tlsmgm_status status = keep_der(leaf, identity->leaf, error);
    if (status == TLSMGM_OK && SSL_CTX_use_certificate(ctx->ssl_ctx, leaf) != 1) {
        status = ossl_fail_parameter(error, parameter, "the certificate cannot be used");
    }
    for (int i = 1; status == TLSMGM_OK && i < sk_X509_num(list); i++) {
        if (SSL_CTX_add1_chain_cert(ctx->ssl_ctx, sk_X509_value(list, i)) == 1) continue;
        status = ossl_fail_parameter(error, parameter, "the chain cannot be used");
    }
    sk_X509_pop_free(list, X509_free);
    return status;
}

static enum tlsmgm_status load_private_key(struct tlsmgm_ctx *ctx, const struct identity *identity,
                                           struct tlsmgm_bytes passphrase,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_blob blob;
    const char *parameter = identity->key_name;
    enum tlsmgm_status status = tlsmgm_source_read(identity->private_key, parameter, &blob, error);
    if (status != TLSMGM_OK) return status;
    BIO *bio = blob_bio(&blob);
    EVP_PKEY *key =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, passphrase_callback, &passphrase);
    if (key == NULL) {
        status = ossl_fail_parameter(error, parameter,
                                     "no readable PEM key, or its pass phrase is wrong or missing");
    } else if (X509_check_private_key(SSL_CTX_get0_certificate(ctx->ssl_ctx), key) != 1) {
        ossl_clear_errors();
        status =
            tlsmgm_fail_parameter(error, parameter, "the key does not belong to the certificate");
    } else if (SSL_CTX_use_PrivateKey(ctx->ssl_ctx, key) != 1) {
        status = ossl_fail_parameter(error, parameter, "the key cannot be used");
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    tlsmgm_blob_free(&blob);
    return status;
}

enum tlsmgm_status ossl_load_identity(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_ctx_config *config,
                                      struct tlsmgm_error *error) {
    if (!tlsmgm_source_is_given(&config->certificate)) return TLSMGM_OK;
    struct identity first = {&config->certificate, &config->private_key, "certificate",
                             "private_key", &ctx->certificate};
    enum tlsmgm_status status = load_certificate(ctx, &first, error);
    if (status == TLSMGM_OK) status = load_private_key(ctx, &first, config->passphrase, error);
    if (status != TLSMGM_OK || !tlsmgm_source_is_given(&config->certificate2)) return status;
    struct identity second = {&config->certificate2, &config->private_key2, "certificate2",
                              "private_key2", &ctx->certificate2};
    status = load_certificate(ctx, &second, error);
    if (status == TLSMGM_OK) {
        status = tlsmgm_check_two_kinds(&ctx->certificate, &ctx->certificate2, error);
    }
    return status == TLSMGM_OK ? load_private_key(ctx, &second, config->passphrase, error) : status;
}

/* What the visitors of directories need to know. */
struct trust_loading {
    struct tlsmgm_ctx *ctx;
    size_t count;
};

static enum tlsmgm_status trust_certificates(struct tlsmgm_ctx *ctx, STACK_OF(X509) * list,
                                             const char *parameter, bool announce,
                                             struct tlsmgm_error *error) {
    X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl_ctx);
    for (int i = 0; i < sk_X509_num(list); i++) {
        X509 *certificate = sk_X509_value(list, i);
        if (X509_STORE_add_cert(store, certificate) != 1 ||
            (announce && SSL_CTX_add_client_CA(ctx->ssl_ctx, certificate) != 1)) {
            return ossl_fail_parameter(error, parameter, "a CA certificate cannot be used");
        }
    }
    return TLSMGM_OK;
}

static enum tlsmgm_status load_ca_list(struct tlsmgm_ctx *ctx, const struct tlsmgm_source *source,
                                       struct tlsmgm_error *error) {
    STACK_OF(X509) *list = read_certificate_source(source, "ca_list", error);
    if (list == NULL) return error->status;
    enum tlsmgm_status status = trust_certificates(ctx, list, "ca_list", ctx->is_server, error);
    sk_X509_pop_free(list, X509_free);
    return status;
}

static enum tlsmgm_status visit_ca(void *context, const char *path, struct tlsmgm_bytes content,
                                   struct tlsmgm_error *error) {
    struct trust_loading *loading = context;
    STACK_OF(X509) *list = read_certificates(content, "ca_dir", path, error);
    if (list == NULL) return TLSMGM_CONFIG;
    enum tlsmgm_status status = trust_certificates(loading->ctx, list, "ca_dir", false, error);
    sk_X509_pop_free(list, X509_free);
    loading->count++;
    return status;
}

static enum tlsmgm_status load_ca_dir(struct tlsmgm_ctx *ctx,
                                      const struct tlsmgm_directory *directory,
                                      struct tlsmgm_error *error) {
    struct trust_loading loading = {.ctx = ctx};
    enum tlsmgm_status status =
        tlsmgm_directory_visit(directory, "ca_dir", true, visit_ca, &loading, error);
    if (status != TLSMGM_OK || loading.count > 0) return status;
    return tlsmgm_fail_parameter(error, "ca_dir",
                                 "no CA certificate named by its hash in %s (run: openssl rehash)",
                                 directory->path);
}

/* PEM, several in a file perhaps, or one in DER. A file that is neither is passed over. */
static int add_crls(X509_STORE *store, struct tlsmgm_bytes content) {
    int count = 0;
    X509_CRL *crl;
    const unsigned char *der = content.data;
    BIO *bio = bytes_bio(content);
    while (bio != NULL && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
        count += X509_STORE_add_crl(store, crl);
        X509_CRL_free(crl);
    }
    BIO_free(bio);
    if (count == 0 && (crl = d2i_X509_CRL(NULL, &der, (long)content.size)) != NULL) {
        count += X509_STORE_add_crl(store, crl);
        X509_CRL_free(crl);
    }
    ossl_clear_errors();
    return count;
}

static enum tlsmgm_status visit_crl(void *context, const char *path, struct tlsmgm_bytes content,
                                    struct tlsmgm_error *error) {
    struct trust_loading *loading = context;
    (void)path;
    (void)error;
    loading->count += (size_t)add_crls(SSL_CTX_get_cert_store(loading->ctx->ssl_ctx), content);
    return TLSMGM_OK;
}

static enum tlsmgm_status load_crl_dir(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    struct trust_loading loading = {.ctx = ctx};
    enum tlsmgm_status status =
        tlsmgm_directory_visit(&config->crl_dir, "crl_dir", false, visit_crl, &loading, error);
    if (status != TLSMGM_OK) return status;
    if (loading.count == 0) {
        return tlsmgm_fail_parameter(error, "crl_dir", "no CRL in %s", config->crl_dir.path);
    }
    unsigned long flags = X509_V_FLAG_CRL_CHECK;
    if (config->crl_check_all) flags |= X509_V_FLAG_CRL_CHECK_ALL;
    (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx->ssl_ctx), flags);
    return TLSMGM_OK;
}

enum tlsmgm_status ossl_load_trust(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_OK;
    /* What ca_list names is trusted, an intermediate too, without its root. */
    (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx->ssl_ctx), X509_V_FLAG_PARTIAL_CHAIN);
    if (tlsmgm_source_is_given(&config->ca_list)) {
        status = load_ca_list(ctx, &config->ca_list, error);
    }
    if (status == TLSMGM_OK && config->ca_dir.path != NULL) {
        status = load_ca_dir(ctx, &config->ca_dir, error);
    }
    if (status == TLSMGM_OK && config->crl_dir.path != NULL) {
        status = load_crl_dir(ctx, config, error);
    }
    return status;
}

enum tlsmgm_status ossl_load_dh_params(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_blob blob;
    if (!tlsmgm_source_is_given(&config->dh_params)) return TLSMGM_OK;
    enum tlsmgm_status status = tlsmgm_source_read(&config->dh_params, "dh_params", &blob, error);
    if (status != TLSMGM_OK) return status;
    BIO *bio = blob_bio(&blob);
    EVP_PKEY *parameters = bio == NULL ? NULL : PEM_read_bio_Parameters(bio, NULL);
    BIO_free(bio);
    tlsmgm_blob_free(&blob);
    if (parameters == NULL || EVP_PKEY_is_a(parameters, "DH") != 1) {
        EVP_PKEY_free(parameters);
        ossl_clear_errors();
        return tlsmgm_fail_parameter(error, "dh_params", "no readable Diffie-Hellman parameters");
    }
    if (SSL_CTX_set0_tmp_dh_pkey(ctx->ssl_ctx, parameters) == 1) return TLSMGM_OK;
    EVP_PKEY_free(parameters);
    return ossl_fail_parameter(error, "dh_params", "the parameters cannot be used");
}
