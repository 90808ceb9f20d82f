#include "x509/public_key.h"

#include "base/bytes.h"
#include "base/count.h"
#include "x509/der.h"

#define RSADSI 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d
#define X9_62  0x2a, 0x86, 0x48, 0xce, 0x3d

static const struct {
    struct tlsmgm_bytes oid;
    enum tlsmgm_public_key_kind kind;
} key_algorithms[] = {
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x01), TLSMGM_PUBLIC_KEY_RSA},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0a), TLSMGM_PUBLIC_KEY_RSA_PSS},
    {TLSMGM_OID(X9_62, 0x02, 0x01), TLSMGM_PUBLIC_KEY_EC},
    {TLSMGM_OID(0x2b, 0x65, 0x70), TLSMGM_PUBLIC_KEY_ED25519},
    {TLSMGM_OID(0x2b, 0x65, 0x71), TLSMGM_PUBLIC_KEY_ED448},
};

#define BRAINPOOL 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01

/* Half the bits of the group's order (NIST SP 800-57 part 1, 5.6.1.1); bytes of a coordinate. */
static const struct {
    struct tlsmgm_bytes oid;
    unsigned security_bits;
    size_t size;
    enum tlsmgm_curve name;
} curves[] = {
    {TLSMGM_OID(X9_62, 0x03, 0x01, 0x01), 96, 24, TLSMGM_CURVE_OTHER},       /* P-192 */
    {TLSMGM_OID(0x2b, 0x81, 0x04, 0x00, 0x21), 112, 28, TLSMGM_CURVE_OTHER}, /* P-224 */
    {TLSMGM_OID(X9_62, 0x03, 0x01, 0x07), 128, 32, TLSMGM_CURVE_P256},       /* P-256 */
    {TLSMGM_OID(0x2b, 0x81, 0x04, 0x00, 0x22), 192, 48, TLSMGM_CURVE_P384},  /* P-384 */
    {TLSMGM_OID(0x2b, 0x81, 0x04, 0x00, 0x23), 260, 66, TLSMGM_CURVE_P521},  /* P-521 */
    {TLSMGM_OID(0x2b, 0x81, 0x04, 0x00, 0x0a), 128, 32, TLSMGM_CURVE_OTHER}, /* secp256k1 */
    {TLSMGM_OID(BRAINPOOL, 0x07), 128, 32, TLSMGM_CURVE_OTHER},              /* brainpoolP256r1 */
    {TLSMGM_OID(BRAINPOOL, 0x0b), 192, 48, TLSMGM_CURVE_OTHER},              /* brainpoolP384r1 */
    {TLSMGM_OID(BRAINPOOL, 0x0d), 256, 64, TLSMGM_CURVE_OTHER},              /* brainpoolP512r1 */
};

static const struct {
    struct tlsmgm_bytes oid;
    enum tlsmgm_signature_kind kind;
    enum tlsmgm_digest digest;
} signature_algorithms[] = {
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x04), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_MD5},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x05), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA1},
    {TLSMGM_OID(0x2b, 0x0e, 0x03, 0x02, 0x1d), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA1},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0e), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA224},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0b), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA256},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0c), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA384},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0d), TLSMGM_SIGNATURE_RSA, TLSMGM_DIGEST_SHA512},
    {TLSMGM_OID(RSADSI, 0x01, 0x01, 0x0a), TLSMGM_SIGNATURE_RSA_PSS, TLSMGM_DIGEST_NONE},
    {TLSMGM_OID(X9_62, 0x04, 0x01), TLSMGM_SIGNATURE_ECDSA, TLSMGM_DIGEST_SHA1},
    {TLSMGM_OID(X9_62, 0x04, 0x03, 0x01), TLSMGM_SIGNATURE_ECDSA, TLSMGM_DIGEST_SHA224},
    {TLSMGM_OID(X9_62, 0x04, 0x03, 0x02), TLSMGM_SIGNATURE_ECDSA, TLSMGM_DIGEST_SHA256},
    {TLSMGM_OID(X9_62, 0x04, 0x03, 0x03), TLSMGM_SIGNATURE_ECDSA, TLSMGM_DIGEST_SHA384},
    {TLSMGM_OID(X9_62, 0x04, 0x03, 0x04), TLSMGM_SIGNATURE_ECDSA, TLSMGM_DIGEST_SHA512},
    {TLSMGM_OID(0x2b, 0x65, 0x70), TLSMGM_SIGNATURE_ED25519, TLSMGM_DIGEST_NONE},
    {TLSMGM_OID(0x2b, 0x65, 0x71), TLSMGM_SIGNATURE_ED448, TLSMGM_DIGEST_NONE},
};

static const struct {
    struct tlsmgm_bytes oid;
    enum tlsmgm_digest digest;
} digests[] = {
    {TLSMGM_OID(0x2b, 0x0e, 0x03, 0x02, 0x1a), TLSMGM_DIGEST_SHA1},
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04), TLSMGM_DIGEST_SHA224},
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01), TLSMGM_DIGEST_SHA256},
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02), TLSMGM_DIGEST_SHA384},
    {TLSMGM_OID(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03), TLSMGM_DIGEST_SHA512},
};

static const struct tlsmgm_bytes mgf1 = TLSMGM_OID(RSADSI, 0x01, 0x01, 0x08);

/* What OpenSSL's security levels count: resistance against collisions. */
static unsigned digest_bits(enum tlsmgm_digest digest) {
    switch (digest) {
        case TLSMGM_DIGEST_NONE:
            return 0;
        case TLSMGM_DIGEST_MD5:
            return 39;
        case TLSMGM_DIGEST_SHA1:
            return 63;
        case TLSMGM_DIGEST_SHA224:
            return 112;
        case TLSMGM_DIGEST_SHA256:
            return 128;
        case TLSMGM_DIGEST_SHA384:
            return 192;
        case TLSMGM_DIGEST_SHA512:
            return 256;
    }
    return 0;
}

/* --- parameters of PSS ------------------------------------------------------------------ */

bool tlsmgm_digest_read(struct tlsmgm_bytes oid, enum tlsmgm_digest *out) {
    for (size_t i = 0; i < TLSMGM_COUNT(digests); i++) {
        if (!tlsmgm_bytes_equal(digests[i].oid, oid)) continue;
        *out = digests[i].digest;
        return true;
    }
    return false;
}

static bool read_digest(struct tlsmgm_cursor *algorithm, enum tlsmgm_digest *digest) {
    struct tlsmgm_bytes oid;
    return tlsmgm_der_oid(algorithm, &oid) && tlsmgm_digest_read(oid, digest);
}

static bool read_small(struct tlsmgm_cursor *cursor, uint32_t *out) {
    struct tlsmgm_bytes number;
    if (!tlsmgm_der_integer(cursor, &number) || number.size > 2 || number.data[0] >= 0x80) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < number.size; i++) *out = *out << 8 | number.data[i];
    return cursor->left == 0;
}

static bool read_mask(struct tlsmgm_cursor *algorithm, enum tlsmgm_digest *digest) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes oid;
    return tlsmgm_der_oid(algorithm, &oid) && tlsmgm_bytes_equal(oid, mgf1) &&
           tlsmgm_der_enter(algorithm, TLSMGM_DER_SEQUENCE, &inner) && read_digest(&inner, digest);
}

/* Steps into a field with an explicit tag; false when it is not there. */
static bool enter_field(struct tlsmgm_cursor *fields, uint8_t number, struct tlsmgm_cursor *field) {
    return tlsmgm_der_enter(fields, (uint8_t)TLSMGM_DER_CONSTRUCTED(number), field);
}

/* [0] hash, [1] mask, [2] length of the salt, [3] trailer; all have defaults (RFC 4055 3.1). */
static bool read_pss(struct tlsmgm_cursor *algorithm, struct tlsmgm_pss *out) {
    struct tlsmgm_cursor fields;
    struct tlsmgm_cursor field;
    struct tlsmgm_cursor inner;
    uint32_t trailer = 1;
    *out = (struct tlsmgm_pss){TLSMGM_DIGEST_SHA1, TLSMGM_DIGEST_SHA1, 20};
    if (!tlsmgm_der_enter(algorithm, TLSMGM_DER_SEQUENCE, &fields)) return false;
    if (enter_field(&fields, 0, &field) &&
        (!tlsmgm_der_enter(&field, TLSMGM_DER_SEQUENCE, &inner) ||
         !read_digest(&inner, &out->digest))) {
        return false;
    }
    if (enter_field(&fields, 1, &field) &&
        (!tlsmgm_der_enter(&field, TLSMGM_DER_SEQUENCE, &inner) ||
         !read_mask(&inner, &out->mask_digest))) {
        return false;
    }
    if (enter_field(&fields, 2, &field) && !read_small(&field, &out->salt_size)) return false;
    if (enter_field(&fields, 3, &field) && !read_small(&field, &trailer)) return false;
    return fields.left == 0 && trailer == 1; /* others exist on paper only */
}
/* --- keys ------------------------------------------------------------------------------- */

/* RFC 8410 section 4, RFC 8032 section 5. */
#define ED25519_SIZE 32u
#define ED448_SIZE   57u

/* RFC 8017 appendix A.1.1. OpenSSL rounds to multiples of 8, so 112 begins below 2048. */
#define RSA_BITS_OF_112 1963u

/* Bits of the modulus; 0 when the key is not well-formed. */
static size_t rsa_bits(struct tlsmgm_bytes key) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(key);
    struct tlsmgm_cursor numbers;
    struct tlsmgm_bytes modulus;
    struct tlsmgm_bytes exponent;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &numbers) || cursor.left > 0) return 0;
    if (!tlsmgm_der_integer(&numbers, &modulus) || !tlsmgm_der_integer(&numbers, &exponent) ||
        numbers.left > 0) {
        return 0;
    }
    return tlsmgm_der_bit_count(modulus);
}

static void read_rsa(struct tlsmgm_bytes key, struct tlsmgm_public_key *out) {
    out->rsa_bits = rsa_bits(key);
    if (out->rsa_bits == 0) return;
    out->security_bits = out->rsa_bits < RSA_BITS_OF_112 ? 80 : out->rsa_bits < 3072 ? 112 : 128;
}

/* Without parameters it may be used with any (RFC 4055 section 3.3). */
static void read_restrictions(struct tlsmgm_cursor *parameters, struct tlsmgm_public_key *out) {
    if (parameters->left == 0) return;
    out->is_restricted = true;
    if (!read_pss(parameters, &out->pss)) out->security_bits = 0;
}

/* Both coordinates, or one and a bit (SEC 1 section 2.3.3). Whether it is on the curve is not for
 * us to say. */
static bool is_point(struct tlsmgm_bytes point, size_t size) {
    if (point.size == 2 * size + 1) {
        return point.data[0] == 4 || point.data[0] == 6 || point.data[0] == 7;
    }
    return point.size == size + 1 && (point.data[0] == 2 || point.data[0] == 3);
}

static void read_curve(struct tlsmgm_cursor *parameters, struct tlsmgm_bytes point,
                       struct tlsmgm_public_key *out) {
    struct tlsmgm_bytes oid;
    if (tlsmgm_der_is_next(parameters, TLSMGM_DER_SEQUENCE)) {
        out->has_explicit_curve = true;
        out->security_bits = 128; /* refused for the reason above, not for this one */
        return;
    }
    if (!tlsmgm_der_oid(parameters, &oid)) return;
    for (size_t i = 0; i < TLSMGM_COUNT(curves); i++) {
        if (!tlsmgm_bytes_equal(curves[i].oid, oid) || !is_point(point, curves[i].size)) continue;
        out->security_bits = curves[i].security_bits;
    }
}

static void read_strength(struct tlsmgm_cursor *parameters, struct tlsmgm_bytes key,
                          struct tlsmgm_public_key *out) {
    switch (out->kind) {
        case TLSMGM_PUBLIC_KEY_UNKNOWN:
            break;
        case TLSMGM_PUBLIC_KEY_RSA:
            read_rsa(key, out);
            break;
        case TLSMGM_PUBLIC_KEY_RSA_PSS:
            read_rsa(key, out);
            read_restrictions(parameters, out);
            break;
        case TLSMGM_PUBLIC_KEY_EC:
            read_curve(parameters, key, out);
            break;
        case TLSMGM_PUBLIC_KEY_ED25519:
            if (key.size == ED25519_SIZE && parameters->left == 0) out->security_bits = 128;
            break;
        case TLSMGM_PUBLIC_KEY_ED448:
            if (key.size == ED448_SIZE && parameters->left == 0) out->security_bits = 224;
            break;
    }
    if (out->security_bits > 0) return;
    out->kind = TLSMGM_PUBLIC_KEY_UNKNOWN;
    out->rsa_bits = 0;
}

static enum tlsmgm_public_key_kind kind_of(struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < TLSMGM_COUNT(key_algorithms); i++) {
        if (tlsmgm_bytes_equal(key_algorithms[i].oid, oid)) return key_algorithms[i].kind;
    }
    return TLSMGM_PUBLIC_KEY_UNKNOWN;
}

static enum tlsmgm_curve curve_of(struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < TLSMGM_COUNT(curves); i++) {
        if (tlsmgm_bytes_equal(curves[i].oid, oid)) return curves[i].name;
    }
    return TLSMGM_CURVE_OTHER;
}

enum tlsmgm_public_key_kind tlsmgm_public_key_named(struct tlsmgm_bytes info,
                                                    enum tlsmgm_curve *curve) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(info);
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes oid;
    struct tlsmgm_bytes parameter;
    *curve = TLSMGM_CURVE_NONE;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &parts) ||
        !tlsmgm_der_enter(&parts, TLSMGM_DER_SEQUENCE, &algorithm) ||
        !tlsmgm_der_oid(&algorithm, &oid)) {
        return TLSMGM_PUBLIC_KEY_UNKNOWN;
    }
    if (tlsmgm_der_oid(&algorithm, &parameter)) *curve = curve_of(parameter);
    return kind_of(oid);
}

void tlsmgm_public_key_read(struct tlsmgm_bytes info, struct tlsmgm_public_key *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(info);
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes oid;
    struct tlsmgm_bytes bits;
    *out = (struct tlsmgm_public_key){.info = info};
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &parts) ||
        !tlsmgm_der_enter(&parts, TLSMGM_DER_SEQUENCE, &algorithm) ||
        !tlsmgm_der_oid(&algorithm, &oid) ||
        !tlsmgm_der_expect(&parts, TLSMGM_DER_BIT_STRING, &bits) || bits.size < 1) {
        return;
    }
    out->kind = kind_of(oid);
    read_strength(&algorithm, (struct tlsmgm_bytes){bits.data + 1, bits.size - 1}, out);
}

/* --- signatures ------------------------------------------------------------------------- */

/* The index of an algorithm in our table; its end when it is not there. */
static size_t algorithm_at(struct tlsmgm_cursor *algorithm) {
    struct tlsmgm_bytes oid;
    size_t i = 0;
    if (!tlsmgm_der_oid(algorithm, &oid)) return TLSMGM_COUNT(signature_algorithms);
    while (i < TLSMGM_COUNT(signature_algorithms) &&
           !tlsmgm_bytes_equal(signature_algorithms[i].oid, oid)) {
        i++;
    }
    return i;
}

enum tlsmgm_signature_kind tlsmgm_signature_kind_of(struct tlsmgm_bytes algorithm) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(algorithm);
    size_t at = algorithm_at(&cursor);
    return at < TLSMGM_COUNT(signature_algorithms) ? signature_algorithms[at].kind
                                                   : TLSMGM_SIGNATURE_UNKNOWN;
}

static void classify(struct tlsmgm_signature *out) {
    struct tlsmgm_cursor algorithm = tlsmgm_cursor(out->algorithm);
    size_t at = algorithm_at(&algorithm);
    if (at == TLSMGM_COUNT(signature_algorithms)) return;
    out->kind = signature_algorithms[at].kind;
    out->digest = signature_algorithms[at].digest;
    if (out->kind == TLSMGM_SIGNATURE_RSA_PSS) {
        if (!read_pss(&algorithm, &out->pss)) return; /* of no strength */
        out->digest = out->pss.digest;
    }
    out->security_bits = digest_bits(out->digest);
    if (out->kind == TLSMGM_SIGNATURE_ED25519) out->security_bits = 128;
    if (out->kind == TLSMGM_SIGNATURE_ED448) out->security_bits = 224;
}

bool tlsmgm_signature_read(struct tlsmgm_bytes whole, struct tlsmgm_signature *out) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(whole);
    struct tlsmgm_cursor parts;
    struct tlsmgm_der_item body;
    struct tlsmgm_bytes bits;
    *out = (struct tlsmgm_signature){.kind = TLSMGM_SIGNATURE_UNKNOWN};
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &parts) || cursor.left > 0 ||
        !tlsmgm_der_is_next(&parts, TLSMGM_DER_SEQUENCE) || !tlsmgm_der_next(&parts, &body) ||
        !tlsmgm_der_expect(&parts, TLSMGM_DER_SEQUENCE, &out->algorithm) ||
        !tlsmgm_der_expect(&parts, TLSMGM_DER_BIT_STRING, &bits) || parts.left > 0 ||
        bits.size < 1 || bits.data[0] != 0) {
        return false;
    }
    out->signed_bytes = body.whole;
    out->bits = (struct tlsmgm_bytes){bits.data + 1, bits.size - 1};
    classify(out);
    return true;
}

bool tlsmgm_signature_fits(enum tlsmgm_signature_kind signature, enum tlsmgm_public_key_kind key) {
    switch (signature) {
        case TLSMGM_SIGNATURE_UNKNOWN:
            return false;
        case TLSMGM_SIGNATURE_RSA:
            return key == TLSMGM_PUBLIC_KEY_RSA;
        case TLSMGM_SIGNATURE_RSA_PSS:
            return key == TLSMGM_PUBLIC_KEY_RSA || key == TLSMGM_PUBLIC_KEY_RSA_PSS;
        case TLSMGM_SIGNATURE_ECDSA:
            return key == TLSMGM_PUBLIC_KEY_EC;
        case TLSMGM_SIGNATURE_ED25519:
            return key == TLSMGM_PUBLIC_KEY_ED25519;
        case TLSMGM_SIGNATURE_ED448:
            return key == TLSMGM_PUBLIC_KEY_ED448;
    }
    return false;
}

/* Others could be spelled anew by anybody, without the key. */
static bool is_pair(struct tlsmgm_bytes bits) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(bits);
    struct tlsmgm_cursor numbers;
    struct tlsmgm_bytes r;
    struct tlsmgm_bytes s;
    return tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &numbers) && cursor.left == 0 &&
           tlsmgm_der_integer(&numbers, &r) && r.data[0] < 0x80 &&
           tlsmgm_der_integer(&numbers, &s) && s.data[0] < 0x80 && numbers.left == 0;
}

bool tlsmgm_signature_is_allowed(const struct tlsmgm_signature *signature,
                                 const struct tlsmgm_public_key *key) {
    const struct tlsmgm_pss *used = &signature->pss;
    if (!tlsmgm_signature_fits(signature->kind, key->kind) || signature->security_bits == 0) {
        return false;
    }
    if (signature->kind == TLSMGM_SIGNATURE_ECDSA) return is_pair(signature->bits);
    return !key->is_restricted ||
           (used->digest == key->pss.digest && used->mask_digest == key->pss.mask_digest &&
            used->salt_size >= key->pss.salt_size);
}
