#include "engine/relay.h"

#include "base/count.h"

const char *tlsmgm_relay_status_word(enum tlsmgm_relay_status status) {
    static const char *const words[] = {
        [TLSMGM_RELAY_OK] = "ok",
        [TLSMGM_RELAY_NO_DOMAIN] = "no-domain",
        [TLSMGM_RELAY_HANDSHAKE_FAILED] = "handshake-failed",
        [TLSMGM_RELAY_HELLO_TOO_LARGE] = "hello-too-large",
        [TLSMGM_RELAY_FIRST_BYTE_TIMEOUT] = "first-byte-timeout",
        [TLSMGM_RELAY_HANDSHAKE_TIMEOUT] = "handshake-timeout",
        [TLSMGM_RELAY_BAD_PROXY_HEADER] = "bad-proxy-header",
        [TLSMGM_RELAY_UPSTREAM_FAILED] = "upstream-failed",
        [TLSMGM_RELAY_UPSTREAM_TIMEOUT] = "upstream-timeout",
        [TLSMGM_RELAY_CLIENT_CLOSED] = "client-closed",
        [TLSMGM_RELAY_UPSTREAM_CLOSED] = "upstream-closed",
        [TLSMGM_RELAY_CLIENT_TRUNCATED] = "client-truncated",
        [TLSMGM_RELAY_UPSTREAM_TRUNCATED] = "upstream-truncated",
        [TLSMGM_RELAY_CLIENT_ERROR] = "client-error",
        [TLSMGM_RELAY_UPSTREAM_ERROR] = "upstream-error",
        [TLSMGM_RELAY_IDLE_TIMEOUT] = "idle-timeout",
        [TLSMGM_RELAY_SEND_TIMEOUT] = "send-timeout",
        [TLSMGM_RELAY_DRAINED] = "drained",
        [TLSMGM_RELAY_INTERNAL_ERROR] = "internal-error",
        [TLSMGM_RELAY_NOT_TAKEN] = "not-taken",
    };
    return (size_t)status < TLSMGM_COUNT(words) ? words[status] : NULL;
}

/* Why a relay has ended. */
struct cause {
    const char *reason;
    const struct tlsmgm_error *failure;
    int error;
};

static struct cause because(const char *reason) { return (struct cause){.reason = reason}; }

/* What has ended an endpoint, in the same words whatever the library. */
static struct cause cause_of(const struct tlsmgm_endpoint *endpoint) {
    if (endpoint->failure != NULL) return (struct cause){.failure = endpoint->failure};
    if (endpoint->lost_error != 0) return (struct cause){.error = endpoint->lost_error};
    return because("connection closed");
}

static bool is_client(const struct tlsmgm_relay *relay, const struct tlsmgm_endpoint *endpoint) {
    return endpoint == &relay->client;
}

/* NULL: there is none yet. */
static struct tlsmgm_endpoint *other_of(struct tlsmgm_relay *relay,
                                        const struct tlsmgm_endpoint *endpoint) {
    if (!is_client(relay, endpoint)) return &relay->client;
    return relay->has_upstream ? &relay->upstream : NULL;
}

/* --- how it ends ----------------------------------------------------------------------------- */

static void note_end(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status,
                     struct cause cause) {
    relay->status = status;
    relay->reason = cause.reason;
    relay->failure = cause.failure;
    relay->error = cause.error;
    relay->has_ended_well = false;
}

/* Enters the last phase; the first status stays. */
static void end(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status, struct cause cause) {
    if (relay->phase >= TLSMGM_RELAY_CLOSING) return;
    relay->phase = TLSMGM_RELAY_CLOSING;
    relay->is_asking = false;
    relay->is_waiting = false;
    note_end(relay, status, cause);
}

/* Ends what is not over; the peer learns that, unless the settings hide it from plain ones. */
static void end_uncleanly(const struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    bool is_told = endpoint->is_tls ? endpoint->failure != NULL /* an alert is no clean end */
                                    : relay->settings->ends_plain_with_fin;
    if (is_told)
        tlsmgm_endpoint_close_cleanly(endpoint);
    else
        tlsmgm_endpoint_reset(endpoint);
}

/* Ends a side in the way that befits what the other one has said. */
static void end_after(const struct tlsmgm_relay *relay, const struct tlsmgm_endpoint *source,
                      struct tlsmgm_endpoint *endpoint) {
    if (source != NULL && source->input_ended)
        tlsmgm_endpoint_close_cleanly(endpoint);
    else
        end_uncleanly(relay, endpoint);
}

static void end_both(struct tlsmgm_relay *relay) {
    end_after(relay, other_of(relay, &relay->client), &relay->client);
    if (relay->has_upstream) end_after(relay, &relay->client, &relay->upstream);
}

static void reset_both(struct tlsmgm_relay *relay) {
    tlsmgm_endpoint_reset(&relay->client);
    if (relay->has_upstream) tlsmgm_endpoint_reset(&relay->upstream);
}

/* A limit has struck; nobody may take that for a clean end. */
static void cut(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status, const char *reason) {
    if (relay->phase == TLSMGM_RELAY_CLOSING) { /* ended well, and one does not take the rest */
        note_end(relay, status, because(reason));
        reset_both(relay);
        return;
    }
    end(relay, status, because(reason));
    end_uncleanly(relay, &relay->client);
    if (relay->has_upstream) end_uncleanly(relay, &relay->upstream);
}

static void give_up(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status,
                    struct cause cause) {
    if (relay->phase >= TLSMGM_RELAY_CLOSING) return;
    end(relay, status, cause);
    end_both(relay);
}

/*
 * Many TLS peers never send close_notify, or close without a look at ours. That is ordinary once
 * everything was delivered, and has words of its own; how the other side is ended does not depend
 * on them.
 */
static enum tlsmgm_relay_status status_of_end(struct tlsmgm_relay *relay,
                                              const struct tlsmgm_endpoint *endpoint) {
    const struct tlsmgm_endpoint *other = other_of(relay, endpoint);
    bool from_client = is_client(relay, endpoint);
    bool is_truncated =
        endpoint->failure != NULL && endpoint->failure->status == TLSMGM_STATUS_TRUNCATED;
    bool is_lost = endpoint->failure == NULL && endpoint->lost_error != 0;
    bool is_delivered = tlsmgm_endpoint_pending(endpoint) == 0 &&
                        (other == NULL || tlsmgm_endpoint_pending(other) == 0);
    bool is_between = tlsmgm_record_count_is_between(&endpoint->records);
    if (endpoint->is_tls && is_delivered && is_between && (is_truncated || is_lost)) {
        if (other != NULL && other->input_ended) return TLSMGM_RELAY_OK; /* and it knew */
        if (is_truncated)
            return from_client ? TLSMGM_RELAY_CLIENT_CLOSED : TLSMGM_RELAY_UPSTREAM_CLOSED;
    }
    if (is_truncated)
        return from_client ? TLSMGM_RELAY_CLIENT_TRUNCATED : TLSMGM_RELAY_UPSTREAM_TRUNCATED;
    return from_client ? TLSMGM_RELAY_CLIENT_ERROR : TLSMGM_RELAY_UPSTREAM_ERROR;
}

/* One side has ended uncleanly: so does the other. */
static void break_off(struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_endpoint *other = other_of(relay, endpoint);
    enum tlsmgm_relay_status status = status_of_end(relay, endpoint);
    struct cause none = {0};
    end(relay, status, status == TLSMGM_RELAY_OK ? none : cause_of(endpoint));
    if (endpoint->failure != NULL) end_uncleanly(relay, endpoint);
    /* What has answered in full may refuse the rest of the request. */
    if (other != NULL) end_after(relay, endpoint, other);
}

/* --- what endpoints say ---------------------------------------------------------------------- */

static void begin_relaying(struct tlsmgm_relay *relay, uint64_t now) {
    relay->phase = TLSMGM_RELAY_RELAYING;
    relay->phase_started = now;
    relay->moved_at = now;
    tlsmgm_endpoint_set_sink(&relay->client, &relay->upstream);
    tlsmgm_endpoint_set_sink(&relay->upstream, &relay->client);
    tlsmgm_endpoint_release(&relay->upstream, TLSMGM_HOLD_START);
    tlsmgm_endpoint_release(&relay->client, TLSMGM_HOLD_START);
}

static void established(struct tlsmgm_relay *relay, const struct tlsmgm_endpoint *endpoint,
                        uint64_t now) {
    if (relay->phase >= TLSMGM_RELAY_CLOSING) return;
    if (!is_client(relay, endpoint)) {
        begin_relaying(relay, now);
        return;
    }
    relay->phase = TLSMGM_RELAY_CONNECTING;
    relay->phase_started = now;
    relay->is_waiting = true;
}

static enum tlsmgm_relay_status status_of_handshake(const struct tlsmgm_error *failure) {
    if (failure->status == TLSMGM_STATUS_NO_DOMAIN) return TLSMGM_RELAY_NO_DOMAIN;
    if (failure->status == TLSMGM_STATUS_HELLO_TOO_LARGE) return TLSMGM_RELAY_HELLO_TOO_LARGE;
    return TLSMGM_RELAY_HANDSHAKE_FAILED;
}

static void failed(struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    switch (relay->phase) {
        case TLSMGM_RELAY_HANDSHAKE:
            end(relay, status_of_handshake(endpoint->failure), cause_of(endpoint));
            tlsmgm_endpoint_close_cleanly(endpoint);
            break;
        case TLSMGM_RELAY_CONNECTING:
            if (is_client(relay, endpoint))
                break_off(relay, endpoint);
            else
                give_up(relay, TLSMGM_RELAY_UPSTREAM_FAILED, cause_of(endpoint));
            break;
        case TLSMGM_RELAY_RELAYING:
            break_off(relay, endpoint);
            break;
        case TLSMGM_RELAY_CLOSING:
            tlsmgm_endpoint_reset(endpoint);
            break;
        case TLSMGM_RELAY_OVER:
            break;
    }
}

/* Passes the end of one direction on; closes when both have ended. */
static void input_ended(struct tlsmgm_relay *relay, const struct tlsmgm_endpoint *endpoint) {
    if (relay->phase != TLSMGM_RELAY_RELAYING) return;
    tlsmgm_endpoint_send_end(other_of(relay, endpoint));
    if (!relay->client.input_ended || !relay->upstream.input_ended) return;
    relay->phase = TLSMGM_RELAY_CLOSING;
    relay->has_ended_well = true;
    tlsmgm_endpoint_close(&relay->client);
    tlsmgm_endpoint_close(&relay->upstream);
}

static void lost(struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    switch (relay->phase) {
        case TLSMGM_RELAY_HANDSHAKE:
            end(relay, TLSMGM_RELAY_HANDSHAKE_FAILED, cause_of(endpoint));
            break;
        case TLSMGM_RELAY_CONNECTING:
            if (!is_client(relay, endpoint)) {
                give_up(relay, TLSMGM_RELAY_UPSTREAM_FAILED, cause_of(endpoint));
                break;
            }
            end(relay, TLSMGM_RELAY_CLIENT_ERROR, cause_of(endpoint));
            if (relay->has_upstream) end_uncleanly(relay, &relay->upstream);
            break;
        case TLSMGM_RELAY_RELAYING:
            break_off(relay, endpoint);
            break;
        case TLSMGM_RELAY_CLOSING:
        case TLSMGM_RELAY_OVER:
            break;
    }
}

/* False: nothing has happened. */
static bool look_at(struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint, uint64_t now) {
    unsigned events = endpoint->events;
    endpoint->events = 0;
    if ((events & TLSMGM_ENDPOINT_ASKS) != 0) relay->is_asking = true;
    if ((events & TLSMGM_ENDPOINT_ESTABLISHED) != 0) established(relay, endpoint, now);
    if ((events & TLSMGM_ENDPOINT_INPUT_ENDED) != 0) input_ended(relay, endpoint);
    if ((events & TLSMGM_ENDPOINT_FAILED) != 0) failed(relay, endpoint);
    if ((events & TLSMGM_ENDPOINT_LOST) != 0) lost(relay, endpoint);
    if ((events & TLSMGM_ENDPOINT_PAUSED) != 0) relay->pauses++;
    if ((events & TLSMGM_ENDPOINT_FLOODS) != 0) relay->floods++;
    return events != 0;
}

/* --- time ------------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t one, uint64_t other) { return one < other ? one : other; }

static void note_moves(struct tlsmgm_relay *relay, enum tlsmgm_relay_side side, uint64_t now) {
    const struct tlsmgm_endpoint *endpoint =
        side == TLSMGM_RELAY_CLIENT ? &relay->client : &relay->upstream;
    struct tlsmgm_relay_moves *moves = &relay->moves[side];
    if (moves->received != endpoint->bytes_received || moves->taken != endpoint->bytes_taken) {
        relay->moved_at = now;
    }
    /* Who has nothing to take need not take anything. */
    if (moves->taken != endpoint->bytes_taken || !endpoint->paused) moves->taken_at = now;
    moves->received = endpoint->bytes_received;
    moves->taken = endpoint->bytes_taken;
    if (endpoint->discards && moves->discards_since == 0) moves->discards_since = now;
}

static bool awaits_first_byte(const struct tlsmgm_relay *relay) {
    const struct tlsmgm_relay_settings *settings = relay->settings;
    return relay->client.is_tls && !relay->client.has_received &&
           settings->first_byte_timeout > 0 &&
           settings->first_byte_timeout < settings->handshake_timeout;
}

static uint64_t deadline_of_side(const struct tlsmgm_relay *relay, enum tlsmgm_relay_side side) {
    const struct tlsmgm_endpoint *endpoint =
        side == TLSMGM_RELAY_CLIENT ? &relay->client : &relay->upstream;
    const struct tlsmgm_relay_moves *moves = &relay->moves[side];
    if (endpoint->fd < 0) return TLSMGM_NEVER;
    if (endpoint->discards && moves->discards_since == 0) return TLSMGM_NEVER; /* just now */
    if (endpoint->discards) return moves->discards_since + relay->settings->linger_timeout;
    return endpoint->paused ? moves->taken_at + relay->settings->send_timeout : TLSMGM_NEVER;
}

static uint64_t idle_deadline(const struct tlsmgm_relay *relay) {
    uint32_t timeout = relay->settings->idle_timeout;
    bool counts = relay->phase == TLSMGM_RELAY_RELAYING || relay->has_ended_well;
    return counts && timeout > 0 ? relay->moved_at + timeout : TLSMGM_NEVER;
}

static uint64_t phase_deadline(const struct tlsmgm_relay *relay) {
    const struct tlsmgm_relay_settings *settings = relay->settings;
    switch (relay->phase) {
        case TLSMGM_RELAY_HANDSHAKE:
            return relay->started + (awaits_first_byte(relay) ? settings->first_byte_timeout
                                                              : settings->handshake_timeout);
        case TLSMGM_RELAY_CONNECTING:
            return relay->phase_started + settings->connect_timeout;
        case TLSMGM_RELAY_RELAYING:
        case TLSMGM_RELAY_CLOSING:
        case TLSMGM_RELAY_OVER:
            break;
    }
    return TLSMGM_NEVER;
}

static void set_deadline(struct tlsmgm_relay *relay) {
    uint64_t deadline = earlier(phase_deadline(relay), idle_deadline(relay));
    deadline = earlier(deadline, deadline_of_side(relay, TLSMGM_RELAY_CLIENT));
    if (relay->has_upstream) {
        deadline = earlier(deadline, deadline_of_side(relay, TLSMGM_RELAY_UPSTREAM));
    }
    relay->deadline = relay->phase == TLSMGM_RELAY_OVER ? TLSMGM_NEVER : deadline;
}

static void expire_phase(struct tlsmgm_relay *relay) {
    static const char no_header[] = "no whole PROXY protocol header has come in time";
    if (relay->phase == TLSMGM_RELAY_CONNECTING) {
        give_up(relay, TLSMGM_RELAY_UPSTREAM_TIMEOUT,
                because("the upstream was not reached in time"));
        if (relay->has_upstream) tlsmgm_endpoint_reset(&relay->upstream);
    } else if (awaits_first_byte(relay)) {
        cut(relay, TLSMGM_RELAY_FIRST_BYTE_TIMEOUT,
            relay->awaits_header ? no_header : "the client has sent nothing");
    } else {
        cut(relay, TLSMGM_RELAY_HANDSHAKE_TIMEOUT,
            relay->awaits_header ? no_header : "the client has not finished its handshake in time");
    }
}

/* The last words were not taken in time, or the peer does not hang up. */
static void expire_linger(const struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    bool has_all = tlsmgm_endpoint_pending(endpoint) == 0;
    if (!endpoint->is_tls && relay->settings->ends_plain_with_fin && has_all) {
        tlsmgm_endpoint_close(endpoint);
    } else {
        tlsmgm_endpoint_reset(endpoint);
    }
}

static void expire_side(struct tlsmgm_relay *relay, enum tlsmgm_relay_side side, uint64_t now) {
    struct tlsmgm_endpoint *endpoint =
        side == TLSMGM_RELAY_CLIENT ? &relay->client : &relay->upstream;
    if (deadline_of_side(relay, side) > now) return;
    if (endpoint->discards) {
        expire_linger(relay, endpoint);
    } else if (side == TLSMGM_RELAY_CLIENT) {
        cut(relay, TLSMGM_RELAY_SEND_TIMEOUT, "the client takes nothing of what waits for it");
    } else {
        cut(relay, TLSMGM_RELAY_SEND_TIMEOUT, "the upstream takes nothing of what waits for it");
    }
}

static void expire_idle(struct tlsmgm_relay *relay) {
    if (relay->phase == TLSMGM_RELAY_CLOSING) {
        cut(relay, TLSMGM_RELAY_IDLE_TIMEOUT, "the last bytes were not taken");
        return;
    }
    give_up(relay, TLSMGM_RELAY_IDLE_TIMEOUT, because("no data in either direction"));
}

/* --- what the owner calls -------------------------------------------------------------------- */

/* If the process is killed, the system must not end a plain connection with a clean FIN. */
static void arm(const struct tlsmgm_relay *relay, struct tlsmgm_endpoint *endpoint) {
    if (endpoint->is_tls || relay->settings->ends_plain_with_fin) return;
    tlsmgm_endpoint_arm(endpoint);
}

static void resume(struct tlsmgm_endpoint *endpoint) {
    static const struct tlsmgm_ready nothing = {0};
    if (!endpoint->resumes || endpoint->holds != 0) return;
    (void)tlsmgm_endpoint_step(endpoint, &nothing);
}

/* Looks at everything that has happened, until nothing more does. */
static void settle(struct tlsmgm_relay *relay, uint64_t now) {
    bool again = true;
    while (again) {
        again = look_at(relay, &relay->client, now);
        if (relay->has_upstream) again = look_at(relay, &relay->upstream, now) || again;
        resume(&relay->client);
        if (relay->has_upstream) resume(&relay->upstream);
        again = again || relay->client.events != 0;
        if (relay->has_upstream) again = again || relay->upstream.events != 0;
    }
    note_moves(relay, TLSMGM_RELAY_CLIENT, now);
    if (relay->has_upstream) note_moves(relay, TLSMGM_RELAY_UPSTREAM, now);
    bool is_open = relay->client.fd >= 0 || (relay->has_upstream && relay->upstream.fd >= 0);
    if (!is_open && !relay->is_waiting) relay->phase = TLSMGM_RELAY_OVER;
    set_deadline(relay);
    relay->has_more = tlsmgm_endpoint_has_more(&relay->client) ||
                      (relay->has_upstream && tlsmgm_endpoint_has_more(&relay->upstream));
}

void tlsmgm_relay_init(struct tlsmgm_relay *relay, const struct tlsmgm_relay_settings *settings,
                       const struct tlsmgm_transport *transport, struct tlsmgm_room *room, int fd,
                       uint64_t now) {
    *relay = (struct tlsmgm_relay){
        .settings = settings, .started = now, .phase_started = now, .moved_at = now};
    tlsmgm_endpoint_init(&relay->client, transport, fd, room, settings->high_water);
    relay->client.idle_limit = settings->idle_records;
    set_deadline(relay);
}

void tlsmgm_relay_free(struct tlsmgm_relay *relay) {
    tlsmgm_endpoint_free(&relay->client);
    if (relay->has_upstream) tlsmgm_endpoint_free(&relay->upstream);
}

void tlsmgm_relay_await_header(struct tlsmgm_relay *relay, bool is_tls) {
    relay->awaits_header = true;
    relay->client.is_tls = is_tls;
    set_deadline(relay);
}

void tlsmgm_relay_refuse(struct tlsmgm_relay *relay, const struct tlsmgm_error *failure, int error,
                         uint64_t now) {
    struct tlsmgm_endpoint *client = &relay->client;
    if (failure != NULL) tlsmgm_endpoint_note_failure(client, failure);
    end(relay, TLSMGM_RELAY_BAD_PROXY_HEADER,
        (struct cause){.failure = client->failure, .error = error});
    tlsmgm_endpoint_reset(client);
    settle(relay, now);
}

void tlsmgm_relay_begin(struct tlsmgm_relay *relay, struct tlsmgm_selector *selector,
                        const struct tlsmgm_local *local, size_t hello_limit, uint64_t now) {
    struct tlsmgm_endpoint *client = &relay->client;
    relay->awaits_header = false;
    if (selector == NULL || tlsmgm_endpoint_accept_tls(client, selector, local, hello_limit,
                                                       NULL) == TLSMGM_STATUS_OK) {
        if (selector != NULL && relay->settings->asks) tlsmgm_endpoint_ask(client);
        arm(relay, client);
        tlsmgm_endpoint_begin(client, (struct tlsmgm_bytes){0});
    } else {
        cut(relay, TLSMGM_RELAY_INTERNAL_ERROR, "out of memory");
    }
    settle(relay, now);
}

void tlsmgm_relay_answer(struct tlsmgm_relay *relay, const struct tlsmgm_relay_settings *settings,
                         struct tlsmgm_selector *selector, uint64_t now) {
    if (!relay->is_asking) return;
    relay->is_asking = false;
    relay->settings = settings;
    tlsmgm_endpoint_answer(&relay->client, selector);
    settle(relay, now);
}

void tlsmgm_relay_adopt(struct tlsmgm_relay *relay, const struct tlsmgm_backend *backend,
                        struct tlsmgm_conn *conn, struct tlsmgm_buffer *unsent, uint64_t now) {
    if (conn == NULL) arm(relay, &relay->client);
    tlsmgm_endpoint_adopt(&relay->client, backend, conn, unsent);
    settle(relay, now);
}

bool tlsmgm_relay_ready(struct tlsmgm_relay *relay, enum tlsmgm_relay_side side,
                        const struct tlsmgm_ready *ready, uint64_t now) {
    if (side == TLSMGM_RELAY_UPSTREAM && !relay->has_upstream) return false;
    struct tlsmgm_endpoint *endpoint =
        side == TLSMGM_RELAY_CLIENT ? &relay->client : &relay->upstream;
    (void)tlsmgm_endpoint_step(endpoint, ready);
    settle(relay, now);
    return tlsmgm_endpoint_has_more(endpoint);
}

/* Nobody waits for it any more. */
static void turn_away(const struct tlsmgm_relay *relay, int fd,
                      const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn) {
    const struct tlsmgm_transport *transport = relay->client.transport;
    transport->reset(transport->context, fd);
    if (conn != NULL) backend->conn_free(conn);
}

void tlsmgm_relay_attach(struct tlsmgm_relay *relay, int fd, struct tlsmgm_bytes preface,
                         const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                         uint64_t now) {
    if (!relay->is_waiting) {
        turn_away(relay, fd, backend, conn);
        return;
    }
    relay->is_waiting = false;
    relay->has_upstream = true;
    relay->moves[TLSMGM_RELAY_UPSTREAM] = (struct tlsmgm_relay_moves){.taken_at = now};
    tlsmgm_endpoint_init(&relay->upstream, relay->client.transport, fd, relay->client.room,
                         relay->settings->high_water);
    relay->upstream.idle_limit = relay->settings->idle_records;
    if (conn != NULL) tlsmgm_endpoint_connect_tls(&relay->upstream, backend, conn);
    arm(relay, &relay->upstream);
    tlsmgm_endpoint_begin(&relay->upstream, preface);
    settle(relay, now);
}

void tlsmgm_relay_no_upstream(struct tlsmgm_relay *relay, enum tlsmgm_relay_status status,
                              const char *reason, int error, uint64_t now) {
    if (relay->is_waiting) give_up(relay, status, (struct cause){.reason = reason, .error = error});
    settle(relay, now);
}

void tlsmgm_relay_expire(struct tlsmgm_relay *relay, uint64_t now) {
    if (phase_deadline(relay) <= now) expire_phase(relay);
    expire_side(relay, TLSMGM_RELAY_CLIENT, now);
    if (relay->has_upstream) expire_side(relay, TLSMGM_RELAY_UPSTREAM, now);
    if (idle_deadline(relay) <= now) expire_idle(relay);
    settle(relay, now);
}

void tlsmgm_relay_fail(struct tlsmgm_relay *relay, const char *reason, int error, uint64_t now) {
    end(relay, TLSMGM_RELAY_INTERNAL_ERROR, (struct cause){.reason = reason, .error = error});
    reset_both(relay);
    settle(relay, now);
}

void tlsmgm_relay_stop(struct tlsmgm_relay *relay, uint64_t now) {
    struct cause cause = because("the proxy stops");
    switch (relay->phase) {
        case TLSMGM_RELAY_HANDSHAKE:
            end(relay, TLSMGM_RELAY_DRAINED, cause);
            tlsmgm_endpoint_reset(&relay->client);
            break;
        case TLSMGM_RELAY_CONNECTING:
        case TLSMGM_RELAY_RELAYING:
            give_up(relay, TLSMGM_RELAY_DRAINED, cause);
            break;
        case TLSMGM_RELAY_CLOSING:
        case TLSMGM_RELAY_OVER:
            break;
    }
    settle(relay, now);
}

void tlsmgm_relay_abort(struct tlsmgm_relay *relay, uint64_t now) {
    end(relay, TLSMGM_RELAY_DRAINED, because("the proxy stops"));
    reset_both(relay);
    settle(relay, now);
}
