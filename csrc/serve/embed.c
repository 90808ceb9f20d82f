/* Greetings: the first flight of a client, for programs that are not linked with us. */
#include "include/embed.h"

#include "base/alert.h"
#include "base/alloc.h"
#include "base/error.h"
#include "serve/acceptor.h"
#include "serve/embed_table.h"

struct tlsmgm_greeting {
    struct tlsmgm_acceptor acceptor;
    struct tlsmgm_error outcome; /* of the last feed() that took anything */
};

static enum tlsmgm_status greeting_new(size_t limit, struct tlsmgm_greeting **out,
                                       struct tlsmgm_error *error) {
    struct tlsmgm_greeting *greeting = tlsmgm_calloc(1, sizeof *greeting);
    *out = greeting;
    if (greeting == NULL) return tlsmgm_fail_memory(error);
    tlsmgm_acceptor_init(&greeting->acceptor, NULL, NULL, limit);
    tlsmgm_error_clear(&greeting->outcome);
    greeting->outcome.status = TLSMGM_STATUS_WANT_READ;
    return TLSMGM_STATUS_OK;
}

static void greeting_free(struct tlsmgm_greeting *greeting) {
    if (greeting == NULL) return;
    tlsmgm_acceptor_free(&greeting->acceptor);
    tlsmgm_free(greeting);
}

static enum tlsmgm_status fail_no_room(struct tlsmgm_error *error) {
    (void)tlsmgm_fail_memory(error);
    error->alert = TLSMGM_ALERT_INTERNAL_ERROR;
    return TLSMGM_STATUS_NO_MEMORY;
}

/* Nothing is ever dropped: what comes behind the hello must find room, too. */
static enum tlsmgm_status take(struct tlsmgm_greeting *greeting, const uint8_t *data, size_t size) {
    struct tlsmgm_acceptor *acceptor = &greeting->acceptor;
    struct tlsmgm_error *outcome = &greeting->outcome;
    bool is_whole = outcome->status == TLSMGM_STATUS_OK;
    size_t taken = 0;
    enum tlsmgm_status status = tlsmgm_acceptor_hold(acceptor, data, size, &taken);
    if (status == TLSMGM_STATUS_OK && !is_whole) status = tlsmgm_acceptor_read(acceptor, outcome);
    if (status == TLSMGM_STATUS_OK && taken < size) status = TLSMGM_STATUS_NO_MEMORY;
    if (status == TLSMGM_STATUS_NO_MEMORY) tlsmgm_acceptor_end(acceptor);
    return status == TLSMGM_STATUS_NO_MEMORY ? fail_no_room(outcome) : status;
}

static enum tlsmgm_status greeting_feed(struct tlsmgm_greeting *greeting, const uint8_t *data,
                                        size_t size, struct tlsmgm_error *error) {
    struct tlsmgm_error *outcome = &greeting->outcome;
    if (outcome->status == TLSMGM_STATUS_WANT_READ || outcome->status == TLSMGM_STATUS_OK) {
        enum tlsmgm_status status = take(greeting, data, size);
        outcome->status = status;
    }
    if (error != NULL) *error = *outcome;
    return outcome->status;
}

static struct tlsmgm_bytes greeting_server_name(const struct tlsmgm_greeting *greeting) {
    bool is_known = greeting->outcome.status == TLSMGM_STATUS_OK;
    return is_known ? greeting->acceptor.flight.hello.server_name : (struct tlsmgm_bytes){0};
}

/* The caller may free the greeting at once, so nothing stays lent. */
static enum tlsmgm_status greeting_start(struct tlsmgm_greeting *greeting,
                                         const struct tlsmgm_ctx_handle *handle,
                                         struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_acceptor_start(&greeting->acceptor, handle, out, error);
    if (status != TLSMGM_STATUS_OK) return status;
    status = handle->backend->reclaim_input(*out, error);
    if (status == TLSMGM_STATUS_OK) return status;
    handle->backend->conn_free(*out);
    *out = NULL;
    if (error != NULL) error->alert = TLSMGM_ALERT_INTERNAL_ERROR;
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
