#include "serve/acceptor.h"

#include "base/error.h"

void tlsmgm_acceptor_init(struct tlsmgm_acceptor *acceptor, struct tlsmgm_selector *selector,
                          const struct tlsmgm_local *local, size_t hello_limit) {
    if (hello_limit == 0 && selector != NULL) hello_limit = tlsmgm_selector_hello_limit(selector);
    *acceptor = (struct tlsmgm_acceptor){.domain = TLSMGM_MATCH_NONE};
    tlsmgm_first_flight_init(&acceptor->flight, hello_limit);
    if (local != NULL) acceptor->local = *local;
    acceptor->selector = tlsmgm_selector_ref(selector);
}

/* It holds the contexts of all other domains, too. */
static void let_go(struct tlsmgm_acceptor *acceptor) {
    tlsmgm_selector_free(acceptor->selector);
    acceptor->selector = NULL;
}

void tlsmgm_acceptor_free(struct tlsmgm_acceptor *acceptor) {
    let_go(acceptor);
    tlsmgm_first_flight_free(&acceptor->flight);
}

void tlsmgm_acceptor_end(struct tlsmgm_acceptor *acceptor) {
    acceptor->state = TLSMGM_ACCEPTOR_ENDED;
    let_go(acceptor);
}

static enum tlsmgm_status end(struct tlsmgm_acceptor *acceptor, enum tlsmgm_status status) {
    tlsmgm_acceptor_end(acceptor);
    return status;
}

enum tlsmgm_status tlsmgm_acceptor_hold(struct tlsmgm_acceptor *acceptor, const uint8_t *data,
                                        size_t size, size_t *taken) {
    return tlsmgm_first_flight_hold(&acceptor->flight, data, size, taken);
}

static enum tlsmgm_status choose(struct tlsmgm_acceptor *acceptor, struct tlsmgm_error *error) {
    const struct tlsmgm_client_hello *hello = &acceptor->flight.hello;
    if (acceptor->selector != NULL) {
        acceptor->generation = tlsmgm_selector_generation(acceptor->selector);
    }
    return tlsmgm_selector_choose(acceptor->selector, &acceptor->local, hello->server_name,
                                  &acceptor->domain, error);
}

/* What follows from the choice. */
static enum tlsmgm_status settle(struct tlsmgm_acceptor *acceptor, enum tlsmgm_status status) {
    if (status == TLSMGM_STATUS_OK) {
        acceptor->state = TLSMGM_ACCEPTOR_PARKED;
    } else if (status == TLSMGM_STATUS_NO_DOMAIN && acceptor->asks) {
        acceptor->state = TLSMGM_ACCEPTOR_ASKING;
        let_go(acceptor); /* a reload need not wait for the answer */
    } else {
        tlsmgm_acceptor_end(acceptor);
    }
    return status;
}

enum tlsmgm_status tlsmgm_acceptor_read(struct tlsmgm_acceptor *acceptor,
                                        struct tlsmgm_error *error) {
    if (acceptor->state == TLSMGM_ACCEPTOR_PARKED) return TLSMGM_STATUS_OK;
    enum tlsmgm_status status = tlsmgm_first_flight_read(&acceptor->flight, error);
    if (status == TLSMGM_STATUS_WANT_READ) return status;
    if (status != TLSMGM_STATUS_OK) return end(acceptor, status);
    /* Without a selector nobody chooses, and whatever context it is started in answers. */
    if (acceptor->selector != NULL) status = choose(acceptor, error);
    return settle(acceptor, status);
}

enum tlsmgm_status tlsmgm_acceptor_answer(struct tlsmgm_acceptor *acceptor,
                                          struct tlsmgm_selector *selector,
                                          struct tlsmgm_error *error) {
    acceptor->asks = false; /* once */
    acceptor->selector = tlsmgm_selector_ref(selector);
    return settle(acceptor, choose(acceptor, error));
}

static enum tlsmgm_status start_in(const struct tlsmgm_first_flight *flight,
                                   const struct tlsmgm_ctx_handle *handle, struct tlsmgm_conn **out,
                                   struct tlsmgm_error *error) {
    const struct tlsmgm_backend *backend = handle->backend;
    if (!tlsmgm_client_hello_offers(&flight->hello, handle->lowest_version,
                                    handle->highest_version)) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_PROTOCOL_VERSION,
                                 "the client speaks no TLS version that the domain allows");
    }
    struct tlsmgm_conn_config config =
        tlsmgm_first_flight_describe(flight, handle->highest_version);
    enum tlsmgm_status status = backend->conn_new(handle->ctx, &config, out, error);
    if (status == TLSMGM_STATUS_OK) {
        status = tlsmgm_first_flight_hand_over(flight, backend, *out, error);
    }
    if (status == TLSMGM_STATUS_OK) return status;
    backend->conn_free(*out);
    *out = NULL;
    return status;
}

enum tlsmgm_status tlsmgm_acceptor_start(struct tlsmgm_acceptor *acceptor,
                                         const struct tlsmgm_ctx_handle *handle,
                                         struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    *out = NULL;
    if (handle == NULL && acceptor->selector != NULL) {
        handle = tlsmgm_selector_context(acceptor->selector, acceptor->domain);
    }
    if (acceptor->state != TLSMGM_ACCEPTOR_PARKED || handle == NULL || !handle->is_server) {
        (void)tlsmgm_fail(error, TLSMGM_STATUS_INTERNAL,
                          "a connection starts with a whole ClientHello and a server's context");
        if (error != NULL) error->alert = TLSMGM_ALERT_INTERNAL_ERROR;
        return TLSMGM_STATUS_INTERNAL;
    }
    enum tlsmgm_status status = start_in(&acceptor->flight, handle, out, error);
    if (status == TLSMGM_STATUS_OK) {
        acceptor->state = TLSMGM_ACCEPTOR_STARTED;
        let_go(acceptor);
        return status;
    }
    if (error != NULL && error->alert == TLSMGM_NO_ALERT) {
        error->alert = TLSMGM_ALERT_INTERNAL_ERROR;
    }
    return end(acceptor, status);
}
