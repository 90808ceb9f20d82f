/* Extensions of certificates, CRLs and their entries (RFC 5280 section 4.2). */
#ifndef TLSMGM_EXTENSION_H
#define TLSMGM_EXTENSION_H

#include "base/cursor.h"

/* Those of the arc id-ce, 2.5.29, by their last number. */
enum tlsmgm_extension_number {
    TLSMGM_SUBJECT_KEY_IDENTIFIER = 14,
    TLSMGM_KEY_USAGE = 15,
    TLSMGM_SUBJECT_ALT_NAME = 17,
    TLSMGM_ISSUER_ALT_NAME = 18,
    TLSMGM_BASIC_CONSTRAINTS = 19,
    TLSMGM_CRL_NUMBER = 20,
    TLSMGM_REASON_CODE = 21,
    TLSMGM_DELTA_CRL_INDICATOR = 27,
    TLSMGM_ISSUING_DISTRIBUTION_POINT = 28,
    TLSMGM_CERTIFICATE_ISSUER = 29,
    TLSMGM_NAME_CONSTRAINTS = 30,
    TLSMGM_CRL_DISTRIBUTION_POINTS = 31,
    TLSMGM_CERTIFICATE_POLICIES = 32,
    TLSMGM_POLICY_MAPPINGS = 33,
    TLSMGM_AUTHORITY_KEY_IDENTIFIER = 35,
    TLSMGM_POLICY_CONSTRAINTS = 36,
    TLSMGM_EXTENDED_KEY_USAGE = 37,
    TLSMGM_INHIBIT_ANY_POLICY = 54,
    TLSMGM_EXTENSION_OTHER = -1, /* of another arc */
};

struct tlsmgm_extension {
    struct tlsmgm_bytes oid;   /* contents of the object identifier */
    struct tlsmgm_bytes value; /* contents of the OCTET STRING */
    bool is_critical;
};

/* The next one; begin with a cursor over the contents of the SEQUENCE. False when it is malformed.
 */
bool tlsmgm_extension_next(struct tlsmgm_cursor *extensions, struct tlsmgm_extension *out);

/* A number above, also one that has no name there; or TLSMGM_EXTENSION_OTHER. */
int tlsmgm_extension_number(const struct tlsmgm_extension *extension);

#endif
