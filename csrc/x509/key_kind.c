#include "x509/key_kind.h"

#include "base/count.h"
#include "base/cursor.h"
#include "x509/certificate_fields.h"
#include "x509/public_key.h"

/* What is named for the key, and which curve if it has one. */
static const struct {
    enum tlsmgm_public_key_kind named;
    enum tlsmgm_curve curve;
    enum tlsmgm_key_kind kind;
} keys[] = {
    {TLSMGM_PUBLIC_KEY_RSA, TLSMGM_CURVE_NONE, TLSMGM_KEY_RSA},
    {TLSMGM_PUBLIC_KEY_RSA_PSS, TLSMGM_CURVE_NONE, TLSMGM_KEY_RSA_PSS},
    {TLSMGM_PUBLIC_KEY_EC, TLSMGM_CURVE_P256, TLSMGM_KEY_P256},
    {TLSMGM_PUBLIC_KEY_EC, TLSMGM_CURVE_P384, TLSMGM_KEY_P384},
    {TLSMGM_PUBLIC_KEY_EC, TLSMGM_CURVE_P521, TLSMGM_KEY_P521},
    {TLSMGM_PUBLIC_KEY_ED25519, TLSMGM_CURVE_NONE, TLSMGM_KEY_ED25519},
    {TLSMGM_PUBLIC_KEY_ED448, TLSMGM_CURVE_NONE, TLSMGM_KEY_ED448},
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
    enum tlsmgm_curve curve;
    enum tlsmgm_public_key_kind named = tlsmgm_public_key_named(fields.public_key_info, &curve);
    for (size_t i = 0; i < TLSMGM_COUNT(keys); i++) {
        if (keys[i].named == named && keys[i].curve == curve) return keys[i].kind;
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
        for (size_t i = 0; i < TLSMGM_COUNT(schemes); i++) {
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
        for (size_t i = 0; i < TLSMGM_COUNT(ecdsa_suites); i++) {
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
