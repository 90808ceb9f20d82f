/*
 * Which files are certificate revocation lists (RFC 5280 section 5), whole or not. A list that has
 * lost its end must not pass for a file of another kind.
 */
#ifndef TLSMGM_CRL_FILE_H
#define TLSMGM_CRL_FILE_H

#include "files/source.h"

/*
 * Whether bytes begin as a CRL in DER does: SEQUENCE { SEQUENCE { version, algorithm, issuer, time
 * ... and are no certificate. They may end anywhere behind the algorithm.
 */
bool tlsmgm_begins_as_crl(struct tlsmgm_bytes bytes);

/* Whether a line of a text begins or ends a CRL in PEM, or began so before it was cut. */
bool tlsmgm_has_crl_marker(struct tlsmgm_bytes text);

#endif
