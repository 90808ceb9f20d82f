/*
 * Names of the algorithms in certificates, as receivers of PROXY headers know them. The PROXY
 * protocol has them by example, "RSA-SHA256" and "RSA2048"; the others are what HAProxy writes:
 * short names of OpenSSL, and the kind of a key with its bits.
 */
#ifndef TLSMGM_ALGORITHM_NAME_H
#define TLSMGM_ALGORITHM_NAME_H

#include "include/tlsmgm.h"

/* Room for the name of any key, terminator included. */
#define TLSMGM_KEY_NAME_SIZE 16u

/* By the contents of a signature algorithm's object identifier; NULL: it is not known. Static. */
const char *tlsmgm_signature_name(struct tlsmgm_bytes oid);

/*
 * The kind of a public key and its size in bits, such as "RSA2048" or "EC256", from a
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). A curve counts as it is named, whatever the
 * point is; an RSA key must be one. Writes at most size bytes, terminator included; returns the
 * length of the whole text, 0 for a key that is not known.
 */
size_t tlsmgm_key_name(struct tlsmgm_bytes info, char *out, size_t size);

#endif
