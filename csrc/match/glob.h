/*
 * Shell patterns for names: '*' any run of bytes (dots too), '?' any one byte, '[...]' one of a
 * set with ranges, '[!...]' or '[^...]' its complement, '\' takes the next byte literally. An
 * unclosed '[' is a literal. ASCII case does not matter.
 */
#ifndef TLSMGM_GLOB_H
#define TLSMGM_GLOB_H

#include "include/tlsmgm.h"

/* Whether the whole name matches. Time is bounded by the product of the two sizes. */
bool tlsmgm_glob_match(struct tlsmgm_bytes pattern, struct tlsmgm_bytes name);

/* How many bytes of a name the pattern spells out: the measure of being specific. */
size_t tlsmgm_glob_literals(struct tlsmgm_bytes pattern);

/* No '*', '?', closed '[...]' or '\' in it: it matches itself only. */
bool tlsmgm_glob_is_plain(struct tlsmgm_bytes pattern);

#endif
