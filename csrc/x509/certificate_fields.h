/*
 * Certificate fields: one bounded reader of X.509 (RFC 5280 section 4.1) for every backend, so
 * that texts are equal byte for byte whichever library carried the certificate. It reads and does
 * not judge: signatures, dates and purposes are verified by the TLS library.
 */
#ifndef TLSMGM_CERTIFICATE_FIELDS_H
#define TLSMGM_CERTIFICATE_FIELDS_H

#include "x509/certificate_time.h"
#include "x509/distinguished_name.h"
#include "x509/subject_alt_name.h"

/* Longest serial number in bytes; RFC 5280 section 4.1.2.2 allows 20. */
#define TLSMGM_SERIAL_MAX 256u

/* Most extensions in one certificate; real ones have about ten. */
#define TLSMGM_CERTIFICATE_EXTENSIONS_MAX 128u

/* All pieces are borrowed from the DER bytes. */
struct tlsmgm_certificate_fields {
    uint32_t version;           /* raw: 2 for a v3 certificate */
    struct tlsmgm_bytes serial; /* contents of the INTEGER: big-endian two's complement */
    struct tlsmgm_bytes issuer; /* contents of the Name SEQUENCE, well-formed */
    struct tlsmgm_bytes subject;
    struct tlsmgm_certificate_time not_before;
    struct tlsmgm_certificate_time not_after;
    struct tlsmgm_bytes public_key_info;   /* SubjectPublicKeyInfo, tag and length included */
    struct tlsmgm_bytes extensions;        /* contents of the SEQUENCE; empty: none */
    struct tlsmgm_bytes subject_alt_names; /* contents of GeneralNames, well-formed; empty: none */
    struct tlsmgm_bytes signature_algorithm; /* contents of its object identifier */
};

/*
 * Takes a certificate apart. OK, or PROTOCOL with alert decode_error when it is not DER to its
 * last byte, has an extension twice, or is beyond the bounds above; then *out is all zeroes.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_certificate_fields_read(struct tlsmgm_bytes der, struct tlsmgm_certificate_fields *out,
                               struct tlsmgm_error *error);

/* Whether it is a certificate at all, whatever its extensions hold. */
bool tlsmgm_certificate_is_decodable(struct tlsmgm_bytes der);

/*
 * A serial number in decimal, with a sign when it is negative. Writes at most size bytes,
 * terminator included; returns the length of the whole text, 0 for a serial beyond the bound.
 */
size_t tlsmgm_serial_text(struct tlsmgm_bytes serial, char *out, size_t size);

#endif
