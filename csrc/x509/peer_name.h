/*
 * Names of a peer: whether a certificate carries one, by the rules for hosts (RFC 9525) or by those
 * for SIP domains (RFC 5922). Only the SubjectAltName counts; the common name is no identity.
 */
#ifndef TLSMGM_PEER_NAME_H
#define TLSMGM_PEER_NAME_H

#include "base/blob.h"

/* What a domain asks of its peers' names, whatever is asked of a single connection. */
struct tlsmgm_peer_rules {
    bool is_sip;
    struct tlsmgm_blob
        names; /* separated by commas; the peer must have one of them; may be empty */
};

/* Copies them from a configuration; names may be NULL. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_peer_rules_set(struct tlsmgm_peer_rules *rules,
                                                         bool is_sip, const char *names,
                                                         struct tlsmgm_error *error);
void tlsmgm_peer_rules_free(struct tlsmgm_peer_rules *rules);

/*
 * Whether a certificate with these names (see x509/subject_alt_name.h) carries a host name or an IP
 * address (RFC 9525 section 6), or, for SIP, a domain (RFC 5922 section 7): of URIs "sip:" without
 * user, else of DNS names; no wildcards.
 */
bool tlsmgm_peer_has_name(struct tlsmgm_bytes alt_names, struct tlsmgm_bytes name, bool is_sip);

/* Whether it carries the name that the connection asks for (unless empty) and one of the rules'. */
bool tlsmgm_peer_is_expected(struct tlsmgm_bytes alt_names, const struct tlsmgm_peer_rules *rules,
                             struct tlsmgm_bytes name);

#endif
