#include "x509/name_constraints.h"

#include <string.h>

#include "base/bytes.h"
#include "x509/general_name.h"
#include "x509/name_match.h"

/* Names times constraints. Who needs more wants to keep us busy. */
#define WORK_MAX (1u << 20)

enum verdict { INSIDE, OUTSIDE, NOT_UNDERSTOOD };

struct name {
    uint8_t tag;                  /* enum tlsmgm_general_name, or another choice */
    struct tlsmgm_bytes contents; /* of a directory name those of its inner SEQUENCE */
};

struct subtrees {
    struct tlsmgm_bytes permitted; /* contents of GeneralSubtrees; data is NULL: none */
    struct tlsmgm_bytes excluded;
};

static const uint8_t common_name_oid[] = {0x55, 0x04, 0x03};
static const uint8_t email_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01};
/* id-on-SmtpUTF8Mailbox (RFC 8398): an e-mail address under another tag. */
static const uint8_t utf8_mailbox_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x09};

/* --- one name against one subtree ------------------------------------------------------- */

static struct tlsmgm_bytes from(struct tlsmgm_bytes bytes, size_t start) {
    return (struct tlsmgm_bytes){bytes.data + start, bytes.size - start};
}

static enum verdict inside_if(bool is_inside) { return is_inside ? INSIDE : OUTSIDE; }

/* The name itself, or anything below it; a dot in front asks for something below. */
static enum verdict match_dns(struct tlsmgm_bytes name, struct tlsmgm_bytes base) {
    if (base.size == 0) return INSIDE;
    if (name.size < base.size) return OUTSIDE;
    size_t start = name.size - base.size;
    if (start > 0 && base.data[0] != '.' && name.data[start - 1] != '.') return OUTSIDE;
    return inside_if(tlsmgm_bytes_equal_ignoring_case(from(name, start), base));
}

static bool ends_with(struct tlsmgm_bytes text, struct tlsmgm_bytes end) {
    return text.size > end.size &&
           tlsmgm_bytes_equal_ignoring_case(from(text, text.size - end.size), end);
}

static size_t last_at(struct tlsmgm_bytes text) {
    size_t at = text.size;
    while (at > 0 && text.data[at - 1] != '@') at--;
    return at; /* one behind it; 0: there is none */
}

/* A mailbox, all of a host, or, with a dot in front, all of the hosts below. */
static enum verdict match_email(struct tlsmgm_bytes email, struct tlsmgm_bytes base) {
    size_t ours = last_at(email);
    size_t theirs = last_at(base);
    if (ours == 0) return NOT_UNDERSTOOD;
    if (theirs == 0 && base.size > 0 && base.data[0] == '.') {
        return inside_if(ends_with(email, base));
    }
    if (theirs > 1) {
        if (theirs != ours) return OUTSIDE;
        if (memchr(email.data, 0, ours) != NULL || memchr(base.data, 0, ours) != NULL) {
            return NOT_UNDERSTOOD;
        }
        if (memcmp(email.data, base.data, ours) != 0) return OUTSIDE;
    }
    return inside_if(tlsmgm_bytes_equal_ignoring_case(from(email, ours), from(base, theirs)));
}

/* Digits to the end, of at most 16 bits. */
static bool is_port(struct tlsmgm_bytes text) {
    uint32_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        number = number * 10 + (text.data[i] - '0');
        if (number > 0xffff) return false;
    }
    return text.size > 0;
}

/*
 * The host of "scheme://user@host:port/path" (RFC 3986); empty when there is none, when it is an
 * address in brackets, or when two readers could take it for different hosts.
 */
static struct tlsmgm_bytes host_of(struct tlsmgm_bytes uri) {
    struct tlsmgm_bytes none = {0};
    size_t start = 0;
    while (start < uri.size && uri.data[start] != ':') start++;
    if (start == 0 || uri.size - start < 3 || memcmp(uri.data + start, "://", 3) != 0) return none;
    if (memchr(uri.data, 0, uri.size) != NULL) return none;
    struct tlsmgm_bytes rest = from(uri, start + 3);
    for (size_t i = 0; i < rest.size; i++) {
        if (rest.data[i] != '/' && rest.data[i] != '?' && rest.data[i] != '#') continue;
        rest.size = i;
    }
    size_t user = last_at(rest);
    if (user > 1 && memchr(rest.data, '@', user - 1) != NULL) return none;
    rest = from(rest, user);
    if (rest.size == 0 || rest.data[0] == '[') return none;
    const uint8_t *colon = memchr(rest.data, ':', rest.size);
    if (colon == NULL) return rest;
    size_t size = (size_t)(colon - rest.data);
    return is_port(from(rest, size + 1)) ? (struct tlsmgm_bytes){rest.data, size} : none;
}

static enum verdict match_uri(struct tlsmgm_bytes uri, struct tlsmgm_bytes base) {
    struct tlsmgm_bytes host = host_of(uri);
    if (host.size == 0) return NOT_UNDERSTOOD;
    if (base.size > 0 && base.data[0] == '.') return inside_if(ends_with(host, base));
    return inside_if(tlsmgm_bytes_equal_ignoring_case(host, base));
}

/* An address and a mask behind it. */
static enum verdict match_ip(struct tlsmgm_bytes address, struct tlsmgm_bytes base) {
    if (address.size != 4 && address.size != 16) return NOT_UNDERSTOOD;
    if (base.size != 8 && base.size != 32) return NOT_UNDERSTOOD;
    if (address.size * 2 != base.size) return OUTSIDE;
    const uint8_t *mask = base.data + address.size;
    for (size_t i = 0; i < address.size; i++) {
        if (((address.data[i] ^ base.data[i]) & mask[i]) != 0) return OUTSIDE;
    }
    return INSIDE;
}

static enum verdict match_directory(struct tlsmgm_bytes name, const struct tlsmgm_der_item *base) {
    struct tlsmgm_bytes subtree;
    if (!tlsmgm_general_name_directory(base, &subtree)) return NOT_UNDERSTOOD;
    return inside_if(tlsmgm_name_is_below(name, subtree));
}

static enum verdict match(const struct name *name, const struct tlsmgm_der_item *item) {
    struct tlsmgm_bytes base = item->contents;
    switch (name->tag) {
        case TLSMGM_GENERAL_EMAIL:
            return match_email(name->contents, base);
        case TLSMGM_GENERAL_DNS_NAME:
            return match_dns(name->contents, base);
        case TLSMGM_GENERAL_DIRECTORY_NAME:
            return match_directory(name->contents, item);
        case TLSMGM_GENERAL_URI:
            return match_uri(name->contents, base);
        case TLSMGM_GENERAL_IP_ADDRESS:
            return match_ip(name->contents, base);
        default: /* bytes of the wire, not ours */
            return NOT_UNDERSTOOD;
    }
}

/* --- one name against all subtrees ------------------------------------------------------ */

static bool other_name_type(struct tlsmgm_bytes contents, struct tlsmgm_bytes *oid) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    return tlsmgm_der_oid(&cursor, oid);
}

static bool is_utf8_mailbox(const struct name *name) {
    struct tlsmgm_bytes oid;
    struct tlsmgm_bytes wanted = {utf8_mailbox_oid, sizeof utf8_mailbox_oid};
    return name->tag == TLSMGM_GENERAL_OTHER_NAME && other_name_type(name->contents, &oid) &&
           tlsmgm_bytes_equal(oid, wanted);
}

/* Whether a subtree is about names of this kind. */
static bool is_about(const struct tlsmgm_der_item *base, const struct name *name) {
    struct tlsmgm_bytes ours;
    struct tlsmgm_bytes theirs;
    if (base->tag == TLSMGM_GENERAL_EMAIL && is_utf8_mailbox(name)) return true;
    if (base->tag != name->tag) return false;
    if (name->tag != TLSMGM_GENERAL_OTHER_NAME) return true;
    return !other_name_type(name->contents, &ours) || !other_name_type(base->contents, &theirs) ||
           tlsmgm_bytes_equal(ours, theirs);
}

/* RFC 5280: minimum is 0 and there is no maximum; 0 is the default, so nothing may follow. */
static bool subtree_next(struct tlsmgm_cursor *subtrees, struct tlsmgm_der_item *base,
                         bool *is_plain) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes minimum;
    struct tlsmgm_bytes maximum = {0};
    if (!tlsmgm_der_enter(subtrees, TLSMGM_DER_SEQUENCE, &inner)) return false;
    if (!tlsmgm_der_next(&inner, base)) return false;
    *is_plain = true;
    if (tlsmgm_der_is_next(&inner, TLSMGM_DER_CONTEXT | 0)) {
        if (!tlsmgm_der_expect(&inner, TLSMGM_DER_CONTEXT | 0, &minimum)) return false;
        if (!tlsmgm_der_is_integer(minimum)) return false;
        *is_plain = minimum.size == 1 && minimum.data[0] == 0;
    }
    if (inner.left == 0) return true;
    *is_plain = false;
    return tlsmgm_der_expect(&inner, TLSMGM_DER_CONTEXT | 1, &maximum) &&
           tlsmgm_der_is_integer(maximum) && inner.left == 0;
}

/* Looks for the name in subtrees; *asked tells whether one of them was about such names. */
static enum verdict find(const struct name *name, struct tlsmgm_bytes subtrees, bool *asked) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(subtrees);
    struct tlsmgm_der_item base;
    enum verdict found = OUTSIDE;
    bool is_plain;
    *asked = false;
    while (cursor.left > 0) {
        if (!subtree_next(&cursor, &base, &is_plain)) return NOT_UNDERSTOOD;
        if (!is_about(&base, name)) continue;
        *asked = true;
        if (!is_plain) return NOT_UNDERSTOOD;
        if (found == INSIDE) continue;
        found = match(name, &base);
        if (found == NOT_UNDERSTOOD) return NOT_UNDERSTOOD;
    }
    return found;
}

static bool is_allowed(const struct name *name, const struct subtrees *subtrees) {
    bool asked;
    enum verdict permitted = find(name, subtrees->permitted, &asked);
    if (permitted == NOT_UNDERSTOOD || (asked && permitted != INSIDE)) return false;
    return find(name, subtrees->excluded, &asked) == OUTSIDE;
}

/* --- all names -------------------------------------------------------------------------- */

static bool read_subtrees(struct tlsmgm_bytes constraints, struct subtrees *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(constraints);
    *out = (struct subtrees){0};
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(0)) &&
        !tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(0), &out->permitted)) {
        return false;
    }
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(1)) &&
        !tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(1), &out->excluded)) {
        return false;
    }
    return cursor.left == 0;
}

static bool subtrees_are_valid(struct tlsmgm_bytes subtrees) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(subtrees);
    struct tlsmgm_der_item base;
    bool is_plain;
    while (cursor.left > 0) {
        if (!subtree_next(&cursor, &base, &is_plain)) return false;
        if (!tlsmgm_general_name_is_valid(&base)) return false;
    }
    return true;
}

bool tlsmgm_name_constraints_are_valid(struct tlsmgm_bytes constraints) {
    struct subtrees subtrees;
    return read_subtrees(constraints, &subtrees) && subtrees_are_valid(subtrees.permitted) &&
           subtrees_are_valid(subtrees.excluded);
}

static bool is_bounded(const struct tlsmgm_certificate_fields *certificate,
                       const struct subtrees *subtrees) {
    size_t names =
        tlsmgm_der_count(certificate->subject_alt_names) + tlsmgm_der_count(certificate->subject);
    size_t constraints =
        tlsmgm_der_count(subtrees->permitted) + tlsmgm_der_count(subtrees->excluded);
    return names == 0 || constraints <= WORK_MAX / names;
}

static bool is_type(const struct tlsmgm_name_entry *entry, const uint8_t *oid, size_t size) {
    return tlsmgm_bytes_equal(entry->type, (struct tlsmgm_bytes){oid, size});
}

static bool subject_is_allowed(const struct tlsmgm_certificate_fields *certificate,
                               const struct subtrees *subtrees) {
    struct tlsmgm_bytes subject = certificate->subject;
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(subject);
    struct tlsmgm_name_entry entry;
    if (subject.size == 0) return true;
    struct name name = {.tag = TLSMGM_GENERAL_DIRECTORY_NAME, .contents = subject};
    if (!is_allowed(&name, subtrees)) return false;
    while (tlsmgm_name_next(&cursor, &entry)) {
        if (!is_type(&entry, email_oid, sizeof email_oid)) continue;
        name = (struct name){.tag = TLSMGM_GENERAL_EMAIL, .contents = entry.value};
        if (entry.tag != TLSMGM_DER_IA5_STRING || !is_allowed(&name, subtrees)) return false;
    }
    return true;
}

static bool alt_names_are_allowed(struct tlsmgm_bytes names, const struct subtrees *subtrees,
                                  bool *has_dns_name) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    struct tlsmgm_der_item item;
    *has_dns_name = false;
    while (tlsmgm_der_next(&cursor, &item)) {
        struct name name = {.tag = item.tag, .contents = item.contents};
        if (item.tag == TLSMGM_GENERAL_DNS_NAME) *has_dns_name = true;
        if (item.tag == TLSMGM_GENERAL_DIRECTORY_NAME &&
            !tlsmgm_general_name_directory(&item, &name.contents)) {
            return false;
        }
        if (!is_allowed(&name, subtrees)) return false;
    }
    return true;
}

static bool is_host_byte(uint8_t byte) {
    uint8_t letter = tlsmgm_ascii_lower(byte);
    return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '_';
}

/* At least two labels of letters, digits, and hyphens inside; "Bob Smith" is none. */
static bool looks_like_host(const uint8_t *text, size_t size) {
    bool has_dot = false;
    for (size_t i = 0; i < size; i++) {
        if (is_host_byte(text[i])) continue;
        bool is_inside = i > 0 && i + 1 < size;
        if (is_inside && text[i] == '-') continue;
        if (!is_inside || text[i] != '.' || text[i + 1] == '.' || text[i - 1] == '-' ||
            text[i + 1] == '-') {
            return false;
        }
        has_dot = true;
    }
    return has_dot;
}

/* Longest common name that is looked at; a host has 253 bytes (RFC 1035 section 2.3.4). */
#define HOST_MAX 512u

/*
 * Texts of two or four bytes a character are hosts as well when their characters are ASCII. False
 * when there is a NUL in it, or when it is too long.
 */
static bool plain_text(const struct tlsmgm_name_entry *entry, uint8_t *out, size_t *size) {
    size_t width = 1;
    if (entry->tag == TLSMGM_DER_BMP_STRING) width = 2;
    if (entry->tag == TLSMGM_DER_UNIVERSAL_STRING) width = 4;
    *size = 0;
    if (entry->value.size / width > HOST_MAX) return false;
    for (size_t i = 0; i + width <= entry->value.size; i += width) {
        const uint8_t *last = &entry->value.data[i + width - 1];
        bool is_wide = false;
        for (size_t j = 1; j < width; j++) is_wide |= last[-(ptrdiff_t)j] != 0;
        out[(*size)++] = is_wide ? ' ' : *last;
    }
    while (*size > 0 && out[*size - 1] == 0) (*size)--;
    return *size == 0 || memchr(out, 0, *size) == NULL;
}

static bool common_names_are_allowed(struct tlsmgm_bytes subject, const struct subtrees *subtrees) {
    struct tlsmgm_name_cursor cursor = tlsmgm_name_cursor(subject);
    struct tlsmgm_name_entry entry;
    uint8_t text[HOST_MAX];
    size_t size;
    while (tlsmgm_name_next(&cursor, &entry)) {
        if (!is_type(&entry, common_name_oid, sizeof common_name_oid)) continue;
        if (!plain_text(&entry, text, &size)) return false;
        struct name name = {.tag = TLSMGM_GENERAL_DNS_NAME, .contents = {text, size}};
        if (looks_like_host(text, size) && !is_allowed(&name, subtrees)) return false;
    }
    return true;
}

bool tlsmgm_name_constraints_hold(struct tlsmgm_bytes constraints,
                                  const struct tlsmgm_certificate_fields *certificate,
                                  bool with_common_names) {
    struct subtrees subtrees;
    bool has_dns_name;
    if (constraints.data == NULL) return true;
    if (!read_subtrees(constraints, &subtrees)) return false;
    if (!is_bounded(certificate, &subtrees)) return false;
    if (!subject_is_allowed(certificate, &subtrees)) return false;
    if (!alt_names_are_allowed(certificate->subject_alt_names, &subtrees, &has_dns_name)) {
        return false;
    }
    if (!with_common_names || has_dns_name) return true;
    return common_names_are_allowed(certificate->subject, &subtrees);
}
