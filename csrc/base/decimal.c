#include "base/decimal.h"

#define LIMB_BASE   1000000000u
#define LIMB_DIGITS 9u

bool tlsmgm_decimal_push(struct tlsmgm_decimal *number, uint32_t base, uint32_t digit) {
    uint64_t carry = digit;
    for (size_t i = 0; i < number->count; i++) {
        uint64_t value = (uint64_t)number->limbs[i] * base + carry;
        number->limbs[i] = (uint32_t)(value % LIMB_BASE);
        carry = value / LIMB_BASE;
    }
    while (carry > 0) {
        if (number->count == TLSMGM_DECIMAL_LIMBS) return false;
        number->limbs[number->count++] = (uint32_t)(carry % LIMB_BASE);
        carry /= LIMB_BASE;
    }
    return true;
}

static void drop_zero_limbs(struct tlsmgm_decimal *number) {
    while (number->count > 0 && number->limbs[number->count - 1] == 0) number->count--;
}

void tlsmgm_decimal_subtract(struct tlsmgm_decimal *number, uint32_t amount) {
    for (size_t i = 0; i < number->count && amount > 0; i++) {
        bool borrows = number->limbs[i] < amount;
        number->limbs[i] += (borrows ? LIMB_BASE : 0) - amount;
        amount = borrows ? 1 : 0;
    }
    drop_zero_limbs(number);
}

bool tlsmgm_decimal_is_below(const struct tlsmgm_decimal *number, uint32_t limit) {
    if (number->count == 0) return limit > 0;
    return number->count == 1 && number->limbs[0] < limit;
}

void tlsmgm_decimal_write(const struct tlsmgm_decimal *number, struct tlsmgm_text_writer *writer) {
    if (number->count == 0) {
        tlsmgm_text_byte(writer, '0');
        return;
    }
    size_t i = number->count - 1;
    tlsmgm_text_number(writer, number->limbs[i], 1);
    while (i > 0) tlsmgm_text_number(writer, number->limbs[--i], LIMB_DIGITS);
}
