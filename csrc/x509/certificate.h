/*
 * A certificate as a path needs to know it: what its extensions say, how strong its key and its
 * signature are, when it is in force. Read once; judged in path.c.
 */
#ifndef TLSMGM_CERTIFICATE_H
#define TLSMGM_CERTIFICATE_H

#include "x509/certificate_fields.h"
#include "x509/public_key.h"

/* RFC 5280 section 4.2.1.3: bit 0 is the highest of the first byte. */
enum tlsmgm_key_usage {
    TLSMGM_USE_DIGITAL_SIGNATURE = 0x80,
    TLSMGM_USE_KEY_ENCIPHERMENT = 0x20,
    TLSMGM_USE_KEY_AGREEMENT = 0x08,
    TLSMGM_USE_CERT_SIGN = 0x04,
    TLSMGM_USE_CRL_SIGN = 0x02,
};

/* Any of these lets a client's key take part in some handshake. */
#define TLSMGM_CLIENT_USAGE (TLSMGM_USE_DIGITAL_SIGNATURE | TLSMGM_USE_KEY_AGREEMENT)

/* Of the extended usages, those that TLS asks for. */
enum tlsmgm_extended_usage {
    TLSMGM_FOR_SERVERS = 1u << 0,
    TLSMGM_FOR_CLIENTS = 1u << 1,
    TLSMGM_FOR_GATED_SERVERS = 1u << 2, /* Microsoft's and Netscape's "server gated crypto" */
};

/* That which an object identifier stands for, or 0. */
unsigned tlsmgm_extended_usage(struct tlsmgm_bytes oid);

/* Netscape's certificate type, of old CAs. */
enum tlsmgm_netscape_type {
    TLSMGM_NETSCAPE_CLIENT = 0x80,
    TLSMGM_NETSCAPE_SERVER = 0x40,
    TLSMGM_NETSCAPE_TLS_CA = 0x04,
    TLSMGM_NETSCAPE_ANY_CA = 0x07,
};

/* Which key signed it, if it says so (RFC 5280 section 4.2.1.1). data is NULL where it does not. */
struct tlsmgm_key_reference {
    struct tlsmgm_bytes key_id;
    struct tlsmgm_bytes issuer; /* contents of a Name: who signed the signer's certificate */
    struct tlsmgm_bytes serial; /* contents of an INTEGER: of the signer's certificate */
};

/* All pieces are borrowed from der. */
struct tlsmgm_certificate {
    struct tlsmgm_bytes der;
    struct tlsmgm_certificate_fields fields;
    struct tlsmgm_signature signature;
    struct tlsmgm_bytes inner_algorithm;    /* that of the signed part; must be the outer one */
    enum tlsmgm_signature_kind signed_with; /* what the inner one stands for */
    struct tlsmgm_public_key key;
    int64_t not_before, not_after; /* Unix time */
    bool has_not_before;           /* they could be read */
    bool has_not_after;

    bool is_invalid;           /* an extension that we know cannot be read */
    bool has_unknown_critical; /* a critical one that we do not process */
    bool is_costly;            /* too many CRL distribution points; see crl_points.h */
    bool is_proxy;             /* RFC 3820 */
    bool has_basic_constraints;
    bool has_critical_constraints;
    bool is_ca;
    bool has_path_length;
    uint32_t path_length;
    bool has_key_usage;
    unsigned key_usage;
    bool has_extended_usage;
    unsigned extended_usage;
    bool has_netscape_type;
    unsigned netscape_type;
    bool has_alt_names; /* the extension, whatever is in it */
    bool has_critical_alt_names;
    struct tlsmgm_bytes key_id; /* of its own key; data is NULL when it names none */
    struct tlsmgm_key_reference signer;
    struct tlsmgm_bytes name_constraints;    /* contents of the SEQUENCE; data is NULL: none */
    struct tlsmgm_bytes distribution_points; /* contents of the SEQUENCE; data is NULL: none */
    bool is_self_issued;                     /* subject and issuer are the same */
    bool is_self_signed;                     /* and nothing speaks against its own key */
};

/* OK, or PROTOCOL when it is malformed in the sense of certificate_fields.h. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_certificate_read(struct tlsmgm_bytes der,
                                                           struct tlsmgm_certificate *out,
                                                           struct tlsmgm_error *error);

/* Contents of an AuthorityKeyIdentifier, of a certificate or a CRL. False when malformed. */
bool tlsmgm_key_reference_read(struct tlsmgm_bytes value, struct tlsmgm_key_reference *out);

/* Whether the reference means this certificate, as far as both say anything. */
bool tlsmgm_key_reference_fits(const struct tlsmgm_key_reference *reference,
                               const struct tlsmgm_certificate *signer);

/* Whether issuer can have signed the other, as far as that shows without looking at the signature.
 */
bool tlsmgm_certificate_may_be_by(const struct tlsmgm_certificate *certificate,
                                  const struct tlsmgm_certificate *issuer);

/* How much of a CA it is, as OpenSSL's X509_check_ca() counts. */
enum tlsmgm_authority {
    TLSMGM_NO_AUTHORITY,
    TLSMGM_AUTHORITY,     /* basicConstraints say so */
    TLSMGM_OLD_AUTHORITY, /* without basicConstraints: v1 and self-signed, or keyCertSign */
    TLSMGM_NETSCAPE_AUTHORITY,
};
enum tlsmgm_authority tlsmgm_certificate_authority(const struct tlsmgm_certificate *certificate);

/* Whether it may be what a TLS server (or client) shows, or stand above such a one. */
bool tlsmgm_certificate_is_for(const struct tlsmgm_certificate *certificate, bool is_server,
                               bool is_above);

bool tlsmgm_certificate_is_in_force(const struct tlsmgm_certificate *certificate, int64_t now);

#endif
