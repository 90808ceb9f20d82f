#include "x509/distinguished_name.h"

#include <string.h>

#include "base/decimal.h"
#include "base/hex.h"
#include "base/text_writer.h"
#include "x509/der.h"

enum arc { ARC_X520, ARC_PILOT, ARC_PKCS9, ARC_JURISDICTION, ARC_OGRN, ARC_INN, ARC_COUNT };

#define ARC_SIZE_MAX 12u
#define NO_NUMBER    UINT32_MAX

struct prefix {
    size_t size;
    uint8_t bytes[ARC_SIZE_MAX];
};

static const struct prefix prefixes[ARC_COUNT] = {
    [ARC_X520] = {2, {0x55, 0x04}},
    [ARC_PILOT] = {9, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01}},
    [ARC_PKCS9] = {8, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09}},
    [ARC_JURISDICTION] = {10, {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01}},
    [ARC_OGRN] = {4, {0x2a, 0x85, 0x03, 0x64}},
    [ARC_INN] = {7, {0x2a, 0x85, 0x03, 0x03, 0x81, 0x03, 0x01}},
};

/* One number for a type that stands in the table. */
#define TYPE_NUMBER(arc, last) ((uint32_t)(arc) << 7 | (last))

static uint32_t type_number(struct tlsmgm_bytes type) {
    for (uint32_t arc = 0; arc < ARC_COUNT; arc++) {
        const struct prefix *prefix = &prefixes[arc];
        if (type.size != prefix->size + 1 || type.data[prefix->size] >= 0x80) continue;
        if (memcmp(type.data, prefix->bytes, prefix->size) != 0) continue;
        return TYPE_NUMBER(arc, (uint32_t)type.data[prefix->size]);
    }
    return NO_NUMBER;
}

static const char *short_name(struct tlsmgm_bytes type) {
    switch (type_number(type)) {
#define TLSMGM_ATTRIBUTE(arc, last, name)                                                          \
    case TYPE_NUMBER(ARC_##arc, last##u):                                                          \
        return name;
#include "x509/attribute_name.def"
#undef TLSMGM_ATTRIBUTE
        default: /* numbers of other people's registers */
            return NULL;
    }
}

/* X.520: the number of an attribute below 2.5.4. */
static uint8_t x520_number(enum tlsmgm_attribute which) {
    switch (which) {
        case TLSMGM_COMMON_NAME:
            return 3;
        case TLSMGM_SERIAL_NUMBER:
            return 5;
        case TLSMGM_COUNTRY:
            return 6;
        case TLSMGM_LOCALITY:
            return 7;
        case TLSMGM_STATE:
            return 8;
        case TLSMGM_ORGANIZATION:
            return 10;
        case TLSMGM_ORGANIZATIONAL_UNIT:
            return 11;
    }
    return 0;
}

static bool is_x520(struct tlsmgm_bytes type, uint8_t number) {
    const struct prefix *prefix = &prefixes[ARC_X520];
    return type.size == prefix->size + 1 && type.data[prefix->size] == number &&
           memcmp(type.data, prefix->bytes, prefix->size) == 0;
}

struct tlsmgm_name_cursor tlsmgm_name_cursor(struct tlsmgm_bytes name) {
    return (struct tlsmgm_name_cursor){.sets = tlsmgm_cursor(name)};
}

/* The kinds of value that OpenSSL takes; their sizes are checked here, their text is not. */
static bool read_value(const struct tlsmgm_der_item *item, struct tlsmgm_name_entry *entry) {
    entry->tag = item->tag;
    entry->value = item->contents;
    switch (item->tag) {
        case TLSMGM_DER_UTF8_STRING:
        case TLSMGM_DER_NUMERIC_STRING:
        case TLSMGM_DER_PRINTABLE_STRING:
        case TLSMGM_DER_T61_STRING:
        case TLSMGM_DER_IA5_STRING:
            return true;
        case TLSMGM_DER_BMP_STRING:
            return item->contents.size % 2 == 0;
        case TLSMGM_DER_UNIVERSAL_STRING:
            return item->contents.size % 4 == 0;
        case TLSMGM_DER_SEQUENCE:
            entry->value = item->whole;
            return true;
        case TLSMGM_DER_BIT_STRING:
            if (!tlsmgm_der_is_bit_string(item->contents)) return false;
            entry->value = (struct tlsmgm_bytes){item->contents.data + 1, item->contents.size - 1};
            return true;
        default: /* bytes of the wire, not ours */
            return false;
    }
}

bool tlsmgm_name_next(struct tlsmgm_name_cursor *cursor, struct tlsmgm_name_entry *entry) {
    struct tlsmgm_name_cursor trial = *cursor;
    struct tlsmgm_cursor pair;
    struct tlsmgm_der_item value;
    entry->is_joined = trial.entries.left > 0;
    if (!entry->is_joined && !tlsmgm_der_enter(&trial.sets, TLSMGM_DER_SET, &trial.entries)) {
        return false;
    }
    if (!tlsmgm_der_enter(&trial.entries, TLSMGM_DER_SEQUENCE, &pair)) return false;
    if (!tlsmgm_der_oid(&pair, &entry->type)) return false;
    if (!tlsmgm_der_next(&pair, &value) || pair.left > 0) return false;
    if (!read_value(&value, entry)) return false;
    *cursor = trial;
    return true;
}

bool tlsmgm_name_is_valid(struct tlsmgm_bytes name) {
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(name);
    struct tlsmgm_name_entry entry;
    while (tlsmgm_name_next(&cursor, &entry)) continue;
    return cursor.sets.left == 0 && cursor.entries.left == 0;
}

/* X.690 section 8.19.4: the first number holds the first two arcs, 40 times one plus the other. */
static void write_first_arcs(struct tlsmgm_decimal *number, struct tlsmgm_text_writer *writer) {
    uint32_t top = 2;
    if (tlsmgm_decimal_is_below(number, 80)) top = tlsmgm_decimal_is_below(number, 40) ? 0 : 1;
    tlsmgm_decimal_subtract(number, 40 * top);
    tlsmgm_text_number(writer, top, 1);
    tlsmgm_text_byte(writer, '.');
    tlsmgm_decimal_write(number, writer);
}

static void write_dotted(struct tlsmgm_bytes type, struct tlsmgm_text_writer *writer) {
    struct tlsmgm_decimal number = {.count = 0};
    bool is_first = true;
    for (size_t i = 0; i < type.size; i++) {
        if (!tlsmgm_decimal_push(&number, 128, type.data[i] & 0x7fu)) return;
        if (type.data[i] >= 0x80) continue;
        if (is_first) {
            write_first_arcs(&number, writer);
        } else {
            tlsmgm_text_byte(writer, '.');
            tlsmgm_decimal_write(&number, writer);
        }
        is_first = false;
        number.count = 0;
    }
}

static void write_escaped(struct tlsmgm_bytes value, struct tlsmgm_text_writer *writer) {
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (byte >= ' ' && byte <= '~') {
            if (byte == '/' || byte == '+') tlsmgm_text_byte(writer, '\\');
            tlsmgm_text_byte(writer, byte);
            continue;
        }
        tlsmgm_text_string(writer, "\\x");
        tlsmgm_text_byte(writer, tlsmgm_hex_upper(byte >> 4));
        tlsmgm_text_byte(writer, tlsmgm_hex_upper(byte));
    }
}

size_t tlsmgm_name_text(struct tlsmgm_bytes name, char *out, size_t size) {
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(name);
    struct tlsmgm_name_entry entry;
    while (tlsmgm_name_next(&cursor, &entry)) {
        const char *type = short_name(entry.type);
        tlsmgm_text_byte(&writer, entry.is_joined ? '+' : '/');
        if (type != NULL) {
            tlsmgm_text_string(&writer, type);
        } else {
            write_dotted(entry.type, &writer);
        }
        tlsmgm_text_byte(&writer, '=');
        write_escaped(entry.value, &writer);
    }
    return tlsmgm_text_end(&writer);
}

/* Bytes per character of an encoding with a fixed width; 0: UTF-8, or no text at all. */
static size_t character_width(uint8_t tag) {
    switch (tag) {
        case TLSMGM_DER_NUMERIC_STRING:
        case TLSMGM_DER_PRINTABLE_STRING:
        case TLSMGM_DER_IA5_STRING:
        case TLSMGM_DER_T61_STRING: /* read as ISO 8859-1, as everybody writes it */
            return 1;
        case TLSMGM_DER_BMP_STRING:
            return 2;
        case TLSMGM_DER_UNIVERSAL_STRING:
            return 4;
        default: /* bytes of the wire, not ours */
            return 0;
    }
}

/* How many bytes follow the first of a longer UTF-8 character; more than 3: it cannot be one. */
static size_t utf8_following(uint32_t first) {
    if (first >= 0xc2 && first < 0xe0) return 1;
    if (first >= 0xe0 && first < 0xf0) return 2;
    if (first >= 0xf0 && first < 0xf5) return 3;
    return 4;
}

/* RFC 3629: the shortest form only. Surrogates and what is too large are for the caller. */
static bool read_utf8(struct tlsmgm_cursor *cursor, uint32_t *out) {
    static const uint32_t lowest[] = {0, 0x80, 0x800, 0x10000};
    uint32_t first;
    uint32_t next;
    if (!tlsmgm_cursor_number(cursor, 1, &first)) return false;
    *out = first;
    if (first < 0x80) return true; /* nearly all text */
    size_t following = utf8_following(first);
    if (following > 3) return false;
    uint32_t character = first & (0x3fu >> following);
    for (size_t i = 0; i < following; i++) {
        if (!tlsmgm_cursor_number(cursor, 1, &next) || (next & 0xc0u) != 0x80) return false;
        character = character << 6 | (next & 0x3fu);
    }
    *out = character;
    return character >= lowest[following];
}

static void write_utf8(uint32_t character, struct tlsmgm_text_writer *writer) {
    if (character < 0x80) {
        tlsmgm_text_byte(writer, (uint8_t)character);
        return;
    }
    uint32_t following = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    uint32_t mark = 0xf00u >> (following + 1) & 0xf0u; /* as many ones as the character has bytes */
    tlsmgm_text_byte(writer, (uint8_t)(mark | character >> (6 * following)));
    while (following-- > 0) {
        tlsmgm_text_byte(writer, (uint8_t)(0x80u | (character >> (6 * following) & 0x3fu)));
    }
}

static bool is_surrogate(uint32_t character) { return character >= 0xd800 && character < 0xe000; }

static bool write_text(const struct tlsmgm_name_entry *entry, struct tlsmgm_text_writer *writer) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(entry->value);
    size_t width = character_width(entry->tag);
    if (width == 0 && entry->tag != TLSMGM_DER_UTF8_STRING) return false;
    while (cursor.left > 0) {
        uint32_t character;
        bool is_read = width == 0 ? read_utf8(&cursor, &character)
                                  : tlsmgm_cursor_number(&cursor, width, &character);
        if (!is_read || is_surrogate(character)) return false;
        if (character == 0 || character > 0x10ffff) return false;
        write_utf8(character, writer);
    }
    return true;
}

/* Where no width is known, all bytes are good. */
static bool is_valid_text(const struct tlsmgm_name_entry *entry) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(entry->value);
    size_t width = character_width(entry->tag);
    if (width < 2 && entry->tag != TLSMGM_DER_UTF8_STRING) return true;
    while (cursor.left > 0) {
        uint32_t character;
        bool is_read = width == 0 ? read_utf8(&cursor, &character)
                                  : tlsmgm_cursor_number(&cursor, width, &character);
        if (!is_read || is_surrogate(character) || character > 0x10ffff) return false;
    }
    return true;
}

bool tlsmgm_name_has_valid_texts(struct tlsmgm_bytes name) {
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(name);
    struct tlsmgm_name_entry entry;
    while (tlsmgm_name_next(&cursor, &entry)) {
        if (!is_valid_text(&entry)) return false;
    }
    return true;
}

bool tlsmgm_name_is_set(struct tlsmgm_bytes contents) {
    struct tlsmgm_name_cursor cursor = {.entries = tlsmgm_cursor(contents)};
    struct tlsmgm_name_entry entry;
    while (tlsmgm_name_next(&cursor, &entry)) {
        if (!is_valid_text(&entry)) return false;
    }
    return contents.size > 0 && cursor.entries.left == 0;
}

bool tlsmgm_name_attribute(struct tlsmgm_bytes name, enum tlsmgm_attribute which, char *out,
                           size_t size, size_t *length) {
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(name);
    struct tlsmgm_name_entry entry;
    uint8_t number = x520_number(which);
    bool found = false;
    while (!found && tlsmgm_name_next(&cursor, &entry)) found = is_x520(entry.type, number);
    if (!found || !write_text(&entry, &writer)) {
        found = false;
        writer.length = 0;
    }
    *length = tlsmgm_text_end(&writer);
    return found;
}
