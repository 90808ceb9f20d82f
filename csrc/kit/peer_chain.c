#include "kit/peer_chain.h"

#include "base/alloc.h"

enum tlsmgm_status tlsmgm_peer_chain_reserve(struct tlsmgm_peer_chain *chain, size_t capacity) {
    chain->items = tlsmgm_calloc(capacity, sizeof *chain->items);
    return chain->items == NULL ? TLSMGM_STATUS_NO_MEMORY : TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_peer_chain_add(struct tlsmgm_peer_chain *chain, struct tlsmgm_bytes der) {
    enum tlsmgm_status status = tlsmgm_blob_copy(der, &chain->items[chain->count], NULL);
    if (status == TLSMGM_STATUS_OK) chain->count++;
    return status;
}

struct tlsmgm_bytes tlsmgm_peer_chain_at(const struct tlsmgm_peer_chain *chain, size_t index) {
    if (index >= chain->count) return (struct tlsmgm_bytes){0};
    return tlsmgm_blob_view(&chain->items[index]);
}

void tlsmgm_peer_chain_free(struct tlsmgm_peer_chain *chain) {
    for (size_t i = 0; i < chain->count; i++) tlsmgm_blob_free(&chain->items[i]);
    tlsmgm_free(chain->items);
    *chain = (struct tlsmgm_peer_chain){0};
}
