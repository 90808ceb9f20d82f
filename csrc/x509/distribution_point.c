#include "x509/distribution_point.h"

#include "x509/distinguished_name.h"
#include "x509/general_name.h"

/* fullName [0], or one set of attributes [1] that completes the issuer's name. */
bool tlsmgm_distribution_point_name_is_valid(struct tlsmgm_bytes name) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(name);
    struct tlsmgm_der_item item;
    if (!tlsmgm_der_next(&cursor, &item) || cursor.left > 0) return false;
    if (item.tag == TLSMGM_DER_CONSTRUCTED(0)) return tlsmgm_general_names_are_valid(item.contents);
    return item.tag == TLSMGM_DER_CONSTRUCTED(1) && tlsmgm_name_is_set(item.contents);
}

static bool read_reasons(struct tlsmgm_cursor *cursor, unsigned *reasons) {
    struct tlsmgm_bytes bits;
    if (!tlsmgm_der_is_next(cursor, TLSMGM_DER_CONTEXT | 1)) return true;
    if (!tlsmgm_der_expect(cursor, TLSMGM_DER_CONTEXT | 1, &bits) ||
        !tlsmgm_der_is_bit_string(bits)) {
        return false;
    }
    *reasons = bits.size > 1 ? bits.data[1] : 0;
    if (bits.size > 2) *reasons |= (unsigned)bits.data[2] << 8;
    *reasons &= TLSMGM_ALL_REASONS;
    return true;
}

bool tlsmgm_distribution_point_next(struct tlsmgm_cursor *points,
                                    struct tlsmgm_distribution_point *out) {
    struct tlsmgm_cursor cursor;
    *out = (struct tlsmgm_distribution_point){.reasons = TLSMGM_ALL_REASONS};
    if (!tlsmgm_der_enter(points, TLSMGM_DER_SEQUENCE, &cursor)) return false;
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(0)) &&
        (!tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(0), &out->name) ||
         !tlsmgm_distribution_point_name_is_valid(out->name))) {
        return false;
    }
    if (!read_reasons(&cursor, &out->reasons)) return false;
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(2)) &&
        (!tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(2), &out->issuer) ||
         !tlsmgm_general_names_are_valid(out->issuer))) {
        return false;
    }
    return cursor.left == 0 && (out->name.data != NULL || out->issuer.size > 0);
}

bool tlsmgm_distribution_points_are_valid(struct tlsmgm_bytes points) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(points);
    struct tlsmgm_distribution_point point;
    while (cursor.left > 0) {
        if (!tlsmgm_distribution_point_next(&cursor, &point)) return false;
    }
    return true;
}
