/*
 * DER: reads the distinguished encoding of ASN.1 (X.690) piece by piece from bytes of a stranger.
 * Nothing here recurses or allocates. What is not DER is refused: indefinite or padded lengths,
 * lengths of more than four bytes, tag numbers above 30.
 */
#ifndef TLSMGM_DER_H
#define TLSMGM_DER_H

#include "base/cursor.h"

/* First byte of an item: class, constructed bit and number (X.690 section 8.1.2). */
enum tlsmgm_der_tag {
    TLSMGM_DER_BOOLEAN = 0x01,
    TLSMGM_DER_INTEGER = 0x02,
    TLSMGM_DER_BIT_STRING = 0x03,
    TLSMGM_DER_OCTET_STRING = 0x04,
    TLSMGM_DER_NULL = 0x05,
    TLSMGM_DER_OID = 0x06,
    TLSMGM_DER_ENUMERATED = 0x0a,
    TLSMGM_DER_UTF8_STRING = 0x0c,
    TLSMGM_DER_NUMERIC_STRING = 0x12,
    TLSMGM_DER_PRINTABLE_STRING = 0x13,
    TLSMGM_DER_T61_STRING = 0x14,
    TLSMGM_DER_IA5_STRING = 0x16,
    TLSMGM_DER_UTC_TIME = 0x17,
    TLSMGM_DER_GENERALIZED_TIME = 0x18,
    TLSMGM_DER_UNIVERSAL_STRING = 0x1c,
    TLSMGM_DER_BMP_STRING = 0x1e,
    TLSMGM_DER_SEQUENCE = 0x30,
    TLSMGM_DER_SET = 0x31,
};

/* Bits of the first byte for tags that a type defines for itself: [0], [1] and so on. */
#define TLSMGM_DER_CONTEXT             0x80u
#define TLSMGM_DER_CONTEXT_CONSTRUCTED 0xa0u

/* The tag [number], constructed. */
#define TLSMGM_DER_CONSTRUCTED(number) (TLSMGM_DER_CONTEXT_CONSTRUCTED | (number))

/* An object identifier in a table, as struct tlsmgm_bytes. */
#define TLSMGM_OID(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

struct tlsmgm_der_item {
    uint8_t tag;
    struct tlsmgm_bytes contents;
    struct tlsmgm_bytes whole; /* tag and length included */
};

/* The next item, whatever it is. On failure the cursor stays where it was, here and below. */
bool tlsmgm_der_next(struct tlsmgm_cursor *cursor, struct tlsmgm_der_item *item);

/* Whether the next item has this tag. */
bool tlsmgm_der_is_next(const struct tlsmgm_cursor *cursor, uint8_t tag);

/* The next item's contents; false when its tag is another. */
bool tlsmgm_der_expect(struct tlsmgm_cursor *cursor, uint8_t tag, struct tlsmgm_bytes *contents);

/* As above, and steps inside: inner reads the contents. */
bool tlsmgm_der_enter(struct tlsmgm_cursor *cursor, uint8_t tag, struct tlsmgm_cursor *inner);

/* An INTEGER of at least one byte, without needless bytes in front. */
bool tlsmgm_der_integer(struct tlsmgm_cursor *cursor, struct tlsmgm_bytes *contents);

/* A BOOLEAN: one byte, 0x00 or 0xff. */
bool tlsmgm_der_boolean(struct tlsmgm_cursor *cursor, bool *value);

/* Longest object identifier that is read, in bytes. Real ones have about ten, UUIDs 21. */
#define TLSMGM_DER_OID_MAX 64u

/* An object identifier of bounded size whose arcs are complete and without needless bytes. */
bool tlsmgm_der_oid(struct tlsmgm_cursor *cursor, struct tlsmgm_bytes *contents);

/* Whether contents are those of an INTEGER, or of an object identifier, as above. */
bool tlsmgm_der_is_integer(struct tlsmgm_bytes contents);
bool tlsmgm_der_is_oid(struct tlsmgm_bytes contents);

/* Bits that the contents of an INTEGER, of one byte or more, need; 0 for what is not positive. */
size_t tlsmgm_der_bit_count(struct tlsmgm_bytes contents);

/* How many items can be read, one behind the other. */
size_t tlsmgm_der_count(struct tlsmgm_bytes items);

/* Whether contents are those of a BIT STRING: the count of unused bits, which are all zero. */
bool tlsmgm_der_is_bit_string(struct tlsmgm_bytes contents);

#endif
