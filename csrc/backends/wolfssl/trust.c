/* Whom a context trusts, and which of their names a server sends to its clients. */

#include "backends/wolfssl/internal.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/warn.h"
#include "files/trust_items.h"

/* Behind the options, which come with internal.h. */
#include <wolfssl/wolfcrypt/asn.h>

/*
 * Names of authorities that a CertificateRequest may hold, in bytes: a message of TLS 1.3 must fit
 * one record here, because wolfSSL does not fragment this one.
 */
#define NAMES_SIZE_MAX 14900u

/* A length of two bytes, a tag and its length around each name. */
#define NAME_OVERHEAD 6u

/* Contents of a Name with its tag and length around them; NULL without memory. */
static unsigned char *wrap_name(struct tlsmgm_bytes name, size_t *size) {
    size_t header = name.size < 0x80 ? 2 : name.size < 0x100 ? 3 : 4;
    unsigned char *der = tlsmgm_calloc(header + name.size, 1);
    if (der == NULL) return NULL;
    der[0] = 0x30; /* SEQUENCE */
    der[1] = (unsigned char)(header == 2 ? name.size : 0x7e + header);
    if (header == 3) der[2] = (unsigned char)name.size;
    if (header == 4) {
        der[2] = (unsigned char)(name.size >> 8);
        der[3] = (unsigned char)name.size;
    }
    for (size_t i = 0; i < name.size; i++) der[header + i] = name.data[i];
    *size = header + name.size;
    return der;
}

static enum tlsmgm_status announce(WOLF_STACK_OF(WOLFSSL_X509_NAME) * list,
                                   struct tlsmgm_bytes name) {
    size_t size = 0;
    unsigned char *der = wrap_name(name, &size);
    unsigned char *next = der;
    if (der == NULL) return TLSMGM_STATUS_NO_MEMORY;
    WOLFSSL_X509_NAME *item = wolfSSL_d2i_X509_NAME(NULL, &next, (long)size);
    tlsmgm_free(der);
    if (item == NULL) return TLSMGM_STATUS_UNSUPPORTED;
    if (wolfSSL_sk_X509_NAME_push(list, item) > 0) return TLSMGM_STATUS_OK;
    wolfSSL_X509_NAME_free(item);
    return TLSMGM_STATUS_NO_MEMORY;
}

static bool fits(const struct tlsmgm_trust_items *items) {
    size_t sum = 0;
    for (size_t i = 0; i < items->ca_list_count; i++) {
        struct tlsmgm_certificate_fields fields;
        struct tlsmgm_bytes der = tlsmgm_blob_view(&items->cas[i].der);
        if (tlsmgm_certificate_fields_read(der, &fields, NULL) != TLSMGM_STATUS_OK) return false;
        if (fields.subject.size > WC_ASN_NAME_MAX) return false; /* it would be cut off */
        sum += fields.subject.size + NAME_OVERHEAD;
    }
    return sum <= NAMES_SIZE_MAX;
}

/* UNSUPPORTED: one of the names cannot be sent, which *culprit says of whom. */
static enum tlsmgm_status announce_all(const struct tlsmgm_trust_items *items,
                                       WOLF_STACK_OF(WOLFSSL_X509_NAME) * list,
                                       const char **culprit) {
    for (size_t i = 0; i < items->ca_list_count; i++) {
        struct tlsmgm_certificate_fields fields;
        struct tlsmgm_bytes der = tlsmgm_blob_view(&items->cas[i].der);
        enum tlsmgm_status status = tlsmgm_certificate_fields_read(der, &fields, NULL);
        if (status == TLSMGM_STATUS_OK) status = announce(list, fields.subject);
        if (status == TLSMGM_STATUS_OK) continue;
        *culprit = items->cas[i].where;
        return status;
    }
    return TLSMGM_STATUS_OK;
}

/* All names, or none: an empty list means any authority (RFC 8446 section 4.2.4). */
static enum tlsmgm_status announce_cas(struct tlsmgm_ctx *ctx,
                                       const struct tlsmgm_ctx_config *config,
                                       const struct tlsmgm_trust_items *items,
                                       struct tlsmgm_error *error) {
    if (items->ca_list_count == 0) return TLSMGM_STATUS_OK;
    WOLF_STACK_OF(WOLFSSL_X509_NAME) *list = wolfSSL_sk_X509_NAME_new(NULL);
    if (list == NULL) return tlsmgm_fail_memory(error);
    const char *culprit = NULL;
    enum tlsmgm_status status =
        fits(items) ? announce_all(items, list, &culprit) : TLSMGM_STATUS_UNSUPPORTED;
    if (status == TLSMGM_STATUS_OK) {
        wolfSSL_CTX_set_client_CA_list(ctx->ssl_ctx, list);
        return TLSMGM_STATUS_OK;
    }
    wolfSSL_sk_X509_NAME_pop_free(list, NULL);
    if (status == TLSMGM_STATUS_NO_MEMORY) return tlsmgm_fail_memory(error);
    if (culprit != NULL) {
        tlsmgm_warn_of(config, "ca_list",
                       "%s: wolfSSL cannot send the name of this CA, so clients are told none and "
                       "may choose a certificate of any CA",
                       culprit);
        return TLSMGM_STATUS_OK;
    }
    tlsmgm_warn_of(config, "ca_list",
                   "the names of its CAs take more than %u bytes, or one of them more than %u, so "
                   "clients are told none and may choose a certificate of any CA",
                   NAMES_SIZE_MAX, (unsigned)WC_ASN_NAME_MAX);
    return TLSMGM_STATUS_OK;
}

/* It is kept all the same: named in the list, it is trusted for itself. */
static void warn_of_key(const struct tlsmgm_ctx_config *config, const char *parameter,
                        const struct tlsmgm_trust_item *item, struct tlsmgm_bytes der) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_public_key key;
    if (tlsmgm_certificate_fields_read(der, &fields, NULL) != TLSMGM_STATUS_OK) return;
    tlsmgm_public_key_read(fields.public_key_info, &key);
    if (wssl_can_use_key(&key)) return;
    tlsmgm_warn_of(config, parameter,
                   "%s: this CA cannot be used: this wolfSSL cannot compute with its key, so "
                   "nobody is trusted for its sake",
                   item->where);
}

static enum tlsmgm_status keep_cas(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   struct tlsmgm_trust_items *items, struct tlsmgm_error *error) {
    for (size_t i = 0; i < items->ca_count; i++) {
        struct tlsmgm_trust_item *item = &items->cas[i];
        const char *parameter = i < items->ca_list_count ? "ca_list" : "ca_dir";
        struct tlsmgm_error why;
        warn_of_key(config, parameter, item, tlsmgm_blob_view(&item->der));
        switch (tlsmgm_anchors_add_ca(&ctx->anchors, &item->der, item->for_servers,
                                      item->for_clients, &why)) {
            case TLSMGM_STATUS_OK:
                break;
            case TLSMGM_STATUS_CONFIG:
                tlsmgm_warn_of(config, parameter, "%s: this CA cannot be used: %s", item->where,
                               why.text);
                break;
            default:
                return tlsmgm_fail_memory(error);
        }
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status keep_crls(struct tlsmgm_ctx *ctx, struct tlsmgm_trust_items *items,
                                    struct tlsmgm_error *error) {
    enum tlsmgm_status status = TLSMGM_STATUS_OK;
    for (size_t i = 0; status == TLSMGM_STATUS_OK && i < items->crl_count; i++) {
        status = tlsmgm_anchors_add_crl(&ctx->anchors, &items->crls[i].der, error);
    }
    return status;
}

enum tlsmgm_status wssl_load_trust(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   struct tlsmgm_error *error) {
    struct tlsmgm_trust_items items;
    enum tlsmgm_status status = tlsmgm_trust_items_read(config, &items, error);
    if (status == TLSMGM_STATUS_OK && config->is_server) {
        status = announce_cas(ctx, config, &items, error);
    }
    if (status == TLSMGM_STATUS_OK) status = keep_cas(ctx, config, &items, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_trust_items_drop_deltas(&items, config, error);
    if (status == TLSMGM_STATUS_OK) status = keep_crls(ctx, &items, error);
    tlsmgm_trust_items_free(&items);
    tlsmgm_anchors_seal(&ctx->anchors);
    return status;
}
