/*
 * Kinds of keys: which certificate of a domain that has two a client can verify, by what its
 * ClientHello offers (RFC 8446 section 4.2.3, RFC 8422 section 5).
 */
#ifndef TLSMGM_KEY_KIND_H
#define TLSMGM_KEY_KIND_H

#include "include/tlsmgm.h"

enum tlsmgm_key_kind {
    TLSMGM_KEY_OTHER,
    TLSMGM_KEY_RSA,
    TLSMGM_KEY_RSA_PSS,
    TLSMGM_KEY_P256,
    TLSMGM_KEY_P384,
    TLSMGM_KEY_P521,
    TLSMGM_KEY_ED25519,
    TLSMGM_KEY_ED448,
};

/* Of a certificate in DER. */
enum tlsmgm_key_kind tlsmgm_key_kind(struct tlsmgm_bytes certificate);

/* With whatever padding. */
bool tlsmgm_key_kind_is_rsa(enum tlsmgm_key_kind kind);

/* Kinds of which a library keeps one: RSA, elliptic curves, and each Edwards curve. */
bool tlsmgm_key_kinds_clash(enum tlsmgm_key_kind a, enum tlsmgm_key_kind b);

/*
 * Whether a client can verify such a certificate. Lists are in wire form, 2 bytes each; up to
 * TLS 1.2 the cipher suite must be for the key, too.
 */
bool tlsmgm_key_kind_is_offered(enum tlsmgm_key_kind kind, struct tlsmgm_bytes algorithms,
                                struct tlsmgm_bytes suites, bool up_to_1_2);

#endif
