#include "match/glob.h"
#include "base/bytes.h"

/* One element of a pattern: what it is and how many bytes of the pattern it takes. */
enum element_kind { ELEMENT_LITERAL, ELEMENT_ANY_BYTE, ELEMENT_ANY_RUN, ELEMENT_SET };

struct element {
    enum element_kind kind;
    size_t size;
    uint8_t literal; /* of ELEMENT_LITERAL, in lower case */
};

/*
 * Size of the set that starts at pattern[at] == '[', or 0 when it is never closed. A ']' right
 * after the opening (or its negation) belongs to the set.
 */
static size_t set_size(struct tlsmgm_bytes pattern, size_t at) {
    size_t i = at + 1;
    if (i < pattern.size && (pattern.data[i] == '!' || pattern.data[i] == '^')) i++;
    if (i < pattern.size && pattern.data[i] == ']') i++;
    while (i < pattern.size && pattern.data[i] != ']') {
        if (pattern.data[i] == '\\') i++;
        i++;
    }
    return i < pattern.size ? i + 1 - at : 0;
}

static struct element element_at(struct tlsmgm_bytes pattern, size_t at) {
    uint8_t byte = pattern.data[at];
    if (byte == '*') return (struct element){ELEMENT_ANY_RUN, 1, 0};
    if (byte == '?') return (struct element){ELEMENT_ANY_BYTE, 1, 0};
    if (byte == '[') {
        size_t size = set_size(pattern, at);
        if (size > 0) return (struct element){ELEMENT_SET, size, 0};
    }
    if (byte == '\\' && at + 1 < pattern.size) {
        return (struct element){ELEMENT_LITERAL, 2, tlsmgm_ascii_lower(pattern.data[at + 1])};
    }
    return (struct element){ELEMENT_LITERAL, 1, tlsmgm_ascii_lower(byte)};
}

/* A byte of a set, past an escape if there is one. */
static uint8_t set_byte(struct tlsmgm_bytes set, size_t *i) {
    if (set.data[*i] == '\\' && *i + 1 < set.size) (*i)++;
    return tlsmgm_ascii_lower(set.data[(*i)++]);
}

/* set: what stands between '[' and ']'. */
static bool set_contains(struct tlsmgm_bytes set, uint8_t byte) {
    size_t i = 0;
    bool negated = set.size > 0 && (set.data[0] == '!' || set.data[0] == '^');
    bool found = false;
    if (negated) i++;
    while (i < set.size) {
        uint8_t low = set_byte(set, &i);
        uint8_t high = low;
        if (i + 1 < set.size && set.data[i] == '-') {
            i++;
            high = set_byte(set, &i);
        }
        if (low <= byte && byte <= high) found = true;
    }
    return found != negated;
}

static bool element_matches(struct tlsmgm_bytes pattern, size_t at, struct element element,
                            uint8_t byte) {
    switch (element.kind) {
        case ELEMENT_LITERAL:
            return element.literal == byte;
        case ELEMENT_ANY_BYTE:
            return true;
        case ELEMENT_SET:
            return set_contains((struct tlsmgm_bytes){pattern.data + at + 1, element.size - 2},
                                byte);
        case ELEMENT_ANY_RUN:
            return false;
    }
    return false;
}

/*
 * The classic walk with one point of return: after a mismatch, let the latest '*' swallow one
 * byte more. Earlier stars never need to be tried again, which bounds the time.
 */
bool tlsmgm_glob_match(struct tlsmgm_bytes pattern, struct tlsmgm_bytes name) {
    size_t at = 0;
    size_t i = 0;
    size_t star_at = SIZE_MAX;
    size_t star_i = 0;
    while (i < name.size || at < pattern.size) {
        if (at < pattern.size) {
            struct element element = element_at(pattern, at);
            if (element.kind == ELEMENT_ANY_RUN) {
                star_at = at++;
                star_i = i;
                continue;
            }
            if (i < name.size &&
                element_matches(pattern, at, element, tlsmgm_ascii_lower(name.data[i]))) {
                at += element.size;
                i++;
                continue;
            }
        }
        if (star_at == SIZE_MAX || star_i >= name.size) return false;
        i = ++star_i;
        at = star_at + 1;
    }
    return true;
}

size_t tlsmgm_glob_literals(struct tlsmgm_bytes pattern) {
    size_t literals = 0;
    for (size_t at = 0; at < pattern.size;) {
        struct element element = element_at(pattern, at);
        if (element.kind == ELEMENT_LITERAL) literals++;
        at += element.size;
    }
    return literals;
}

bool tlsmgm_glob_is_plain(struct tlsmgm_bytes pattern) {
    for (size_t at = 0; at < pattern.size;) {
        struct element element = element_at(pattern, at);
        if (element.kind != ELEMENT_LITERAL || element.size != 1) return false;
        at += element.size;
    }
    return true;
}
