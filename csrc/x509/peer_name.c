#include "x509/peer_name.h"

#include <string.h>

#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/ip_address.h"
#include "x509/subject_alt_name.h"

enum tlsmgm_status tlsmgm_peer_rules_set(struct tlsmgm_peer_rules *rules, bool is_sip,
                                         const char *names, struct tlsmgm_error *error) {
    *rules = (struct tlsmgm_peer_rules){.is_sip = is_sip};
    if (names == NULL || *names == '\0') return TLSMGM_STATUS_OK;
    struct tlsmgm_bytes text = {.data = (const uint8_t *)names, .size = strlen(names)};
    return tlsmgm_blob_copy(text, &rules->names, error);
}

void tlsmgm_peer_rules_free(struct tlsmgm_peer_rules *rules) { tlsmgm_blob_free(&rules->names); }

static struct tlsmgm_bytes without_root(struct tlsmgm_bytes name) {
    if (name.size > 0 && name.data[name.size - 1] == '.') name.size--;
    return name;
}

static bool same_name(struct tlsmgm_bytes entry, struct tlsmgm_bytes name) {
    return name.size > 0 && tlsmgm_bytes_equal_ignoring_case(entry, name);
}

/* Without regard to the dot of the root. */
static bool same_domain(struct tlsmgm_bytes entry, struct tlsmgm_bytes name) {
    return same_name(without_root(entry), without_root(name));
}

static bool is_host_byte(uint8_t byte) {
    uint8_t letter = tlsmgm_ascii_lower(byte);
    return (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/* The next label, up to a dot or the end, with hyphens inside only; false when it is none. */
static bool skip_label(struct tlsmgm_bytes *text) {
    size_t size = 0;
    while (size < text->size && is_host_byte(text->data[size])) size++;
    if (size == 0 || text->data[0] == '-' || text->data[size - 1] == '-') return false;
    *text = (struct tlsmgm_bytes){text->data + size, text->size - size};
    return text->size == 0 || text->data[0] == '.';
}

/* At least two labels of letters, digits and hyphens. */
static bool is_wildcard_base(struct tlsmgm_bytes text) {
    if (!skip_label(&text) || text.size == 0) return false;
    while (text.size > 0) {
        text = (struct tlsmgm_bytes){text.data + 1, text.size - 1};
        if (!skip_label(&text)) return false;
    }
    return true;
}

/*
 * RFC 9525 section 6.3: "*" may stand only as the whole leftmost label, matches exactly one label,
 * and needs two labels behind it. As with OpenSSL it stands for letters, digits and hyphens: what
 * has an underscore in front is no host but a service of one.
 */
static bool wildcard_matches(struct tlsmgm_bytes entry, struct tlsmgm_bytes host) {
    size_t label = 0;
    if (entry.size < 3 || memcmp(entry.data, "*.", 2) != 0) return false;
    if (!is_wildcard_base((struct tlsmgm_bytes){entry.data + 2, entry.size - 2})) return false;
    while (label < host.size && is_host_byte(host.data[label])) label++;
    return label > 0 && same_name((struct tlsmgm_bytes){entry.data + 1, entry.size - 1},
                                  (struct tlsmgm_bytes){host.data + label, host.size - label});
}

static bool has_host(struct tlsmgm_bytes names, struct tlsmgm_bytes host) {
    uint8_t address[16];
    size_t address_size = tlsmgm_ip_address_read(host, address);
    host = without_root(host);
    struct tlsmgm_cursor rest = tlsmgm_cursor(names);
    enum tlsmgm_san_kind kind;
    struct tlsmgm_bytes entry;
    while (tlsmgm_san_next(&rest, &kind, &entry)) {
        if (address_size > 0) {
            /* RFC 9525 section 6.5: byte for byte. */
            if (kind == TLSMGM_SAN_IP && entry.size == address_size &&
                memcmp(entry.data, address, address_size) == 0) {
                return true;
            }
        } else if (kind == TLSMGM_SAN_HOSTNAME &&
                   (same_name(entry, host) || wildcard_matches(entry, host))) {
            return true;
        }
    }
    return false;
}

/* The host of "sip:host", with or without port and parameters; empty for any other URI. */
static struct tlsmgm_bytes sip_domain(struct tlsmgm_bytes uri) {
    static const uint8_t scheme[4] = {'s', 'i', 'p', ':'};
    struct tlsmgm_bytes none = {0};
    if (uri.size <= sizeof scheme ||
        !tlsmgm_bytes_equal_ignoring_case((struct tlsmgm_bytes){uri.data, sizeof scheme},
                                          (struct tlsmgm_bytes){scheme, sizeof scheme})) {
        return none;
    }
    struct tlsmgm_bytes host = {uri.data + sizeof scheme, uri.size - sizeof scheme};
    if (memchr(host.data, '@', host.size) != NULL) return none; /* a user, not a domain */
    for (size_t i = 0; i < host.size; i++) {
        if (host.data[i] != ':' && host.data[i] != ';' && host.data[i] != '?') continue;
        host.size = i;
        break;
    }
    return host;
}

/* RFC 5922 section 7.1: DNS names are identities only where no SIP URI is. */
static bool has_sip_domain(struct tlsmgm_bytes names, struct tlsmgm_bytes domain) {
    bool has_uri = false;
    bool has_dns_name = false;
    struct tlsmgm_cursor rest = tlsmgm_cursor(names);
    enum tlsmgm_san_kind kind;
    struct tlsmgm_bytes entry;
    while (tlsmgm_san_next(&rest, &kind, &entry)) {
        if (kind == TLSMGM_SAN_HOSTNAME && same_domain(entry, domain)) has_dns_name = true;
        struct tlsmgm_bytes host = {0};
        if (kind == TLSMGM_SAN_URI) host = sip_domain(entry);
        if (host.size == 0) continue;
        if (same_domain(host, domain)) return true;
        has_uri = true;
    }
    return has_dns_name && !has_uri;
}

bool tlsmgm_peer_has_name(struct tlsmgm_bytes alt_names, struct tlsmgm_bytes name, bool is_sip) {
    return is_sip ? has_sip_domain(alt_names, name) : has_host(alt_names, name);
}

static bool has_one_of(struct tlsmgm_bytes alt_names, struct tlsmgm_bytes names, bool is_sip) {
    while (names.size > 0) {
        const uint8_t *comma = memchr(names.data, ',', names.size);
        size_t size = comma == NULL ? names.size : (size_t)(comma - names.data);
        if (tlsmgm_peer_has_name(alt_names, (struct tlsmgm_bytes){names.data, size}, is_sip)) {
            return true;
        }
        if (comma == NULL) return false;
        names = (struct tlsmgm_bytes){comma + 1, names.size - size - 1};
    }
    return false;
}

bool tlsmgm_peer_is_expected(struct tlsmgm_bytes alt_names, const struct tlsmgm_peer_rules *rules,
                             struct tlsmgm_bytes name) {
    struct tlsmgm_bytes names = tlsmgm_blob_view(&rules->names);
    if (name.size > 0 && !tlsmgm_peer_has_name(alt_names, name, rules->is_sip)) return false;
    return names.size == 0 || has_one_of(alt_names, names, rules->is_sip);
}
