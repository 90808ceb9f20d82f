#include "x509/staple.h"

#include "base/bytes.h"
#include "base/count.h"
#include "base/error.h"
#include "x509/certificate_fields.h"
#include "x509/der.h"

static const struct tlsmgm_bytes basic_response =
    TLSMGM_OID(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01);

/* CertID (section 4.1.1); the hash of the issuer's key is not looked at. */
struct certificate_id {
    struct tlsmgm_bytes algorithm;
    struct tlsmgm_bytes name_hash;
    struct tlsmgm_bytes serial;
};

/* What a response is looked through for. */
struct wanted {
    struct tlsmgm_bytes issuer; /* the whole Name */
    struct tlsmgm_bytes serial;
    tlsmgm_hasher hasher;
};

/* The item that these contents are of. They were read as DER, so its length is as short as can be.
 */
static struct tlsmgm_bytes with_header(struct tlsmgm_bytes contents) {
    size_t header = 2;
    if (contents.size >= 0x80) {
        for (size_t rest = contents.size; rest > 0; rest >>= 8) header++;
    }
    return (struct tlsmgm_bytes){contents.data - header, contents.size + header};
}

static bool is_issuer(const struct certificate_id *id, const struct wanted *wanted) {
    uint8_t hash[TLSMGM_HASH_MAX];
    enum tlsmgm_digest digest;
    if (wanted->hasher == NULL) return true;
    /* SHA-224 is for signatures; no responder names an issuer by it. */
    if (!tlsmgm_digest_read(id->algorithm, &digest) || digest == TLSMGM_DIGEST_SHA224) return false;
    size_t size = wanted->hasher(digest, wanted->issuer, hash);
    return size > 0 && tlsmgm_bytes_equal((struct tlsmgm_bytes){hash, size}, id->name_hash);
}

static bool read_id(struct tlsmgm_cursor *entry, struct certificate_id *id) {
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes key_hash;
    return tlsmgm_der_enter(entry, TLSMGM_DER_SEQUENCE, &parts) &&
           tlsmgm_der_enter(&parts, TLSMGM_DER_SEQUENCE, &algorithm) &&
           tlsmgm_der_oid(&algorithm, &id->algorithm) &&
           tlsmgm_der_expect(&parts, TLSMGM_DER_OCTET_STRING, &id->name_hash) &&
           tlsmgm_der_expect(&parts, TLSMGM_DER_OCTET_STRING, &key_hash) &&
           tlsmgm_der_integer(&parts, &id->serial) && parts.left == 0;
}

static bool read_time(struct tlsmgm_cursor *cursor, struct tlsmgm_certificate_time *time) {
    time->is_generalized = true;
    return tlsmgm_der_expect(cursor, TLSMGM_DER_GENERALIZED_TIME, &time->digits);
}

/* SingleResponse, behind its CertID: status, times, extensions. */
static bool read_entry(struct tlsmgm_cursor *entry, struct tlsmgm_staple *out) {
    struct tlsmgm_der_item status;
    struct tlsmgm_cursor next;
    struct tlsmgm_bytes extensions;
    if (!tlsmgm_der_next(entry, &status) || !read_time(entry, &out->this_update)) return false;
    if (tlsmgm_der_enter(entry, TLSMGM_DER_CONSTRUCTED(0), &next) &&
        (!read_time(&next, &out->next_update) || next.left > 0)) {
        return false;
    }
    (void)tlsmgm_der_expect(entry, TLSMGM_DER_CONSTRUCTED(1), &extensions);
    return entry->left == 0;
}

/* All entries are read, so that damage in any of them is seen. The first that fits counts. */
static bool search(struct tlsmgm_cursor entries, const struct wanted *wanted, bool *found,
                   struct tlsmgm_staple *out) {
    while (entries.left > 0) {
        struct tlsmgm_cursor entry;
        struct certificate_id id;
        struct tlsmgm_staple staple = {0};
        if (!tlsmgm_der_enter(&entries, TLSMGM_DER_SEQUENCE, &entry) || !read_id(&entry, &id) ||
            !read_entry(&entry, &staple)) {
            return false;
        }
        if (*found || !tlsmgm_bytes_equal(id.serial, wanted->serial)) continue;
        if (!is_issuer(&id, wanted)) continue;
        *found = true;
        *out = staple;
    }
    return true;
}

/* ResponseData (section 4.2.1) up to its entries. */
static bool read_data(struct tlsmgm_cursor *data, struct tlsmgm_cursor *entries) {
    struct tlsmgm_der_item responder;
    struct tlsmgm_bytes ignored;
    (void)tlsmgm_der_expect(data, TLSMGM_DER_CONSTRUCTED(0), &ignored); /* the version */
    if (!tlsmgm_der_next(data, &responder)) return false;
    if (!tlsmgm_der_expect(data, TLSMGM_DER_GENERALIZED_TIME, &ignored)) return false;
    if (!tlsmgm_der_enter(data, TLSMGM_DER_SEQUENCE, entries)) return false;
    (void)tlsmgm_der_expect(data, TLSMGM_DER_CONSTRUCTED(1), &ignored);
    return data->left == 0;
}

/* BasicOCSPResponse: what was signed, by which algorithm, the signature, certificates. */
static bool read_basic(struct tlsmgm_bytes response, struct tlsmgm_cursor *entries) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(response);
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor data;
    struct tlsmgm_bytes ignored;
    if (!tlsmgm_der_enter(&whole, TLSMGM_DER_SEQUENCE, &parts) || whole.left > 0) return false;
    if (!tlsmgm_der_enter(&parts, TLSMGM_DER_SEQUENCE, &data)) return false;
    if (!tlsmgm_der_expect(&parts, TLSMGM_DER_SEQUENCE, &ignored)) return false;
    if (!tlsmgm_der_expect(&parts, TLSMGM_DER_BIT_STRING, &ignored)) return false;
    (void)tlsmgm_der_expect(&parts, TLSMGM_DER_CONSTRUCTED(0), &ignored);
    return parts.left == 0 && read_data(&data, entries);
}

/* OCSPResponse: a status, and with the status "successful" the bytes of a basic response. */
static bool read_response(struct tlsmgm_bytes response, uint8_t *status,
                          struct tlsmgm_bytes *basic) {
    struct tlsmgm_cursor whole = tlsmgm_cursor(response);
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor outer;
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes code;
    struct tlsmgm_bytes type;
    if (!tlsmgm_der_enter(&whole, TLSMGM_DER_SEQUENCE, &parts) || whole.left > 0) return false;
    if (!tlsmgm_der_expect(&parts, TLSMGM_DER_ENUMERATED, &code) || code.size != 1) return false;
    *status = code.data[0];
    if (*status != 0) return parts.left == 0;
    return tlsmgm_der_enter(&parts, TLSMGM_DER_CONSTRUCTED(0), &outer) && parts.left == 0 &&
           tlsmgm_der_enter(&outer, TLSMGM_DER_SEQUENCE, &inner) && outer.left == 0 &&
           tlsmgm_der_oid(&inner, &type) && tlsmgm_bytes_equal(type, basic_response) &&
           tlsmgm_der_expect(&inner, TLSMGM_DER_OCTET_STRING, basic) && inner.left == 0;
}

static const char *status_word(uint8_t status) {
    static const char *const words[] = {NULL, "malformedRequest", "internalError", "tryLater",
                                        NULL, "sigRequired",      "unauthorized"};
    const char *word = status < TLSMGM_COUNT(words) ? words[status] : NULL;
    return word != NULL ? word : "unknown status";
}

enum tlsmgm_status tlsmgm_staple_read(struct tlsmgm_bytes response, struct tlsmgm_bytes certificate,
                                      tlsmgm_hasher hasher, struct tlsmgm_staple *out,
                                      struct tlsmgm_error *error) {
    static const char parameter[] = "ocsp_response";
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_bytes basic = {0};
    struct tlsmgm_cursor entries;
    uint8_t status = 0;
    bool found = false;
    *out = (struct tlsmgm_staple){0};
    if (tlsmgm_certificate_fields_read(certificate, &fields, NULL) != TLSMGM_STATUS_OK) {
        return tlsmgm_fail_parameter(error, parameter, "there is no certificate that it is about");
    }
    if (!read_response(response, &status, &basic)) {
        return tlsmgm_fail_parameter(error, parameter, "this is no OCSP response in DER");
    }
    if (status != 0) {
        return tlsmgm_fail_parameter(error, parameter,
                                     "the responder gave no answer but the status %d (%s); ask it "
                                     "again, and keep the last good response till then",
                                     status, status_word(status));
    }
    struct wanted wanted = {with_header(fields.issuer), fields.serial, hasher};
    if (!read_basic(basic, &entries) || !search(entries, &wanted, &found, out)) {
        *out = (struct tlsmgm_staple){0};
        return tlsmgm_fail_parameter(error, parameter, "this is no OCSP response in DER");
    }
    if (found) return TLSMGM_STATUS_OK;
    return tlsmgm_fail_parameter(error, parameter,
                                 "it is not about the domain's certificate; get one for this "
                                 "certificate from its issuer's responder");
}
