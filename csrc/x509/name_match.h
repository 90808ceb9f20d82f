/*
 * Whether two distinguished names are the same: of attributes that are texts, neither the encoding
 * nor the case of ASCII letters nor the number of blanks counts (RFC 5280 section 7.1, as OpenSSL
 * does it). "Name" is the contents of the outer SEQUENCE, well-formed.
 */
#ifndef TLSMGM_NAME_MATCH_H
#define TLSMGM_NAME_MATCH_H

#include "include/tlsmgm.h"

bool tlsmgm_names_match(struct tlsmgm_bytes one, struct tlsmgm_bytes other);

/* Whether name lies in the subtree below base: it begins with the same sets of attributes. */
bool tlsmgm_name_is_below(struct tlsmgm_bytes name, struct tlsmgm_bytes base);

/* The same number for names that match. Others may share it. */
uint64_t tlsmgm_name_hash(struct tlsmgm_bytes name);

#endif
