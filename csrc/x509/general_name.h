/*
 * Names of the kind GeneralName (RFC 5280 section 4.2.1.6), and whether they are well-formed all
 * through, as OpenSSL reads them: an extension in which one is not counts as unreadable.
 */
#ifndef TLSMGM_GENERAL_NAME_H
#define TLSMGM_GENERAL_NAME_H

#include "x509/der.h"

/* The choices, as the first byte of their items. */
enum tlsmgm_general_name {
    TLSMGM_GENERAL_OTHER_NAME = TLSMGM_DER_CONSTRUCTED(0),
    TLSMGM_GENERAL_EMAIL = TLSMGM_DER_CONTEXT | 1,
    TLSMGM_GENERAL_DNS_NAME = TLSMGM_DER_CONTEXT | 2,
    TLSMGM_GENERAL_X400_ADDRESS = TLSMGM_DER_CONSTRUCTED(3),
    TLSMGM_GENERAL_DIRECTORY_NAME = TLSMGM_DER_CONSTRUCTED(4),
    TLSMGM_GENERAL_EDI_PARTY = TLSMGM_DER_CONSTRUCTED(5),
    TLSMGM_GENERAL_URI = TLSMGM_DER_CONTEXT | 6,
    TLSMGM_GENERAL_IP_ADDRESS = TLSMGM_DER_CONTEXT | 7,
    TLSMGM_GENERAL_REGISTERED_ID = TLSMGM_DER_CONTEXT | 8,
};

bool tlsmgm_general_name_is_valid(const struct tlsmgm_der_item *item);

/* All of the contents of a GeneralNames. There may be none. */
bool tlsmgm_general_names_are_valid(struct tlsmgm_bytes names);

/* The Name inside an item that is a directoryName; false for other kinds, and when malformed. */
bool tlsmgm_general_name_directory(const struct tlsmgm_der_item *item, struct tlsmgm_bytes *name);

#endif
