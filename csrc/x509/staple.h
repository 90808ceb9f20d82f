/*
 * OCSP responses (RFC 6960 section 4.2) that a server staples: read far enough to say whether they
 * are about its certificate, the same for every backend. A library may send whatever it is given,
 * or send nothing without a word. Who has signed a response is for its reader to judge.
 */
#ifndef TLSMGM_STAPLE_H
#define TLSMGM_STAPLE_H

#include "x509/certificate_time.h"
#include "x509/public_key.h"

#define TLSMGM_HASH_MAX 64u

/* Writes the hash of data, of SHA-1 or SHA-2; returns its size, 0 when that cannot be done. */
typedef size_t (*tlsmgm_hasher)(enum tlsmgm_digest digest, struct tlsmgm_bytes data,
                                uint8_t out[TLSMGM_HASH_MAX]);

/* What a response says of one certificate. Pieces are borrowed from the response. */
struct tlsmgm_staple {
    struct tlsmgm_certificate_time this_update;
    struct tlsmgm_certificate_time next_update; /* no digits: not given */
};

/*
 * Reads a response and finds what it says of a certificate, which is known by its serial number and
 * its issuer's name. Without a hasher (NULL) the serial number alone must do.
 *
 * OK, or CONFIG that names ocsp_response: it is no response, or one that says nothing, or one about
 * other certificates; then *out is all zeroes.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_staple_read(struct tlsmgm_bytes response, struct tlsmgm_bytes certificate,
                   tlsmgm_hasher hasher, struct tlsmgm_staple *out, struct tlsmgm_error *error);

#endif
