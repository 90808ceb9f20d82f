/*
 * PEM (RFC 7468): takes a text apart, item by item. It reads what "openssl" reads: text around and
 * between items, CRLF, a UTF-8 byte order mark, blanks at the ends of lines, base64 in lines of any
 * length, headers of encrypted keys (RFC 1421). An item begins where a line does, so one behind a
 * "#" is text. Two files that were joined where the first had no line end are read, too.
 *
 * What begins as an item and is none is an error with its place, never the end of the text. Nothing
 * here allocates, but for the functions that say so.
 */
#ifndef TLSMGM_PEM_H
#define TLSMGM_PEM_H

#include "base/blob.h"
#include "files/source.h"

/* Most items in one text, and longest label in bytes. */
#define TLSMGM_PEM_ITEMS_MAX 50000u
#define TLSMGM_PEM_LABEL_MAX 64u

/* Room for the place of an item, terminator included; longer names of files lose their beginning.
 */
#define TLSMGM_PEM_PLACE_SIZE 176u

enum tlsmgm_pem_kind {
    TLSMGM_PEM_CERTIFICATE,         /* also "X509 CERTIFICATE" */
    TLSMGM_PEM_TRUSTED_CERTIFICATE, /* with OpenSSL's trust settings behind it */
    TLSMGM_PEM_CRL,
    TLSMGM_PEM_PRIVATE_KEY, /* PKCS#8, and RSA, EC or DSA */
    TLSMGM_PEM_ENCRYPTED_PRIVATE_KEY,
    TLSMGM_PEM_OPENSSH_PRIVATE_KEY,
    TLSMGM_PEM_EC_PARAMETERS,
    TLSMGM_PEM_DH_PARAMETERS,
    TLSMGM_PEM_X9_42_DH_PARAMETERS,
    TLSMGM_PEM_PKCS7,
    TLSMGM_PEM_CERTIFICATE_REQUEST,
    TLSMGM_PEM_PUBLIC_KEY,
    TLSMGM_PEM_OTHER,
};

/* What items are counted as. */
enum tlsmgm_pem_noun {
    TLSMGM_PEM_A_CERTIFICATE,
    TLSMGM_PEM_A_CRL,
    TLSMGM_PEM_A_PRIVATE_KEY,
    TLSMGM_PEM_AN_OPENSSH_KEY,
    TLSMGM_PEM_EC_PARAMETER_SET,
    TLSMGM_PEM_DH_PARAMETER_SET,
    TLSMGM_PEM_A_PKCS7,
    TLSMGM_PEM_A_REQUEST,
    TLSMGM_PEM_A_PUBLIC_KEY,
    TLSMGM_PEM_SOMETHING_ELSE,
};
#define TLSMGM_PEM_NOUNS 10u

/* One item; its pieces are borrowed from the text. */
struct tlsmgm_pem_item {
    enum tlsmgm_pem_kind kind;
    enum tlsmgm_pem_noun noun;
    struct tlsmgm_bytes label;
    struct tlsmgm_bytes headers; /* lines such as "Proc-Type: 4,ENCRYPTED"; empty: none */
    struct tlsmgm_bytes body;    /* valid base64 with blanks and line ends */
    size_t size;                 /* of what it stands for, in bytes; never 0 */
    size_t number;               /* among those of its noun, from 1 */
    size_t line;                 /* of its BEGIN, from 1 */
};

/* How far a text has been read. The fields are for pem.c, but for numbers. */
struct tlsmgm_pem {
    struct tlsmgm_bytes text;
    const char *name;      /* of the file; NULL: a value */
    const char *parameter; /* for errors */
    size_t at;
    size_t line;
    size_t count;
    bool end_is_due;                  /* of an item whose BEGIN was told already */
    size_t numbers[TLSMGM_PEM_NOUNS]; /* items of each noun so far */
};

/* Begins with a text. Everything is borrowed, name and parameter may be NULL. */
void tlsmgm_pem_begin(struct tlsmgm_pem *pem, struct tlsmgm_bytes text, const char *parameter,
                      const char *name);

/*
 * The next item: OK, CLOSED after the last one, or CONFIG with the place of what cannot be read.
 * After CONFIG, the next call goes on behind it.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_pem_next(struct tlsmgm_pem *pem, struct tlsmgm_pem_item *item, struct tlsmgm_error *error);

/* The next item of a noun; others are passed over, but must be whole. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_pem_find(struct tlsmgm_pem *pem,
                                                   enum tlsmgm_pem_noun noun,
                                                   struct tlsmgm_pem_item *item,
                                                   struct tlsmgm_error *error);

/* The bytes that the item stands for, for the caller to free with tlsmgm_blob_free(). */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_pem_decode(const struct tlsmgm_pem_item *item,
                                                     struct tlsmgm_blob *out,
                                                     struct tlsmgm_error *error);

/* The item alone, written as every library reads it. To be freed like the above. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_pem_rewrite(const struct tlsmgm_pem_item *item,
                                                      struct tlsmgm_blob *out,
                                                      struct tlsmgm_error *error);

/* Writes where an item stands: "/etc/x/ca.pem, certificate 3 (line 41)". Terminated. */
void tlsmgm_pem_place(const struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item, char *out,
                      size_t size);

/* Writes the name of the file, or the end of a long one; "the value" where there is none. */
void tlsmgm_pem_name(const struct tlsmgm_pem *pem, char *out, size_t size);

/* CONFIG that says what is wrong with an item. */
enum tlsmgm_status tlsmgm_pem_fail(const struct tlsmgm_pem *pem, const struct tlsmgm_pem_item *item,
                                   struct tlsmgm_error *error, const char *what);

/*
 * CONFIG for a text that was read to its end without what was looked for: says what it holds
 * instead, and what to run where that can be converted.
 */
enum tlsmgm_status tlsmgm_pem_fail_missing(const struct tlsmgm_pem *pem,
                                           enum tlsmgm_pem_noun wanted, struct tlsmgm_error *error);

/*
 * What bytes are that are no PEM, with what to run, such as "a PKCS#12 file (run: ...)"; NULL when
 * they may well be PEM. Static.
 */
const char *tlsmgm_foreign_format(struct tlsmgm_bytes bytes);

#endif
