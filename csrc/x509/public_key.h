/*
 * Public keys and signatures of certificates and CRLs (RFC 3279, 4055, 5480, 8410): which kind they
 * are and how strong. Whether a signature is good is for a TLS library to say.
 */
#ifndef TLSMGM_PUBLIC_KEY_H
#define TLSMGM_PUBLIC_KEY_H

#include "include/tlsmgm.h"

enum tlsmgm_public_key_kind {
    TLSMGM_PUBLIC_KEY_UNKNOWN, /* of no kind below, or not well-formed */
    TLSMGM_PUBLIC_KEY_RSA,
    TLSMGM_PUBLIC_KEY_RSA_PSS, /* an RSA key that may be used with PSS only */
    TLSMGM_PUBLIC_KEY_EC,
    TLSMGM_PUBLIC_KEY_ED25519,
    TLSMGM_PUBLIC_KEY_ED448,
};

enum tlsmgm_digest {
    TLSMGM_DIGEST_NONE, /* the algorithm has its own */
    TLSMGM_DIGEST_MD5,
    TLSMGM_DIGEST_SHA1,
    TLSMGM_DIGEST_SHA224,
    TLSMGM_DIGEST_SHA256,
    TLSMGM_DIGEST_SHA384,
    TLSMGM_DIGEST_SHA512,
};

/* The digest that an object identifier stands for; false: none of SHA-1 and SHA-2. */
bool tlsmgm_digest_read(struct tlsmgm_bytes oid, enum tlsmgm_digest *out);

/* Parameters of PSS (RFC 4055 section 3.1). */
struct tlsmgm_pss {
    enum tlsmgm_digest digest;
    enum tlsmgm_digest mask_digest;
    uint32_t salt_size; /* in bytes; of a key the smallest */
};

struct tlsmgm_public_key {
    enum tlsmgm_public_key_kind kind;
    unsigned security_bits; /* NIST SP 800-57 part 1; 0 when the kind is unknown */
    size_t rsa_bits;        /* of the modulus, for both kinds of RSA; else 0 */
    bool has_explicit_curve;
    bool is_restricted;       /* to the parameters that follow */
    struct tlsmgm_pss pss;    /* of a key that is restricted */
    struct tlsmgm_bytes info; /* SubjectPublicKeyInfo, tag and length included */
};

/* Curves that TLS libraries have in common, by name. */
enum tlsmgm_curve {
    TLSMGM_CURVE_NONE, /* none is named */
    TLSMGM_CURVE_OTHER,
    TLSMGM_CURVE_P256,
    TLSMGM_CURVE_P384,
    TLSMGM_CURVE_P521,
};

/* What a SubjectPublicKeyInfo names, whether or not what follows is a key of that kind. */
enum tlsmgm_public_key_kind tlsmgm_public_key_named(struct tlsmgm_bytes info,
                                                    enum tlsmgm_curve *curve);

/* Takes a SubjectPublicKeyInfo apart. */
void tlsmgm_public_key_read(struct tlsmgm_bytes info, struct tlsmgm_public_key *out);

enum tlsmgm_signature_kind {
    TLSMGM_SIGNATURE_UNKNOWN,
    TLSMGM_SIGNATURE_RSA, /* PKCS #1 1.5 */
    TLSMGM_SIGNATURE_RSA_PSS,
    TLSMGM_SIGNATURE_ECDSA,
    TLSMGM_SIGNATURE_ED25519,
    TLSMGM_SIGNATURE_ED448,
};

/* Of something signed: SEQUENCE { to be signed, AlgorithmIdentifier, BIT STRING }. */
struct tlsmgm_signature {
    struct tlsmgm_bytes signed_bytes; /* tag and length included */
    struct tlsmgm_bytes algorithm;    /* contents of the outer AlgorithmIdentifier */
    struct tlsmgm_bytes bits;         /* of the BIT STRING, without the count of unused bits */
    enum tlsmgm_signature_kind kind;
    enum tlsmgm_digest digest;
    struct tlsmgm_pss pss;  /* of a signature of that kind */
    unsigned security_bits; /* 0 when the kind is unknown */
};

/* Takes the outside of something signed apart. False when it is not of that form. */
bool tlsmgm_signature_read(struct tlsmgm_bytes whole, struct tlsmgm_signature *out);

/* The kind that an AlgorithmIdentifier (its contents) stands for. */
enum tlsmgm_signature_kind tlsmgm_signature_kind_of(struct tlsmgm_bytes algorithm);

/* Whether a key of this kind makes signatures of that kind. */
bool tlsmgm_signature_fits(enum tlsmgm_signature_kind signature, enum tlsmgm_public_key_kind key);

/*
 * Whether the key may be asked about the signature: the kinds fit, a key that is restricted to some
 * parameters of PSS (RFC 4055 section 3.3) is used with those, and an ECDSA signature is a pair of
 * numbers in DER.
 */
bool tlsmgm_signature_is_allowed(const struct tlsmgm_signature *signature,
                                 const struct tlsmgm_public_key *key);

enum tlsmgm_signature_answer {
    TLSMGM_SIGNATURE_GOOD,
    TLSMGM_SIGNATURE_WRONG,
    TLSMGM_SIGNATURE_NO_KEY, /* the key cannot be read, or is of a kind that the library lacks */
};

/* Asks a TLS library about a signature. */
typedef enum tlsmgm_signature_answer (*tlsmgm_signature_check)(
    const struct tlsmgm_signature *signature, const struct tlsmgm_public_key *key);

#endif
