/*
 * What a context presents, read from its configuration for every backend: the certificate with its
 * chain in DER, the private key and Diffie-Hellman parameters, each as the one item of its file
 * that counts. Whatever cannot be decoded is an error with file, item and line.
 */
#ifndef TLSMGM_IDENTITY_H
#define TLSMGM_IDENTITY_H

#include "base/blob.h"
#include "files/pem.h"

/* Most bytes of a chain that peers take: OpenSSL's default, and that of the libraries like it. */
#define TLSMGM_CHAIN_MAX (100u << 10)

/* Smallest Diffie-Hellman group in bits, as OpenSSL's security level 2 has it. */
#define TLSMGM_DH_BITS_MIN 2048u

struct tlsmgm_chain_item {
    struct tlsmgm_blob der;
    char place[TLSMGM_PEM_PLACE_SIZE];
};

/* Leaf first. */
struct tlsmgm_chain {
    struct tlsmgm_chain_item *items;
    size_t count;
};

/*
 * All certificates of a source, in their order; trust settings of OpenSSL are cut off. On failure
 * out is empty.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_chain_read(const struct tlsmgm_source *source,
                                                     const char *parameter,
                                                     struct tlsmgm_chain *out,
                                                     struct tlsmgm_error *error);
void tlsmgm_chain_free(struct tlsmgm_chain *chain);

/* Warns of a chain that a library can show, but that peers refuse. */
void tlsmgm_chain_warn(const struct tlsmgm_ctx_config *config, const char *parameter,
                       const struct tlsmgm_chain *chain);

/* The algorithms that an encrypted key needs; static words as OpenSSL has them, or "unknown". */
struct tlsmgm_key_encryption {
    bool is_given;
    const char *derivation; /* "PBKDF2", "scrypt", "PBES1", "traditional" */
    const char *digest;     /* of PBKDF2: "SHA1", "SHA256", ... */
    const char *cipher;     /* "AES-256-CBC", ... */
};

struct tlsmgm_key {
    struct tlsmgm_blob pem; /* this key and nothing else, as every library reads it */
    struct tlsmgm_key_encryption encryption;
    char place[TLSMGM_PEM_PLACE_SIZE];
};

/* The first private key of a source. On failure out is empty. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_key_read(const struct tlsmgm_source *source,
                                                   const char *parameter, struct tlsmgm_key *out,
                                                   struct tlsmgm_error *error);
void tlsmgm_key_free(struct tlsmgm_key *key);

/* CONFIG: the library cannot open a key that is encrypted so; says what to run. */
enum tlsmgm_status tlsmgm_key_fail_encryption(const struct tlsmgm_key *key, const char *parameter,
                                              const char *library, struct tlsmgm_error *error);

struct tlsmgm_dh {
    struct tlsmgm_blob der;
    struct tlsmgm_blob pem; /* the same, alone */
    size_t bits;            /* of the prime */
    char place[TLSMGM_PEM_PLACE_SIZE];
};

/* The first Diffie-Hellman parameters of a source, PKCS#3 or X9.42. On failure out is empty. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_dh_read(const struct tlsmgm_source *source,
                                                  const char *parameter, struct tlsmgm_dh *out,
                                                  struct tlsmgm_error *error);
void tlsmgm_dh_free(struct tlsmgm_dh *dh);

/* CONFIG: fewer bits than TLSMGM_DH_BITS_MIN. */
enum tlsmgm_status tlsmgm_dh_fail_size(const struct tlsmgm_dh *dh, const char *parameter,
                                       struct tlsmgm_error *error);

#endif
