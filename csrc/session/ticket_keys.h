/*
 * Ticket keys: the key ring of one TLS domain (RFC 5077 section 4, RFC 8446 section 4.6.1). The
 * first key seals new tickets, the others only open them. Rings are counted references
 * shared by all contexts of a domain, and the one thing that may change under a context. When it
 * changes, and where keys come from, the program decides.
 *
 * A ticket names its key; a ring that does not have it sends the client into a full handshake.
 * So tickets never open in another domain, whatever the TLS library thinks of them.
 */
#ifndef TLSMGM_TICKET_KEYS_H
#define TLSMGM_TICKET_KEYS_H

#include "include/tlsmgm.h"

#define TLSMGM_TICKET_RING_MAX 16u

#define TLSMGM_TICKET_KEY_SIZE                                                                     \
    (TLSMGM_TICKET_NAME_SIZE + 2 * TLSMGM_TICKET_SECRET_SIZE) /* bytes of one key as material */

/* An empty ring of ours, which seals nothing that anybody could open; replace() comes next. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_ticket_keys_new(struct tlsmgm_ticket_keys **out,
                                                          struct tlsmgm_error *error);

/*
 * All keys at once, the one that seals first: count times TLSMGM_TICKET_KEY_SIZE secret bytes of
 * the caller, 1 to TLSMGM_TICKET_RING_MAX of them. Keys that are not among them are forgotten.
 */
void tlsmgm_ticket_keys_replace(struct tlsmgm_ticket_keys *keys, const uint8_t *material,
                                size_t count);

/* What backends ask, of this ring or of one that somebody else has made. NULL has no references. */
static inline struct tlsmgm_ticket_keys *tlsmgm_ticket_keys_ref(struct tlsmgm_ticket_keys *keys) {
    return keys == NULL ? NULL : keys->table->ref(keys);
}

static inline void tlsmgm_ticket_keys_free(struct tlsmgm_ticket_keys *keys) {
    if (keys != NULL) keys->table->free(keys);
}

static inline bool tlsmgm_ticket_keys_current(struct tlsmgm_ticket_keys *keys,
                                              struct tlsmgm_ticket_key *out) {
    return keys->table->current(keys, out);
}

static inline bool tlsmgm_ticket_keys_find(struct tlsmgm_ticket_keys *keys,
                                           const uint8_t name[TLSMGM_TICKET_NAME_SIZE],
                                           struct tlsmgm_ticket_key *out, bool *is_current) {
    return keys->table->find(keys, name, out, is_current);
}

#endif
