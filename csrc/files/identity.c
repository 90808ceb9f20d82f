#include "files/identity.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/blob.h"
#include "base/bytes.h"
#include "base/count.h"
#include "base/error.h"
#include "base/warn.h"
#include "x509/certificate_fields.h"
#include "x509/der.h"
#include "x509/key_kind.h"
#include "x509/public_key.h"

/* A source that is being read; the blob is wiped when it is closed. */
struct reading {
    struct tlsmgm_blob blob;
    struct tlsmgm_pem pem;
};

static enum tlsmgm_status open_source(struct reading *reading, const struct tlsmgm_source *source,
                                      const char *parameter, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_source_read(source, parameter, &reading->blob, error);
    tlsmgm_pem_begin(&reading->pem, tlsmgm_blob_view(&reading->blob), parameter, source->path);
    return status;
}

/* Chains. */

void tlsmgm_chain_free(struct tlsmgm_chain *chain) {
    for (size_t i = 0; i < chain->count; i++) tlsmgm_blob_free(&chain->items[i].der);
    tlsmgm_free(chain->items);
    *chain = (struct tlsmgm_chain){0};
}

/* Cuts off what OpenSSL keeps behind a TRUSTED CERTIFICATE. NULL, or what is wrong. */
static const char *check_certificate(enum tlsmgm_pem_kind kind, struct tlsmgm_blob *der,
                                     struct tlsmgm_error *detail) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_der_item certificate;
    struct tlsmgm_cursor cursor = tlsmgm_cursor(tlsmgm_blob_view(der));
    if (!tlsmgm_der_next(&cursor, &certificate)) return "it cannot be decoded as a certificate";
    if (cursor.left > 0 && kind != TLSMGM_PEM_TRUSTED_CERTIFICATE) {
        return "other bytes follow the certificate";
    }
    der->size = certificate.whole.size;
    if (tlsmgm_certificate_fields_read(certificate.whole, &fields, detail) == TLSMGM_STATUS_OK)
        return NULL;
    return detail->text;
}

static enum tlsmgm_status add_certificate(struct tlsmgm_chain *chain, const struct tlsmgm_pem *pem,
                                          const struct tlsmgm_pem_item *item,
                                          struct tlsmgm_error *error) {
    struct tlsmgm_error detail;
    if (item->headers.size > 0) return tlsmgm_pem_fail(pem, item, error, "it has headers");
    struct tlsmgm_chain_item *items =
        tlsmgm_realloc(chain->items, (chain->count + 1) * sizeof *items);
    if (items == NULL) return tlsmgm_fail_memory(error);
    chain->items = items;
    struct tlsmgm_chain_item *added = &items[chain->count];
    enum tlsmgm_status status = tlsmgm_pem_decode(item, &added->der, error);
    if (status != TLSMGM_STATUS_OK) return status;
    chain->count++;
    tlsmgm_pem_place(pem, item, added->place, sizeof added->place);
    const char *damage = check_certificate(item->kind, &added->der, &detail);
    return damage == NULL ? TLSMGM_STATUS_OK : tlsmgm_pem_fail(pem, item, error, damage);
}

enum tlsmgm_status tlsmgm_chain_read(const struct tlsmgm_source *source, const char *parameter,
                                     struct tlsmgm_chain *out, struct tlsmgm_error *error) {
    struct reading reading;
    struct tlsmgm_pem_item item;
    *out = (struct tlsmgm_chain){0};
    enum tlsmgm_status status = open_source(&reading, source, parameter, error);
    while (status == TLSMGM_STATUS_OK) {
        status = tlsmgm_pem_find(&reading.pem, TLSMGM_PEM_A_CERTIFICATE, &item, error);
        if (status == TLSMGM_STATUS_OK) status = add_certificate(out, &reading.pem, &item, error);
    }
    if (status == TLSMGM_STATUS_CLOSED) {
        status = out->count > 0
                     ? TLSMGM_STATUS_OK
                     : tlsmgm_pem_fail_missing(&reading.pem, TLSMGM_PEM_A_CERTIFICATE, error);
    }
    tlsmgm_blob_free(&reading.blob);
    if (status != TLSMGM_STATUS_OK) tlsmgm_chain_free(out);
    return status;
}

void tlsmgm_chain_warn(const struct tlsmgm_ctx_config *config, const char *parameter,
                       const struct tlsmgm_chain *chain) {
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_public_key key;
    size_t size = 0;
    for (size_t i = 0; i < chain->count; i++) {
        struct tlsmgm_bytes bytes = tlsmgm_blob_view(&chain->items[i].der);
        size += bytes.size;
        if (tlsmgm_certificate_fields_read(bytes, &fields, NULL) != TLSMGM_STATUS_OK) continue;
        tlsmgm_public_key_read(fields.public_key_info, &key);
        const char *place = chain->items[i].place;
        if (key.has_explicit_curve) {
            tlsmgm_warn_of(config, parameter,
                           "%s: the curve of its key is spelled out, which peers refuse", place);
        } else if (key.kind == TLSMGM_PUBLIC_KEY_EC && tlsmgm_key_kind(bytes) == TLSMGM_KEY_OTHER) {
            tlsmgm_warn_of(config, parameter, "%s: few peers take keys on its curve", place);
        }
    }
    if (size <= TLSMGM_CHAIN_MAX) return;
    tlsmgm_warn_of(config, parameter, "%s: with its chain it has %zu bytes; peers take %u",
                   chain->items[0].place, size, TLSMGM_CHAIN_MAX);
}

/* The one item that counts; others before it must be whole, what comes after is not looked at. */
static enum tlsmgm_status find_first(struct reading *reading, enum tlsmgm_pem_noun noun,
                                     struct tlsmgm_pem_item *item, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_pem_find(&reading->pem, noun, item, error);
    return status == TLSMGM_STATUS_CLOSED ? tlsmgm_pem_fail_missing(&reading->pem, noun, error)
                                          : status;
}

/* Keys. */

static const struct {
    uint8_t oid[12];
    size_t size;
    const char *word;
} algorithms[] = {
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c}, 9, "PBKDF2"},
    {{0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b}, 9, "scrypt"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x07}, 8, "SHA1"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x08}, 8, "SHA224"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09}, 8, "SHA256"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0a}, 8, "SHA384"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0b}, 8, "SHA512"},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x02}, 9, "AES-128-CBC"},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x16}, 9, "AES-192-CBC"},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a}, 9, "AES-256-CBC"},
    {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x03, 0x07}, 8, "DES-EDE3-CBC"},
    {{0x2b, 0x0e, 0x03, 0x02, 0x07}, 5, "DES-CBC"},
    {{0x2a, 0x83, 0x08, 0x8c, 0x9a, 0x4b, 0x3d, 0x01, 0x01, 0x01, 0x02}, 11, "CAMELLIA-128-CBC"},
    {{0x2a, 0x83, 0x08, 0x8c, 0x9a, 0x4b, 0x3d, 0x01, 0x01, 0x01, 0x04}, 11, "CAMELLIA-256-CBC"},
};

/* An algorithm and its parameters; cursor goes on behind both. */
static const char *read_algorithm(struct tlsmgm_cursor *cursor, struct tlsmgm_cursor *parameters) {
    struct tlsmgm_bytes oid;
    if (!tlsmgm_der_enter(cursor, TLSMGM_DER_SEQUENCE, parameters)) return "unknown";
    if (!tlsmgm_der_oid(parameters, &oid)) return "unknown";
    for (size_t i = 0; i < TLSMGM_COUNT(algorithms); i++) {
        struct tlsmgm_bytes known = {algorithms[i].oid, algorithms[i].size};
        if (tlsmgm_bytes_equal(oid, known)) return algorithms[i].word;
    }
    return "unknown";
}

/* RFC 8018 appendix A.4 and A.2; without a digest it is HMAC with SHA-1. */
static void read_pbes2(struct tlsmgm_cursor parameters, struct tlsmgm_key_encryption *out) {
    struct tlsmgm_cursor inner;
    struct tlsmgm_cursor derivation;
    struct tlsmgm_cursor unused;
    struct tlsmgm_bytes skipped;
    if (!tlsmgm_der_enter(&parameters, TLSMGM_DER_SEQUENCE, &inner)) return;
    out->derivation = read_algorithm(&inner, &derivation);
    out->cipher = read_algorithm(&inner, &unused);
    if (strcmp(out->derivation, "PBKDF2") != 0) return;
    if (!tlsmgm_der_enter(&derivation, TLSMGM_DER_SEQUENCE, &unused)) return;
    if (!tlsmgm_der_expect(&unused, TLSMGM_DER_OCTET_STRING, &skipped)) return;
    if (!tlsmgm_der_integer(&unused, &skipped)) return;
    (void)tlsmgm_der_integer(&unused, &skipped); /* length of the key */
    out->digest = unused.left == 0 ? "SHA1" : read_algorithm(&unused, &inner);
}

/* RFC 5208 section 6. What is not PBES2 is one of the older schemes, all of them weak. */
static void read_pkcs8_encryption(struct tlsmgm_bytes der, struct tlsmgm_key_encryption *out) {
    static const uint8_t pbes2_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d};
    const struct tlsmgm_bytes pbes2 = {pbes2_oid, sizeof pbes2_oid};
    struct tlsmgm_cursor cursor = tlsmgm_cursor(der);
    struct tlsmgm_cursor info;
    struct tlsmgm_cursor algorithm;
    struct tlsmgm_bytes oid;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &info)) return;
    if (!tlsmgm_der_enter(&info, TLSMGM_DER_SEQUENCE, &algorithm)) return;
    if (!tlsmgm_der_oid(&algorithm, &oid)) return;
    if (tlsmgm_bytes_equal(oid, pbes2)) {
        read_pbes2(algorithm, out);
    } else {
        out->derivation = "PBES1";
    }
}

static bool has_word(struct tlsmgm_bytes text, const char *word) {
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= text.size; at++) {
        if (memcmp(text.data + at, word, length) == 0) return true;
    }
    return false;
}

/* RFC 1421 section 4.6.1.3: "DEK-Info: AES-256-CBC,<vector>". */
static void read_header_encryption(struct tlsmgm_bytes headers, struct tlsmgm_key_encryption *out) {
    out->is_given = has_word(headers, "ENCRYPTED");
    out->derivation = "traditional";
    for (size_t i = 0; i < TLSMGM_COUNT(algorithms); i++) {
        if (has_word(headers, algorithms[i].word)) out->cipher = algorithms[i].word;
    }
}

static enum tlsmgm_status read_encryption(const struct tlsmgm_pem_item *item,
                                          struct tlsmgm_key_encryption *out,
                                          struct tlsmgm_error *error) {
    struct tlsmgm_blob der;
    *out = (struct tlsmgm_key_encryption){
        .derivation = "unknown", .digest = "unknown", .cipher = "unknown"};
    if (item->headers.size > 0) read_header_encryption(item->headers, out);
    if (item->kind != TLSMGM_PEM_ENCRYPTED_PRIVATE_KEY) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_pem_decode(item, &der, error);
    if (status != TLSMGM_STATUS_OK) return status;
    out->is_given = true;
    read_pkcs8_encryption(tlsmgm_blob_view(&der), out);
    tlsmgm_blob_free(&der);
    return TLSMGM_STATUS_OK;
}

void tlsmgm_key_free(struct tlsmgm_key *key) { tlsmgm_blob_free(&key->pem); }

enum tlsmgm_status tlsmgm_key_read(const struct tlsmgm_source *source, const char *parameter,
                                   struct tlsmgm_key *out, struct tlsmgm_error *error) {
    struct reading reading;
    struct tlsmgm_pem_item item;
    *out = (struct tlsmgm_key){0};
    enum tlsmgm_status status = open_source(&reading, source, parameter, error);
    if (status == TLSMGM_STATUS_OK)
        status = find_first(&reading, TLSMGM_PEM_A_PRIVATE_KEY, &item, error);
    if (status == TLSMGM_STATUS_OK) status = read_encryption(&item, &out->encryption, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_pem_rewrite(&item, &out->pem, error);
    if (status == TLSMGM_STATUS_OK)
        tlsmgm_pem_place(&reading.pem, &item, out->place, sizeof out->place);
    tlsmgm_blob_free(&reading.blob);
    return status;
}

enum tlsmgm_status tlsmgm_key_fail_encryption(const struct tlsmgm_key *key, const char *parameter,
                                              const char *library, struct tlsmgm_error *error) {
    const struct tlsmgm_key_encryption *used = &key->encryption;
    bool has_digest = strcmp(used->digest, "unknown") != 0;
    bool has_cipher = strcmp(used->cipher, "unknown") != 0;
    return tlsmgm_fail_parameter(
        error, parameter, "%s: %s cannot open its encryption, %s%s%s%s%s (run: %s)", key->place,
        library, used->derivation, has_digest ? " with " : "", has_digest ? used->digest : "",
        has_cipher ? " and " : "", has_cipher ? used->cipher : "",
        "openssl pkey -in OLD -aes256 -out NEW");
}

/* Diffie-Hellman parameters. */

void tlsmgm_dh_free(struct tlsmgm_dh *dh) {
    tlsmgm_blob_free(&dh->der);
    tlsmgm_blob_free(&dh->pem);
    *dh = (struct tlsmgm_dh){0};
}

/* PKCS#3: prime, generator; X9.42 (RFC 3279 section 2.3.3): prime, generator, factor and more. */
static bool read_prime(struct tlsmgm_bytes der, size_t *bits) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(der);
    struct tlsmgm_cursor inner;
    struct tlsmgm_bytes prime;
    struct tlsmgm_bytes generator;
    if (!tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &inner) || cursor.left > 0) return false;
    if (!tlsmgm_der_integer(&inner, &prime) || !tlsmgm_der_integer(&inner, &generator)) {
        return false;
    }
    *bits = tlsmgm_der_bit_count(prime);
    return *bits > 0;
}

static enum tlsmgm_status take_dh(const struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item,
                                  struct tlsmgm_dh *out, struct tlsmgm_error *error) {
    if (item->headers.size > 0) return tlsmgm_pem_fail(pem, item, error, "they have headers");
    enum tlsmgm_status status = tlsmgm_pem_decode(item, &out->der, error);
    if (status == TLSMGM_STATUS_OK) status = tlsmgm_pem_rewrite(item, &out->pem, error);
    if (status != TLSMGM_STATUS_OK) return status;
    tlsmgm_pem_place(pem, item, out->place, sizeof out->place);
    if (read_prime(tlsmgm_blob_view(&out->der), &out->bits)) {
        return TLSMGM_STATUS_OK;
    }
    return tlsmgm_pem_fail(pem, item, error, "they cannot be decoded");
}

enum tlsmgm_status tlsmgm_dh_read(const struct tlsmgm_source *source, const char *parameter,
                                  struct tlsmgm_dh *out, struct tlsmgm_error *error) {
    struct reading reading;
    struct tlsmgm_pem_item item;
    *out = (struct tlsmgm_dh){0};
    enum tlsmgm_status status = open_source(&reading, source, parameter, error);
    if (status == TLSMGM_STATUS_OK) {
        status = find_first(&reading, TLSMGM_PEM_DH_PARAMETER_SET, &item, error);
    }
    if (status == TLSMGM_STATUS_OK) status = take_dh(&reading.pem, &item, out, error);
    tlsmgm_blob_free(&reading.blob);
    if (status != TLSMGM_STATUS_OK) tlsmgm_dh_free(out);
    return status;
}

enum tlsmgm_status tlsmgm_dh_fail_size(const struct tlsmgm_dh *dh, const char *parameter,
                                       struct tlsmgm_error *error) {
    return tlsmgm_fail_parameter(error, parameter,
                                 "%s: %zu bits are too few (run: openssl dhparam -out NEW %u)",
                                 dh->place, dh->bits, TLSMGM_DH_BITS_MIN);
}
