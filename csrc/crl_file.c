#include "crl_file.h"

#include <string.h>

#include "certificate_fields.h"
#include "der.h"

#define BEGIN "-----BEGIN X509 CRL-----"
#define END   "-----END X509 CRL-----"

/* The dashes behind the label may be lost; and one letter of the word must be left. */
#define DASHES        5u
#define SHORTEST_WORD 6u

#define EXPLICIT_EXTENSIONS (TLSMGM_DER_CONTEXT_CONSTRUCTED | 0)
#define V2                  1u

static const uint8_t delta_crl_indicator[] = {0x55, 0x1d, 0x1b};

/* Steps into an item of which the end may be missing. */
static bool enter_cut(struct tlsmgm_cursor *cursor, uint8_t tag) {
    uint32_t byte;
    uint32_t size;
    if (!tlsmgm_der_is_next(cursor, tag) || !tlsmgm_cursor_number(cursor, 1, &byte)) return false;
    if (!tlsmgm_cursor_number(cursor, 1, &size)) return false;
    if (size < 0x80) return true;
    size -= 0x80;
    return size > 0 && size <= 4 && tlsmgm_cursor_number(cursor, size, &byte);
}

static bool is_time(const struct tlsmgm_cursor *cursor) {
    return tlsmgm_der_is_next(cursor, TLSMGM_DER_UTC_TIME) ||
           tlsmgm_der_is_next(cursor, TLSMGM_DER_GENERALIZED_TIME);
}

/* A v1 certificate may begin alike, with serial number 1; what comes behind the issuer differs. */
bool tlsmgm_begins_as_crl(struct tlsmgm_bytes bytes) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(bytes);
    struct tlsmgm_cursor inside;
    struct tlsmgm_bytes version;
    struct tlsmgm_der_item item;
    if (!enter_cut(&cursor, TLSMGM_DER_SEQUENCE) || !enter_cut(&cursor, TLSMGM_DER_SEQUENCE)) {
        return false;
    }
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_INTEGER)) {
        if (!tlsmgm_der_expect(&cursor, TLSMGM_DER_INTEGER, &version)) return false;
        if (version.size != 1 || version.data[0] != V2) return false;
        if (cursor.left <= 2) return true; /* too short to tell more */
    }
    inside = cursor;
    if (!enter_cut(&inside, TLSMGM_DER_SEQUENCE) || !tlsmgm_der_is_next(&inside, TLSMGM_DER_OID)) {
        return false;
    }
    if (tlsmgm_certificate_fields_read(bytes, &fields, NULL) == TLSMGM_OK) return false;
    if (!tlsmgm_der_next(&cursor, &item) || !tlsmgm_der_next(&cursor, &item)) return true;
    return cursor.left == 0 || is_time(&cursor);
}

static bool has_marker(struct tlsmgm_bytes line, const char *marker, size_t length) {
    size_t size = line.size < length - DASHES ? line.size : length - DASHES;
    return size >= SHORTEST_WORD && memcmp(line.data, marker, size) == 0 &&
           (size == length - DASHES || line.size == size);
}

static struct tlsmgm_bytes trim(struct tlsmgm_bytes line) {
    while (line.size > 0 && line.data[line.size - 1] <= ' ') line.size--;
    while (line.size > 0 && line.data[0] <= ' ') {
        line.data++;
        line.size--;
    }
    return line;
}

/* UTF-16, with either end first. */
static bool has_wide_marker(struct tlsmgm_bytes text) {
    static const char word[] = "X509 CRL";
    const size_t length = sizeof word - 1;
    for (size_t at = 0; at + 2 * length <= text.size + 1; at++) {
        size_t same = 0;
        while (same < length && text.data[at + 2 * same] == (uint8_t)word[same] &&
               (same == 0 || text.data[at + 2 * same - 1] == 0)) {
            same++;
        }
        if (same == length) return true;
    }
    return false;
}

bool tlsmgm_has_crl_marker(struct tlsmgm_bytes text) {
    struct tlsmgm_bytes rest = text;
    if (rest.size >= 3 && memcmp(rest.data, "\xef\xbb\xbf", 3) == 0) {
        rest = (struct tlsmgm_bytes){rest.data + 3, rest.size - 3};
    }
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        struct tlsmgm_bytes line = trim((struct tlsmgm_bytes){rest.data, size});
        if (has_marker(line, BEGIN, sizeof BEGIN - 1) || has_marker(line, END, sizeof END - 1)) {
            return true;
        }
        if (end == NULL) break;
        rest = (struct tlsmgm_bytes){end + 1, rest.size - size - 1};
    }
    return has_wide_marker(text);
}

static bool skip_time(struct tlsmgm_cursor *cursor) {
    struct tlsmgm_der_item item;
    return is_time(cursor) && tlsmgm_der_next(cursor, &item);
}

static bool skip_algorithm(struct tlsmgm_cursor *cursor) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes oid;
    struct tlsmgm_der_item parameter;
    if (!tlsmgm_der_enter(cursor, TLSMGM_DER_SEQUENCE, &inner)) return false;
    if (!tlsmgm_der_oid(&inner, &oid)) return false;
    return inner.left == 0 || (tlsmgm_der_next(&inner, &parameter) && inner.left == 0);
}

/* Extensions, of the list or of an entry; notes the mark of a delta. */
static bool skip_extensions(struct tlsmgm_cursor extensions, bool *is_delta) {
    const struct tlsmgm_bytes indicator = {delta_crl_indicator, sizeof delta_crl_indicator};
    while (extensions.left > 0) {
        struct tlsmgm_cursor inner;
        struct tlsmgm_bytes oid;
        struct tlsmgm_bytes value;
        if (!tlsmgm_der_enter(&extensions, TLSMGM_DER_SEQUENCE, &inner)) return false;
        if (!tlsmgm_der_oid(&inner, &oid)) return false;
        if (tlsmgm_der_is_next(&inner, TLSMGM_DER_BOOLEAN) &&
            !tlsmgm_der_expect(&inner, TLSMGM_DER_BOOLEAN, &value)) {
            return false;
        }
        if (!tlsmgm_der_expect(&inner, TLSMGM_DER_OCTET_STRING, &value)) return false;
        if (inner.left > 0) return false;
        if (tlsmgm_bytes_equal(oid, indicator)) *is_delta = true;
    }
    return true;
}

static bool skip_entries(struct tlsmgm_cursor *body) {
    struct tlsmgm_cursor entries;
    bool unused = false;
    if (!tlsmgm_der_is_next(body, TLSMGM_DER_SEQUENCE)) return true;
    if (!tlsmgm_der_enter(body, TLSMGM_DER_SEQUENCE, &entries)) return false;
    while (entries.left > 0) {
        struct tlsmgm_cursor entry;
        struct tlsmgm_cursor extensions;
        struct tlsmgm_bytes serial;
        if (!tlsmgm_der_enter(&entries, TLSMGM_DER_SEQUENCE, &entry)) return false;
        if (!tlsmgm_der_integer(&entry, &serial) || !skip_time(&entry)) return false;
        if (entry.left == 0) continue;
        if (!tlsmgm_der_enter(&entry, TLSMGM_DER_SEQUENCE, &extensions) || entry.left > 0) {
            return false;
        }
        if (!skip_extensions(extensions, &unused)) return false;
    }
    return true;
}

static bool is_body(struct tlsmgm_cursor body, bool *is_delta) {
    struct tlsmgm_bytes bytes;
    struct tlsmgm_cursor extensions;
    if (tlsmgm_der_is_next(&body, TLSMGM_DER_INTEGER)) {
        if (!tlsmgm_der_integer(&body, &bytes)) return false;
        if (bytes.size != 1 || bytes.data[0] > V2) return false;
    }
    if (!skip_algorithm(&body)) return false;
    if (!tlsmgm_der_expect(&body, TLSMGM_DER_SEQUENCE, &bytes) || !tlsmgm_name_is_valid(bytes)) {
        return false;
    }
    if (!skip_time(&body)) return false;
    if (is_time(&body) && !skip_time(&body)) return false;
    if (!skip_entries(&body)) return false;
    if (body.left == 0) return true;
    return tlsmgm_der_enter(&body, EXPLICIT_EXTENSIONS, &extensions) && body.left == 0 &&
           tlsmgm_der_expect(&extensions, TLSMGM_DER_SEQUENCE, &bytes) && extensions.left == 0 &&
           skip_extensions(tlsmgm_cursor(bytes), is_delta);
}

/* Where csrc/crl.h reads lists for the path validator, this is its place to be asked. */
const char *tlsmgm_crl_damage(struct tlsmgm_bytes der, bool *is_delta) {
    struct tlsmgm_cursor file = tlsmgm_cursor(der);
    struct tlsmgm_cursor list;
    struct tlsmgm_cursor body;
    struct tlsmgm_bytes bits;
    *is_delta = false;
    if (!tlsmgm_der_enter(&file, TLSMGM_DER_SEQUENCE, &list)) return "it is cut off or no CRL";
    if (file.left > 0) return "other bytes follow the CRL";
    if (!tlsmgm_der_enter(&list, TLSMGM_DER_SEQUENCE, &body) || !is_body(body, is_delta) ||
        !skip_algorithm(&list) || !tlsmgm_der_expect(&list, TLSMGM_DER_BIT_STRING, &bits) ||
        !tlsmgm_der_is_bit_string(bits) || list.left > 0) {
        return "it cannot be decoded as a CRL";
    }
    return NULL;
}
