#include "x509/crl.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/error.h"
#include "x509/der.h"
#include "x509/extension.h"
#include "x509/general_name.h"
#include "x509/name_match.h"

#define REMOVE_FROM_CRL 8u

/* Choices of DistributionPointName and DistributionPoint (RFC 5280 sections 4.2.1.13, 5.2.5). */
#define CHOICE(number) (uint8_t)(TLSMGM_DER_CONTEXT | (number))

/* --- reading ---------------------------------------------------------------------------- */

static bool read_time(struct tlsmgm_cursor *cursor, int64_t *out) {
    struct tlsmgm_certificate_time time;
    return tlsmgm_time_read(cursor, &time) && tlsmgm_time_unix(time, out);
}

static bool is_time_next(const struct tlsmgm_cursor *cursor) {
    return tlsmgm_der_is_next(cursor, TLSMGM_DER_UTC_TIME) ||
           tlsmgm_der_is_next(cursor, TLSMGM_DER_GENERALIZED_TIME);
}

static bool read_flag(struct tlsmgm_cursor *cursor, uint8_t tag, bool *flag) {
    struct tlsmgm_bytes contents;
    if (!tlsmgm_der_is_next(cursor, tag)) return true;
    if (!tlsmgm_der_expect(cursor, tag, &contents) || contents.size != 1) return false;
    *flag = contents.data[0] != 0;
    return true;
}

static bool read_scope(struct tlsmgm_bytes value, struct tlsmgm_crl_scope *scope) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(value);
    struct tlsmgm_cursor cursor;
    struct tlsmgm_bytes reasons;
    if (!tlsmgm_der_enter(&whole, TLSMGM_DER_SEQUENCE, &cursor) || whole.left > 0) return false;
    scope->is_given = true;
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(0)) &&
        (!tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(0), &scope->distribution_point) ||
         !tlsmgm_distribution_point_name_is_valid(scope->distribution_point))) {
        return false;
    }
    if (!read_flag(&cursor, CHOICE(1), &scope->only_users) ||
        !read_flag(&cursor, CHOICE(2), &scope->only_cas)) {
        return false;
    }
    scope->has_reasons = tlsmgm_der_is_next(&cursor, CHOICE(3));
    if (scope->has_reasons && !tlsmgm_der_expect(&cursor, CHOICE(3), &reasons)) return false;
    if (!read_flag(&cursor, CHOICE(4), &scope->is_indirect) ||
        !read_flag(&cursor, CHOICE(5), &scope->only_attributes) || cursor.left > 0) {
        return false;
    }
    int only = scope->only_users + scope->only_cas + scope->only_attributes;
    bool says_nothing = only == 0 && !scope->is_indirect && !scope->has_reasons &&
                        scope->distribution_point.data == NULL;
    scope->is_contradictory = only > 1 || says_nothing;
    return true;
}

static bool is_number(struct tlsmgm_bytes value) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    struct tlsmgm_bytes number;
    return tlsmgm_der_integer(&cursor, &number) && cursor.left == 0;
}

static bool read_extension(const struct tlsmgm_extension *extension, struct tlsmgm_crl *out) {
    switch (tlsmgm_extension_number(extension)) {
        case TLSMGM_ISSUING_DISTRIBUTION_POINT:
            return read_scope(extension->value, &out->scope);
        case TLSMGM_AUTHORITY_KEY_IDENTIFIER:
            return tlsmgm_key_reference_read(extension->value, &out->signer);
        case TLSMGM_DELTA_CRL_INDICATOR:
            out->is_delta = true;
            return is_number(extension->value);
        case TLSMGM_CRL_NUMBER:
            out->has_unknown_critical |= extension->is_critical;
            return is_number(extension->value);
        default: /* numbers of others */
            out->has_unknown_critical |= extension->is_critical;
            return true;
    }
}

static bool read_extensions(struct tlsmgm_cursor *body, struct tlsmgm_crl *out) {
    struct tlsmgm_cursor outer;
    struct tlsmgm_cursor cursor;
    struct tlsmgm_extension extension;
    uint64_t seen = 0;
    if (body->left == 0) return true;
    if (!tlsmgm_der_enter(body, TLSMGM_DER_CONSTRUCTED(0), &outer) || body->left > 0 ||
        !tlsmgm_der_enter(&outer, TLSMGM_DER_SEQUENCE, &cursor) || outer.left > 0) {
        return false;
    }
    while (cursor.left > 0) {
        if (!tlsmgm_extension_next(&cursor, &extension) || !read_extension(&extension, out)) {
            return false;
        }
        int number = tlsmgm_extension_number(&extension);
        if (number < 0 || number >= 64) continue;
        if ((seen >> number & 1) != 0) return false; /* RFC 5280 section 5.2: none twice */
        seen |= UINT64_C(1) << number;
    }
    return true;
}

/* Whether names hold the issuer's; there are none: yes. */
static bool names_issuer(struct tlsmgm_bytes names, struct tlsmgm_bytes issuer) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    struct tlsmgm_der_item item;
    struct tlsmgm_bytes name;
    if (names.data == NULL) return true;
    while (tlsmgm_der_next(&cursor, &item)) {
        if (!tlsmgm_general_name_directory(&item, &name)) continue;
        if (tlsmgm_names_match(name, issuer)) return true;
    }
    return false;
}

static bool read_reason(struct tlsmgm_bytes value, bool *is_removed) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    struct tlsmgm_bytes number;
    if (!tlsmgm_der_expect(&cursor, TLSMGM_DER_ENUMERATED, &number) || cursor.left > 0)
        return false;
    *is_removed = number.size == 1 && number.data[0] == REMOVE_FROM_CRL;
    return number.size > 0;
}

/*
 * A certificateIssuer gives this entry, and those behind it, to the issuers that it names; out's
 * own may be among them. Lists that say they do that (RFC 5280 section 5.3.3) are not used, see
 * path.c.
 */
static bool read_owner(struct tlsmgm_bytes value, const struct tlsmgm_crl *out, bool *is_foreign) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    struct tlsmgm_bytes names;
    if (!tlsmgm_der_expect(&cursor, TLSMGM_DER_SEQUENCE, &names) || cursor.left > 0) return false;
    *is_foreign = !names_issuer(names, out->issuer);
    return tlsmgm_general_names_are_valid(names);
}

static bool read_entry_extensions(struct tlsmgm_cursor *entry, struct tlsmgm_crl *out,
                                  bool *is_removed, bool *is_foreign) {
    struct tlsmgm_cursor cursor;
    struct tlsmgm_extension extension;
    if (entry->left == 0) return true;
    if (!tlsmgm_der_enter(entry, TLSMGM_DER_SEQUENCE, &cursor) || entry->left > 0) return false;
    while (cursor.left > 0) {
        if (!tlsmgm_extension_next(&cursor, &extension)) return false;
        int number = tlsmgm_extension_number(&extension);
        if (number == TLSMGM_REASON_CODE && !read_reason(extension.value, is_removed)) return false;
        if (number == TLSMGM_CERTIFICATE_ISSUER) {
            if (!read_owner(extension.value, out, is_foreign)) return false;
        } else if (extension.is_critical) {
            out->has_unknown_critical = true;
        }
    }
    return true;
}

/* *is_foreign tells of the entry before, then of this one. */
static bool read_entry(struct tlsmgm_cursor *entries, struct tlsmgm_crl *out,
                       struct tlsmgm_crl_entry *entry, bool *is_foreign) {
    struct tlsmgm_cursor cursor;
    struct tlsmgm_bytes serial;
    int64_t when;
    bool is_removed = false;
    if (!tlsmgm_der_enter(entries, TLSMGM_DER_SEQUENCE, &cursor) ||
        !tlsmgm_der_integer(&cursor, &serial) || serial.size > TLSMGM_SERIAL_MAX ||
        !read_time(&cursor, &when) ||
        !read_entry_extensions(&cursor, out, &is_removed, is_foreign)) {
        return false;
    }
    *entry = (struct tlsmgm_crl_entry){.serial = (uint32_t)(serial.data - out->der.data),
                                       .size = (uint16_t)serial.size,
                                       .revokes = !is_removed && !*is_foreign};
    return true;
}

/* Shorter numbers first, so that most comparisons look at no bytes. */
static int compare_serials(struct tlsmgm_bytes a, struct tlsmgm_bytes b) {
    if (a.size != b.size) return a.size < b.size ? -1 : 1;
    return memcmp(a.data, b.data, a.size);
}

static struct tlsmgm_bytes serial_of(const struct tlsmgm_crl *crl,
                                     const struct tlsmgm_crl_entry *entry) {
    return (struct tlsmgm_bytes){crl->der.data + entry->serial, entry->size};
}

/* Heap sort: qsort() has no way to hand over the bytes to which entries point. */
static void sift(const struct tlsmgm_crl *crl, size_t root, size_t count) {
    struct tlsmgm_crl_entry *entries = crl->entries;
    struct tlsmgm_crl_entry moved = entries[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && compare_serials(serial_of(crl, &entries[child]),
                                                 serial_of(crl, &entries[child + 1])) < 0) {
            child++;
        }
        if (compare_serials(serial_of(crl, &moved), serial_of(crl, &entries[child])) >= 0) break;
        entries[root] = entries[child];
        root = child;
    }
    entries[root] = moved;
}

static void sort_entries(struct tlsmgm_crl *crl) {
    for (size_t i = crl->entry_count / 2; i > 0; i--) sift(crl, i - 1, crl->entry_count);
    for (size_t left = crl->entry_count; left > 1; left--) {
        struct tlsmgm_crl_entry largest = crl->entries[0];
        crl->entries[0] = crl->entries[left - 1];
        crl->entries[left - 1] = largest;
        sift(crl, 0, left - 1);
    }
}

static enum tlsmgm_status malformed(struct tlsmgm_error *error, const char *what) {
    return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "the CRL cannot be decoded: %s", what);
}

static enum tlsmgm_status read_entries(struct tlsmgm_cursor *body, struct tlsmgm_crl *out,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_bytes items;
    if (!tlsmgm_der_is_next(body, TLSMGM_DER_SEQUENCE)) return TLSMGM_STATUS_OK;
    if (!tlsmgm_der_expect(body, TLSMGM_DER_SEQUENCE, &items)) return malformed(error, "entries");
    size_t count = tlsmgm_der_count(items);
    if (count == 0) return items.size == 0 ? TLSMGM_STATUS_OK : malformed(error, "entries");
    out->entries = tlsmgm_calloc(count, sizeof *out->entries);
    if (out->entries == NULL) return tlsmgm_fail_memory(error);
    struct tlsmgm_cursor cursor = tlsmgm_cursor(items);
    bool is_foreign = false;
    while (cursor.left > 0) {
        if (out->entry_count == count ||
            !read_entry(&cursor, out, &out->entries[out->entry_count], &is_foreign)) {
            return tlsmgm_fail(error, TLSMGM_STATUS_CONFIG, "the CRL cannot be decoded: entry %zu",
                               out->entry_count + 1);
        }
        out->entry_count++;
    }
    sort_entries(out);
    return TLSMGM_STATUS_OK;
}

/* Left out it means 0, which is v1. */
static bool skip_version(struct tlsmgm_cursor *body) {
    struct tlsmgm_bytes version;
    if (!tlsmgm_der_is_next(body, TLSMGM_DER_INTEGER)) return true;
    return tlsmgm_der_integer(body, &version) && version.size == 1 && version.data[0] <= 1;
}

static enum tlsmgm_status read_body(struct tlsmgm_crl *out, struct tlsmgm_error *error) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(out->signature.signed_bytes);
    struct tlsmgm_cursor body;
    if (!tlsmgm_der_enter(&whole, TLSMGM_DER_SEQUENCE, &body)) return malformed(error, "outside");
    if (!skip_version(&body)) return malformed(error, "version");
    if (!tlsmgm_der_expect(&body, TLSMGM_DER_SEQUENCE, &out->inner_algorithm)) {
        return malformed(error, "signature algorithm");
    }
    if (!tlsmgm_der_expect(&body, TLSMGM_DER_SEQUENCE, &out->issuer) ||
        !tlsmgm_name_is_valid(out->issuer) || !tlsmgm_name_has_valid_texts(out->issuer)) {
        return malformed(error, "issuer");
    }
    out->next_update = INT64_MAX;
    if (!read_time(&body, &out->this_update) ||
        (is_time_next(&body) && !read_time(&body, &out->next_update))) {
        return malformed(error, "dates");
    }
    enum tlsmgm_status status = read_entries(&body, out, error);
    if (status != TLSMGM_STATUS_OK) return status;
    return read_extensions(&body, out) ? TLSMGM_STATUS_OK : malformed(error, "extensions");
}

enum tlsmgm_status tlsmgm_crl_read(struct tlsmgm_blob *der, struct tlsmgm_crl *out,
                                   struct tlsmgm_error *error) {
    enum tlsmgm_status status;
    *out = (struct tlsmgm_crl){.der = *der};
    if (!tlsmgm_signature_read(tlsmgm_blob_view(der), &out->signature)) {
        status = malformed(error, "outside, or bytes behind its end");
    } else {
        status = read_body(out, error);
    }
    if (status == TLSMGM_STATUS_OK) {
        *der = (struct tlsmgm_blob){0};
        return status;
    }
    out->der = (struct tlsmgm_blob){0}; /* still the caller's */
    tlsmgm_crl_free(out);
    return status;
}

void tlsmgm_crl_free(struct tlsmgm_crl *crl) {
    tlsmgm_blob_free(&crl->der);
    tlsmgm_free(crl->entries);
    *crl = (struct tlsmgm_crl){0};
}

/* --- asking ----------------------------------------------------------------------------- */

/* A list that has a number twice, once removed and once not, revokes it. */
bool tlsmgm_crl_revokes(const struct tlsmgm_crl *crl, struct tlsmgm_bytes serial) {
    size_t low = 0;
    for (size_t high = crl->entry_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (compare_serials(serial_of(crl, &crl->entries[middle]), serial) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < crl->entry_count; low++) {
        if (compare_serials(serial_of(crl, &crl->entries[low]), serial) != 0) return false;
        if (crl->entries[low].revokes) return true;
    }
    return false;
}

static bool same_general_name(const struct tlsmgm_der_item *a, const struct tlsmgm_der_item *b) {
    struct tlsmgm_bytes one;
    struct tlsmgm_bytes other;
    if (tlsmgm_general_name_directory(a, &one) && tlsmgm_general_name_directory(b, &other))
        return tlsmgm_names_match(one, other);
    return tlsmgm_bytes_equal(a->whole, b->whole);
}

static bool share_name(struct tlsmgm_bytes ours, struct tlsmgm_bytes theirs) {
    struct tlsmgm_cursor outer = tlsmgm_cursor(ours);
    struct tlsmgm_der_item a;
    while (tlsmgm_der_next(&outer, &a)) {
        struct tlsmgm_cursor inner = tlsmgm_cursor(theirs);
        struct tlsmgm_der_item b;
        while (tlsmgm_der_next(&inner, &b)) {
            if (same_general_name(&a, &b)) return true;
        }
    }
    return false;
}

/*
 * fullName [0] against fullName; names relative to the issuer ([1]) are the same only byte for
 * byte, which refuses what other spellings might mean.
 */
static bool same_point_name(struct tlsmgm_bytes ours, struct tlsmgm_bytes theirs) {
    struct tlsmgm_cursor a = tlsmgm_cursor(ours);
    struct tlsmgm_cursor b = tlsmgm_cursor(theirs);
    struct tlsmgm_bytes one;
    struct tlsmgm_bytes other;
    if (tlsmgm_bytes_equal(ours, theirs)) return true;
    return tlsmgm_der_expect(&a, TLSMGM_DER_CONSTRUCTED(0), &one) &&
           tlsmgm_der_expect(&b, TLSMGM_DER_CONSTRUCTED(0), &other) && share_name(one, other);
}

bool tlsmgm_crl_covers(const struct tlsmgm_crl *crl, const struct tlsmgm_certificate *certificate,
                       unsigned *reasons) {
    const struct tlsmgm_crl_scope *scope = &crl->scope;
    struct tlsmgm_cursor points = tlsmgm_cursor(certificate->distribution_points);
    struct tlsmgm_distribution_point point;
    *reasons = TLSMGM_ALL_REASONS;
    if (scope->only_attributes) return false;
    if (certificate->is_ca ? scope->only_users : scope->only_cas) return false;
    while (points.left > 0 && tlsmgm_distribution_point_next(&points, &point)) {
        if (!names_issuer(point.issuer, crl->issuer)) continue;
        if (scope->distribution_point.data != NULL && point.name.data != NULL &&
            !same_point_name(scope->distribution_point, point.name)) {
            continue;
        }
        *reasons = point.reasons;
        return true;
    }
    return scope->distribution_point.data == NULL;
}
