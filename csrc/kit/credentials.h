/*
 * What a context presents, on its way from the configuration to a library: read here, used by the
 * backend, which is called back with each thing once it has been read.
 */
#ifndef TLSMGM_CREDENTIALS_H
#define TLSMGM_CREDENTIALS_H

#include "files/identity.h"

/* One of the certificates of a domain and its key, with the names of their parameters. */
struct tlsmgm_identity {
    const struct tlsmgm_source *certificate;
    const struct tlsmgm_source *private_key;
    const char *certificate_name;
    const char *key_name;
};

/* The first or the second, which may not be given; borrowed from config. */
struct tlsmgm_identity tlsmgm_identity_first(const struct tlsmgm_ctx_config *config);
struct tlsmgm_identity tlsmgm_identity_second(const struct tlsmgm_ctx_config *config);

/* What a backend does with a chain, a key, and Diffie-Hellman parameters. */
typedef enum tlsmgm_status (*tlsmgm_use_chain)(struct tlsmgm_ctx *ctx,
                                               const struct tlsmgm_ctx_config *config,
                                               const struct tlsmgm_identity *identity,
                                               const struct tlsmgm_chain *chain,
                                               struct tlsmgm_error *error);
typedef enum tlsmgm_status (*tlsmgm_use_key)(struct tlsmgm_ctx *ctx, const struct tlsmgm_key *key,
                                             const char *parameter, struct tlsmgm_bytes passphrase,
                                             struct tlsmgm_error *error);
typedef enum tlsmgm_status (*tlsmgm_use_dh)(struct tlsmgm_ctx *ctx, const struct tlsmgm_dh *dh,
                                            struct tlsmgm_error *error);

/* Reads the chain and has it used; what peers refuse of it is told. leaf becomes its DER. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_load_chain(struct tlsmgm_ctx *ctx,
                                                     const struct tlsmgm_ctx_config *config,
                                                     const struct tlsmgm_identity *identity,
                                                     tlsmgm_use_chain use, struct tlsmgm_blob *leaf,
                                                     struct tlsmgm_error *error);

/* Reads the key and has it used. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_load_key(struct tlsmgm_ctx *ctx,
                                                   const struct tlsmgm_ctx_config *config,
                                                   const struct tlsmgm_identity *identity,
                                                   tlsmgm_use_key use, struct tlsmgm_error *error);

/* Reads Diffie-Hellman parameters, if there are any, and has them used. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_load_dh(struct tlsmgm_ctx *ctx,
                                                  const struct tlsmgm_ctx_config *config,
                                                  tlsmgm_use_dh use, struct tlsmgm_error *error);

/*
 * Answers a library's question for a pass phrase with what the configuration says; never asks a
 * terminal. Returns its size, 0 when there is none or no room for it.
 */
int tlsmgm_passphrase_copy(const struct tlsmgm_bytes *passphrase, char *out, int size);

#endif
