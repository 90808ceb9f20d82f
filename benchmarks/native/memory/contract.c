/*
 * The layer `contract`: struct tlsmgm_backend, driven as every server of ours does it. The
 * ClientHello is read and its name looked up before the library is started in the context found.
 */
#include "contract.h"

#include <stdlib.h>
#include <string.h>

#include "contract_fields.h"
#include "hello/client_hello.h"
#include "layer.h"
#include "match/match_index.h"

/* As much as most flights of a handshake need. */
#define FLIGHT_ROOM 8192u

struct bench_context {
    const struct bench_setting *setting;
    bool is_server;
    struct tlsmgm_ctx *ctx;
    struct tlsmgm_match_index *index; /* server: of this one domain */
};

struct bench_endpoint {
    struct bench_context *context;
    struct bench_wire wire;
    struct tlsmgm_hello_reader reader; /* server, until conn is there */
    struct tlsmgm_conn *conn;
};

/* Sessions are the contract's own. */
static const struct tlsmgm_session *session_in(const struct bench_session *session) {
    return (const struct tlsmgm_session *)session;
}

static const char *version(void) { return bench_backend->version(); }

static bool init(struct bench_fault *fault) {
    struct tlsmgm_error error;
    if (bench_backend->init(&error) == TLSMGM_STATUS_OK) return true;
    return bench_contract_fail(fault, bench_backend->name, &error);
}

static bool index_new(const struct bench_setting *setting, struct tlsmgm_match_index **out,
                      struct bench_fault *fault) {
    struct tlsmgm_error error;
    static const struct tlsmgm_siphash_key key = {{0}};
    struct tlsmgm_match_entry entry = {.any_address = true};
    entry.no_name = *setting->server_name == '\0';
    entry.pattern.data = (const uint8_t *)setting->server_name;
    entry.pattern.size = strlen(setting->server_name);
    if (tlsmgm_match_index_new(&entry, 1, &key, out, &error) == TLSMGM_STATUS_OK) return true;
    return bench_contract_fail(fault, "match index", &error);
}

static void context_free(struct bench_context *context) {
    if (context == NULL) return;
    bench_backend->ctx_free(context->ctx);
    tlsmgm_match_index_free(context->index);
    free(context);
}

static bool context_new(const struct bench_setting *setting, bool is_server,
                        struct bench_context **out, struct bench_fault *fault) {
    struct bench_context *context = calloc(1, sizeof *context);
    *out = NULL;
    if (context == NULL) return bench_fail(fault, "out of memory");
    context->setting = setting;
    context->is_server = is_server;
    if (!bench_contract_context(setting, is_server, &context->ctx, fault) ||
        (is_server && !index_new(setting, &context->index, fault))) {
        context_free(context);
        return false;
    }
    *out = context;
    return true;
}

static void endpoint_free(struct bench_endpoint *endpoint) {
    if (endpoint == NULL) return;
    bench_backend->conn_free(endpoint->conn);
    tlsmgm_hello_reader_free(&endpoint->reader);
    free(endpoint);
}

static bool endpoint_new(struct bench_context *context, struct bench_wire wire,
                         const struct bench_session *session, struct bench_endpoint **out,
                         struct bench_fault *fault) {
    struct bench_endpoint *endpoint = calloc(1, sizeof *endpoint);
    *out = NULL;
    if (endpoint == NULL) return bench_fail(fault, "out of memory");
    endpoint->context = context;
    endpoint->wire = wire;
    tlsmgm_hello_reader_init(&endpoint->reader, 0);
    if (!context->is_server &&
        !bench_contract_client(context->setting, context->ctx, session_in(session), &endpoint->conn,
                               fault)) {
        endpoint_free(endpoint);
        return false;
    }
    *out = endpoint;
    return true;
}

/* The library's connection, once the hello has told which context it belongs to. */
static bool accept_hello(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    static const uint8_t address[16];
    struct tlsmgm_error error;
    struct tlsmgm_client_hello hello;
    struct tlsmgm_bytes message = tlsmgm_buffer_view(&endpoint->reader.message);
    if (tlsmgm_client_hello_parse(message, &hello, &error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, "ClientHello", &error);
    }
    uint32_t domain =
        tlsmgm_match_index_find(endpoint->context->index, address, 0, hello.server_name);
    if (domain == TLSMGM_MATCH_NONE) return bench_fail(fault, "no domain has the client's name");
    struct tlsmgm_conn_config config = {.server_name = hello.server_name};
    enum tlsmgm_status status =
        bench_backend->conn_new(endpoint->context->ctx, &config, &endpoint->conn, &error);
    tlsmgm_hello_reader_free(&endpoint->reader);
    return status == TLSMGM_STATUS_OK || bench_contract_fail(fault, "server connection", &error);
}

/*
 * Before there is a connection; DONE when there is. The hello stays in the pipe, for the library to
 * read: our clients send it in one piece.
 */
static enum bench_step read_hello(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    struct tlsmgm_error error;
    size_t size = 0;
    const uint8_t *data = bench_pipe_view(endpoint->wire.in, &size);
    if (size == 0) return BENCH_WAIT;
    enum tlsmgm_status status = tlsmgm_hello_reader_feed(&endpoint->reader, data, size, &error);
    if (status != TLSMGM_STATUS_OK) {
        (void)bench_contract_fail(fault, "ClientHello", &error);
        return BENCH_FAILED;
    }
    if (!tlsmgm_hello_reader_is_plain(&endpoint->reader)) {
        (void)bench_fail(fault, "the ClientHello came in several records");
        return BENCH_FAILED;
    }
    return accept_hello(endpoint, fault) ? BENCH_DONE : BENCH_FAILED;
}

/*
 * The pipes' memory is lent for one call: room for what the call will send, and all that has come.
 * What does not fit, or is not read, the connection keeps.
 */
static bool lend_room(struct bench_endpoint *endpoint, size_t size, struct bench_fault *fault) {
    uint8_t *room = bench_pipe_room(endpoint->wire.out, size);
    if (room == NULL) return bench_fail(fault, "out of memory");
    bench_backend->lend_output(endpoint->conn, room, size);
    return true;
}

/* What found no room that was lent. */
static bool send_rest(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    struct tlsmgm_bytes rest = bench_backend->output(endpoint->conn);
    if (rest.size == 0) return true;
    if (!bench_pipe_send(endpoint->wire.out, rest.data, rest.size)) {
        return bench_fail(fault, "out of memory");
    }
    bench_backend->output_consume(endpoint->conn, rest.size);
    return true;
}

static bool reclaim_room(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    bench_pipe_sent(endpoint->wire.out, bench_backend->reclaim_output(endpoint->conn));
    return send_rest(endpoint, fault);
}

static bool lend_wire(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    struct tlsmgm_error error;
    size_t size = 0;
    const uint8_t *data = bench_pipe_view(endpoint->wire.in, &size);
    return bench_backend->lend_input(endpoint->conn, data, size, &error) == TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "lend_input", &error);
}

static bool reclaim_wire(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    struct tlsmgm_error error;
    size_t size = 0;
    if (bench_backend->reclaim_input(endpoint->conn, &error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, "reclaim_input", &error);
    }
    (void)bench_pipe_view(endpoint->wire.in, &size);
    bench_pipe_skip(endpoint->wire.in, size);
    return true;
}

static enum bench_step step_of(enum tlsmgm_status status, const char *what,
                               const struct tlsmgm_error *error, struct bench_fault *fault) {
    if (status == TLSMGM_STATUS_OK) return BENCH_DONE;
    if (status == TLSMGM_STATUS_WANT_READ) return BENCH_WAIT;
    if (status == TLSMGM_STATUS_CLOSED) {
        (void)bench_fail(fault, "%s: the peer has closed", what);
    } else {
        (void)bench_contract_fail(fault, what, error);
    }
    return BENCH_FAILED;
}

static enum bench_step handshake(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    struct tlsmgm_error error;
    if (endpoint->conn == NULL) {
        enum bench_step step = read_hello(endpoint, fault);
        if (step != BENCH_DONE) return step;
    }
    if (!lend_wire(endpoint, fault) || !lend_room(endpoint, FLIGHT_ROOM, fault)) {
        return BENCH_FAILED;
    }
    enum tlsmgm_status status = bench_backend->handshake(endpoint->conn, &error);
    if (!reclaim_wire(endpoint, fault) || !reclaim_room(endpoint, fault)) return BENCH_FAILED;
    return step_of(status, "handshake", &error, fault);
}

static enum bench_step read_some(struct bench_endpoint *endpoint, uint8_t *data, size_t size,
                                 size_t *count, struct bench_fault *fault) {
    struct tlsmgm_error error;
    *count = 0;
    if (!lend_wire(endpoint, fault)) return BENCH_FAILED;
    enum tlsmgm_status status = bench_backend->read(endpoint->conn, data, size, count, &error);
    if (!reclaim_wire(endpoint, fault) || !send_rest(endpoint, fault)) return BENCH_FAILED;
    return step_of(status, "read", &error, fault);
}

static bool write_all(struct bench_endpoint *endpoint, const uint8_t *data, size_t size,
                      struct bench_fault *fault) {
    struct tlsmgm_error error;
    while (size > 0) {
        size_t count = 0;
        size_t room = size + (size / TLSMGM_RECORD_MAX + 1) * TLSMGM_RECORD_OVERHEAD;
        if (!lend_room(endpoint, room, fault)) return false;
        enum tlsmgm_status status =
            bench_backend->write(endpoint->conn, data, size, &count, &error);
        if (!reclaim_room(endpoint, fault)) return false;
        if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_WANT_WRITE) {
            return bench_contract_fail(fault, "write", &error);
        }
        data += count;
        size -= count;
    }
    return true;
}

static void facts(struct bench_endpoint *endpoint, struct bench_facts *out) {
    bench_contract_facts(endpoint->conn, out);
}

static bool session(struct bench_endpoint *endpoint, struct bench_session **out,
                    struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct tlsmgm_session *found = NULL;
    enum tlsmgm_status status = bench_backend->conn_session(endpoint->conn, &found, &error);
    *out = (struct bench_session *)found;
    return status == TLSMGM_STATUS_OK || bench_contract_fail(fault, "session", &error);
}

static void session_free(struct bench_session *session) {
    bench_backend->session_free((struct tlsmgm_session *)session);
}

static bool fields(struct bench_endpoint *endpoint, struct bench_fault *fault) {
    return bench_contract_fields(bench_backend->peer_certificate(endpoint->conn, 0), fault);
}

const struct bench_layer bench_layer = {
    .name = "contract",
    .library = BENCH_LIBRARY,
    .version = version,
    .init = init,
    .context_new = context_new,
    .context_free = context_free,
    .endpoint_new = endpoint_new,
    .endpoint_free = endpoint_free,
    .handshake = handshake,
    .read = read_some,
    .write = write_all,
    .facts = facts,
    .session = session,
    .session_free = session_free,
    .fields = fields,
};
