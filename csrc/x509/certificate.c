#include "x509/certificate.h"

#include "base/bytes.h"
#include "base/count.h"
#include "base/error.h"
#include "x509/crl_points.h"
#include "x509/der.h"
#include "x509/distribution_point.h"
#include "x509/extension.h"
#include "x509/general_name.h"
#include "x509/name_constraints.h"
#include "x509/name_match.h"

#define PKIX 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07

enum other_extension {
    OTHER_UNKNOWN,
    OTHER_NETSCAPE_TYPE,
    OTHER_NO_CHECK, /* id-pkix-ocsp-nocheck */
    OTHER_PROXY,
    OTHER_RESOURCES, /* addresses and numbers of networks (RFC 3779), which we do not follow */
};

static const struct {
    struct tlsmgm_bytes oid;
    enum other_extension kind;
} other_extensions[] = {
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, 0x01), OTHER_NETSCAPE_TYPE},
    {TLSMGM_OID(PKIX, 0x30, 0x01, 0x05), OTHER_NO_CHECK},
    {TLSMGM_OID(PKIX, 0x01, 0x0e), OTHER_PROXY},
    {TLSMGM_OID(PKIX, 0x01, 0x07), OTHER_RESOURCES},
    {TLSMGM_OID(PKIX, 0x01, 0x08), OTHER_RESOURCES},
};

static const struct {
    struct tlsmgm_bytes oid;
    enum tlsmgm_extended_usage usage;
} extended_usages[] = {
    {TLSMGM_OID(PKIX, 0x03, 0x01), TLSMGM_FOR_SERVERS},
    {TLSMGM_OID(PKIX, 0x03, 0x02), TLSMGM_FOR_CLIENTS},
    {TLSMGM_OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x03, 0x03),
     TLSMGM_FOR_GATED_SERVERS},
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x04, 0x01), TLSMGM_FOR_GATED_SERVERS},
};

/* --- extensions ------------------------------------------------------------------------- */

static bool read_sequence(struct tlsmgm_bytes value, struct tlsmgm_bytes *contents) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    return tlsmgm_der_expect(&cursor, TLSMGM_DER_SEQUENCE, contents) && cursor.left == 0;
}

/* The first two bytes of a BIT STRING; more bits than 16 mean nothing to us. */
static bool read_bits(struct tlsmgm_bytes value, unsigned *bits) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    struct tlsmgm_bytes contents;
    if (!tlsmgm_der_expect(&cursor, TLSMGM_DER_BIT_STRING, &contents) || cursor.left > 0 ||
        !tlsmgm_der_is_bit_string(contents)) {
        return false;
    }
    *bits = contents.size > 1 ? contents.data[1] : 0;
    if (contents.size > 2) *bits |= (unsigned)contents.data[2] << 8;
    return true;
}

/* A number beyond 32 bits allows whatever 32 bits allow. */
static bool read_path_length(struct tlsmgm_cursor *cursor, struct tlsmgm_certificate *out) {
    struct tlsmgm_bytes number;
    if (!tlsmgm_der_integer(cursor, &number) || number.data[0] >= 0x80) return false;
    out->has_path_length = true;
    out->path_length = number.size > 4 ? UINT32_MAX : 0;
    for (size_t i = 0; number.size <= 4 && i < number.size; i++) {
        out->path_length = out->path_length << 8 | number.data[i];
    }
    return true;
}

static bool read_basic_constraints(struct tlsmgm_bytes value, struct tlsmgm_certificate *out) {
    struct tlsmgm_bytes contents;
    if (!read_sequence(value, &contents)) return false;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    out->has_basic_constraints = true;
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_BOOLEAN) &&
        !tlsmgm_der_boolean(&cursor, &out->is_ca)) {
        return false;
    }
    if (cursor.left > 0 && !read_path_length(&cursor, out)) return false;
    return cursor.left == 0;
}

/* RFC 5280 section 4.2.1.3: at least one bit. */
static bool read_key_usage(struct tlsmgm_bytes value, struct tlsmgm_certificate *out) {
    out->has_key_usage = true;
    return read_bits(value, &out->key_usage) && out->key_usage != 0;
}

unsigned tlsmgm_extended_usage(struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < TLSMGM_COUNT(extended_usages); i++) {
        if (tlsmgm_bytes_equal(extended_usages[i].oid, oid)) return extended_usages[i].usage;
    }
    return 0;
}

static bool read_extended_usage(struct tlsmgm_bytes value, struct tlsmgm_certificate *out) {
    struct tlsmgm_bytes contents;
    struct tlsmgm_bytes oid;
    if (!read_sequence(value, &contents)) return false;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    out->has_extended_usage = true;
    while (cursor.left > 0) {
        if (!tlsmgm_der_oid(&cursor, &oid)) return false;
        out->extended_usage |= tlsmgm_extended_usage(oid);
    }
    return true;
}

static bool read_key_id(struct tlsmgm_bytes value, struct tlsmgm_certificate *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(value);
    return tlsmgm_der_expect(&cursor, TLSMGM_DER_OCTET_STRING, &out->key_id) && cursor.left == 0;
}

/* Of the names of a signer's issuer the first that is a Name; others say nothing. */
static bool read_signer_issuer(struct tlsmgm_bytes names, struct tlsmgm_bytes *issuer) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(names);
    struct tlsmgm_der_item item;
    if (!tlsmgm_general_names_are_valid(names)) return false;
    while (issuer->data == NULL && tlsmgm_der_next(&cursor, &item)) {
        if (!tlsmgm_general_name_directory(&item, issuer)) *issuer = (struct tlsmgm_bytes){0};
    }
    return true;
}

bool tlsmgm_key_reference_read(struct tlsmgm_bytes value, struct tlsmgm_key_reference *out) {
    struct tlsmgm_bytes contents;
    struct tlsmgm_bytes names;
    *out = (struct tlsmgm_key_reference){0};
    if (!read_sequence(value, &contents)) return false;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(contents);
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONTEXT | 0) &&
        !tlsmgm_der_expect(&cursor, TLSMGM_DER_CONTEXT | 0, &out->key_id)) {
        return false;
    }
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONSTRUCTED(1)) &&
        (!tlsmgm_der_expect(&cursor, TLSMGM_DER_CONSTRUCTED(1), &names) ||
         !read_signer_issuer(names, &out->issuer))) {
        return false;
    }
    if (tlsmgm_der_is_next(&cursor, TLSMGM_DER_CONTEXT | 2) &&
        (!tlsmgm_der_expect(&cursor, TLSMGM_DER_CONTEXT | 2, &out->serial) ||
         !tlsmgm_der_is_integer(out->serial))) {
        return false;
    }
    return cursor.left == 0;
}

/* Extensions that may be critical are those that a path is judged by, or that change no verdict. */
static bool read_standard(int number, const struct tlsmgm_extension *extension,
                          struct tlsmgm_certificate *out) {
    switch (number) {
        case TLSMGM_BASIC_CONSTRAINTS:
            out->has_critical_constraints = extension->is_critical;
            return read_basic_constraints(extension->value, out);
        case TLSMGM_KEY_USAGE:
            return read_key_usage(extension->value, out);
        case TLSMGM_EXTENDED_KEY_USAGE:
            return read_extended_usage(extension->value, out);
        case TLSMGM_NAME_CONSTRAINTS:
            return read_sequence(extension->value, &out->name_constraints) &&
                   tlsmgm_name_constraints_are_valid(out->name_constraints);
        case TLSMGM_CRL_DISTRIBUTION_POINTS:
            if (!tlsmgm_crl_points_are_bounded(extension->value, out->fields.issuer.size)) {
                out->is_costly = true;
            }
            return read_sequence(extension->value, &out->distribution_points) &&
                   tlsmgm_distribution_points_are_valid(out->distribution_points);
        case TLSMGM_SUBJECT_KEY_IDENTIFIER:
            out->has_unknown_critical |= extension->is_critical;
            return read_key_id(extension->value, out);
        case TLSMGM_AUTHORITY_KEY_IDENTIFIER:
            out->has_unknown_critical |= extension->is_critical;
            return tlsmgm_key_reference_read(extension->value, &out->signer);
        case TLSMGM_SUBJECT_ALT_NAME: /* certificate_fields.h has looked at the choices */
            out->has_alt_names = true;
            out->has_critical_alt_names = extension->is_critical;
            if (tlsmgm_general_names_are_valid(out->fields.subject_alt_names)) return true;
            out->fields.subject_alt_names = (struct tlsmgm_bytes){0};
            return false;
        case TLSMGM_CERTIFICATE_POLICIES:
        case TLSMGM_POLICY_MAPPINGS:
        case TLSMGM_POLICY_CONSTRAINTS:
        case TLSMGM_INHIBIT_ANY_POLICY:
            return true;
        default: /* numbers of others */
            out->has_unknown_critical |= extension->is_critical;
            return true;
    }
}

static enum other_extension other_kind(struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < TLSMGM_COUNT(other_extensions); i++) {
        if (tlsmgm_bytes_equal(other_extensions[i].oid, oid)) return other_extensions[i].kind;
    }
    return OTHER_UNKNOWN;
}

static bool read_other(const struct tlsmgm_extension *extension, struct tlsmgm_certificate *out) {
    switch (other_kind(extension->oid)) {
        case OTHER_NETSCAPE_TYPE:
            out->has_netscape_type = true;
            return read_bits(extension->value, &out->netscape_type);
        case OTHER_NO_CHECK:
            return true;
        case OTHER_PROXY:
            out->is_proxy = true;
            return true;
        case OTHER_RESOURCES: /* critical or not, what it says would have to be followed */
            out->has_unknown_critical = true;
            return true;
        case OTHER_UNKNOWN:
            out->has_unknown_critical |= extension->is_critical;
            return true;
    }
    return false;
}

static void read_extensions(struct tlsmgm_certificate *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(out->fields.extensions);
    struct tlsmgm_extension extension;
    while (cursor.left > 0 && tlsmgm_extension_next(&cursor, &extension)) {
        int number = tlsmgm_extension_number(&extension);
        bool good = number == TLSMGM_EXTENSION_OTHER ? read_other(&extension, out)
                                                     : read_standard(number, &extension, out);
        if (!good) out->is_invalid = true;
    }
}

/* --- the whole -------------------------------------------------------------------------- */

/* The AlgorithmIdentifier inside the signed part: the first SEQUENCE there. */
static bool read_inner_algorithm(struct tlsmgm_bytes signed_bytes, struct tlsmgm_bytes *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(signed_bytes);
    struct tlsmgm_cursor body;
    struct tlsmgm_der_item item;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &body)) return false;
    while (tlsmgm_der_next(&body, &item)) {
        if (item.tag != TLSMGM_DER_SEQUENCE) continue;
        *out = item.contents;
        return true;
    }
    return false;
}

/* OpenSSL reads no shorter ones; whether it is a date is another question. */
static bool is_long_enough(struct tlsmgm_certificate_time time) {
    return time.digits.size >=
           (time.is_generalized ? sizeof "YYYYMMDDHHMMSSZ" - 1 : sizeof "YYMMDDHHMMSSZ" - 1);
}

enum tlsmgm_status tlsmgm_certificate_read(struct tlsmgm_bytes der, struct tlsmgm_certificate *out,
                                           struct tlsmgm_error *error) {
    *out = (struct tlsmgm_certificate){.der = der};
    enum tlsmgm_status status = tlsmgm_certificate_fields_read(der, &out->fields, error);
    if (status != TLSMGM_STATUS_OK) return status;
    if (!is_long_enough(out->fields.not_before) || !is_long_enough(out->fields.not_after)) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_DECODE_ERROR, "malformed certificate: date");
    }
    if (!tlsmgm_name_has_valid_texts(out->fields.issuer) ||
        !tlsmgm_name_has_valid_texts(out->fields.subject)) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_DECODE_ERROR,
                                 "malformed certificate: text of a name");
    }
    if (!tlsmgm_signature_read(der, &out->signature) ||
        !read_inner_algorithm(out->signature.signed_bytes, &out->inner_algorithm)) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_DECODE_ERROR,
                                 "malformed certificate: signature");
    }
    out->signed_with = tlsmgm_signature_kind_of(out->inner_algorithm);
    tlsmgm_public_key_read(out->fields.public_key_info, &out->key);
    out->has_not_before = tlsmgm_time_unix(out->fields.not_before, &out->not_before);
    out->has_not_after = tlsmgm_time_unix(out->fields.not_after, &out->not_after);
    read_extensions(out);
    out->is_self_issued = tlsmgm_names_match(out->fields.subject, out->fields.issuer);
    out->is_self_signed = !out->is_invalid && out->is_self_issued &&
                          tlsmgm_key_reference_fits(&out->signer, out) &&
                          tlsmgm_signature_fits(out->signed_with, out->key.kind);
    return TLSMGM_STATUS_OK;
}

bool tlsmgm_key_reference_fits(const struct tlsmgm_key_reference *reference,
                               const struct tlsmgm_certificate *signer) {
    if (reference->key_id.data != NULL && signer->key_id.data != NULL &&
        !tlsmgm_bytes_equal(reference->key_id, signer->key_id)) {
        return false;
    }
    if (reference->serial.data != NULL &&
        !tlsmgm_bytes_equal(reference->serial, signer->fields.serial)) {
        return false;
    }
    return reference->issuer.data == NULL ||
           tlsmgm_names_match(reference->issuer, signer->fields.issuer);
}

bool tlsmgm_certificate_may_be_by(const struct tlsmgm_certificate *certificate,
                                  const struct tlsmgm_certificate *issuer) {
    return tlsmgm_names_match(issuer->fields.subject, certificate->fields.issuer) &&
           !issuer->is_invalid && !certificate->is_invalid &&
           tlsmgm_key_reference_fits(&certificate->signer, issuer) &&
           tlsmgm_signature_fits(certificate->signed_with, issuer->key.kind);
}

static bool forbids_usage(const struct tlsmgm_certificate *certificate, unsigned usage) {
    return certificate->has_key_usage && (certificate->key_usage & usage) == 0;
}

enum tlsmgm_authority tlsmgm_certificate_authority(const struct tlsmgm_certificate *certificate) {
    if (certificate->is_invalid || forbids_usage(certificate, TLSMGM_USE_CERT_SIGN)) {
        return TLSMGM_NO_AUTHORITY;
    }
    if (certificate->has_basic_constraints) {
        return certificate->is_ca ? TLSMGM_AUTHORITY : TLSMGM_NO_AUTHORITY;
    }
    bool is_old_root = certificate->fields.version == 0 && certificate->is_self_signed;
    if (is_old_root || certificate->has_key_usage) return TLSMGM_OLD_AUTHORITY;
    bool is_netscape = certificate->has_netscape_type &&
                       (certificate->netscape_type & TLSMGM_NETSCAPE_ANY_CA) != 0;
    return is_netscape ? TLSMGM_NETSCAPE_AUTHORITY : TLSMGM_NO_AUTHORITY;
}

static bool is_tls_authority(const struct tlsmgm_certificate *certificate) {
    enum tlsmgm_authority authority = tlsmgm_certificate_authority(certificate);
    if (authority == TLSMGM_NO_AUTHORITY) return false;
    return authority != TLSMGM_NETSCAPE_AUTHORITY ||
           (certificate->netscape_type & TLSMGM_NETSCAPE_TLS_CA) != 0;
}

static bool forbids_netscape(const struct tlsmgm_certificate *certificate, unsigned type) {
    return certificate->has_netscape_type && (certificate->netscape_type & type) == 0;
}

/* The same of a server's; keyEncipherment is for the key exchange by RSA. */
#define SERVER_USAGE (TLSMGM_CLIENT_USAGE | TLSMGM_USE_KEY_ENCIPHERMENT)

bool tlsmgm_certificate_is_for(const struct tlsmgm_certificate *certificate, bool is_server,
                               bool is_above) {
    unsigned wanted =
        is_server ? TLSMGM_FOR_SERVERS | TLSMGM_FOR_GATED_SERVERS : TLSMGM_FOR_CLIENTS;
    if (certificate->has_extended_usage && (certificate->extended_usage & wanted) == 0)
        return false;
    if (is_above) return is_tls_authority(certificate);
    return !forbids_usage(certificate, is_server ? SERVER_USAGE : TLSMGM_CLIENT_USAGE) &&
           !forbids_netscape(certificate,
                             is_server ? TLSMGM_NETSCAPE_SERVER : TLSMGM_NETSCAPE_CLIENT);
}

bool tlsmgm_certificate_is_in_force(const struct tlsmgm_certificate *certificate, int64_t now) {
    return certificate->has_not_before && certificate->has_not_after &&
           tlsmgm_is_between(certificate->not_before, certificate->not_after, now);
}
