#include "x509/name_match.h"

#include <string.h>

#include "base/bytes.h"
#include "base/fnv.h"
#include "x509/der.h"
#include "x509/distinguished_name.h"

/* Attributes of one set; real sets have one, seldom two. Larger ones match byte for byte only. */
#define SET_MAX 16u

#define END (-1)

/* Gives the bytes of a text in UTF-8, lower case, blanks at the ends dropped, others made single.
 */
struct folder {
    struct tlsmgm_bytes value;
    size_t width; /* bytes of a character; 0: UTF-8 already */
    size_t at;
    uint8_t waiting[5]; /* of the present character, in UTF-8 */
    size_t waiting_count;
    size_t waiting_at;
    bool has_begun;
    bool has_blank; /* one is due before the next byte */
};

/* 0 for values that are compared as they are. */
static bool text_width(uint8_t tag, size_t *width) {
    switch (tag) {
        case TLSMGM_DER_UTF8_STRING:
            *width = 0;
            return true;
        case TLSMGM_DER_PRINTABLE_STRING:
        case TLSMGM_DER_IA5_STRING:
        case TLSMGM_DER_T61_STRING: /* read as ISO 8859-1, as everybody writes it */
            *width = 1;
            return true;
        case TLSMGM_DER_BMP_STRING:
            *width = 2;
            return true;
        case TLSMGM_DER_UNIVERSAL_STRING:
            *width = 4;
            return true;
        default: /* bytes of the wire, not ours */
            return false;
    }
}

/* What is no character stays apart from all that are, and from each other. */
static void put_number(struct folder *folder, uint32_t number) {
    folder->waiting[0] = 0xff;
    for (size_t i = 1; i <= 4; i++) folder->waiting[i] = (uint8_t)(number >> (32 - 8 * i));
    folder->waiting_count = 5;
    folder->waiting_at = 0;
}

static void put_utf8(struct folder *folder, uint32_t character) {
    uint8_t *out = folder->waiting;
    if (character > 0x10ffff) {
        put_number(folder, character);
        return;
    }
    size_t count = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t marks[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = count - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    out[0] = (uint8_t)(marks[count] | character);
    folder->waiting_count = count;
    folder->waiting_at = 0;
}

static int raw_byte(struct folder *folder) {
    if (folder->waiting_at < folder->waiting_count) return folder->waiting[folder->waiting_at++];
    size_t width = folder->width == 0 ? 1 : folder->width;
    if (folder->value.size - folder->at < width) return END;
    uint32_t character = 0;
    for (size_t i = 0; i < width; i++) {
        character = character << 8 | folder->value.data[folder->at + i];
    }
    folder->at += width;
    if (folder->width == 0) return (int)character;
    put_utf8(folder, character);
    return folder->waiting[folder->waiting_at++];
}

static bool is_blank(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static int folded_byte(struct folder *folder) {
    int byte = raw_byte(folder);
    while (byte != END && is_blank(byte)) {
        folder->has_blank = folder->has_begun;
        byte = raw_byte(folder);
    }
    if (byte == END) return END;
    folder->has_begun = true;
    if (folder->has_blank) {
        folder->has_blank = false;
        if (folder->waiting_at > 0 && folder->width != 0) {
            folder->waiting_at--; /* this byte once more, behind the blank */
        } else {
            folder->at--;
        }
        return ' ';
    }
    return tlsmgm_ascii_lower((uint8_t)byte);
}

static bool same_value(const struct tlsmgm_name_entry *a, const struct tlsmgm_name_entry *b) {
    struct folder one = {.value = a->value};
    struct folder other = {.value = b->value};
    bool is_text = text_width(a->tag, &one.width);
    if (is_text != text_width(b->tag, &other.width)) return false;
    if (!is_text) return a->tag == b->tag && tlsmgm_bytes_equal(a->value, b->value);
    for (;;) {
        int byte = folded_byte(&one);
        if (byte != folded_byte(&other)) return false;
        if (byte == END) return true;
    }
}

static bool same_entry(const struct tlsmgm_name_entry *a, const struct tlsmgm_name_entry *b) {
    return tlsmgm_bytes_equal(a->type, b->type) && same_value(a, b);
}

/* The attributes of a set; 0 when there are too many. */
static size_t read_set(struct tlsmgm_bytes contents, struct tlsmgm_name_entry *entries) {
    struct tlsmgm_name_cursor cursor = {.entries = tlsmgm_cursor(contents)};
    size_t count = 0;
    while (cursor.entries.left > 0) {
        if (count == SET_MAX || !tlsmgm_name_next(&cursor, &entries[count])) return 0;
        count++;
    }
    return count;
}

/* In whatever order. */
static bool same_set(struct tlsmgm_bytes one, struct tlsmgm_bytes other) {
    struct tlsmgm_name_entry a[SET_MAX];
    struct tlsmgm_name_entry b[SET_MAX];
    bool taken[SET_MAX] = {false};
    if (tlsmgm_bytes_equal(one, other)) return true;
    size_t count = read_set(one, a);
    if (count == 0 || read_set(other, b) != count) return false;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < count && (taken[j] || !same_entry(&a[i], &b[j]))) j++;
        if (j == count) return false;
        taken[j] = true;
    }
    return true;
}

/* Walks over both as long as base has sets; *left tells what name has behind them. */
static bool begins_with(struct tlsmgm_bytes name, struct tlsmgm_bytes base, size_t *left) {
    struct tlsmgm_cursor ours = tlsmgm_cursor(name);
    struct tlsmgm_cursor theirs = tlsmgm_cursor(base);
    struct tlsmgm_bytes one;
    struct tlsmgm_bytes other;
    while (theirs.left > 0) {
        if (!tlsmgm_der_expect(&theirs, TLSMGM_DER_SET, &other) ||
            !tlsmgm_der_expect(&ours, TLSMGM_DER_SET, &one) || !same_set(one, other)) {
            return false;
        }
    }
    *left = ours.left;
    return true;
}

bool tlsmgm_names_match(struct tlsmgm_bytes one, struct tlsmgm_bytes other) {
    size_t left;
    if (tlsmgm_bytes_equal(one, other)) return true;
    return begins_with(one, other, &left) && left == 0;
}

bool tlsmgm_name_is_below(struct tlsmgm_bytes name, struct tlsmgm_bytes base) {
    size_t left;
    return begins_with(name, base, &left);
}

/* Who makes names that share a number costs us comparisons, bounded by what is trusted. */
static uint64_t entry_hash(const struct tlsmgm_name_entry *entry) {
    struct folder folder = {.value = entry->value};
    uint64_t hash = TLSMGM_FNV_BASIS;
    for (size_t i = 0; i < entry->type.size; i++) hash = tlsmgm_fnv(hash, entry->type.data[i]);
    if (text_width(entry->tag, &folder.width)) {
        for (int byte = folded_byte(&folder); byte != END; byte = folded_byte(&folder)) {
            hash = tlsmgm_fnv(hash, (uint8_t)byte);
        }
        return hash;
    }
    for (size_t i = 0; i < entry->value.size; i++) hash = tlsmgm_fnv(hash, entry->value.data[i]);
    return hash;
}

/* Those of one set are added up, whatever their order. */
uint64_t tlsmgm_name_hash(struct tlsmgm_bytes name) {
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(name);
    struct tlsmgm_name_entry entry;
    uint64_t hash = TLSMGM_FNV_BASIS;
    uint64_t set = 0;
    while (tlsmgm_name_next(&cursor, &entry)) {
        if (!entry.is_joined) {
            hash = (hash + set) * TLSMGM_FNV_PRIME;
            set = 0;
        }
        set += entry_hash(&entry);
    }
    return (hash + set) * TLSMGM_FNV_PRIME;
}
