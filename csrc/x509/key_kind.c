#include "x509/key_kind.h"

#include "base/bytes.h"
#include "x509/certificate_fields.h"
#include "x509/der.h"

#define OID(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}

/* Algorithm of the key and, for elliptic curves, which one. */
static const struct {
    struct tlsmgm_bytes algorithm;
    struct tlsmgm_bytes curve;
    enum tlsmgm_key_kind kind;
} keys[] = {
    {OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01), {NULL, 0}, TLSMGM_KEY_RSA},
    {OID(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a), {NULL, 0}, TLSMGM_KEY_RSA_PSS},
    {OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01),
     OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07), TLSMGM_KEY_P256},
    {OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01), OID(0x2b, 0x81, 0x04, 0x00, 0x22),
     TLSMGM_KEY_P384},
    {OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01), OID(0x2b, 0x81, 0x04, 0x00, 0x23),
     TLSMGM_KEY_P521},
    {OID(0x2b, 0x65, 0x70), {NULL, 0}, TLSMGM_KEY_ED25519},
    {OID(0x2b, 0x65, 0x71), {NULL, 0}, TLSMGM_KEY_ED448},
};

/* Signature schemes and the keys that make them (RFC 8446 section 4.2.3). */
static const struct {
    uint16_t scheme;
    enum tlsmgm_key_kind kind;
} schemes[] = {
    {0x0401, TLSMGM_KEY_RSA},     {0x0501, TLSMGM_KEY_RSA},     {0x0601, TLSMGM_KEY_RSA},
    {0x0804, TLSMGM_KEY_RSA},     {0x0805, TLSMGM_KEY_RSA},     {0x0806, TLSMGM_KEY_RSA},
    {0x0809, TLSMGM_KEY_RSA_PSS}, {0x080a, TLSMGM_KEY_RSA_PSS}, {0x080b, TLSMGM_KEY_RSA_PSS},
    {0x0403, TLSMGM_KEY_P256},    {0x0503, TLSMGM_KEY_P384},    {0x0603, TLSMGM_KEY_P521},
    {0x0807, TLSMGM_KEY_ED25519}, {0x0808, TLSMGM_KEY_ED448},
};

/* Suites of ECDHE_ECDSA, which Edwards curves use, too (RFC 8422 section 5.10). */
static const uint16_t ecdsa_suites[] = {
    0xc008, 0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xcca9,
};

static bool is_curve(enum tlsmgm_key_kind kind) {
    return kind == TLSMGM_KEY_P256 || kind == TLSMGM_KEY_P384 || kind == TLSMGM_KEY_P521;
}

bool tlsmgm_key_kind_is_rsa(enum tlsmgm_key_kind kind) {
    return kind == TLSMGM_KEY_RSA || kind == TLSMGM_KEY_RSA_PSS;
}

enum tlsmgm_key_kind tlsmgm_key_kind(struct tlsmgm_bytes certificate) {
    struct tlsmgm_certificate_fields fields;
    if (tlsmgm_certificate_fields_read(certificate, &fields, NULL) != TLSMGM_STATUS_OK) {
        return TLSMGM_KEY_OTHER;
    }
    struct tlsmgm_cursor rest = tlsmgm_cursor(fields.public_key_info);
    struct tlsmgm_cursor info;
    struct tlsmgm_cursor parts;
    struct tlsmgm_bytes algorithm;
    struct tlsmgm_bytes curve = {0};
    if (!tlsmgm_der_enter(&rest, TLSMGM_DER_SEQUENCE, &info) ||
        !tlsmgm_der_enter(&info, TLSMGM_DER_SEQUENCE, &parts) ||
        !tlsmgm_der_oid(&parts, &algorithm)) {
        return TLSMGM_KEY_OTHER;
    }
    if (!tlsmgm_der_oid(&parts, &curve)) curve = (struct tlsmgm_bytes){0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (tlsmgm_bytes_equal(keys[i].algorithm, algorithm) &&
            tlsmgm_bytes_equal(keys[i].curve, curve)) {
            return keys[i].kind;
        }
    }
    return TLSMGM_KEY_OTHER;
}

bool tlsmgm_key_kinds_clash(enum tlsmgm_key_kind a, enum tlsmgm_key_kind b) {
    return a == b || (is_curve(a) && is_curve(b)) ||
           (tlsmgm_key_kind_is_rsa(a) && tlsmgm_key_kind_is_rsa(b));
}

static bool has_scheme(enum tlsmgm_key_kind kind, struct tlsmgm_bytes algorithms, bool up_to_1_2) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(algorithms);
    uint32_t scheme;
    while (tlsmgm_cursor_number(&cursor, 2, &scheme)) {
        for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
            if (schemes[i].scheme != scheme) continue;
            /* Up to TLS 1.2 a scheme names the hash alone, and fits every curve. */
            if (schemes[i].kind == kind) return true;
            if (up_to_1_2 && is_curve(schemes[i].kind) && is_curve(kind)) return true;
        }
    }
    return false;
}

static bool has_ecdsa_suite(struct tlsmgm_bytes suites) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(suites);
    uint32_t suite;
    while (tlsmgm_cursor_number(&cursor, 2, &suite)) {
        for (size_t i = 0; i < sizeof ecdsa_suites / sizeof *ecdsa_suites; i++) {
            if (ecdsa_suites[i] == suite) return true;
        }
    }
    return false;
}

bool tlsmgm_key_kind_is_offered(enum tlsmgm_key_kind kind, struct tlsmgm_bytes algorithms,
                                struct tlsmgm_bytes suites, bool up_to_1_2) {
    if (up_to_1_2 && !tlsmgm_key_kind_is_rsa(kind) && !has_ecdsa_suite(suites)) return false;
    /* Whoever sends no list means SHA-1 with every key that its suites name (RFC 5246 7.4.1.4.1).
     */
    if (algorithms.size == 0) return true;
    return has_scheme(kind, algorithms, up_to_1_2);
}
