/*
 * CRL distribution points of a peer's certificate (RFC 5280 section 4.2.1.13). A name relative to
 * the issuer's is made whole by a copy of the issuer's, for each point anew, and before the
 * certificate is judged: OpenSSL 3.0 to 4.0 takes hundreds of megabytes for a certificate of 100 KB
 * (CVE-2026-35189). Nobody needs many of them; this says where it would be too much.
 */
#ifndef TLSMGM_CRL_POINTS_H
#define TLSMGM_CRL_POINTS_H

#include "include/tlsmgm.h"

/* What all copies of one certificate's names may take, in bytes of DER. */
#define TLSMGM_CRL_POINTS_MAX 262144u

/*
 * Whether the names of an extension, the contents of its OCTET STRING, stay within the bound.
 * issuer_size is that of the certificate's issuer in DER. What cannot be read is taken for as many
 * points as can lie in so many bytes.
 */
bool tlsmgm_crl_points_are_bounded(struct tlsmgm_bytes extension, size_t issuer_size);

#endif
