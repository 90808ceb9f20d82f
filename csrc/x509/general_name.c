#include "x509/general_name.h"

#include "x509/distinguished_name.h"

/* One item of any kind within explicit tag [number]. */
static bool skip_wrapped(struct tlsmgm_cursor *cursor, uint8_t number) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_der_item item;
    return tlsmgm_der_enter(cursor, (uint8_t)TLSMGM_DER_CONSTRUCTED(number), &inner) &&
           tlsmgm_der_next(&inner, &item) && inner.left == 0;
}

static bool is_other_name(struct tlsmgm_bytes contents) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    struct tlsmgm_bytes type;
    return tlsmgm_der_oid(&cursor, &type) && skip_wrapped(&cursor, 0) && cursor.left == 0;
}

static bool is_edi_party(struct tlsmgm_bytes contents) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(0)) && !skip_wrapped(&cursor, 0)) {
        return false;
    }
    return skip_wrapped(&cursor, 1) && cursor.left == 0;
}

bool tlsmgm_general_name_directory(const struct tlsmgm_der_item *item, struct tlsmgm_bytes *name) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(item->contents);
    return item->tag == TLSMGM_GENERAL_DIRECTORY_NAME &&
           tlsmgm_der_expect(&cursor, TLSMGM_DER_SEQUENCE, name) && cursor.left == 0 &&
           tlsmgm_name_is_valid(*name) && tlsmgm_name_has_valid_texts(*name);
}

bool tlsmgm_general_name_is_valid(const struct tlsmgm_der_item *item) {
    struct tlsmgm_bytes name;
    switch (item->tag) {
        case TLSMGM_GENERAL_OTHER_NAME:
            return is_other_name(item->contents);
        case TLSMGM_GENERAL_EMAIL:
        case TLSMGM_GENERAL_DNS_NAME:
        case TLSMGM_GENERAL_X400_ADDRESS: /* nobody takes it apart */
        case TLSMGM_GENERAL_URI:
        case TLSMGM_GENERAL_IP_ADDRESS:
            return true;
        case TLSMGM_GENERAL_DIRECTORY_NAME:
            return tlsmgm_general_name_directory(item, &name);
        case TLSMGM_GENERAL_EDI_PARTY:
            return is_edi_party(item->contents);
        case TLSMGM_GENERAL_REGISTERED_ID:
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
