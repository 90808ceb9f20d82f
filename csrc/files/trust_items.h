/*
 * Whom a context trusts, read from its configuration: the certificates of ca_list and ca_dir and
 * the lists of crl_dir, in DER, for every backend. What cannot be decoded in ca_list, or is a CRL
 * and cannot be decoded, is an error with its place; what else cannot be used is passed over with a
 * warning.
 */
#ifndef TLSMGM_TRUST_ITEMS_H
#define TLSMGM_TRUST_ITEMS_H

#include "base/blob.h"
#include "files/source.h"

/* What a TRUSTED CERTIFICATE says of a purpose, as X509_check_trust() of OpenSSL reads it. */
enum tlsmgm_trust_setting {
    TLSMGM_TRUST_NEUTRAL,
    TLSMGM_TRUST_TRUSTED,
    TLSMGM_TRUST_REJECTED, /* named, or others are named as trusted */
};

struct tlsmgm_trust_item {
    struct tlsmgm_blob der;
    char *where;                           /* "/etc/x/ca.pem, certificate 3 (line 41)" */
    enum tlsmgm_trust_setting for_servers; /* CAs: whether it may vouch for servers */
    enum tlsmgm_trust_setting for_clients; /* CAs: for clients */
    bool is_delta;                         /* CRLs: it speaks only of changes */
};

struct tlsmgm_trust_items {
    struct tlsmgm_trust_item *cas;
    size_t ca_count;
    size_t ca_list_count; /* of cas, those that ca_list names; they come first */
    struct tlsmgm_trust_item *crls;
    size_t crl_count;
};

/*
 * Reads ca_list, ca_dir and crl_dir, as far as they are given. Nothing is in a list twice; of trust
 * settings that differ, the one that rejects counts. Tells config->warn what is passed over. On
 * failure out is empty and error names the parameter.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_trust_items_read(const struct tlsmgm_ctx_config *config,
                                                           struct tlsmgm_trust_items *out,
                                                           struct tlsmgm_error *error);

/*
 * Leaves out the CRLs that only tell changes, each with a warning: what OpenSSL makes of one
 * differs between its versions, and some of them forget what the whole list revokes. OK, or CONFIG
 * when there were no others.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_trust_items_drop_deltas(struct tlsmgm_trust_items *items,
                               const struct tlsmgm_ctx_config *config, struct tlsmgm_error *error);

/* Frees all; the lists are empty afterwards. */
void tlsmgm_trust_items_free(struct tlsmgm_trust_items *items);

#endif
