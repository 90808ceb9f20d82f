#include "x509/algorithm_name.h"

#include "base/bytes.h"
#include "base/count.h"
#include "base/text_writer.h"
#include "x509/der.h"
#include "x509/public_key.h"

#define PKCS1      0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01
#define X9_62      0x2a, 0x86, 0x48, 0xce, 0x3d
#define X9_62_SHA2 X9_62, 0x04, 0x03
#define CERTICOM   0x2b, 0x81, 0x04, 0x00
#define BRAINPOOL  0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01

struct name {
    struct tlsmgm_bytes oid;
    const char *text;
};

static const struct name signatures[] = {
    {TLSMGM_OID(PKCS1, 0x04), "RSA-MD5"},
    {TLSMGM_OID(PKCS1, 0x05), "RSA-SHA1"},
    {TLSMGM_OID(PKCS1, 0x0a), "RSASSA-PSS"},
    {TLSMGM_OID(PKCS1, 0x0b), "RSA-SHA256"},
    {TLSMGM_OID(PKCS1, 0x0c), "RSA-SHA384"},
    {TLSMGM_OID(PKCS1, 0x0d), "RSA-SHA512"},
    {TLSMGM_OID(PKCS1, 0x0e), "RSA-SHA224"},
    {TLSMGM_OID(X9_62, 0x04, 0x01), "ecdsa-with-SHA1"},
    {TLSMGM_OID(X9_62_SHA2, 0x01), "ecdsa-with-SHA224"},
    {TLSMGM_OID(X9_62_SHA2, 0x02), "ecdsa-with-SHA256"},
    {TLSMGM_OID(X9_62_SHA2, 0x03), "ecdsa-with-SHA384"},
    {TLSMGM_OID(X9_62_SHA2, 0x04), "ecdsa-with-SHA512"},
    {TLSMGM_OID(0x2b, 0x65, 0x70), "ED25519"},
    {TLSMGM_OID(0x2b, 0x65, 0x71), "ED448"},
};

static const struct name curves[] = {
    {TLSMGM_OID(X9_62, 0x03, 0x01, 0x07), "EC256"},
    {TLSMGM_OID(CERTICOM, 0x0a), "EC256"}, /* secp256k1 */
    {TLSMGM_OID(CERTICOM, 0x21), "EC224"},
    {TLSMGM_OID(CERTICOM, 0x22), "EC384"},
    {TLSMGM_OID(CERTICOM, 0x23), "EC521"},
    {TLSMGM_OID(BRAINPOOL, 0x07), "EC256"}, /* brainpoolP256r1 */
    {TLSMGM_OID(BRAINPOOL, 0x0b), "EC384"},
    {TLSMGM_OID(BRAINPOOL, 0x0d), "EC512"},
};

static const char *find(const struct name *names, size_t count, struct tlsmgm_bytes oid) {
    for (size_t i = 0; i < count; i++) {
        if (tlsmgm_bytes_equal(names[i].oid, oid)) return names[i].text;
    }
    return NULL;
}

const char *tlsmgm_signature_name(struct tlsmgm_bytes oid) {
    return find(signatures, TLSMGM_COUNT(signatures), oid);
}

static void put_rsa(struct tlsmgm_text_writer *writer, struct tlsmgm_bytes info) {
    struct tlsmgm_public_key key;
    tlsmgm_public_key_read(info, &key);
    if (key.rsa_bits == 0) return;
    tlsmgm_text_string(writer, "RSA");
    tlsmgm_text_number(writer, (uint32_t)key.rsa_bits, 0);
}

/* tlsmgm_public_key_named() tells three curves apart, and there are more. */
static void put_curve(struct tlsmgm_text_writer *writer, struct tlsmgm_bytes info) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(info);
    struct tlsmgm_cursor parts;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes oid;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &parts) ||
        !tlsmgm_der_enter(&parts, TLSMGM_DER_SEQUENCE, &algorithm) ||
        !tlsmgm_der_oid(&algorithm, &oid) || !tlsmgm_der_oid(&algorithm, &oid)) {
        return;
    }
    const char *text = find(curves, TLSMGM_COUNT(curves), oid);
    if (text != NULL) tlsmgm_text_string(writer, text);
}

size_t tlsmgm_key_name(struct tlsmgm_bytes info, char *out, size_t size) {
    struct tlsmgm_text_writer writer = {.out = out, .size = size};
    enum tlsmgm_curve curve;
    switch (tlsmgm_public_key_named(info, &curve)) {
        case TLSMGM_PUBLIC_KEY_UNKNOWN:
            break;
        case TLSMGM_PUBLIC_KEY_RSA:
        case TLSMGM_PUBLIC_KEY_RSA_PSS:
            put_rsa(&writer, info);
            break;
        case TLSMGM_PUBLIC_KEY_EC:
            put_curve(&writer, info);
            break;
        case TLSMGM_PUBLIC_KEY_ED25519:
            tlsmgm_text_string(&writer, "ED25519");
            break;
        case TLSMGM_PUBLIC_KEY_ED448:
            tlsmgm_text_string(&writer, "ED448");
            break;
    }
    return tlsmgm_text_end(&writer);
}
