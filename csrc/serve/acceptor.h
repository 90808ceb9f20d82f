/*
 * Acceptor: the one way from a client's first bytes to a connection in the context that answers.
 * Python's connections, the table of embed.h and everything to come are faces of it.
 *
 *     hold(), read() --> WANT_READ ... OK: parked --> start() --> a connection
 *                                  NO_DOMAIN: asking --> answer() --> parked
 *
 * With a selector, read() has chosen the domain by then, and hands out its number. Parked, it waits
 * for a context, as long as its owner likes: which one it is, and that the keys of its tickets are
 * in force, is the owner's business.
 */
#ifndef TLSMGM_ACCEPTOR_H
#define TLSMGM_ACCEPTOR_H

#include "hello/first_flight.h"
#include "include/embed.h"
#include "serve/selector.h"

enum tlsmgm_acceptor_state {
    TLSMGM_ACCEPTOR_READING,
    TLSMGM_ACCEPTOR_PARKED,  /* the ClientHello is whole; waiting for a context */
    TLSMGM_ACCEPTOR_ASKING,  /* as before, but none of the domains that are known answers */
    TLSMGM_ACCEPTOR_STARTED, /* there is a connection */
    TLSMGM_ACCEPTOR_ENDED,   /* there will be none */
};

/*
 * One thread at a time. Once read() has said OK the fields may be read: routes ask for the
 * listener, the name and the protocols that the client offers.
 */
struct tlsmgm_acceptor {
    struct tlsmgm_first_flight flight; /* its hello has server_name and alpn */
    struct tlsmgm_selector *selector;  /* a reference, until it is started; NULL: none */
    struct tlsmgm_local local;         /* where the client has come in */
    enum tlsmgm_acceptor_state state;
    bool asks;           /* its owner may know of a domain that the selector does not */
    uint32_t domain;     /* with a selector: the number of the domain that answers */
    uint64_t generation; /* of that selector */
};

/*
 * selector: chooses by local address, port and name; a reference is taken. NULL: nobody chooses,
 * and local, which is copied, may be NULL. hello_limit: bytes of the largest ClientHello; 0: what
 * the selector says. Allocates nothing.
 */
void tlsmgm_acceptor_init(struct tlsmgm_acceptor *acceptor, struct tlsmgm_selector *selector,
                          const struct tlsmgm_local *local, size_t hello_limit);
void tlsmgm_acceptor_free(struct tlsmgm_acceptor *acceptor);

/* There will be no connection, whatever came. */
void tlsmgm_acceptor_end(struct tlsmgm_acceptor *acceptor);

/* As tlsmgm_first_flight_hold(). */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_acceptor_hold(struct tlsmgm_acceptor *acceptor,
                                                        const uint8_t *data, size_t size,
                                                        size_t *taken);

/*
 * Reads what is held. WANT_READ: there is no whole ClientHello yet. OK: parked. NO_DOMAIN with
 * alert 112: nobody answers; one that asks is asking then. Anything else as
 * tlsmgm_hello_reader_feed(); then it has ended.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_acceptor_read(struct tlsmgm_acceptor *acceptor,
                                                        struct tlsmgm_error *error);

/*
 * While it is asking: chooses once more, in a selector of which a reference is taken. NULL: nobody
 * answers. OK: parked. NO_DOMAIN with alert 112: it has ended.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_acceptor_answer(struct tlsmgm_acceptor *acceptor,
                                                          struct tlsmgm_selector *selector,
                                                          struct tlsmgm_error *error);

/*
 * Starts a connection in a context of a server, and gives it all that is held; that stays lent to
 * it until reclaim_input(), as does the acceptor. handle NULL: the selector's.
 *
 * OK, or PROTOCOL with alert 70 when no version of the client's is allowed, or why the library
 * cannot start, with the alert to send; then *out is NULL and it has ended.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_acceptor_start(struct tlsmgm_acceptor *acceptor,
                                                         const struct tlsmgm_ctx_handle *handle,
                                                         struct tlsmgm_conn **out,
                                                         struct tlsmgm_error *error);

#endif
