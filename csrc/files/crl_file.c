#include "files/crl_file.h"

#include <string.h>

#include "x509/certificate_fields.h"
#include "x509/der.h"

#define BEGIN "-----BEGIN X509 CRL-----"
#define END   "-----END X509 CRL-----"

/* The dashes behind the label may be lost; and one letter of the word must be left. */
#define DASHES        5u
#define SHORTEST_WORD 6u

#define V2 1u

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
    if (tlsmgm_certificate_fields_read(bytes, &fields, NULL) == TLSMGM_STATUS_OK) return false;
    if (!tlsmgm_der_next(&cursor, &item) || !tlsmgm_der_next(&cursor, &item)) return true;
    return cursor.left == 0 || is_time(&cursor);
}

static bool has_marker(struct tlsmgm_bytes line, const char *marker, size_t length) {
    size_t size = line.size < length - DASHES ? line.size : length - DASHES;
    return size >= SHORTEST_WORD && memcmp(line.data, marker, size) == 0 &&
           (size == length - DASHES || line.size == size);
}

/* Where files were joined without a line end, a BEGIN follows an END. */
static bool has_joined_marker(struct tlsmgm_bytes line) {
    if (line.size < sizeof "-----END " || memcmp(line.data, "-----END ", 9) != 0) return false;
    while (line.size > SHORTEST_WORD) {
        line = (struct tlsmgm_bytes){line.data + 1, line.size - 1};
        if (has_marker(line, BEGIN, sizeof BEGIN - 1)) return true;
    }
    return false;
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
        if (has_marker(line, BEGIN, sizeof BEGIN - 1) || has_marker(line, END, sizeof END - 1) ||
            has_joined_marker(line)) {
            return true;
        }
        if (end == NULL) break;
        rest = (struct tlsmgm_bytes){end + 1, rest.size - size - 1};
    }
    return has_wide_marker(text);
}
