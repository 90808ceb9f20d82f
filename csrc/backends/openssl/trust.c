/* Whom a context trusts: CAs and CRLs, and the names of CAs that a server announces. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "backends/openssl/internal.h"
#include "base/error.h"
#include "base/warn.h"
#include "files/trust_items.h"

/*
 * Most bytes of names in a CertificateRequest: both versions count them in two bytes, together with
 * other extensions in TLS 1.3 (RFC 8446 section 4.2.4, RFC 5246 section 7.4.4).
 */
#define ANNOUNCED_MAX 65000u

/* Says in a warning why OpenSSL does not take a CA; nothing else is lost by it. */
static void warn_of_ca(const struct tlsmgm_ctx_config *config, const char *parameter,
                       const struct tlsmgm_trust_item *ca) {
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ossl_clear_errors();
    tlsmgm_warn_of(config, parameter, "%s: OpenSSL cannot use this CA%s%s", ca->where,
                   reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
}

static bool set_trust(X509 *certificate, int purpose, enum tlsmgm_trust_setting setting) {
    const ASN1_OBJECT *object = OBJ_nid2obj(purpose);
    switch (setting) {
        case TLSMGM_TRUST_NEUTRAL:
            return true;
        case TLSMGM_TRUST_TRUSTED:
            return X509_add1_trust_object(certificate, object) == 1;
        case TLSMGM_TRUST_REJECTED:
            return X509_add1_reject_object(certificate, object) == 1;
    }
    return false;
}

/* The names that a server will send in its CertificateRequest, so that clients choose well. */
struct announcement {
    STACK_OF(X509_NAME) * names; /* NULL: none are sent */
    size_t size;                 /* on the wire */
};

static bool has_name(STACK_OF(X509_NAME) * names, const X509_NAME *name) {
    for (int i = 0; i < sk_X509_NAME_num(names); i++) {
        if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0) return true;
    }
    return false;
}

/* Each name once. Beyond the bound they are only counted. */
static bool announce(struct announcement *announcement, X509 *certificate) {
    const unsigned char *der = NULL;
    size_t length = 0;
    if (announcement->size > ANNOUNCED_MAX) return true;
    if (has_name(announcement->names, X509_get_subject_name(certificate))) return true;
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(certificate));
    if (name == NULL || X509_NAME_get0_der(name, &der, &length) != 1 ||
        sk_X509_NAME_push(announcement->names, name) <= 0) {
        X509_NAME_free(name);
        return false;
    }
    announcement->size += 2 + length;
    return true;
}

/* False: this CA cannot be used, and the reason is in the queue. */
static bool trust_ca(X509_STORE *store, const struct tlsmgm_trust_item *ca,
                     struct announcement *announcement) {
    const unsigned char *data = ca->der.data;
    X509 *certificate = d2i_X509(NULL, &data, (long)ca->der.size);
    bool good = certificate != NULL && set_trust(certificate, NID_server_auth, ca->for_servers) &&
                set_trust(certificate, NID_client_auth, ca->for_clients) &&
                X509_STORE_add_cert(store, certificate) == 1 &&
                (announcement->names == NULL || announce(announcement, certificate));
    X509_free(certificate);
    return good;
}

static void trust_cas(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                      const struct tlsmgm_trust_items *items, struct announcement *announcement) {
    X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl_ctx);
    struct announcement nothing = {0};
    for (size_t i = 0; i < items->ca_count; i++) {
        bool is_listed = i < items->ca_list_count;
        if (trust_ca(store, &items->cas[i], is_listed ? announcement : &nothing)) continue;
        warn_of_ca(config, is_listed ? "ca_list" : "ca_dir", &items->cas[i]);
    }
}

/* Where the names do not fit, none is sent, which says that any CA will do. */
static enum tlsmgm_status load_cas(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   const struct tlsmgm_trust_items *items,
                                   struct tlsmgm_error *error) {
    struct announcement announcement = {0};
    if (ctx->base.is_server) {
        announcement.names = sk_X509_NAME_new_null();
        if (announcement.names == NULL) return tlsmgm_fail_memory(error);
    }
    trust_cas(ctx, config, items, &announcement);
    if (announcement.size > ANNOUNCED_MAX) {
        sk_X509_NAME_pop_free(announcement.names, X509_NAME_free);
        tlsmgm_warn_of(config, "ca_list",
                       "the names of its CAs take more than %u bytes, so clients are told none and "
                       "may choose a certificate of any CA",
                       ANNOUNCED_MAX);
    } else if (ctx->base.is_server) {
        SSL_CTX_set_client_CA_list(ctx->ssl_ctx, announcement.names);
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status load_crls(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                    const struct tlsmgm_trust_items *items,
                                    struct tlsmgm_error *error) {
    X509_STORE *store = SSL_CTX_get_cert_store(ctx->ssl_ctx);
    for (size_t i = 0; i < items->crl_count; i++) {
        const struct tlsmgm_trust_item *item = &items->crls[i];
        const unsigned char *data = item->der.data;
        X509_CRL *crl = d2i_X509_CRL(NULL, &data, (long)item->der.size);
        bool good = crl != NULL && X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
        if (!good) {
            return ossl_fail_item(error, "crl_dir", item->where, "OpenSSL cannot use this CRL");
        }
    }
    if (items->crl_count == 0) return TLSMGM_STATUS_OK;
    unsigned long flags = X509_V_FLAG_CRL_CHECK;
    if (config->crl_check_all) flags |= X509_V_FLAG_CRL_CHECK_ALL;
    (void)X509_STORE_set_flags(store, flags);
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status ossl_load_trust(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   struct tlsmgm_error *error) {
    struct tlsmgm_trust_items items;
    /* What ca_list names is trusted, an intermediate too, without its root. */
    (void)X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx->ssl_ctx), X509_V_FLAG_PARTIAL_CHAIN);
    enum tlsmgm_status status = tlsmgm_trust_items_read(config, &items, error);
    if (status == TLSMGM_STATUS_OK) status = load_cas(ctx, config, &items, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_trust_items_drop_deltas(&items, config, error);
    if (status == TLSMGM_STATUS_OK) status = load_crls(ctx, config, &items, error);
    tlsmgm_trust_items_free(&items);
    return status;
}
