/*
 * Connection base: what a connection is for every library. A backend's struct tlsmgm_conn begins
 * with it, as its member "base", and takes the slots of struct tlsmgm_backend that are declared
 * here: those that move bytes between the caller and the wire.
 */
#ifndef TLSMGM_CONN_BASE_H
#define TLSMGM_CONN_BASE_H

#include "kit/ctx_base.h"
#include "kit/peer_chain.h"
#include "kit/wire.h"

struct tlsmgm_conn_base {
    struct tlsmgm_ctx *ctx; /* a reference, which the backend gives back */
    struct tlsmgm_wire wire;
    struct tlsmgm_session_owner *owner; /* scope and names */
    struct tlsmgm_peer_chain peer_chain;
    bool has_server_name; /* server: the client sent one */
    bool established;     /* the handshake is complete, whatever has failed since */
};

/*
 * Begins a connection of zeroed memory in a context, of which it takes a reference. OK, or CONFIG
 * when a name is too long; tlsmgm_conn_base_clear() comes next then.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_conn_base_init(struct tlsmgm_conn_base *base,
                                                         struct tlsmgm_ctx *ctx,
                                                         const struct tlsmgm_conn_config *config,
                                                         struct tlsmgm_error *error);

/* Frees what the base owns, but for the reference to the context. */
void tlsmgm_conn_base_clear(struct tlsmgm_conn_base *base);

/*
 * Client: where a handshake has failed with a server that does not speak TLS, says so behind words,
 * which are those that programs look for; alert and library code stay. True if it did.
 */
bool tlsmgm_conn_base_tell_stranger(const struct tlsmgm_conn_base *base, const char *words,
                                    struct tlsmgm_error *failure);

/* Slots of the same names. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_conn_base_feed(struct tlsmgm_conn *conn,
                                                         const uint8_t *data, size_t size,
                                                         struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_conn_base_lend_input(struct tlsmgm_conn *conn,
                                                               const uint8_t *data, size_t size,
                                                               struct tlsmgm_error *error);
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_conn_base_reclaim_input(struct tlsmgm_conn *conn,
                                                                  struct tlsmgm_error *error);
void tlsmgm_conn_base_feed_eof(struct tlsmgm_conn *conn);
struct tlsmgm_bytes tlsmgm_conn_base_output(const struct tlsmgm_conn *conn);
void tlsmgm_conn_base_output_consume(struct tlsmgm_conn *conn, size_t size);
void tlsmgm_conn_base_lend_output(struct tlsmgm_conn *conn, uint8_t *room, size_t size);
size_t tlsmgm_conn_base_reclaim_output(struct tlsmgm_conn *conn);

#endif
