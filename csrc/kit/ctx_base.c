#include "kit/ctx_base.h"

#include "files/source.h"
#include "kit/ctx_config.h"
#include "session/ticket_keys.h"

enum tlsmgm_status tlsmgm_ctx_base_init(struct tlsmgm_ctx_base *base,
                                        const struct tlsmgm_ctx_config *config,
                                        struct tlsmgm_error *error) {
    atomic_init(&base->references, 1);
    base->keylog.descriptor = -1;
    base->is_server = config->is_server;
    base->verify_peer = config->verify_peer;
    base->require_peer = config->require_peer;
    base->min_rsa_bits = config->min_rsa_bits;
    base->is_strict = config->strict_certificates;
    enum tlsmgm_status status = tlsmgm_ctx_config_check(config, error);
    if (status != TLSMGM_STATUS_OK) return status;
    (void)tlsmgm_scope_set(&base->scope, config->scope);
    status =
        tlsmgm_peer_rules_set(&base->peer_rules, config->sip_identity, config->peer_names, error);
    if (status != TLSMGM_STATUS_OK || config->alpn.size == 0) return status;
    return tlsmgm_blob_copy(config->alpn, &base->alpn, error);
}

bool tlsmgm_ctx_base_take_ticket_keys(struct tlsmgm_ctx_base *base,
                                      const struct tlsmgm_ctx_config *config) {
    if (!base->is_server || config->ticket_keys == NULL || base->scope.size == 0) return false;
    base->ticket_keys = tlsmgm_ticket_keys_ref(config->ticket_keys);
    return true;
}

enum tlsmgm_status tlsmgm_ctx_base_load_staple(struct tlsmgm_ctx_base *base,
                                               const struct tlsmgm_source *source,
                                               tlsmgm_hasher hasher, struct tlsmgm_error *error) {
    struct tlsmgm_staple staple;
    struct tlsmgm_blob *response = &base->ocsp_response;
    enum tlsmgm_status status = tlsmgm_source_read(source, "ocsp_response", response, error);
    if (status != TLSMGM_STATUS_OK) return status;
    return tlsmgm_staple_read(tlsmgm_blob_view(response), tlsmgm_blob_view(&base->certificate),
                              hasher, &staple, error);
}

bool tlsmgm_ctx_base_release(struct tlsmgm_ctx_base *base) {
    return atomic_fetch_sub(&base->references, 1) == 1;
}

void tlsmgm_ctx_base_clear(struct tlsmgm_ctx_base *base) {
    tlsmgm_ticket_keys_free(base->ticket_keys);
    tlsmgm_blob_free(&base->certificate);
    tlsmgm_blob_free(&base->ocsp_response);
    tlsmgm_blob_free(&base->alpn);
    tlsmgm_keylog_close(&base->keylog);
    tlsmgm_peer_rules_free(&base->peer_rules);
}

struct tlsmgm_ctx *tlsmgm_ctx_base_ref(struct tlsmgm_ctx *ctx) {
    struct tlsmgm_ctx_base *base = (struct tlsmgm_ctx_base *)ctx;
    if (base != NULL) atomic_fetch_add(&base->references, 1);
    return ctx;
}

struct tlsmgm_bytes tlsmgm_ctx_base_certificate(const struct tlsmgm_ctx *ctx) {
    return tlsmgm_blob_view(&((const struct tlsmgm_ctx_base *)ctx)->certificate);
}
