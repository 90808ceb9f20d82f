/* A chain judged without a handshake: by OpenSSL alone, or by the path validator with wolfSSL. */
#ifndef TLSMGM_TEST_VERIFY_CHAIN_H
#define TLSMGM_TEST_VERIFY_CHAIN_H

#include "include/tlsmgm.h"

struct tlsmgm_test_chain {
    const struct tlsmgm_bytes *shown, *anchors, *crls; /* DER; the peer's own is the first shown */
    size_t shown_count, anchor_count, crl_count;
    bool is_server;      /* the peer is one */
    bool check_all_crls; /* where there are CRLs */
    int verify_depth;
    int64_t now;
    const char *name; /* a host's, or an address; empty: none */
};

/*
 * What becomes of it; *depth is that of the certificate at fault. False when something cannot be
 * decoded. Each backend has its own.
 */
bool tlsmgm_test_verify_chain(const struct tlsmgm_test_chain *chain,
                              enum tlsmgm_verify_reason *reason, int *depth);

#endif
