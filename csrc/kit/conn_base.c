#include "kit/conn_base.h"

#include "base/error.h"

/* The base is the first member of every backend's connection. */
static struct tlsmgm_conn_base *base_of(struct tlsmgm_conn *conn) {
    return (struct tlsmgm_conn_base *)conn;
}

enum tlsmgm_status tlsmgm_conn_base_init(struct tlsmgm_conn_base *base, struct tlsmgm_ctx *ctx,
                                         const struct tlsmgm_conn_config *config,
                                         struct tlsmgm_error *error) {
    const struct tlsmgm_ctx_base *rules = (const struct tlsmgm_ctx_base *)ctx;
    base->ctx = tlsmgm_ctx_base_ref(ctx);
    base->has_server_name = config->server_name.data != NULL;
    tlsmgm_wire_init(&base->wire);
    return tlsmgm_session_owner_new(&rules->scope, config->server_name, config->verify_name,
                                    &base->owner, error);
}

void tlsmgm_conn_base_clear(struct tlsmgm_conn_base *base) {
    tlsmgm_peer_chain_free(&base->peer_chain);
    tlsmgm_session_owner_free(base->owner);
    tlsmgm_wire_free(&base->wire);
}

bool tlsmgm_conn_base_tell_stranger(const struct tlsmgm_conn_base *base, const char *words,
                                    struct tlsmgm_error *failure) {
    struct tlsmgm_error told = *failure;
    if (failure->status != TLSMGM_STATUS_PROTOCOL || base->established ||
        ((const struct tlsmgm_ctx_base *)base->ctx)->is_server ||
        tlsmgm_wire_begins_as_tls(&base->wire)) {
        return false;
    }
    (void)tlsmgm_fail(failure, TLSMGM_STATUS_PROTOCOL,
                      "%s: the server does not speak TLS (first byte 0x%02x)", words,
                      base->wire.first[0]);
    failure->alert = told.alert;
    failure->library_code = told.library_code;
    return true;
}

enum tlsmgm_status tlsmgm_conn_base_feed(struct tlsmgm_conn *conn, const uint8_t *data, size_t size,
                                         struct tlsmgm_error *error) {
    return tlsmgm_wire_feed(&base_of(conn)->wire, data, size, error);
}

enum tlsmgm_status tlsmgm_conn_base_lend_input(struct tlsmgm_conn *conn, const uint8_t *data,
                                               size_t size, struct tlsmgm_error *error) {
    return tlsmgm_wire_lend_input(&base_of(conn)->wire, data, size, error);
}

enum tlsmgm_status tlsmgm_conn_base_reclaim_input(struct tlsmgm_conn *conn,
                                                  struct tlsmgm_error *error) {
    return tlsmgm_wire_reclaim_input(&base_of(conn)->wire, error);
}

void tlsmgm_conn_base_feed_eof(struct tlsmgm_conn *conn) { base_of(conn)->wire.input_ended = true; }

struct tlsmgm_bytes tlsmgm_conn_base_output(const struct tlsmgm_conn *conn) {
    return tlsmgm_buffer_view(&((const struct tlsmgm_conn_base *)conn)->wire.output);
}

void tlsmgm_conn_base_output_consume(struct tlsmgm_conn *conn, size_t size) {
    tlsmgm_buffer_consume(&base_of(conn)->wire.output, size);
}

void tlsmgm_conn_base_lend_output(struct tlsmgm_conn *conn, uint8_t *room, size_t size) {
    tlsmgm_wire_lend_output(&base_of(conn)->wire, room, size);
}

size_t tlsmgm_conn_base_reclaim_output(struct tlsmgm_conn *conn) {
    return tlsmgm_wire_reclaim_output(&base_of(conn)->wire);
}
