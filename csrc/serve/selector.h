/*
 * Selector: what a listening socket asks which context answers. An index over the filters of all
 * server domains and one context for each of them; immutable and counted, so that a reload hands a
 * new one over while connections are still being chosen for by the old one.
 */
#ifndef TLSMGM_SELECTOR_H
#define TLSMGM_SELECTOR_H

#include "include/embed.h"
#include "match/match_index.h"

struct tlsmgm_selector;

/* Where a client has come in: the local end of its connection. */
struct tlsmgm_local {
    uint8_t address[16]; /* IPv4 mapped into IPv6 */
    uint16_t port;
    uint32_t
        listener; /* tells the listening sockets of a program apart; nothing here looks at it */
};

/*
 * contexts: one for each domain number of the index, all of servers; copied, with a reference of
 * their own. Of the index a reference is taken, too. hello_limit: bytes of the largest ClientHello;
 * 0: the reader's own bound. generation: whatever tells this selector from others.
 *
 * OK, CONFIG when a context is a client's, or NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_selector_new(struct tlsmgm_match_index *index, const struct tlsmgm_ctx_handle *contexts,
                    size_t count, size_t hello_limit, uint64_t generation,
                    struct tlsmgm_selector **out, struct tlsmgm_error *error);
struct tlsmgm_selector *tlsmgm_selector_ref(struct tlsmgm_selector *selector);
void tlsmgm_selector_free(struct tlsmgm_selector *selector);

size_t tlsmgm_selector_hello_limit(const struct tlsmgm_selector *selector);
uint64_t tlsmgm_selector_generation(const struct tlsmgm_selector *selector);

/*
 * The number of the domain that answers, see tlsmgm_match_index_find(). selector NULL: none does. A
 * name whose data is NULL: the client sends none. OK, or NO_DOMAIN with alert 112, and *domain is
 * TLSMGM_MATCH_NONE.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_selector_choose(const struct tlsmgm_selector *selector, const struct tlsmgm_local *local,
                       struct tlsmgm_bytes name, uint32_t *domain, struct tlsmgm_error *error);

/* A domain's context, as long as the selector lives; NULL: there is no such number. */
const struct tlsmgm_ctx_handle *tlsmgm_selector_context(const struct tlsmgm_selector *selector,
                                                        uint32_t domain);

#endif
