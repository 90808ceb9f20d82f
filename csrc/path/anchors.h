/*
 * What a domain trusts: its authorities, and their CRLs. Filled when a context is built, then read
 * by any number of connections at once.
 */
#ifndef TLSMGM_ANCHORS_H
#define TLSMGM_ANCHORS_H

#include "base/blob.h"
#include "files/trust_items.h"
#include "x509/crl.h"

struct tlsmgm_anchor {
    struct tlsmgm_blob der;
    struct tlsmgm_certificate certificate;
    uint64_t subject_hash;
    enum tlsmgm_trust_setting for_servers;
    enum tlsmgm_trust_setting for_clients;
};

struct tlsmgm_revocation {
    struct tlsmgm_crl crl;
    uint64_t issuer_hash;
    struct tlsmgm_signer_memory *memory; /* of the key that has been found to sign it */
};

struct tlsmgm_anchors {
    struct tlsmgm_anchor *cas; /* sorted by subject_hash, then as they were added */
    size_t ca_count;
    struct tlsmgm_revocation *crls; /* sorted by issuer_hash */
    size_t crl_count;
};

/*
 * Both take the blob over when they return OK, and leave it alone otherwise. CONFIG with a text but
 * without a parameter when it cannot be decoded. An authority that is there already is not added
 * again.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_anchors_add_ca(struct tlsmgm_anchors *anchors,
                                                         struct tlsmgm_blob *der,
                                                         enum tlsmgm_trust_setting for_servers,
                                                         enum tlsmgm_trust_setting for_clients,
                                                         struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_anchors_add_crl(struct tlsmgm_anchors *anchors,
                                                          struct tlsmgm_blob *der,
                                                          struct tlsmgm_error *error);

/* Sorts; no more is added after it, and nothing is looked for before it. */
void tlsmgm_anchors_seal(struct tlsmgm_anchors *anchors);
void tlsmgm_anchors_free(struct tlsmgm_anchors *anchors);

/* The first authority whose subject has this hash; *count is how many follow each other. */
const struct tlsmgm_anchor *tlsmgm_anchors_find(const struct tlsmgm_anchors *anchors,
                                                uint64_t subject_hash, size_t *count);

/* The same for CRLs. They are not const: each remembers who signed it. */
struct tlsmgm_revocation *tlsmgm_anchors_find_crls(const struct tlsmgm_anchors *anchors,
                                                   uint64_t issuer_hash, size_t *count);

/* The authority that is this very certificate, or NULL. */
const struct tlsmgm_anchor *tlsmgm_anchors_same(const struct tlsmgm_anchors *anchors,
                                                const struct tlsmgm_certificate *certificate);

/* Whether key has signed the list; a good answer is remembered. */
bool tlsmgm_revocation_is_by(struct tlsmgm_revocation *revocation,
                             const struct tlsmgm_public_key *key, tlsmgm_signature_check check);

#endif
