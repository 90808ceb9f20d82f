/* Contexts: a TLS domain as wolfSSL sees it. */
#include <string.h>

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/blob.h"
#include "base/error.h"
#include "kit/cipher_list.h"
#include "kit/ctx_config.h"

/*
 * This library begins with TLS 1.2; a range that ends before it allows nothing. Versions that are
 * left out by an option cost each connection lists of ciphers of its own, so that is done only
 * where there is no other way.
 */
static enum tlsmgm_status set_versions(WOLFSSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    int lowest = config->lowest_version < TLSMGM_TLS1_2 ? TLSMGM_TLS1_2 : config->lowest_version;
    int highest = config->highest_version == 0 ? TLSMGM_TLS1_3 : config->highest_version;
    if (highest < TLSMGM_TLS1_2) {
        (void)tlsmgm_fail_parameter(error, "tls_method", "wolfSSL has no TLS below 1.2");
        return TLSMGM_STATUS_CONFIG;
    }
    bool good = lowest <= highest && highest <= TLSMGM_TLS1_3 &&
                wolfSSL_CTX_SetMinVersion(ssl_ctx, lowest == TLSMGM_TLS1_3
                                                       ? WOLFSSL_TLSV1_3
                                                       : WOLFSSL_TLSV1_2) == WOLFSSL_SUCCESS;
    if (good && highest < TLSMGM_TLS1_3) {
        good = wolfSSL_CTX_set_max_proto_version(ssl_ctx, highest) == WOLFSSL_SUCCESS;
    }
    if (good) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "tls_method", "this wolfSSL cannot do these versions");
}

/* wolfSSL passes over words that it does not know, so each one is checked first. */
static enum tlsmgm_status check_cipher_words(const char *list, struct tlsmgm_error *error) {
    for (;;) {
        struct tlsmgm_bytes word = tlsmgm_cipher_word_next(&list);
        if (word.size == 0) return TLSMGM_STATUS_OK;
        if (wssl_cipher_is_known(word)) continue;
        return tlsmgm_fail_parameter(error, "cipher_list", "wolfSSL knows no cipher \"%.*s\"",
                                     (int)word.size, (const char *)word.data);
    }
}

#define DEFAULT_OLDER  "DEFAULT"
#define DEFAULT_TLS1_3 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"

/*
 * Each half by itself: wolfSSL then keeps what the other was. In a new context that is nothing at
 * all, so a half that is not named is set to its default.
 */
static enum tlsmgm_status set_cipher_half(WOLFSSL_CTX *ssl_ctx, const char *half,
                                          const char *otherwise, struct tlsmgm_error *error) {
    if (*half == '\0') half = otherwise;
    if (wolfSSL_CTX_set_cipher_list(ssl_ctx, half) == WOLFSSL_SUCCESS) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "cipher_list", "wolfSSL can use nothing of \"%s\"", half);
}

static enum tlsmgm_status set_ciphers(WOLFSSL_CTX *ssl_ctx, const char *text,
                                      struct tlsmgm_error *error) {
    struct tlsmgm_cipher_list list = {0};
    if (text == NULL) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = check_cipher_words(text, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_cipher_list_split(text, &list, error);
    if (status == TLSMGM_STATUS_OK)
        status = set_cipher_half(ssl_ctx, list.older, DEFAULT_OLDER, error);
    if (status == TLSMGM_STATUS_OK)
        status = set_cipher_half(ssl_ctx, list.tls1_3, DEFAULT_TLS1_3, error);
    tlsmgm_cipher_list_free(&list);
    return status;
}

/*
 * A client always has wolfSSL ask for a verdict, which verify.c gives, and which counts or not:
 * with verification off, wolfSSL would not even ask, and $tls_peer_expired would lie. The depth is
 * ours to count.
 */
static void set_verification(WOLFSSL_CTX *ssl_ctx, const struct tlsmgm_ctx_config *config) {
    int mode = WOLFSSL_VERIFY_NONE;
    if (config->verify_peer || !config->is_server) mode = WOLFSSL_VERIFY_PEER;
    if (config->is_server && config->verify_peer && config->require_peer) {
        mode |= WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    wolfSSL_CTX_set_verify(ssl_ctx, mode, NULL);
    wolfSSL_CTX_set_cert_verify_callback(ssl_ctx, wssl_verify_callback, NULL);
    wolfSSL_CTX_set_verify_depth(ssl_ctx, TLSMGM_VERIFY_DEPTH_MAX);
}

/* The server's order counts; a client that shares nothing gets alert no_application_protocol. */
static int select_alpn(WOLFSSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *offered, unsigned int offered_size, void *argument) {
    const struct tlsmgm_ctx *ctx = argument;
    (void)ssl;
    for (size_t i = 0; i + ctx->base.alpn.data[i] < ctx->base.alpn.size;
         i += 1u + ctx->base.alpn.data[i]) {
        const unsigned char *ours = ctx->base.alpn.data + i;
        for (unsigned int j = 0; j < offered_size && j + offered[j] < offered_size;
             j += 1u + offered[j]) {
            if (offered[j] != ours[0] || memcmp(offered + j, ours, 1u + ours[0]) != 0) continue;
            *out = ours + 1;
            *out_size = ours[0];
            return 0; /* SSL_TLSEXT_ERR_OK */
        }
        if (i + 1u + ours[0] >= ctx->base.alpn.size) break;
    }
    return 2; /* SSL_TLSEXT_ERR_ALERT_FATAL */
}

static enum tlsmgm_status set_alpn(struct tlsmgm_ctx *ctx, struct tlsmgm_error *error) {
    const struct tlsmgm_blob *alpn = &ctx->base.alpn;
    if (alpn->size == 0) return TLSMGM_STATUS_OK;
    if (ctx->base.is_server) {
        wolfSSL_CTX_set_alpn_select_cb(ctx->ssl_ctx, select_alpn, ctx);
        return TLSMGM_STATUS_OK;
    }
    int result = wolfSSL_CTX_set_alpn_protos(ctx->ssl_ctx, alpn->data, (unsigned int)alpn->size);
#ifdef WOLFSSL_ERROR_CODE_OPENSSL
    bool good = result == 0;
#else
    bool good = result == WOLFSSL_SUCCESS;
#endif
    if (good) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, "alpn", "the protocol list is malformed");
}

/*
 * Tickets only: wolfSSL has one session cache for the whole process, in which one domain's session
 * would resume in another. A ticket opens with the domain's key ring only.
 */
static enum tlsmgm_status set_resumption(struct tlsmgm_ctx *ctx,
                                         const struct tlsmgm_ctx_config *config,
                                         struct tlsmgm_error *error) {
    (void)wolfSSL_CTX_set_session_cache_mode(ctx->ssl_ctx, WOLFSSL_SESS_CACHE_OFF);
    if (!config->is_server) {
        if (wolfSSL_CTX_UseSessionTicket(ctx->ssl_ctx) == WOLFSSL_SUCCESS) return TLSMGM_STATUS_OK;
        return tlsmgm_fail_memory(error);
    }
    if (ctx->base.scope.size > 0 &&
        wolfSSL_CTX_set_session_id_context(ctx->ssl_ctx, ctx->base.scope.bytes,
                                           ctx->base.scope.size) != WOLFSSL_SUCCESS) {
        return tlsmgm_fail_parameter(error, "scope", "the scope cannot be used");
    }
    if (!tlsmgm_ctx_base_take_ticket_keys(&ctx->base, config)) {
        (void)wolfSSL_CTX_NoTicketTLSv12(ctx->ssl_ctx);
        (void)wolfSSL_CTX_no_ticket_TLSv13(ctx->ssl_ctx);
        return TLSMGM_STATUS_OK;
    }
    (void)wolfSSL_CTX_set_TicketEncCb(ctx->ssl_ctx, wssl_ticket_callback);
    (void)wolfSSL_CTX_set_num_tickets(ctx->ssl_ctx, config->tickets == 0 ? 1 : config->tickets);
    /* Without this a client of TLS 1.2 whose ticket was refused is never given another one. */
    if (wolfSSL_CTX_UseSessionTicket(ctx->ssl_ctx) != WOLFSSL_SUCCESS) {
        return tlsmgm_fail_memory(error);
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status set_stapling(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       struct tlsmgm_error *error) {
    ctx->require_staple = config->require_staple;
    if (config->require_staple) {
        wolfSSL_CTX_set_ocsp_status_verify_cb(ctx->ssl_ctx, wssl_staple_callback, NULL);
    }
    if (!tlsmgm_source_is_given(&config->ocsp_response)) return TLSMGM_STATUS_OK;
    return wssl_load_staple(ctx, &config->ocsp_response, error);
}

static enum tlsmgm_status configure(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                    const struct tlsmgm_identity *identity,
                                    struct tlsmgm_error *error) {
    wolfSSL_CTX_SetIORecv(ctx->ssl_ctx, wssl_wire_receive);
    wolfSSL_CTX_SetIOSend(ctx->ssl_ctx, wssl_wire_send);
    if (ctx->base.is_server) {
        wolfSSL_CTX_set_servername_callback(ctx->ssl_ctx, wssl_server_name_callback);
    }
    set_verification(ctx->ssl_ctx, config);
    /* As OpenSSL's security level 2, which the other backend begins with; wolfSSL's is 1024. */
    (void)wolfSSL_CTX_SetMinRsaKey_Sz(ctx->ssl_ctx, TLSMGM_RSA_BITS_MIN);
    enum tlsmgm_status status = set_versions(ctx->ssl_ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_ciphers(ctx->ssl_ctx, config->cipher_list, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_set_groups(ctx, config, error);
    /* Behind the suites, which set a list of their own. */
    if (status == TLSMGM_STATUS_OK) status = wssl_set_signatures(ctx->ssl_ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_load_dh_params(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_load_identity(ctx, config, identity, error);
    if (status == TLSMGM_STATUS_OK) status = wssl_load_trust(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_alpn(ctx, error);
    if (status == TLSMGM_STATUS_OK) status = set_resumption(ctx, config, error);
    if (status == TLSMGM_STATUS_OK) status = set_stapling(ctx, config, error);
    ctx->key_kind = tlsmgm_key_kind(tlsmgm_blob_view(&ctx->base.certificate));
    return status;
}

static enum tlsmgm_status ctx_new(const struct tlsmgm_ctx_config *config,
                                  const struct tlsmgm_identity *identity, struct tlsmgm_ctx **out,
                                  struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_ctx *ctx = tlsmgm_calloc(1, sizeof *ctx);
    if (ctx == NULL) return tlsmgm_fail_memory(error);
    enum tlsmgm_status status = tlsmgm_ctx_base_init(&ctx->base, config, error);
    ctx->verify_depth = config->verify_depth;
    ctx->accept_server_eku = config->accept_server_eku;
    ctx->check_all_crls = config->crl_check_all;
    if (status == TLSMGM_STATUS_OK) {
        ctx->ssl_ctx = wolfSSL_CTX_new(config->is_server ? wolfSSLv23_server_method()
                                                         : wolfSSLv23_client_method());
        if (ctx->ssl_ctx == NULL) status = tlsmgm_fail_memory(error);
    }
    if (status == TLSMGM_STATUS_OK)
        status = tlsmgm_keylog_open(&ctx->base.keylog, config->keylog_file, error);
    if (status == TLSMGM_STATUS_OK) status = configure(ctx, config, identity, error);
    if (status != TLSMGM_STATUS_OK) {
        wssl_ctx_free(ctx);
        return status;
    }
    *out = ctx;
    return TLSMGM_STATUS_OK;
}

/* wolfSSL has room for one certificate, so the other one gets a context of its own. */
static enum tlsmgm_status add_second(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                     struct tlsmgm_error *error) {
    struct tlsmgm_identity second = tlsmgm_identity_second(config);
    struct tlsmgm_ctx_config other = *config;
    if (!tlsmgm_source_is_given(second.certificate)) return TLSMGM_STATUS_OK;
    other.ocsp_response = (struct tlsmgm_source){0}; /* it is about the first one */
    enum tlsmgm_status status = ctx_new(&other, &second, &ctx->second, error);
    if (status != TLSMGM_STATUS_OK) return status;
    return tlsmgm_check_two_kinds(&ctx->base.certificate, &ctx->second->base.certificate, error);
}

enum tlsmgm_status wssl_ctx_new(const struct tlsmgm_ctx_config *config, struct tlsmgm_ctx **out,
                                struct tlsmgm_error *error) {
    struct tlsmgm_identity first = tlsmgm_identity_first(config);
    struct tlsmgm_ctx *ctx;
    *out = NULL;
    enum tlsmgm_status status = ctx_new(config, &first, &ctx, error);
    if (status == TLSMGM_STATUS_OK) status = add_second(ctx, config, error);
    if (status != TLSMGM_STATUS_OK) {
        wssl_ctx_free(ctx);
        return status;
    }
    *out = ctx;
    return TLSMGM_STATUS_OK;
}

void wssl_ctx_free(struct tlsmgm_ctx *ctx) {
    if (ctx == NULL || !tlsmgm_ctx_base_release(&ctx->base)) return;
    wolfSSL_CTX_free(ctx->ssl_ctx);
    wssl_ctx_free(ctx->second);
    tlsmgm_anchors_free(&ctx->anchors);
    tlsmgm_ctx_base_clear(&ctx->base);
    tlsmgm_free(ctx);
}
