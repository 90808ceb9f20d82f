/*
 * Which files are certificate revocation lists (RFC 5280 section 5), whole or not. A list that has
 * lost its end must not pass for a file of another kind.
 */
#ifndef TLSMGM_CRL_FILE_H
#define TLSMGM_CRL_FILE_H

#include "file.h"

/*
 * Whether bytes begin as a CRL in DER does: SEQUENCE { SEQUENCE { version, algorithm, issuer, time
 * ... and are no certificate. They may end anywhere behind the algorithm.
 */
bool tlsmgm_begins_as_crl(struct tlsmgm_bytes bytes);

/* Whether a line of a text begins or ends a CRL in PEM, or began so before it was cut. */
bool tlsmgm_has_crl_marker(struct tlsmgm_bytes text);

/*
 * NULL for a CRL in DER that is whole, with nothing behind it; else what is wrong with it. Static.
 * *is_delta: it speaks only of changes (RFC 5280 section 5.2.4).
 */
const char *tlsmgm_crl_damage(struct tlsmgm_bytes der, bool *is_delta);

#endif
