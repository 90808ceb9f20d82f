/*
 * Certificate revocation lists (RFC 5280 section 5): read once, with an index of serial numbers,
 * then asked by any number of threads.
 */
#ifndef TLSMGM_CRL_H
#define TLSMGM_CRL_H

#include "base/blob.h"
#include "x509/certificate.h"
#include "x509/distribution_point.h"

/* For which certificates a list speaks (RFC 5280 section 5.2.5). */
struct tlsmgm_crl_scope {
    bool is_given;         /* there is an issuingDistributionPoint */
    bool is_contradictory; /* more than one "only", or nothing at all */
    bool only_users, only_cas, only_attributes;
    bool is_indirect;                       /* of other issuers, too */
    bool has_reasons;                       /* of some reasons only */
    struct tlsmgm_bytes distribution_point; /* contents of DistributionPointName; NULL: none */
};

struct tlsmgm_crl_entry {
    uint32_t serial; /* where it begins in the DER */
    uint16_t size;
    bool revokes; /* reason is not removeFromCRL, and it is about the list's own issuer */
};

struct tlsmgm_crl {
    struct tlsmgm_blob der; /* the fields below are borrowed from it */
    struct tlsmgm_signature signature;
    struct tlsmgm_bytes inner_algorithm;
    struct tlsmgm_bytes issuer; /* contents of a Name */
    int64_t this_update;        /* Unix time */
    int64_t next_update;        /* INT64_MAX: never */
    struct tlsmgm_key_reference signer;
    struct tlsmgm_crl_scope scope;
    bool is_delta;
    bool has_unknown_critical;        /* of the list or of one of its entries */
    struct tlsmgm_crl_entry *entries; /* sorted by serial number */
    size_t entry_count;
};

/*
 * Takes a list apart and over: on success the blob is empty and out owns what it held. CONFIG with
 * a text, without parameter or file, when it cannot be decoded to its last byte.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_crl_read(struct tlsmgm_blob *der, struct tlsmgm_crl *out,
                                                   struct tlsmgm_error *error);
void tlsmgm_crl_free(struct tlsmgm_crl *crl);

/* Whether a serial number (contents of an INTEGER) is revoked. */
bool tlsmgm_crl_revokes(const struct tlsmgm_crl *crl, struct tlsmgm_bytes serial);

/*
 * Whether the list speaks for this certificate, which has the same issuer; *reasons are those for
 * which it does.
 */
bool tlsmgm_crl_covers(const struct tlsmgm_crl *crl, const struct tlsmgm_certificate *certificate,
                       unsigned *reasons);

#endif
