/*
 * Lists of signature schemes: names separated by colons, as OpenSSL takes them. A name is what TLS
 * 1.3 calls a scheme, or KEY+DIGEST; with a question mark in front it may be one that the library
 * does not know.
 */
#ifndef TLSMGM_SIGNATURE_LIST_H
#define TLSMGM_SIGNATURE_LIST_H

#include "include/tlsmgm.h"

/* Most items of a list, and most bytes of one with its terminator. */
#define TLSMGM_SIGNATURES_MAX     64u
#define TLSMGM_SIGNATURE_NAME_MAX 48u

struct tlsmgm_signature_item {
    char name[TLSMGM_SIGNATURE_NAME_MAX];
    bool is_optional;
};

struct tlsmgm_signature_list {
    size_t count;
    struct tlsmgm_signature_item items[TLSMGM_SIGNATURES_MAX];
};

/*
 * Takes a list apart. OK with at least one item, or CONFIG where parameter has an empty item, one
 * that is too long, or too many.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_signature_list_read(const char *text,
                                                              const char *parameter,
                                                              struct tlsmgm_signature_list *out,
                                                              struct tlsmgm_error *error);

/* CONFIG for an item that library, as people call it, does not know. */
enum tlsmgm_status tlsmgm_fail_signature(struct tlsmgm_error *error, const char *parameter,
                                         const char *library,
                                         const struct tlsmgm_signature_item *item);

#endif
