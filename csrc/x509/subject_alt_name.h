/*
 * Subject alternative names (RFC 5280 section 4.2.1.6). "Names" below is the contents of the
 * GeneralNames SEQUENCE, empty when a certificate has no such extension.
 */
#ifndef TLSMGM_SUBJECT_ALT_NAME_H
#define TLSMGM_SUBJECT_ALT_NAME_H

#include "base/cursor.h"

/* Those that have a text; directory names, registered IDs and the like are passed over. */
enum tlsmgm_san_kind {
    TLSMGM_SAN_EMAIL,
    TLSMGM_SAN_HOSTNAME,
    TLSMGM_SAN_URI,
    TLSMGM_SAN_IP,
};

/* The next name; begin with tlsmgm_cursor(names). False at the end. */
bool tlsmgm_san_next(struct tlsmgm_cursor *cursor, enum tlsmgm_san_kind *kind,
                     struct tlsmgm_bytes *value);

/* The names in the value of such an extension; false unless they are well-formed to their end. */
bool tlsmgm_san_read(struct tlsmgm_bytes value, struct tlsmgm_bytes *names);

/*
 * A name as text; addresses as RFC 5952 writes them. At most size bytes are written, terminator
 * included; *length is that of the whole text. False, with an empty text, when the value cannot
 * be one of its kind: a byte outside ASCII, a NUL in it (some reader would cut the name off
 * there), or an address that has neither 4 nor 16 bytes.
 */
bool tlsmgm_san_value_text(enum tlsmgm_san_kind kind, struct tlsmgm_bytes value, char *out,
                           size_t size, size_t *length);

/* The first name of this kind. When that one has no text, no later one takes its place. */
bool tlsmgm_san_text(struct tlsmgm_bytes names, enum tlsmgm_san_kind kind, char *out, size_t size,
                     size_t *length);

#endif
