#include "greeting.h"

#include "alloc.h"
#include "client_hello.h"
#include "error.h"

/* Room for a hello cut into records of one byte each: 5 more bytes for every one of it. */
#define WIRE_SLACK 8u

struct tlsmgm_greeting {
    struct tlsmgm_hello_reader reader;
    struct tlsmgm_client_hello hello; /* of the reader's message, once outcome says OK */
    struct tlsmgm_buffer wire;        /* all bytes, as they came */
    struct tlsmgm_error outcome;      /* of the last feed() that took anything */
};

static enum tlsmgm_status greeting_new(size_t limit, struct tlsmgm_greeting **out,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_greeting *greeting = tlsmgm_calloc(1, sizeof *greeting);
    *out = greeting;
    if (greeting == NULL) return tlsmgm_fail_memory(error);
    tlsmgm_hello_reader_init(&greeting->reader, limit);
    tlsmgm_buffer_init(&greeting->wire, greeting->reader.message.limit * WIRE_SLACK);
    tlsmgm_error_clear(&greeting->outcome);
    greeting->outcome.status = TLSMGM_WANT_READ;
    return TLSMGM_OK;
}

static void greeting_free(struct tlsmgm_greeting *greeting) {
    if (greeting == NULL) return;
    tlsmgm_hello_reader_free(&greeting->reader);
    tlsmgm_buffer_free(&greeting->wire);
    tlsmgm_free(greeting);
}

static enum tlsmgm_status take(struct tlsmgm_greeting *greeting, const uint8_t *data, size_t size,
                               struct tlsmgm_error *error) {
    if (tlsmgm_buffer_append(&greeting->wire, data, size) != TLSMGM_OK) {
        (void)tlsmgm_fail_memory(error);
        error->alert = TLSMGM_ALERT_INTERNAL_ERROR;
        return TLSMGM_NO_MEMORY;
    }
    enum tlsmgm_status status = tlsmgm_hello_reader_feed(&greeting->reader, data, size, error);
    if (status != TLSMGM_OK) return status;
    return tlsmgm_client_hello_parse(tlsmgm_buffer_view(&greeting->reader.message),
                                     &greeting->hello, error);
}

static enum tlsmgm_status greeting_feed(struct tlsmgm_greeting *greeting, const uint8_t *data,
                                        size_t size, struct tlsmgm_error *error) {
    struct tlsmgm_error *outcome = &greeting->outcome;
    if (outcome->status == TLSMGM_WANT_READ) {
        enum tlsmgm_status status = take(greeting, data, size, outcome);
        outcome->status = status;
    }
    if (error != NULL) *error = *outcome;
    return outcome->status;
}

static struct tlsmgm_bytes greeting_server_name(const struct tlsmgm_greeting *greeting) {
    bool is_known = greeting->outcome.status == TLSMGM_OK && greeting->hello.has_server_name;
    return is_known ? greeting->hello.server_name : (struct tlsmgm_bytes){0};
}

/* What decides which of two certificates is shown, and on which group both agree. */
static struct tlsmgm_conn_config describe(const struct tlsmgm_greeting *greeting,
                                          const struct tlsmgm_ctx_handle *handle) {
    const struct tlsmgm_client_hello *hello = &greeting->hello;
    bool without_1_3 = handle->highest_version > 0 && handle->highest_version < 0x0304;
    return (struct tlsmgm_conn_config){
        .server_name = greeting_server_name(greeting),
        .signature_algorithms = hello->signature_algorithms,
        .cipher_suites = hello->cipher_suites,
        .groups = hello->groups,
        .up_to_1_2 = without_1_3 || !tlsmgm_client_hello_offers(hello, 0x0304, 0),
    };
}

/* Feeds the hello in one piece, and whatever came behind it. */
static enum tlsmgm_status replay(const struct tlsmgm_greeting *greeting,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                                 struct tlsmgm_error *error) {
    const struct tlsmgm_hello_reader *reader = &greeting->reader;
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&greeting->wire);
    struct tlsmgm_buffer whole;
    tlsmgm_buffer_init(&whole, 2 * reader->message.limit);
    enum tlsmgm_status status = tlsmgm_hello_reader_replay(reader, &whole);
    if (status != TLSMGM_OK) {
        (void)tlsmgm_fail_memory(error);
    } else {
        struct tlsmgm_bytes hello = tlsmgm_buffer_view(&whole);
        status = backend->feed(conn, hello.data, hello.size, error);
    }
    tlsmgm_buffer_free(&whole);
    if (status != TLSMGM_OK || wire.size == reader->consumed) return status;
    return backend->feed(conn, wire.data + reader->consumed, wire.size - reader->consumed, error);
}

static enum tlsmgm_status hand_over(const struct tlsmgm_greeting *greeting,
                                    const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                                    struct tlsmgm_error *error) {
    if (!tlsmgm_hello_reader_is_plain(&greeting->reader)) {
        return replay(greeting, backend, conn, error);
    }
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&greeting->wire);
    return backend->feed(conn, wire.data, wire.size, error);
}

static enum tlsmgm_status greeting_start(const struct tlsmgm_greeting *greeting,
                                         const struct tlsmgm_ctx_handle *handle,
                                         struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    *out = NULL;
    if (greeting->outcome.status != TLSMGM_OK || !handle->is_server) {
        return tlsmgm_fail(error, TLSMGM_INTERNAL,
                           "a connection starts with a whole ClientHello and a server's context");
    }
    if (!tlsmgm_client_hello_offers(&greeting->hello, handle->lowest_version,
                                    handle->highest_version)) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_PROTOCOL_VERSION,
                                 "the client speaks no TLS version that the domain allows");
    }
    const struct tlsmgm_backend *backend = handle->backend;
    struct tlsmgm_conn_config config = describe(greeting, handle);
    enum tlsmgm_status status = backend->conn_new(handle->ctx, &config, out, error);
    if (status == TLSMGM_OK) status = hand_over(greeting, backend, *out, error);
    if (status != TLSMGM_OK) {
        backend->conn_free(*out);
        *out = NULL;
    }
    return status;
}

const struct tlsmgm_greeting_table tlsmgm_greetings = {
    .contract_version = TLSMGM_CONTRACT_VERSION,
    .greeting_new = greeting_new,
    .greeting_free = greeting_free,
    .feed = greeting_feed,
    .server_name = greeting_server_name,
    .start = greeting_start,
    .alert_record = tlsmgm_alert_record,
};
