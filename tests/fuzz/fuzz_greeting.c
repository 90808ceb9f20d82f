/*
 * Greeting: what a client sends before its connection exists reaches the connection whole, however
 * it came. The backend is one that only notes what it is given.
 */
#include <stdlib.h>
#include <string.h>

#include "hello/client_hello.h"
#include "serve/embed_table.h"

struct tlsmgm_conn {
    struct tlsmgm_buffer given;
    struct tlsmgm_bytes name;
};

static enum tlsmgm_status conn_new(struct tlsmgm_ctx *ctx, const struct tlsmgm_conn_config *config,
                                   struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    (void)ctx;
    (void)error;
    *out = calloc(1, sizeof **out);
    if (*out == NULL) abort();
    tlsmgm_buffer_init(&(*out)->given, 1u << 24);
    (*out)->name = config->server_name;
    return TLSMGM_STATUS_OK;
}

static void conn_free(struct tlsmgm_conn *conn) {
    if (conn == NULL) return;
    tlsmgm_buffer_free(&conn->given);
    free(conn);
}

static enum tlsmgm_status feed(struct tlsmgm_conn *conn, const uint8_t *data, size_t size,
                               struct tlsmgm_error *error) {
    (void)error;
    if (tlsmgm_buffer_append(&conn->given, data, size) != TLSMGM_STATUS_OK) abort();
    return TLSMGM_STATUS_OK;
}

static enum tlsmgm_status reclaim_input(struct tlsmgm_conn *conn, struct tlsmgm_error *error) {
    (void)conn;
    (void)error;
    return TLSMGM_STATUS_OK;
}

static const struct tlsmgm_backend backend = {
    .contract_version = TLSMGM_CONTRACT_VERSION,
    .conn_new = conn_new,
    .conn_free = conn_free,
    .feed = feed,
    .lend_input = feed,
    .reclaim_input = reclaim_input,
};

/* The same message in both, and the same bytes behind it. */
static void check_same(struct tlsmgm_bytes wire, struct tlsmgm_bytes given, size_t limit) {
    struct tlsmgm_hello_reader ours;
    struct tlsmgm_hello_reader theirs;
    struct tlsmgm_error error;
    tlsmgm_hello_reader_init(&ours, limit);
    tlsmgm_hello_reader_init(&theirs, limit);
    if (tlsmgm_hello_reader_feed(&ours, wire.data, wire.size, &error) != TLSMGM_STATUS_OK) abort();
    if (tlsmgm_hello_reader_feed(&theirs, given.data, given.size, &error) != TLSMGM_STATUS_OK)
        abort();
    struct tlsmgm_bytes sent = tlsmgm_buffer_view(&ours.message);
    struct tlsmgm_bytes read = tlsmgm_buffer_view(&theirs.message);
    if (sent.size != read.size || memcmp(sent.data, read.data, sent.size) != 0) abort();
    /* What is left of the last record of the message gets a header of its own in a replay. */
    size_t behind = wire.size - ours.consumed;
    if (given.size < behind) abort();
    if (behind > 0 && memcmp(wire.data + ours.consumed, given.data + given.size - behind, behind)) {
        abort();
    }
    tlsmgm_hello_reader_free(&ours);
    tlsmgm_hello_reader_free(&theirs);
}

static void check_start(struct tlsmgm_greeting *greeting, struct tlsmgm_bytes wire, size_t limit) {
    const struct tlsmgm_ctx_handle handle = {.backend = &backend, .is_server = true};
    struct tlsmgm_conn *conn;
    struct tlsmgm_error error;
    enum tlsmgm_status status = tlsmgm_greetings.start(greeting, &handle, &conn, &error);
    if (status != TLSMGM_STATUS_OK) {
        if (status != TLSMGM_STATUS_PROTOCOL || conn != NULL) abort();
        return;
    }
    struct tlsmgm_bytes name = tlsmgm_greetings.server_name(greeting);
    if (name.data != conn->name.data || name.size != conn->name.size) abort();
    check_same(wire, tlsmgm_buffer_view(&conn->given), limit);
    conn_free(conn);
}

/* The first byte says how large the pieces are, the second how large a hello may be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tlsmgm_greeting *greeting;
    struct tlsmgm_error error;
    if (size < 2) return 0;
    size_t limit = data[1] * 16u;
    size_t piece = data[0] == 0 ? size : data[0];
    size_t at = 2;
    enum tlsmgm_status status = TLSMGM_STATUS_WANT_READ;
    if (tlsmgm_greetings.greeting_new(limit, &greeting, &error) != TLSMGM_STATUS_OK) abort();
    while (at < size && status == TLSMGM_STATUS_WANT_READ) {
        size_t count = size - at < piece ? size - at : piece;
        status = tlsmgm_greetings.feed(greeting, data + at, count, &error);
        at += count;
    }
    struct tlsmgm_bytes wire = {data + 2, at - 2};
    if (status == TLSMGM_STATUS_OK) {
        check_start(greeting, wire, limit);
    } else if (tlsmgm_greetings.server_name(greeting).data != NULL) {
        abort();
    } else if (tlsmgm_greetings.feed(greeting, data, size, NULL) != status &&
               status != TLSMGM_STATUS_WANT_READ) {
        abort();
    }
    tlsmgm_greetings.greeting_free(greeting);
    return 0;
}
