#include "x509/der.h"

#define TAG_NUMBER_BITS  0x1fu
#define LENGTH_IS_LONG   0x80u
#define LENGTH_WIDTH_MAX 4u
#define ARC_CONTINUES    0x80u
#define BITS_UNUSED_MAX  7u

/* X.690 section 10.1: definite, and in as few bytes as possible. */
static bool read_length(struct tlsmgm_cursor *cursor, size_t *size) {
    uint32_t number;
    if (!tlsmgm_cursor_number(cursor, 1, &number)) return false;
    if (number < LENGTH_IS_LONG) {
        *size = number;
        return true;
    }
    size_t width = number - LENGTH_IS_LONG;
    if (width == 0 || width > LENGTH_WIDTH_MAX) return false;
    if (!tlsmgm_cursor_number(cursor, width, &number)) return false;
    if (number < LENGTH_IS_LONG || number >> (8 * (width - 1)) == 0) return false;
    *size = number;
    return true;
}

bool tlsmgm_der_next(struct tlsmgm_cursor *cursor, struct tlsmgm_der_item *item) {
    struct tlsmgm_cursor trial = *cursor;
    uint32_t tag;
    size_t size;
    if (!tlsmgm_cursor_number(&trial, 1, &tag)) return false;
    if ((tag & TAG_NUMBER_BITS) == TAG_NUMBER_BITS || tag == 0) return false;
    if (!read_length(&trial, &size)) return false;
    if (!tlsmgm_cursor_bytes(&trial, size, &item->contents)) return false;
    item->tag = (uint8_t)tag;
    item->whole = (struct tlsmgm_bytes){cursor->next, cursor->left - trial.left};
    *cursor = trial;
    return true;
}

bool tlsmgm_der_is_next(const struct tlsmgm_cursor *cursor, uint8_t tag) {
    return cursor->left > 0 && cursor->next[0] == tag;
}

bool tlsmgm_der_expect(struct tlsmgm_cursor *cursor, uint8_t tag, struct tlsmgm_bytes *contents) {
    struct tlsmgm_der_item item;
    if (!tlsmgm_der_is_next(cursor, tag) || !tlsmgm_der_next(cursor, &item)) return false;
    *contents = item.contents;
    return true;
}

bool tlsmgm_der_enter(struct tlsmgm_cursor *cursor, uint8_t tag, struct tlsmgm_cursor *inner) {
    struct tlsmgm_bytes contents;
    if (!tlsmgm_der_expect(cursor, tag, &contents)) return false;
    *inner = tlsmgm_cursor(contents);
    return true;
}

/* X.690 section 8.3.2: the first nine bits are neither all zero nor all one. */
bool tlsmgm_der_is_integer(struct tlsmgm_bytes contents) {
    if (contents.size == 0) return false;
    if (contents.size == 1) return true;
    bool second_is_negative = contents.data[1] >= 0x80;
    return contents.data[0] != (second_is_negative ? 0xff : 0x00);
}

bool tlsmgm_der_integer(struct tlsmgm_cursor *cursor, struct tlsmgm_bytes *contents) {
    struct tlsmgm_cursor trial = *cursor;
    if (!tlsmgm_der_expect(&trial, TLSMGM_DER_INTEGER, contents)) return false;
    if (!tlsmgm_der_is_integer(*contents)) return false;
    *cursor = trial;
    return true;
}

bool tlsmgm_der_boolean(struct tlsmgm_cursor *cursor, bool *value) {
    struct tlsmgm_cursor trial = *cursor;
    struct tlsmgm_bytes contents;
    if (!tlsmgm_der_expect(&trial, TLSMGM_DER_BOOLEAN, &contents) || contents.size != 1)
        return false;
    if (contents.data[0] != 0x00 && contents.data[0] != 0xff) return false;
    *value = contents.data[0] != 0x00;
    *cursor = trial;
    return true;
}

/* X.690 section 8.19.2: base 128, each arc ends with a byte below 0x80 and starts not with 0x80. */
bool tlsmgm_der_is_oid(struct tlsmgm_bytes contents) {
    bool at_arc_start = true;
    for (size_t i = 0; i < contents.size; i++) {
        if (at_arc_start && contents.data[i] == ARC_CONTINUES) return false;
        at_arc_start = contents.data[i] < ARC_CONTINUES;
    }
    return contents.size > 0 && contents.size <= TLSMGM_DER_OID_MAX && at_arc_start;
}

bool tlsmgm_der_oid(struct tlsmgm_cursor *cursor, struct tlsmgm_bytes *contents) {
    struct tlsmgm_cursor trial = *cursor;
    if (!tlsmgm_der_expect(&trial, TLSMGM_DER_OID, contents)) return false;
    if (!tlsmgm_der_is_oid(*contents)) return false;
    *cursor = trial;
    return true;
}

bool tlsmgm_der_is_bit_string(struct tlsmgm_bytes contents) {
    if (contents.size == 0 || contents.data[0] > BITS_UNUSED_MAX) return false;
    uint32_t unused = contents.data[0];
    if (contents.size == 1) return unused == 0;
    return (contents.data[contents.size - 1] & ((1u << unused) - 1)) == 0;
}

size_t tlsmgm_der_bit_count(struct tlsmgm_bytes contents) {
    if (contents.data[0] >= 0x80) return 0;
    while (contents.size > 0 && contents.data[0] == 0) {
        contents.data++;
        contents.size--;
    }
    if (contents.size == 0) return 0;
    size_t bits = 8 * contents.size;
    for (unsigned top = contents.data[0]; top < 0x80; top <<= 1) bits--;
    return bits;
}

size_t tlsmgm_der_count(struct tlsmgm_bytes items) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(items);
    struct tlsmgm_der_item item;
    size_t count = 0;
    while (tlsmgm_der_next(&cursor, &item)) count++;
    return count;
}
