/*
 * Whether names of the kind GeneralName (RFC 5280 section 4.2.1.6) are well-formed all through, as
 * OpenSSL reads them: an extension in which one is not counts as unreadable.
 */
#ifndef TLSMGM_GENERAL_NAME_H
#define TLSMGM_GENERAL_NAME_H

#include "x509/der.h"

bool tlsmgm_general_name_is_valid(const struct tlsmgm_der_item *item);

/* All of the contents of a GeneralNames. There may be none. */
bool tlsmgm_general_names_are_valid(struct tlsmgm_bytes names);

/* The Name inside an item that is a directoryName; false for other kinds, and when malformed. */
bool tlsmgm_general_name_directory(const struct tlsmgm_der_item *item, struct tlsmgm_bytes *name);

#endif
