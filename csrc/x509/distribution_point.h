/* Where the CRL of a certificate is to be had (RFC 5280 section 4.2.1.13). */
#ifndef TLSMGM_DISTRIBUTION_POINT_H
#define TLSMGM_DISTRIBUTION_POINT_H

#include "base/cursor.h"

/* Bits of reasons, all of them. */
#define TLSMGM_ALL_REASONS 0x807fu

struct tlsmgm_distribution_point {
    struct tlsmgm_bytes name;   /* contents of a DistributionPointName's tag; data is NULL: none */
    struct tlsmgm_bytes issuer; /* contents of GeneralNames; data is NULL: the certificate's */
    unsigned reasons;
};

/*
 * The next one; begin with a cursor over the contents of the SEQUENCE. False when it is malformed,
 * or has neither a name nor an issuer.
 */
bool tlsmgm_distribution_point_next(struct tlsmgm_cursor *points,
                                    struct tlsmgm_distribution_point *out);

/* Whether all of them are well-formed. */
bool tlsmgm_distribution_points_are_valid(struct tlsmgm_bytes points);

/* The same for a name alone. */
bool tlsmgm_distribution_point_name_is_valid(struct tlsmgm_bytes name);

#endif
