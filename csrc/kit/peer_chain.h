/* The certificates that a peer has shown, in DER, the leaf first. */
#ifndef TLSMGM_PEER_CHAIN_H
#define TLSMGM_PEER_CHAIN_H

#include "base/blob.h"

struct tlsmgm_peer_chain {
    struct tlsmgm_blob *items; /* NULL: nobody has made room */
    size_t count;
};

/* Room for capacity certificates in a chain that has none. OK or NO_MEMORY. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_peer_chain_reserve(struct tlsmgm_peer_chain *chain,
                                                             size_t capacity);

/* Copies a certificate to the end, for which there is room. OK or NO_MEMORY. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_peer_chain_add(struct tlsmgm_peer_chain *chain,
                                                         struct tlsmgm_bytes der);

/* Empty where the chain is shorter. */
struct tlsmgm_bytes tlsmgm_peer_chain_at(const struct tlsmgm_peer_chain *chain, size_t index);

/* The chain is as at the beginning afterwards. */
void tlsmgm_peer_chain_free(struct tlsmgm_peer_chain *chain);

#endif
