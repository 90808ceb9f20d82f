/*
 * The path from a peer's certificate to an authority that the domain trusts (RFC 5280 section 6):
 * chosen from what the peer has sent, in whatever order and with whatever else, and from what is
 * trusted; then judged by the rules, and in the order, of OpenSSL's verifier at security level 2
 * with partial chains. Signatures are for the TLS library to check.
 */
#ifndef TLSMGM_PATH_H
#define TLSMGM_PATH_H

#include "path/anchors.h"
#include "x509/peer_name.h"
#include "x509/strict.h"

/* Certificates that a peer may send. */
#define TLSMGM_PATH_SHOWN_MAX 64u

/* What is asked about a peer. */
struct tlsmgm_path_question {
    const struct tlsmgm_bytes *shown; /* DER, the peer's own certificate first */
    size_t shown_count;
    bool is_server;         /* the peer is one, else it is a client */
    bool accept_server_eku; /* a client's certificate may be for servers only */
    int verify_depth;       /* intermediates allowed */
    int min_rsa_bits;       /* of RSA keys in all of the path; 0: what the strength asks for */
    bool is_strict;         /* strict.h */
    bool check_crls;
    bool check_all_crls; /* of the whole path, else of the peer's own certificate */
    int64_t now;         /* Unix time */
    const struct tlsmgm_anchors *anchors;
    const struct tlsmgm_peer_rules *peer_rules;
    struct tlsmgm_bytes name; /* that the certificate must carry; empty: none */
    tlsmgm_signature_check signature_check;
};

struct tlsmgm_path_answer {
    enum tlsmgm_verify_reason reason; /* TLSMGM_VERIFY_NONE: the peer is who it says */
    size_t depth;                     /* of the certificate at fault; 0: the peer's own */
    const char *text;                 /* what is wrong, in words; static */
    enum tlsmgm_strict_fault strict;  /* the rule of strict.h that is broken, if it is one */
    struct tlsmgm_bytes issuer;       /* when good: DER of the issuer; empty: trusted for itself */
};

/* OK with an answer; NO_MEMORY, or PROTOCOL when a certificate is malformed. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_path_judge(const struct tlsmgm_path_question *question,
                                                     struct tlsmgm_path_answer *answer,
                                                     struct tlsmgm_error *error);

#endif
