#include "engine/endpoint.h"

#include <errno.h>
#include <string.h>

#include "base/alert.h"
#include "base/alloc.h"
#include "base/error.h"

/* Most that may wait for a peer: what one step of the other side can bring, above any mark. */
#define PENDING_MAX (64u << 20)

/* Reads of one step; then others go first. */
#define READS_MAX 8

/* Where there is no memory for what has happened. */
static struct tlsmgm_error no_memory = {
    .status = TLSMGM_STATUS_NO_MEMORY, .alert = TLSMGM_NO_ALERT, .text = "out of memory"};

void tlsmgm_endpoint_init(struct tlsmgm_endpoint *endpoint,
                          const struct tlsmgm_transport *transport, int fd,
                          struct tlsmgm_room *room, size_t high_water) {
    *endpoint = (struct tlsmgm_endpoint){.transport = transport,
                                         .fd = fd,
                                         .room = room,
                                         .high_water = high_water,
                                         .domain = TLSMGM_MATCH_NONE,
                                         .writable = true};
    tlsmgm_buffer_init(&endpoint->pending, PENDING_MAX);
}

static void free_acceptor(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->acceptor == NULL) return;
    tlsmgm_acceptor_free(endpoint->acceptor);
    tlsmgm_free(endpoint->acceptor);
    endpoint->acceptor = NULL;
}

void tlsmgm_endpoint_free(struct tlsmgm_endpoint *endpoint) {
    tlsmgm_endpoint_reset(endpoint);
    if (endpoint->conn != NULL) endpoint->backend->conn_free(endpoint->conn);
    endpoint->conn = NULL;
    free_acceptor(endpoint);
    tlsmgm_blob_free(&endpoint->server_name);
    if (endpoint->failure != &no_memory) tlsmgm_free(endpoint->failure);
    endpoint->failure = NULL;
    tlsmgm_buffer_free(&endpoint->pending);
}

enum tlsmgm_status tlsmgm_endpoint_accept_tls(struct tlsmgm_endpoint *endpoint,
                                              struct tlsmgm_selector *selector,
                                              const struct tlsmgm_local *local, size_t hello_limit,
                                              struct tlsmgm_error *error) {
    endpoint->is_tls = true;
    endpoint->acceptor = tlsmgm_calloc(1, sizeof *endpoint->acceptor);
    if (endpoint->acceptor == NULL) return tlsmgm_fail_memory(error);
    tlsmgm_acceptor_init(endpoint->acceptor, selector, local, hello_limit);
    return TLSMGM_STATUS_OK;
}

void tlsmgm_endpoint_connect_tls(struct tlsmgm_endpoint *endpoint,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn) {
    endpoint->is_tls = true;
    endpoint->backend = backend;
    endpoint->conn = conn;
}

static void tell(struct tlsmgm_endpoint *endpoint, enum tlsmgm_endpoint_event event) {
    endpoint->events = (uint8_t)(endpoint->events | event);
}

/* --- the transport --------------------------------------------------------------------------- */

static void lose(struct tlsmgm_endpoint *endpoint, int error, void (*how)(void *context, int fd)) {
    if (endpoint->fd < 0) return;
    how(endpoint->transport->context, endpoint->fd);
    endpoint->fd = -1;
    endpoint->lost_error = error;
    tell(endpoint, TLSMGM_ENDPOINT_LOST);
}

void tlsmgm_endpoint_reset(struct tlsmgm_endpoint *endpoint) {
    lose(endpoint, 0, endpoint->transport->reset);
}

void tlsmgm_endpoint_arm(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->fd < 0) return;
    endpoint->is_armed = true;
    endpoint->transport->arm(endpoint->transport->context, endpoint->fd, true);
}

/* The parts of an end that wait for everything to be written. */
static void end_if_written(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->fd < 0 || tlsmgm_endpoint_pending(endpoint) > 0) return;
    if (endpoint->end_wanted) {
        endpoint->end_wanted = false;
        endpoint->transport->end(endpoint->transport->context, endpoint->fd);
    }
    if (!endpoint->close_wanted) return;
    if (endpoint->is_armed)
        endpoint->transport->arm(endpoint->transport->context, endpoint->fd, false);
    lose(endpoint, 0, endpoint->transport->close);
}

/* Returns how many bytes were taken. */
static size_t send_now(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    size_t done = 0;
    while (done < size && endpoint->writable && endpoint->fd >= 0) {
        int64_t count = endpoint->transport->send(endpoint->transport->context, endpoint->fd,
                                                  data + done, size - done);
        if (count > 0) {
            done += (size_t)count;
            endpoint->bytes_taken += (uint64_t)count;
        } else if (count == -EAGAIN || count == 0) {
            endpoint->writable = false;
        } else {
            lose(endpoint, (int)-count, endpoint->transport->reset);
        }
    }
    return done;
}

static void pause_source(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->paused || tlsmgm_endpoint_pending(endpoint) <= endpoint->high_water) return;
    endpoint->paused = true;
    tell(endpoint, TLSMGM_ENDPOINT_PAUSED);
    if (endpoint->sink != NULL) tlsmgm_endpoint_hold(endpoint->sink, TLSMGM_HOLD_SINK);
}

static void resume_source(struct tlsmgm_endpoint *endpoint) {
    if (!endpoint->paused || tlsmgm_endpoint_pending(endpoint) > endpoint->high_water / 4) return;
    endpoint->paused = false;
    tlsmgm_endpoint_release(endpoint, TLSMGM_HOLD_SELF);
    if (endpoint->sink != NULL) tlsmgm_endpoint_release(endpoint->sink, TLSMGM_HOLD_SINK);
}

/* Bytes for the wire. */
static void put(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    if (size == 0 || endpoint->fd < 0) return;
    size_t done = 0;
    if (tlsmgm_endpoint_pending(endpoint) == 0) done = send_now(endpoint, data, size);
    if (done == size || endpoint->fd < 0) return;
    if (tlsmgm_buffer_append(&endpoint->pending, data + done, size - done) != TLSMGM_STATUS_OK) {
        lose(endpoint, ENOMEM, endpoint->transport->reset);
        return;
    }
    pause_source(endpoint);
}

static void write_pending(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_bytes waiting = tlsmgm_buffer_view(&endpoint->pending);
    if (waiting.size == 0) return;
    tlsmgm_buffer_consume(&endpoint->pending, send_now(endpoint, waiting.data, waiting.size));
    resume_source(endpoint);
    end_if_written(endpoint);
}

/* --- TLS ------------------------------------------------------------------------------------- */

/* Carries what TLS has for the peer to the wire; says if there was anything. */
static bool flush(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->conn == NULL) return false;
    struct tlsmgm_bytes output = endpoint->backend->output(endpoint->conn);
    if (output.size == 0) return false;
    /* Behind our end nothing may come, such as the answer to a KeyUpdate. */
    if (tlsmgm_endpoint_is_open(endpoint) && !endpoint->discards && !endpoint->output_ended) {
        put(endpoint, output.data, output.size);
    }
    endpoint->backend->output_consume(endpoint->conn, output.size);
    return true;
}

void tlsmgm_endpoint_note_failure(struct tlsmgm_endpoint *endpoint,
                                  const struct tlsmgm_error *error) {
    if (endpoint->failure != NULL) return;
    endpoint->failure = tlsmgm_calloc(1, sizeof *endpoint->failure);
    if (endpoint->failure == NULL)
        endpoint->failure = &no_memory;
    else
        *endpoint->failure = *error;
}

static void fail(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_error *error) {
    if (endpoint->failure != NULL) return;
    tlsmgm_endpoint_note_failure(endpoint, error);
    (void)flush(endpoint);
    tell(endpoint, TLSMGM_ENDPOINT_FAILED);
}

/* As fail(), before there is a connection that could send an alert. */
static void refuse(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_error *error) {
    uint8_t record[TLSMGM_ALERT_RECORD_SIZE];
    bool is_ours = error->status != TLSMGM_STATUS_ALERT;
    if (is_ours && error->alert != TLSMGM_NO_ALERT) {
        tlsmgm_alert_record((enum tlsmgm_alert)error->alert, record);
        put(endpoint, record, sizeof record);
    }
    fail(endpoint, error);
}

/* The hello is gone once it was answered, and whoever it asked for stands in logs. */
static enum tlsmgm_status keep_name(struct tlsmgm_endpoint *endpoint, struct tlsmgm_error *error) {
    const struct tlsmgm_client_hello *hello = &endpoint->acceptor->flight.hello;
    if (!hello->has_server_name) return TLSMGM_STATUS_OK;
    return tlsmgm_blob_copy(hello->server_name, &endpoint->server_name, error);
}

/* Starts the connection in the domain that answers. */
static enum tlsmgm_status start(struct tlsmgm_endpoint *endpoint, struct tlsmgm_error *error) {
    struct tlsmgm_acceptor *acceptor = endpoint->acceptor;
    const struct tlsmgm_ctx_handle *handle =
        tlsmgm_selector_context(acceptor->selector, acceptor->domain);
    endpoint->backend = handle->backend; /* the selector may be gone after this */
    endpoint->domain = acceptor->domain;
    endpoint->generation = acceptor->generation;
    return tlsmgm_acceptor_start(acceptor, NULL, &endpoint->conn, error);
}

/* Starts the connection once the ClientHello is whole; WANT_READ as long as it is not. */
static enum tlsmgm_status read_hello(struct tlsmgm_endpoint *endpoint, struct tlsmgm_error *error) {
    enum tlsmgm_status status = tlsmgm_acceptor_read(endpoint->acceptor, error);
    if (status == TLSMGM_STATUS_NO_DOMAIN) (void)keep_name(endpoint, NULL);
    if (status != TLSMGM_STATUS_OK) return status;
    status = keep_name(endpoint, error);
    return status == TLSMGM_STATUS_OK ? start(endpoint, error) : status;
}

/* Waits for an answer, with all that has come. */
static void ask(struct tlsmgm_endpoint *endpoint, bool has_all) {
    struct tlsmgm_error error;
    if (!has_all) {
        (void)tlsmgm_fail_alert(&error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                                "too much came behind the ClientHello");
        refuse(endpoint, &error);
        return;
    }
    tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_ASK);
    tell(endpoint, TLSMGM_ENDPOINT_ASKS);
}

/* Takes what comes before there is a connection; returns how much. */
static size_t greet(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    size_t done = 0;
    while (endpoint->conn == NULL && endpoint->failure == NULL) {
        struct tlsmgm_error error;
        size_t taken = 0;
        tlsmgm_error_clear(&error);
        enum tlsmgm_status status =
            tlsmgm_acceptor_hold(endpoint->acceptor, data + done, size - done, &taken);
        done += taken;
        if (status == TLSMGM_STATUS_OK) {
            status = read_hello(endpoint, &error);
        } else {
            (void)tlsmgm_fail_memory(&error);
            error.alert = TLSMGM_ALERT_INTERNAL_ERROR;
        }
        if (status == TLSMGM_STATUS_WANT_READ && done == size) break;
        if (endpoint->acceptor->state == TLSMGM_ACCEPTOR_ASKING) {
            ask(endpoint, done == size);
            break;
        }
        if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_WANT_READ) {
            refuse(endpoint, &error);
        }
    }
    return done;
}

/* Lets go of what was lent for the step. */
static void reclaim(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_error error;
    if (endpoint->conn == NULL) return;
    if (endpoint->backend->reclaim_input(endpoint->conn, &error) != TLSMGM_STATUS_OK) {
        fail(endpoint, &error);
    }
    free_acceptor(endpoint);
}

/* The client waits for nothing more: in TLS 1.3 only tickets come behind its last message. */
static bool may_keep_tickets(const struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_conn_info info;
    if (!endpoint->keeps_tickets) return false;
    endpoint->backend->conn_info(endpoint->conn, &info);
    return info.version == TLSMGM_TLS1_3;
}

static bool shake_hands(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_error error;
    enum tlsmgm_status status = endpoint->backend->handshake(endpoint->conn, &error);
    if (status == TLSMGM_STATUS_OK) {
        if (!may_keep_tickets(endpoint)) (void)flush(endpoint);
        endpoint->established = true;
        tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_START);
        tell(endpoint, TLSMGM_ENDPOINT_ESTABLISHED);
        return true;
    }
    if (status == TLSMGM_STATUS_WANT_READ)
        (void)flush(endpoint);
    else
        fail(endpoint, &error);
    return false;
}

static void hand_on(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    endpoint->bytes_received += size;
    if (endpoint->sink != NULL) tlsmgm_endpoint_send(endpoint->sink, data, size);
}

static void end_input(struct tlsmgm_endpoint *endpoint) {
    endpoint->input_ended = true;
    tell(endpoint, TLSMGM_ENDPOINT_INPUT_ENDED);
}

/* Hands application data on until there is none, or a hold stops it. */
static void decrypt(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_error error;
    enum tlsmgm_status status = TLSMGM_STATUS_WANT_READ;
    if (endpoint->holds != 0) return; /* tickets may be kept */
    while (endpoint->holds == 0) {
        size_t count = 0;
        status = endpoint->backend->read(endpoint->conn, endpoint->room->plain,
                                         sizeof endpoint->room->plain, &count, &error);
        if (status != TLSMGM_STATUS_OK) break;
        hand_on(endpoint, endpoint->room->plain, count);
    }
    if (flush(endpoint) && endpoint->paused) tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_SELF);
    if (status == TLSMGM_STATUS_CLOSED)
        end_input(endpoint);
    else if (status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_WANT_READ)
        fail(endpoint, &error);
}

/* Does all that is possible with the bytes that are there. */
static void advance(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->conn == NULL || endpoint->input_ended || endpoint->failure != NULL) return;
    if (endpoint->discards) return;
    if (endpoint->established || shake_hands(endpoint)) decrypt(endpoint);
}

/* Work for nothing has a bound: what is answered costs more than it costs to send. */
static void bound_idle_records(struct tlsmgm_endpoint *endpoint, uint32_t records,
                               uint64_t received) {
    struct tlsmgm_error error;
    if (endpoint->bytes_received != received) {
        endpoint->idle_records = 0;
        return;
    }
    endpoint->idle_records += endpoint->records.begun - records;
    if (endpoint->idle_limit == 0 || endpoint->idle_records <= endpoint->idle_limit) return;
    if (endpoint->failure != NULL || endpoint->input_ended) return;
    tell(endpoint, TLSMGM_ENDPOINT_FLOODS);
    (void)tlsmgm_fail(&error, TLSMGM_STATUS_PROTOCOL, "the peer sends records without data");
    error.alert = TLSMGM_NO_ALERT;
    fail(endpoint, &error);
}

static void take_tls(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    /* RFC 8446 section 6.1: what comes behind close_notify is ignored. */
    if (endpoint->input_ended || endpoint->failure != NULL) return;
    struct tlsmgm_error error;
    size_t taken = 0;
    bool was_established = endpoint->established;
    uint32_t records = endpoint->records.begun;
    uint32_t whole = endpoint->records.whole;
    uint64_t received = endpoint->bytes_received;
    tlsmgm_record_count_take(&endpoint->records, data, size);
    if (endpoint->records.whole == whole) endpoint->pieces++;
    if (endpoint->conn == NULL) taken = greet(endpoint, data, size);
    if (endpoint->conn == NULL || endpoint->failure != NULL) return;
    if (taken < size && endpoint->backend->lend_input(endpoint->conn, data + taken, size - taken,
                                                      &error) != TLSMGM_STATUS_OK) {
        fail(endpoint, &error);
        return;
    }
    advance(endpoint);
    reclaim(endpoint);
    if (was_established) bound_idle_records(endpoint, records, received);
}

void tlsmgm_endpoint_ask(struct tlsmgm_endpoint *endpoint) { endpoint->acceptor->asks = true; }

void tlsmgm_endpoint_answer(struct tlsmgm_endpoint *endpoint, struct tlsmgm_selector *selector) {
    struct tlsmgm_error error;
    tlsmgm_endpoint_release(endpoint, TLSMGM_HOLD_ASK);
    if (endpoint->failure != NULL || endpoint->fd < 0) return;
    tlsmgm_error_clear(&error);
    enum tlsmgm_status status = tlsmgm_acceptor_answer(endpoint->acceptor, selector, &error);
    if (status == TLSMGM_STATUS_OK) status = start(endpoint, &error);
    if (status == TLSMGM_STATUS_OK) {
        advance(endpoint);
        reclaim(endpoint);
    } else {
        refuse(endpoint, &error);
    }
}

static void end_tls(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_error error;
    if (endpoint->input_ended || endpoint->failure != NULL) return;
    if (endpoint->conn != NULL) {
        endpoint->backend->feed_eof(endpoint->conn);
        advance(endpoint);
    }
    if (endpoint->input_ended || endpoint->failure != NULL) return;
    (void)tlsmgm_fail(&error, TLSMGM_STATUS_TRUNCATED, "the peer has closed without close_notify");
    fail(endpoint, &error);
}

/* --- reading --------------------------------------------------------------------------------- */

static void take(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    endpoint->has_received = true;
    if (endpoint->discards) {
        endpoint->discarded += size;
        if (endpoint->discarded > TLSMGM_LINGER_BYTES) tlsmgm_endpoint_reset(endpoint);
    } else if (endpoint->is_tls) {
        take_tls(endpoint, data, size);
    } else {
        hand_on(endpoint, data, size);
    }
}

static void take_end(struct tlsmgm_endpoint *endpoint) {
    endpoint->transport_ended = true;
    if (endpoint->discards)
        tlsmgm_endpoint_close(endpoint);
    else if (endpoint->is_tls)
        end_tls(endpoint);
    else
        end_input(endpoint);
}

static bool may_read(const struct tlsmgm_endpoint *endpoint) {
    return endpoint->fd >= 0 && endpoint->readable && !endpoint->transport_ended &&
           !endpoint->close_wanted && endpoint->holds == 0;
}

static void read_once(struct tlsmgm_endpoint *endpoint) {
    uint8_t *wire = endpoint->room->wire;
    int64_t count = endpoint->transport->receive(endpoint->transport->context, endpoint->fd, wire,
                                                 TLSMGM_READ_SIZE);
    if (count > 0) {
        /* Less than was asked for is all there was. Whatever comes next is told, but for an end
         * that was told already. */
        if ((size_t)count < TLSMGM_READ_SIZE && !endpoint->end_is_near) endpoint->readable = false;
        take(endpoint, wire, (size_t)count);
    } else if (count == 0) {
        take_end(endpoint);
    } else if (count == -EAGAIN) {
        endpoint->readable = false;
    } else {
        lose(endpoint, (int)-count, endpoint->transport->reset);
    }
}

bool tlsmgm_endpoint_step(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_ready *ready) {
    endpoint->readable = endpoint->readable || ready->readable;
    endpoint->end_is_near = endpoint->end_is_near || ready->ended;
    endpoint->writable = endpoint->writable || ready->writable;
    if (endpoint->resumes && endpoint->holds == 0) {
        endpoint->resumes = false;
        advance(endpoint);
    }
    for (int i = 0; i < READS_MAX && may_read(endpoint); i++) read_once(endpoint);
    /* A client that ends while it waits for a domain cannot finish its handshake. */
    if ((endpoint->holds & TLSMGM_HOLD_ASK) != 0 && endpoint->end_is_near) {
        tlsmgm_endpoint_reset(endpoint);
    }
    /* Last, for a peer that takes nothing more may have said its last words before. */
    if (endpoint->writable) write_pending(endpoint);
    return tlsmgm_endpoint_has_more(endpoint);
}

bool tlsmgm_endpoint_has_more(const struct tlsmgm_endpoint *endpoint) { return may_read(endpoint); }

void tlsmgm_endpoint_set_sink(struct tlsmgm_endpoint *endpoint, struct tlsmgm_endpoint *sink) {
    endpoint->sink = sink;
    if (sink->paused) tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_SINK);
}

void tlsmgm_endpoint_hold(struct tlsmgm_endpoint *endpoint, enum tlsmgm_hold why) {
    if (!endpoint->discards) endpoint->holds = (uint8_t)(endpoint->holds | why);
}

void tlsmgm_endpoint_release(struct tlsmgm_endpoint *endpoint, enum tlsmgm_hold why) {
    if ((endpoint->holds & why) == 0) return;
    endpoint->holds = (uint8_t)(endpoint->holds & ~why);
    if (endpoint->holds == 0) endpoint->resumes = true;
}

/* --- what the relay asks for ------------------------------------------------------------------ */

void tlsmgm_endpoint_begin(struct tlsmgm_endpoint *endpoint, struct tlsmgm_bytes preface) {
    put(endpoint, preface.data, preface.size);
    if (endpoint->is_tls) {
        advance(endpoint); /* a client speaks first */
        return;
    }
    endpoint->established = true;
    tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_START);
    tell(endpoint, TLSMGM_ENDPOINT_ESTABLISHED);
}

void tlsmgm_endpoint_adopt(struct tlsmgm_endpoint *endpoint, const struct tlsmgm_backend *backend,
                           struct tlsmgm_conn *conn, struct tlsmgm_buffer *unsent) {
    endpoint->is_tls = conn != NULL;
    endpoint->backend = backend;
    endpoint->conn = conn;
    endpoint->pending = *unsent;
    tlsmgm_buffer_init(unsent, 0);
    endpoint->has_received = true;
    endpoint->established = true;
    endpoint->readable = true; /* what has come before is told by no event */
    tlsmgm_endpoint_hold(endpoint, TLSMGM_HOLD_START);
    tell(endpoint, TLSMGM_ENDPOINT_ESTABLISHED);
    write_pending(endpoint);
    (void)flush(endpoint);
}

void tlsmgm_endpoint_flush(struct tlsmgm_endpoint *endpoint) { (void)flush(endpoint); }

void tlsmgm_endpoint_let_go(struct tlsmgm_endpoint *endpoint) {
    endpoint->fd = -1;
    endpoint->conn = NULL;
    endpoint->server_name = (struct tlsmgm_blob){0};
    tlsmgm_buffer_init(&endpoint->pending, PENDING_MAX);
}

/* Encrypts a piece into the room, and sends it from there. */
static size_t encrypt(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    struct tlsmgm_error error;
    struct tlsmgm_room *room = endpoint->room;
    size_t count = 0;
    bool may_lend = endpoint->backend->output(endpoint->conn).size == 0;
    if (may_lend) {
        endpoint->backend->lend_output(endpoint->conn, room->records, sizeof room->records);
    }
    enum tlsmgm_status status =
        endpoint->backend->write(endpoint->conn, data, size, &count, &error);
    if (may_lend) put(endpoint, room->records, endpoint->backend->reclaim_output(endpoint->conn));
    (void)flush(endpoint);
    if (status == TLSMGM_STATUS_OK || status == TLSMGM_STATUS_WANT_WRITE) return count;
    fail(endpoint, &error);
    return size;
}

void tlsmgm_endpoint_send(struct tlsmgm_endpoint *endpoint, const uint8_t *data, size_t size) {
    if (!tlsmgm_endpoint_is_open(endpoint) || endpoint->output_ended) return;
    if (!endpoint->is_tls) {
        put(endpoint, data, size);
        return;
    }
    while (size > 0 && endpoint->failure == NULL && endpoint->fd >= 0) {
        size_t count = encrypt(endpoint, data, size);
        data += count;
        size -= count;
    }
}

void tlsmgm_endpoint_send_end(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->output_ended || !tlsmgm_endpoint_is_open(endpoint)) return;
    if (endpoint->is_tls && endpoint->established && endpoint->failure == NULL) {
        (void)endpoint->backend->shutdown(endpoint->conn, NULL);
    }
    (void)flush(endpoint);
    endpoint->output_ended = true;
    endpoint->end_wanted = true;
    end_if_written(endpoint);
}

void tlsmgm_endpoint_close(struct tlsmgm_endpoint *endpoint) {
    endpoint->close_wanted = true;
    end_if_written(endpoint);
}

void tlsmgm_endpoint_close_cleanly(struct tlsmgm_endpoint *endpoint) {
    if (endpoint->discards || !tlsmgm_endpoint_is_open(endpoint)) return;
    tlsmgm_endpoint_send_end(endpoint);
    endpoint->discards = true;
    endpoint->holds = 0;
    endpoint->resumes = true; /* what was held back is thrown away, too */
    if (endpoint->transport_ended) tlsmgm_endpoint_close(endpoint);
}
