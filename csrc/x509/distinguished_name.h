/*
 * Distinguished names of certificates (RFC 5280 section 4.1.2.4): a sequence of sets of
 * attributes, most often sets of one. "Name" below is the contents of the outer SEQUENCE.
 */
#ifndef TLSMGM_DISTINGUISHED_NAME_H
#define TLSMGM_DISTINGUISHED_NAME_H

#include "base/cursor.h"

enum tlsmgm_attribute {
    TLSMGM_COMMON_NAME,
    TLSMGM_LOCALITY,
    TLSMGM_COUNTRY,
    TLSMGM_STATE,
    TLSMGM_ORGANIZATION,
    TLSMGM_ORGANIZATIONAL_UNIT,
    TLSMGM_SERIAL_NUMBER, /* of the subject (X.520 6.2.9), not of the certificate */
};

struct tlsmgm_name_entry {
    struct tlsmgm_bytes type;  /* contents of an object identifier */
    uint8_t tag;               /* enum tlsmgm_der_tag of the value */
    struct tlsmgm_bytes value; /* contents; of a SEQUENCE the whole, of a BIT STRING the bits */
    bool is_joined;            /* stands in one set with the entry before it */
};

/* Walks over a name; begin with tlsmgm_name_cursor(). */
struct tlsmgm_name_cursor {
    struct tlsmgm_cursor sets;    /* sets not yet entered */
    struct tlsmgm_cursor entries; /* what is left of the current one */
};

struct tlsmgm_name_cursor tlsmgm_name_cursor(struct tlsmgm_bytes name);

/* The next attribute, sets flattened. False at the end and where the name is malformed. */
bool tlsmgm_name_next(struct tlsmgm_name_cursor *cursor, struct tlsmgm_name_entry *entry);

/* Whether a name is well-formed to its end. */
bool tlsmgm_name_is_valid(struct tlsmgm_bytes name);

/* Whether the texts of a well-formed name are valid in their encodings; OpenSSL reads no other. */
bool tlsmgm_name_has_valid_texts(struct tlsmgm_bytes name);

/* Whether these are the contents of one well-formed set of attributes with valid texts. */
bool tlsmgm_name_is_set(struct tlsmgm_bytes contents);

/*
 * The one-line form "/C=AT/O=.../CN=...", equal to X509_NAME_oneline() of OpenSSL 3 byte for byte:
 * types by short name or dotted numbers, '+' in front of those that share a set with the one
 * before; values as raw bytes, with '/' and '+' as "\/" and "\+", those outside 0x20 to 0x7e as
 * "\xHH". For people and logs: a backslash stays as it is, so that two names can have one text.
 * Writes at most size bytes, terminator included; returns the length of the whole text.
 */
size_t tlsmgm_name_text(struct tlsmgm_bytes name, char *out, size_t size);

/*
 * The first attribute of this type in UTF-8. At most size bytes are written, terminator included;
 * *length is that of the whole text. False, with an empty text, when there is none.
 *
 * It also counts as absent when it is no text, when it is not valid in its encoding, or when it
 * has a NUL in it: cut off there by some reader, "good.example\0.evil.example" would pose as
 * another name. No later attribute takes its place.
 */
bool tlsmgm_name_attribute(struct tlsmgm_bytes name, enum tlsmgm_attribute which, char *out,
                           size_t size, size_t *length);

#endif
