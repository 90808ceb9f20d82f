#include "x509/general_name.h"

#include "x509/distinguished_name.h"

/* The choices, as the first byte of their items. */
enum general_name {
    OTHER_NAME = TLSMGM_DER_CONTEXT_CONSTRUCTED | 0,
    EMAIL = TLSMGM_DER_CONTEXT | 1,
    DNS_NAME = TLSMGM_DER_CONTEXT | 2,
    X400_ADDRESS = TLSMGM_DER_CONTEXT_CONSTRUCTED | 3,
    DIRECTORY_NAME = TLSMGM_DER_CONTEXT_CONSTRUCTED | 4,
    EDI_PARTY = TLSMGM_DER_CONTEXT_CONSTRUCTED | 5,
    URI = TLSMGM_DER_CONTEXT | 6,
    IP_ADDRESS = TLSMGM_DER_CONTEXT | 7,
    REGISTERED_ID = TLSMGM_DER_CONTEXT | 8,
};

/* One item of any kind within explicit tag [number]. */
static bool skip_wrapped(struct tlsmgm_cursor *cursor, uint8_t number) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_der_item item;
    return tlsmgm_der_enter(cursor, TLSMGM_DER_CONSTRUCTED(number), &inner) &&
           tlsmgm_der_next(&inner, &item) && inner.left == 0;
}

static bool is_other_name(struct tlsmgm_bytes contents) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    struct tlsmgm_bytes type;
    return tlsmgm_der_oid(&cursor, &type) && skip_wrapped(&cursor, 0) && cursor.left == 0;
}

static bool is_edi_party(struct tlsmgm_bytes contents) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONTEXT_CONSTRUCTED | 0) &&
        !skip_wrapped(&cursor, 0)) {
        return false;
    }
    return skip_wrapped(&cursor, 1) && cursor.left == 0;
}

bool tlsmgm_general_name_directory(const struct tlsmgm_der_item *item, struct tlsmgm_bytes *name) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(item->contents);
    return item->tag == DIRECTORY_NAME && tlsmgm_der_expect(&cursor, TLSMGM_DER_SEQUENCE, name) &&
           cursor.left == 0 && tlsmgm_name_is_valid(*name) && tlsmgm_name_has_valid_texts(*name);
}

bool tlsmgm_general_name_is_valid(const struct tlsmgm_der_item *item) {
    struct tlsmgm_bytes name;
    switch (item->tag) {
        case OTHER_NAME:
            return is_other_name(item->contents);
        case EMAIL:
        case DNS_NAME:
        case X400_ADDRESS: /* nobody takes it apart */
        case URI:
        case IP_ADDRESS:
            return true;
        case DIRECTORY_NAME:
            return tlsmgm_general_name_directory(item, &name);
        case EDI_PARTY:
            return is_edi_party(item->contents);
        case REGISTERED_ID:
            return tlsmgm_der_is_oid(item->contents);
        default: /* bytes of the wire, not ours */
            return false;
    }
}

bool tlsmgm_general_names_are_valid(struct tlsmgm_bytes names) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    struct tlsmgm_der_item item;
    while (tlsmgm_der_next(&cursor, &item)) {
        if (!tlsmgm_general_name_is_valid(&item)) return false;
    }
    return cursor.left == 0;
}
