/*
 * Cipher lists: TLS 1.2 names and TLS 1.3 suites stand in one list, separated by ':', ';', ',' or
 * space, as OpenSIPS users write them; the libraries want them apart.
 */
#ifndef TLSMGM_CIPHER_LIST_H
#define TLSMGM_CIPHER_LIST_H

#include "include/tlsmgm.h"

/* The two halves as colon lists; empty text when the list names none of that kind. Owned. */
struct tlsmgm_cipher_list {
    char *older;  /* TLS 1.2 and before: names, or a library's expressions */
    char *tls1_3; /* suites by IANA name */
};

TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_cipher_list_split(const char *text,
                                                            struct tlsmgm_cipher_list *out,
                                                            struct tlsmgm_error *error);
void tlsmgm_cipher_list_free(struct tlsmgm_cipher_list *list);

/* Most names that a library has for its suites. */
#define TLSMGM_CIPHERS_MAX 512u

/* What a library calls its suites. To begin with all zeroes; filled once, then read by all. */
struct tlsmgm_cipher_names {
    const char *names[TLSMGM_CIPHERS_MAX]; /* static */
    size_t count;
};

/* Appends a name; one that finds no room is left out. */
void tlsmgm_cipher_names_add(struct tlsmgm_cipher_names *table, const char *name);

/* NULL behind the last. */
const char *tlsmgm_cipher_names_at(const struct tlsmgm_cipher_names *table, size_t index);
bool tlsmgm_cipher_names_have(const struct tlsmgm_cipher_names *table, struct tlsmgm_bytes word);

/* The next word of a list that begins at *text, or an empty one at its end; *text moves on. */
struct tlsmgm_bytes tlsmgm_cipher_word_next(const char **text);

#endif
