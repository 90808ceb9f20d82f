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

#define TLSMGM_TICKET_NAME_SIZE   16u
#define TLSMGM_TICKET_SECRET_SIZE 32u
#define TLSMGM_TICKET_RING_MAX    16u

struct tlsmgm_ticket_key {
    uint8_t name[TLSMGM_TICKET_NAME_SIZE]; /* public, stands in the ticket */
    uint8_t cipher[TLSMGM_TICKET_SECRET_SIZE];
    uint8_t mac[TLSMGM_TICKET_SECRET_SIZE];
};

#define TLSMGM_TICKET_KEY_SIZE                                                                     \
    (TLSMGM_TICKET_NAME_SIZE + 2 * TLSMGM_TICKET_SECRET_SIZE) /* bytes of one key as material */

/* An empty ring, which seals nothing that anybody could open; replace() comes next. */
enum tlsmgm_status tlsmgm_ticket_keys_new(struct tlsmgm_ticket_keys **out,
                                          struct tlsmgm_error *error);
struct tlsmgm_ticket_keys *tlsmgm_ticket_keys_ref(struct tlsmgm_ticket_keys *keys);
void tlsmgm_ticket_keys_free(struct tlsmgm_ticket_keys *keys);

/*
 * All keys at once, the one that seals first: count times TLSMGM_TICKET_KEY_SIZE secret bytes of
 * the caller, 1 to TLSMGM_TICKET_RING_MAX of them. Keys that are not among them are forgotten.
 */
void tlsmgm_ticket_keys_replace(struct tlsmgm_ticket_keys *keys, const uint8_t *material,
                                size_t count);

/* Copies the key that seals now; false when the ring is empty. Wipe the copy after use. */
bool tlsmgm_ticket_keys_current(struct tlsmgm_ticket_keys *keys, struct tlsmgm_ticket_key *out);

/* Copies the key of this name; false when the ring has none. *is_current tells whether it still
 * seals. Wipe the copy after use. */
bool tlsmgm_ticket_keys_find(struct tlsmgm_ticket_keys *keys,
                             const uint8_t name[TLSMGM_TICKET_NAME_SIZE],
                             struct tlsmgm_ticket_key *out, bool *is_current);

#endif
