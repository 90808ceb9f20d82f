#include "x509/certificate_fields.h"

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/error.h"
#include "x509/der.h"
#include "x509/extension.h"

#define EXPLICIT_VERSION    TLSMGM_DER_CONSTRUCTED(0)
#define ISSUER_UNIQUE_ID    (TLSMGM_DER_CONTEXT | 1)
#define SUBJECT_UNIQUE_ID   (TLSMGM_DER_CONTEXT | 2)
#define EXPLICIT_EXTENSIONS TLSMGM_DER_CONSTRUCTED(3)

static enum tlsmgm_status malformed(struct tlsmgm_error *error, const char *what) {
    return tlsmgm_fail_alert(error, TLSMGM_ALERT_DECODE_ERROR, "malformed certificate: %s", what);
}

/* Left out it means 0, which is v1. */
static bool read_version(struct tlsmgm_cursor *body, uint32_t *version) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes number;
    *version = 0;
    if (!tlsmgm_der_is_next(body, EXPLICIT_VERSION)) return true;
    if (!tlsmgm_der_enter(body, EXPLICIT_VERSION, &inner)) return false;
    if (!tlsmgm_der_integer(&inner, &number) || inner.left > 0) return false;
    if (number.size != 1 || number.data[0] >= 0x80) return false;
    *version = number.data[0];
    return true;
}

/* An object identifier and one parameter of any kind, or none. */
static bool read_algorithm(struct tlsmgm_cursor *body, struct tlsmgm_bytes *oid) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_der_item parameter;
    if (!tlsmgm_der_enter(body, TLSMGM_DER_SEQUENCE, &inner)) return false;
    if (!tlsmgm_der_oid(&inner, oid)) return false;
    if (inner.left > 0 && !tlsmgm_der_next(&inner, &parameter)) return false;
    return inner.left == 0;
}

static bool read_bit_string(struct tlsmgm_cursor *body, uint8_t tag) {
    struct tlsmgm_bytes bits;
    return tlsmgm_der_expect(body, tag, &bits) && tlsmgm_der_is_bit_string(bits);
}

static bool read_name(struct tlsmgm_cursor *body, struct tlsmgm_bytes *name) {
    return tlsmgm_der_expect(body, TLSMGM_DER_SEQUENCE, name) && tlsmgm_name_is_valid(*name);
}

static bool read_validity(struct tlsmgm_cursor *body, struct tlsmgm_certificate_fields *out) {
    struct tlsmgm_cursor inner;
    return tlsmgm_der_enter(body, TLSMGM_DER_SEQUENCE, &inner) &&
           tlsmgm_time_read(&inner, &out->not_before) &&
           tlsmgm_time_read(&inner, &out->not_after) && inner.left == 0;
}

static bool read_public_key_info(struct tlsmgm_cursor *body, struct tlsmgm_bytes *info) {
    struct tlsmgm_der_item item;
    struct tlsmgm_bytes oid;
    if (!tlsmgm_der_is_next(body, TLSMGM_DER_SEQUENCE) || !tlsmgm_der_next(body, &item)) {
        return false;
    }
    *info = item.whole;
    struct tlsmgm_cursor inner = tlsmgm_cursor(item.contents);
    return read_algorithm(&inner, &oid) && read_bit_string(&inner, TLSMGM_DER_BIT_STRING) &&
           inner.left == 0;
}

/* Long out of use, but part of the syntax. */
static bool skip_unique_ids(struct tlsmgm_cursor *body) {
    if (tlsmgm_der_is_next(body, ISSUER_UNIQUE_ID) && !read_bit_string(body, ISSUER_UNIQUE_ID)) {
        return false;
    }
    return !tlsmgm_der_is_next(body, SUBJECT_UNIQUE_ID) || read_bit_string(body, SUBJECT_UNIQUE_ID);
}

static bool read_extensions(struct tlsmgm_cursor *body, struct tlsmgm_bytes *extensions) {
    struct tlsmgm_cursor inner;
    if (!tlsmgm_der_is_next(body, EXPLICIT_EXTENSIONS)) return true;
    return tlsmgm_der_enter(body, EXPLICIT_EXTENSIONS, &inner) &&
           tlsmgm_der_expect(&inner, TLSMGM_DER_SEQUENCE, extensions) && inner.left == 0;
}

static bool seen_before(const struct tlsmgm_bytes *seen, size_t count, struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < count; i++) {
        if (tlsmgm_bytes_equal(seen[i], oid)) return true;
    }
    return false;
}

/* RFC 5280 section 4.2: no extension twice. A second one could hide from one of two readers. */
static enum tlsmgm_status check_extensions(struct tlsmgm_certificate_fields *out,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_bytes seen[TLSMGM_CERTIFICATE_EXTENSIONS_MAX];
    struct tlsmgm_cursor cursor = tlsmgm_cursor(out->extensions);
    for (size_t count = 0; cursor.left > 0; count++) {
        struct tlsmgm_extension extension;
        if (count == TLSMGM_CERTIFICATE_EXTENSIONS_MAX) {
            return malformed(error, "too many extensions");
        }
        if (!tlsmgm_extension_next(&cursor, &extension)) return malformed(error, "extension");
        if (seen_before(seen, count, extension.oid)) return malformed(error, "extension twice");
        seen[count] = extension.oid;
        if (tlsmgm_extension_number(&extension) == TLSMGM_SUBJECT_ALT_NAME &&
            !tlsmgm_san_read(extension.value, &out->subject_alt_names)) {
            return malformed(error, "subject alternative names");
        }
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status read_body(struct tlsmgm_cursor body,
                                    struct tlsmgm_certificate_fields *out,
                                    struct tlsmgm_error *error) {
    struct tlsmgm_bytes algorithm;
    if (!read_version(&body, &out->version)) return malformed(error, "version");
    if (!tlsmgm_der_integer(&body, &out->serial)) return malformed(error, "serial number");
    if (out->serial.size > TLSMGM_SERIAL_MAX) return malformed(error, "serial number too long");
    if (!read_algorithm(&body, &algorithm)) return malformed(error, "signature algorithm");
    if (!read_name(&body, &out->issuer)) return malformed(error, "issuer");
    if (!read_validity(&body, out)) return malformed(error, "validity");
    if (!read_name(&body, &out->subject)) return malformed(error, "subject");
    if (!read_public_key_info(&body, &out->public_key_info)) return malformed(error, "public key");
    if (!skip_unique_ids(&body)) return malformed(error, "unique identifier");
    if (!read_extensions(&body, &out->extensions) || body.left > 0) {
        return malformed(error, "extensions");
    }
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status read_certificate(struct tlsmgm_bytes der,
                                           struct tlsmgm_certificate_fields *out,
                                           struct tlsmgm_error *error) {
    struct tlsmgm_cursor file = tlsmgm_cursor(der);
    struct tlsmgm_cursor certificate;
    struct tlsmgm_cursor body;
    if (!tlsmgm_der_enter(&file, TLSMGM_DER_SEQUENCE, &certificate) || file.left > 0 ||
        !tlsmgm_der_enter(&certificate, TLSMGM_DER_SEQUENCE, &body)) {
        return malformed(error, "outer structure");
    }
    enum tlsmgm_status status = read_body(body, out, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (!read_algorithm(&certificate, &out->signature_algorithm) ||
        !read_bit_string(&certificate, TLSMGM_DER_BIT_STRING) || certificate.left > 0) {
        return malformed(error, "signature");
    }
    return TLSMGM_STATUS_OK;
}

enum tlsmgm_status tlsmgm_certificate_fields_read(struct tlsmgm_bytes der,
                                                  struct tlsmgm_certificate_fields *out,
                                                  struct tlsmgm_error *error) {
    *out = (struct tlsmgm_certificate_fields){0};
    enum tlsmgm_status status = read_certificate(der, out, error);
    if (status == TLSMGM_STATUS_OK) status = check_extensions(out, error);
    if (status != TLSMGM_STATUS_OK) *out = (struct tlsmgm_certificate_fields){0};
    return status;
}

bool tlsmgm_certificate_is_decodable(struct tlsmgm_bytes der) {
    struct tlsmgm_certificate_fields fields = {0};
    return read_certificate(der, &fields, NULL) == TLSMGM_STATUS_OK;
}

/* Two's complement: a negative number is one more than its inverted bytes, with a sign. */
size_t tlsmgm_serial_text(struct tlsmgm_bytes serial, char *out, size_t size) {
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    struct tlsmgm_decimal number = {.count = 0};
    bool is_negative = serial.size > 0 && serial.data[0] >= 0x80;
    bool fits = serial.size > 0 && serial.size <= TLSMGM_SERIAL_MAX;
    for (size_t i = 0; fits && i < serial.size; i++) {
        uint32_t digit = is_negative ? serial.data[i] ^ 0xffu : serial.data[i];
        /* The last digit may become 256, which carries like any other. */
        if (is_negative && i + 1 == serial.size) digit++;
        fits = tlsmgm_decimal_push(&number, 256, digit);
    }
    if (fits) {
        if (is_negative) tlsmgm_text_byte(&writer, '-');
        tlsmgm_decimal_write(&number, &writer);
    }
    return tlsmgm_text_end(&writer);
}
