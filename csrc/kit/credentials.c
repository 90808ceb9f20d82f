#include "kit/credentials.h"

#include <string.h>

#include "base/blob.h"

struct tlsmgm_identity tlsmgm_identity_first(const struct tlsmgm_ctx_config *config) {
    return (struct tlsmgm_identity){&config->certificate, &config->private_key, "certificate",
                                    "private_key"};
}

struct tlsmgm_identity tlsmgm_identity_second(const struct tlsmgm_ctx_config *config) {
    return (struct tlsmgm_identity){&config->certificate2, &config->private_key2, "certificate2",
                                    "private_key2"};
}

enum tlsmgm_status tlsmgm_load_chain(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                     const struct tlsmgm_identity *identity, tlsmgm_use_chain use,
                                     struct tlsmgm_blob *leaf, struct tlsmgm_error *error) {
    struct tlsmgm_chain chain;
    enum tlsmgm_status status =
        tlsmgm_chain_read(identity->certificate, identity->certificate_name, &chain, error);
    if (status == TLSMGM_STATUS_OK) status = use(ctx, config, identity, &chain, error);
    if (status == TLSMGM_STATUS_OK) {
        tlsmgm_chain_warn(config, identity->certificate_name, &chain);
        *leaf = chain.items[0].der;
        chain.items[0].der = (struct tlsmgm_blob){0};
    }
    tlsmgm_chain_free(&chain);
    return status;
}

enum tlsmgm_status tlsmgm_load_key(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                   const struct tlsmgm_identity *identity, tlsmgm_use_key use,
                                   struct tlsmgm_error *error) {
    struct tlsmgm_key key;
    const char *parameter = identity->key_name;
    enum tlsmgm_status status = tlsmgm_key_read(identity->private_key, parameter, &key, error);
    if (status == TLSMGM_STATUS_OK) status = use(ctx, &key, parameter, config->passphrase, error);
    tlsmgm_key_free(&key);
    return status;
}

enum tlsmgm_status tlsmgm_load_dh(struct tlsmgm_ctx *ctx, const struct tlsmgm_ctx_config *config,
                                  tlsmgm_use_dh use, struct tlsmgm_error *error) {
    struct tlsmgm_dh dh;
    if (!tlsmgm_source_is_given(&config->dh_params)) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_dh_read(&config->dh_params, "dh_params", &dh, error);
    if (status == TLSMGM_STATUS_OK) status = use(ctx, &dh, error);
    tlsmgm_dh_free(&dh);
    return status;
}

int tlsmgm_passphrase_copy(const struct tlsmgm_bytes *passphrase, char *out, int size) {
    if (passphrase == NULL || passphrase->size == 0 || passphrase->size > (size_t)size) return 0;
    memcpy(out, passphrase->data, passphrase->size);
    return (int)passphrase->size;
}
