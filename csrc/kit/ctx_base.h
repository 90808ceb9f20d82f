/*
 * Context base: what a TLS domain's context is for every library. A backend's struct tlsmgm_ctx
 * begins with it, as its member "base", and takes the slots of struct tlsmgm_backend that are
 * declared here.
 */
#ifndef TLSMGM_CTX_BASE_H
#define TLSMGM_CTX_BASE_H

#include <stdatomic.h>

#include "base/blob.h"
#include "kit/keylog.h"
#include "session/session_record.h"
#include "x509/peer_name.h"
#include "x509/staple.h"

struct tlsmgm_ctx_base {
    atomic_size_t references;
    bool is_server;
    bool verify_peer;
    bool require_peer;
    int min_rsa_bits;                       /* 0: the library's */
    bool is_strict;                         /* strict.h */
    struct tlsmgm_scope scope;              /* empty: no session is offered or taken */
    struct tlsmgm_ticket_keys *ticket_keys; /* a reference, where tickets are given; else NULL */
    struct tlsmgm_blob certificate;         /* DER of the leaf */
    struct tlsmgm_blob ocsp_response;       /* DER; empty: none */
    struct tlsmgm_blob alpn;                /* wire form; empty: none */
    struct tlsmgm_keylog keylog;
    struct tlsmgm_peer_rules peer_rules;
};

/*
 * Checks a configuration, and begins a context of zeroed memory with one reference. OK, CONFIG with
 * the parameter at fault, or NO_MEMORY; tlsmgm_ctx_base_clear() comes next then.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_ctx_base_init(struct tlsmgm_ctx_base *base,
                                                        const struct tlsmgm_ctx_config *config,
                                                        struct tlsmgm_error *error);

/* Whether tickets can be given at all: a server with a key ring and a scope. Takes the reference.
 */
bool tlsmgm_ctx_base_take_ticket_keys(struct tlsmgm_ctx_base *base,
                                      const struct tlsmgm_ctx_config *config);

/* Reads the response that is stapled to the certificate, which is there, and checks that it is
 * about it. OK, CONFIG with the parameter at fault, or NO_MEMORY. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_ctx_base_load_staple(struct tlsmgm_ctx_base *base,
                                                               const struct tlsmgm_source *source,
                                                               tlsmgm_hasher hasher,
                                                               struct tlsmgm_error *error);

/* Gives one reference back; true: it was the last one, and the context is to be freed. */
bool tlsmgm_ctx_base_release(struct tlsmgm_ctx_base *base);

/* Frees what the base owns; the library's part goes before it. */
void tlsmgm_ctx_base_clear(struct tlsmgm_ctx_base *base);

/* Slots: ctx_ref and ctx_certificate. */
struct tlsmgm_ctx *tlsmgm_ctx_base_ref(struct tlsmgm_ctx *ctx);
struct tlsmgm_bytes tlsmgm_ctx_base_certificate(const struct tlsmgm_ctx *ctx);

#endif
