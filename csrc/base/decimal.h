/*
 * Decimal: a natural number of bounded size, built digit by digit in any base and written in
 * base ten. Serial numbers and the arcs of object identifiers need more than 64 bits.
 */
#ifndef TLSMGM_DECIMAL_H
#define TLSMGM_DECIMAL_H

#include "base/text_writer.h"

/* Most bytes of a number. RFC 5280 section 4.1.2.2 allows 20; conversion time is quadratic. */
#define TLSMGM_DECIMAL_BYTES_MAX 256u

/* Nine decimal digits each; 256 bytes have 617 digits at most. */
#define TLSMGM_DECIMAL_LIMBS 69u

struct tlsmgm_decimal {
    uint32_t limbs[TLSMGM_DECIMAL_LIMBS]; /* lowest first */
    size_t count;                         /* limbs in use; 0 for the number 0 */
};

/* Sets number to number * base + digit. False when the result is too large. */
bool tlsmgm_decimal_push(struct tlsmgm_decimal *number, uint32_t base, uint32_t digit);

/* Takes amount away; it is at most 10^9 - 1 and not more than the number. */
void tlsmgm_decimal_subtract(struct tlsmgm_decimal *number, uint32_t amount);

/* Whether the number is below limit, which is at most 10^9. */
bool tlsmgm_decimal_is_below(const struct tlsmgm_decimal *number, uint32_t limit);

void tlsmgm_decimal_write(const struct tlsmgm_decimal *number, struct tlsmgm_text_writer *writer);

#endif
