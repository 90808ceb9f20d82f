#include "x509/subject_alt_name.h"

#include <string.h>

#include "base/hex.h"
#include "base/text_writer.h"
#include "x509/general_name.h"

#define IPV4_SIZE   4u
#define IPV6_SIZE   16u
#define IPV6_GROUPS 8u

/* Whether the choice has a text, and of which kind. */
static bool kind_of(uint8_t tag, enum tlsmgm_san_kind *kind) {
    switch (tag) {
        case TLSMGM_GENERAL_EMAIL:
            *kind = TLSMGM_SAN_EMAIL;
            return true;
        case TLSMGM_GENERAL_DNS_NAME:
            *kind = TLSMGM_SAN_HOSTNAME;
            return true;
        case TLSMGM_GENERAL_URI:
            *kind = TLSMGM_SAN_URI;
            return true;
        case TLSMGM_GENERAL_IP_ADDRESS:
            *kind = TLSMGM_SAN_IP;
            return true;
        default: /* bytes of the wire, not ours */
            return false;
    }
}

static bool is_choice(uint8_t tag) {
    enum tlsmgm_san_kind kind;
    return kind_of(tag, &kind) || tag == TLSMGM_GENERAL_OTHER_NAME ||
           tag == TLSMGM_GENERAL_X400_ADDRESS || tag == TLSMGM_GENERAL_DIRECTORY_NAME ||
           tag == TLSMGM_GENERAL_EDI_PARTY || tag == TLSMGM_GENERAL_REGISTERED_ID;
}

bool tlsmgm_san_next(struct tlsmgm_cursor *cursor, enum tlsmgm_san_kind *kind,
                     struct tlsmgm_bytes *value) {
    struct tlsmgm_der_item item;
    while (tlsmgm_der_next(cursor, &item)) {
        if (!kind_of(item.tag, kind)) continue;
        *value = item.contents;
        return true;
    }
    return false;
}

bool tlsmgm_san_read(struct tlsmgm_bytes value, struct tlsmgm_bytes *names) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(value);
    struct tlsmgm_der_item item;
    if (!tlsmgm_der_expect(&whole, TLSMGM_DER_SEQUENCE, names) || whole.left > 0) return false;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(*names);
    while (tlsmgm_der_next(&cursor, &item)) {
        if (!is_choice(item.tag)) return false;
    }
    return cursor.left == 0;
}

static void write_ipv4(const uint8_t *address, struct tlsmgm_text_writer *writer) {
    for (size_t i = 0; i < IPV4_SIZE; i++) {
        if (i > 0) tlsmgm_text_byte(writer, '.');
        tlsmgm_text_number(writer, address[i], 1);
    }
}

/* In lower case, no zeros in front. */
static void write_group(uint32_t group, struct tlsmgm_text_writer *writer) {
    for (uint32_t shift = 16; shift > 0;) {
        shift -= 4;
        if (shift == 0 || group >> shift > 0) {
            tlsmgm_text_byte(writer, tlsmgm_hex_lower(group >> shift));
        }
    }
}

static uint32_t group_at(const uint8_t *address, size_t i) {
    return (uint32_t)address[2 * i] << 8 | address[2 * i + 1];
}

/* RFC 5952 section 4.2: the longest run of zero groups, the first of equals, never one alone. */
static size_t longest_zero_run(const uint8_t *address, size_t *start) {
    size_t best = 1;
    size_t run = 0;
    for (size_t i = 0; i < IPV6_GROUPS; i++) {
        run = group_at(address, i) == 0 ? run + 1 : 0;
        if (run <= best) continue;
        best = run;
        *start = i + 1 - run;
    }
    return best > 1 ? best : 0;
}

static void write_ipv6(const uint8_t *address, struct tlsmgm_text_writer *writer) {
    size_t zeros_at = 0;
    size_t zeros = longest_zero_run(address, &zeros_at);
    for (size_t i = 0; i < IPV6_GROUPS;) {
        if (zeros > 0 && i == zeros_at) {
            tlsmgm_text_string(writer, "::");
            i += zeros;
            continue;
        }
        if (i > 0 && (zeros == 0 || i != zeros_at + zeros)) tlsmgm_text_byte(writer, ':');
        write_group(group_at(address, i), writer);
        i++;
    }
}

/* IPv4 mapped into IPv6 keeps its dots (RFC 5952 section 5). */
static bool write_ip(struct tlsmgm_bytes value, struct tlsmgm_text_writer *writer) {
    static const uint8_t mapped[IPV6_SIZE - IPV4_SIZE] = {[10] = 0xff, [11] = 0xff};
    if (value.size == IPV4_SIZE) {
        write_ipv4(value.data, writer);
    } else if (value.size == IPV6_SIZE && memcmp(value.data, mapped, sizeof mapped) == 0) {
        tlsmgm_text_string(writer, "::ffff:");
        write_ipv4(value.data + sizeof mapped, writer);
    } else if (value.size == IPV6_SIZE) {
        write_ipv6(value.data, writer);
    } else {
        return false;
    }
    return true;
}

static bool write_ascii(struct tlsmgm_bytes value, struct tlsmgm_text_writer *writer) {
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == 0 || value.data[i] >= 0x80) return false;
        tlsmgm_text_byte(writer, value.data[i]);
    }
    return true;
}

bool tlsmgm_san_value_text(enum tlsmgm_san_kind kind, struct tlsmgm_bytes value, char *out,
                           size_t size, size_t *length) {
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    bool is_text = kind == TLSMGM_SAN_IP ? write_ip(value, &writer) : write_ascii(value, &writer);
    if (!is_text) writer.length = 0;
    *length = tlsmgm_text_end(&writer);
    return is_text;
}

bool tlsmgm_san_text(struct tlsmgm_bytes names, enum tlsmgm_san_kind kind, char *out, size_t size,
                     size_t *length) {
    struct tlsmgm_text_writer nothing = {.out = out, .size = size};
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    enum tlsmgm_san_kind found;
    struct tlsmgm_bytes value;
    while (tlsmgm_san_next(&cursor, &found, &value)) {
        if (found == kind) return tlsmgm_san_value_text(kind, value, out, size, length);
    }
    *length = tlsmgm_text_end(&nothing);
    return false;
}
