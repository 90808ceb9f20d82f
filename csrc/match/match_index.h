/*
 * Match index: which TLS domain answers for an address and a name. Immutable once built, and
 * counted, so any number of threads may ask it at once.
 *
 * Address first: when any entry names exactly this address and port, only those entries count;
 * entries for any address count where nobody names it. There is no second try.
 *
 * Then the name, without regard to ASCII case: an entry with exactly this name; else the best
 * pattern that matches (more literal characters first); "*" last. Of equals, the later entry wins.
 * A client that sent no name is answered by an entry for no name, else by "*". An IP address is no
 * name either (RFC 6066 section 3): unless an entry has exactly this one, one for no name answers,
 * and where there is none, whatever the address matches.
 *
 * Exact names are found by hash and patterns of the form "*.suffix" by hashing the name's own
 * suffixes, so a million names cost no more than ten. Other patterns are tried in rank order.
 */
#ifndef TLSMGM_MATCH_INDEX_H
#define TLSMGM_MATCH_INDEX_H

#include "base/siphash.h"
#include "include/tlsmgm.h"

struct tlsmgm_match_index;

/* Longest name or pattern in bytes; a DNS name has at most 253. */
#define TLSMGM_MATCH_NAME_MAX 255u

/* Nothing answers. Also the one number that no entry may use. */
#define TLSMGM_MATCH_NONE UINT32_MAX

struct tlsmgm_match_entry {
    bool any_address;
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it (RFC 4291 section 2.5.5.2) */
    uint16_t port;
    bool no_name;                /* answers clients that sent no name */
    struct tlsmgm_bytes pattern; /* unless no_name: shell pattern, 1 to TLSMGM_MATCH_NAME_MAX */
    uint32_t domain;             /* what find() returns */
};

/*
 * Entries in order of definition: a later one beats an equal earlier one. Copies everything. The
 * key is random and kept secret: tenants register names, and clients send them.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_match_index_new(const struct tlsmgm_match_entry *entries,
                                                          size_t count,
                                                          const struct tlsmgm_siphash_key *key,
                                                          struct tlsmgm_match_index **out,
                                                          struct tlsmgm_error *error);
struct tlsmgm_match_index *tlsmgm_match_index_ref(struct tlsmgm_match_index *index);
void tlsmgm_match_index_free(struct tlsmgm_match_index *index);

/* name.data NULL: the client sent none. Returns the domain or TLSMGM_MATCH_NONE. */
uint32_t tlsmgm_match_index_find(const struct tlsmgm_match_index *index, const uint8_t address[16],
                                 uint16_t port, struct tlsmgm_bytes name);

/* Bytes of memory that the index holds. */
size_t tlsmgm_match_index_memory(const struct tlsmgm_match_index *index);

#endif
