#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "kit/wire.h"
#include "require.h"
#include "seen.h"
#include "x509/certificate_fields.h"
#include "x509/der.h"

enum { READ_MAX = 20000, WRITE_MAX = 20000 };

/* What the driver asks of a connection. */
enum call { HONEST, HANDSHAKE, READ, WRITE, SHUTDOWN, ASK, READ_NOTHING, SESSION, CALLS };

uint8_t pattern_byte(size_t index) { return (uint8_t)(index * 31 + index / 251); }

void target_begin(struct target *target, const struct rig *rig) {
    *target = (struct target){.rig = rig, .is_untouched = true};
    tlsmgm_hello_reader_init(&target->reader, 0);
    tlsmgm_buffer_init(&target->hello, TLSMGM_INPUT_MAX);
    if (!rig->target_is_server) target->conn = rig_client(rig);
    if (rig->target_is_server && rig->is_raw) target->conn = rig_server(rig, rig->name);
}

void target_end(struct target *target) {
    tlsmgm_hello_reader_free(&target->reader);
    tlsmgm_buffer_free(&target->hello);
    fuzz_backend->conn_free(target->conn);
}

/* --- what must be true --------------------------------------------------------------------- */

static bool is_fatal(enum tlsmgm_status status) {
    return status != TLSMGM_STATUS_OK && status != TLSMGM_STATUS_WANT_READ &&
           status != TLSMGM_STATUS_WANT_WRITE && status != TLSMGM_STATUS_CLOSED;
}

/* No peer makes a connection run out of memory, name a parameter or meet a defect. */
static bool may_come_from_peer(enum tlsmgm_status status) {
    return status == TLSMGM_STATUS_TRUNCATED || status == TLSMGM_STATUS_ALERT ||
           status == TLSMGM_STATUS_PROTOCOL || status == TLSMGM_STATUS_VERIFY;
}

static void check_error(enum tlsmgm_status status, const struct tlsmgm_error *error) {
    fuzz_require(error->status == status, "an error has the status that was returned");
    fuzz_require(memchr(error->text, 0, sizeof error->text) != NULL, "its text is terminated");
    fuzz_require(error->text[0] != '\0', "its text says something");
    fuzz_require(error->alert >= TLSMGM_NO_ALERT && error->alert < 256, "its alert is one");
    fuzz_require((error->verify_reason != TLSMGM_VERIFY_NONE) == (status == TLSMGM_STATUS_VERIFY),
                 "it has a reason when a certificate was refused, and only then");
    fuzz_require(status != TLSMGM_STATUS_ALERT || error->alert >= 0,
                 "an alert that came has a number");
}

/* After each call that may fail. */
static void check_status(struct target *target, enum tlsmgm_status status,
                         const struct tlsmgm_error *error) {
    seen(status, error);
    if (target->fatal != TLSMGM_STATUS_OK) {
        fuzz_require(status == target->fatal, "a fatal status comes again on every later call");
    }
    if (!is_fatal(status)) return;
    if (!may_come_from_peer(status))
        (void)fprintf(stderr, "%s (%lld)\n", error->text, (long long)error->library_code);
    fuzz_require(may_come_from_peer(status), "a fatal status is one that peers can cause");
    check_error(status, error);
    fuzz_require(status != TLSMGM_STATUS_TRUNCATED || target->ended, "only an end truncates");
    fuzz_require(status != TLSMGM_STATUS_VERIFY || target->rig->verifies_peer,
                 "only who verifies refuses");
    target->fatal = status;
}

static void check_output(const struct target *target) {
    size_t size = fuzz_backend->output(target->conn).size;
    fuzz_require(size <= TLSMGM_OUTPUT_MAX, "output stays within its bound");
}

/* What a CA has signed of a certificate; beside it stand the signature and its algorithm. */
static struct tlsmgm_bytes signed_part(struct tlsmgm_bytes der) {
    struct tlsmgm_cursor cursor = tlsmgm_cursor(der);
    struct tlsmgm_cursor inside = {0};
    struct tlsmgm_der_item item = {0};
    bool good =
        tlsmgm_der_enter(&cursor, TLSMGM_DER_SEQUENCE, &inside) && tlsmgm_der_next(&inside, &item);
    fuzz_require(good, "a certificate that was accepted can be read");
    return item.whole;
}

static void check_peer(struct target *target, const struct tlsmgm_conn_info *info) {
    const struct rig *rig = target->rig;
    struct tlsmgm_bytes leaf = fuzz_backend->peer_certificate(target->conn, 0);
    fuzz_require(info->has_peer_certificate == (leaf.size > 0), "a certificate can be looked at");
    fuzz_require(!rig->needs_peer || leaf.size > 0, "no connection without the peer that it needs");
    if (!rig->verifies_peer) return;
    fuzz_require(info->verify_reason ==
                     (leaf.size > 0 ? TLSMGM_VERIFY_NONE : TLSMGM_VERIFY_MISSING),
                 "a certificate that is there was verified");
    if (leaf.size == 0) return;
    struct tlsmgm_certificate_fields fields;
    fuzz_require(tlsmgm_certificate_fields_read(leaf, &fields, NULL) == TLSMGM_STATUS_OK,
                 "a certificate that was accepted can be read");
    fuzz_require(tlsmgm_bytes_equal(signed_part(leaf), signed_part(rig->leaf)),
                 "a certificate that was accepted is one that a CA has signed");
}

static void check_established(struct target *target) {
    struct tlsmgm_conn_info info;
    fuzz_backend->conn_info(target->conn, &info);
    fuzz_require(info.version == target->rig->version, "the version is one that is allowed");
    fuzz_require(info.cipher != NULL && info.cipher_bits >= 112, "there is a cipher");
    fuzz_require(!info.session_reused || target->rig->session != NULL, "who offers none has none");
    check_peer(target, &info);
    target->established = true;
}

/* --- calls --------------------------------------------------------------------------------- */

static void call_handshake(struct target *target) {
    struct tlsmgm_error error;
    enum tlsmgm_status status = fuzz_backend->handshake(target->conn, &error);
    check_status(target, status, &error);
    fuzz_require(status != TLSMGM_STATUS_WANT_WRITE, "a handshake never waits for output");
    fuzz_require(status != TLSMGM_STATUS_CLOSED, "a handshake is complete or fails");
    fuzz_require(!target->established || status == TLSMGM_STATUS_OK || is_fatal(status),
                 "a handshake that is complete stays so");
    if (status == TLSMGM_STATUS_OK && !target->established) check_established(target);
}

/*
 * Where data moves the handshake is complete, whether or not handshake() has said so: it cannot any
 * more if the same call has met something fatal behind the data.
 */
static void note_progress(struct target *target) {
    if (!target->established) check_established(target);
}

static void call_read(struct target *target, size_t size) {
    struct tlsmgm_error error;
    size_t count = 12345;
    uint8_t *data = malloc(size == 0 ? 1 : size);
    if (data == NULL) abort();
    enum tlsmgm_status status = fuzz_backend->read(target->conn, data, size, &count, &error);
    check_status(target, status, &error);
    fuzz_require(status != TLSMGM_STATUS_WANT_WRITE, "reading never waits for output");
    fuzz_require(count <= size && (status == TLSMGM_STATUS_OK || count == 0),
                 "read() counts right");
    fuzz_require(status != TLSMGM_STATUS_OK || count > 0 || size == 0, "read() that is OK reads");
    for (size_t i = 0; i < count; i++) {
        fuzz_require(data[i] == pattern_byte(target->received++), "what is read was written");
    }
    fuzz_require(target->received <= target->peer_wrote, "nothing is read that was not written");
    if (count > 0) note_progress(target);
    if (status == TLSMGM_STATUS_CLOSED) {
        fuzz_require(target->peer_goodbye && target->received == target->peer_wrote,
                     "the end is where the peer has ended");
    }
    free(data);
}

static void call_write(struct target *target, size_t size) {
    struct tlsmgm_error error;
    size_t count = 12345;
    uint8_t *data = calloc(1, size == 0 ? 1 : size);
    if (data == NULL) abort();
    enum tlsmgm_status status = fuzz_backend->write(target->conn, data, size, &count, &error);
    check_status(target, status, &error);
    fuzz_require(count <= size && (status == TLSMGM_STATUS_OK || count == 0),
                 "write() counts right");
    if (count > 0) note_progress(target);
    free(data);
}

static void call_shutdown(struct target *target) {
    struct tlsmgm_error error;
    enum tlsmgm_status status = fuzz_backend->shutdown(target->conn, &error);
    check_status(target, status, &error);
    fuzz_require(status == TLSMGM_STATUS_OK || status == TLSMGM_STATUS_WANT_READ ||
                     is_fatal(status),
                 "shutdown() is done, waits or fails");
    target->is_untouched = false;
    if (!target->established || is_fatal(status)) return;
    size_t count;
    uint8_t byte = 0;
    status = fuzz_backend->write(target->conn, &byte, 1, &count, &error);
    fuzz_require(status == TLSMGM_STATUS_CLOSED && count == 0,
                 "nothing is written after a goodbye");
}

static void call_ask(struct target *target) {
    struct tlsmgm_conn_info info;
    fuzz_backend->conn_info(target->conn, &info);
    char description[TLSMGM_DESCRIPTION_SIZE];
    memset(description, 'x', sizeof description);
    fuzz_backend->cipher_description(target->conn, description);
    fuzz_require(memchr(description, 0, sizeof description) != NULL, "it is terminated");
    for (size_t i = 0; fuzz_backend->peer_certificate(target->conn, i).size > 0; i++) {
        fuzz_require(i < 100, "a chain has an end");
    }
    if (target->established && target->fatal == TLSMGM_STATUS_OK) check_peer(target, &info);
}

static void call_session(struct target *target) {
    struct tlsmgm_error error;
    struct tlsmgm_session *session = NULL;
    enum tlsmgm_status status = fuzz_backend->conn_session(target->conn, &session, &error);
    fuzz_require(status == TLSMGM_STATUS_OK, "to ask for a session is no mistake");
    fuzz_require(session == NULL || !target->rig->target_is_server, "only clients have sessions");
    fuzz_backend->session_free(session);
}

/* What a program does that has just received something. */
static void call_honestly(struct target *target) {
    if (!target->established && target->fatal == TLSMGM_STATUS_OK) call_handshake(target);
    size_t before = target->received - 1;
    while (target->established && target->received != before) {
        before = target->received;
        call_read(target, READ_MAX);
    }
}

static void call(struct target *target, enum call call, struct input *input) {
    switch (call) {
        case HONEST:
        case CALLS:
            call_honestly(target);
            break;
        case HANDSHAKE:
            call_handshake(target);
            break;
        case READ:
            call_read(target, 1 + input_number(input, READ_MAX));
            break;
        case READ_NOTHING:
            call_read(target, 0);
            break;
        case WRITE:
            call_write(target, input_number(input, WRITE_MAX));
            break;
        case SHUTDOWN:
            call_shutdown(target);
            break;
        case ASK:
            call_ask(target);
            break;
        case SESSION:
            call_session(target);
            break;
    }
    check_output(target);
}

/* The high bit of a byte asks for another call. */
void target_poke(struct target *target, struct input *input) {
    uint8_t choice;
    do {
        choice = input_byte(input);
        if (target->conn != NULL) call(target, (enum call)((choice & 0x7fu) % CALLS), input);
    } while ((choice & 0x80u) != 0);
}

/* --- bytes in ------------------------------------------------------------------------------ */

static void feed(struct target *target, const uint8_t *data, size_t size) {
    fuzz_require(fuzz_backend->feed(target->conn, data, size, NULL) == TLSMGM_STATUS_OK,
                 "there is room for a few records");
}

/* The hello in one piece. */
static void feed_replay(struct target *target) {
    struct tlsmgm_buffer replay;
    tlsmgm_buffer_init(&replay, TLSMGM_INPUT_MAX);
    if (tlsmgm_hello_reader_replay(&target->reader, &replay) != TLSMGM_STATUS_OK) abort();
    struct tlsmgm_bytes hello = tlsmgm_buffer_view(&replay);
    feed(target, hello.data, hello.size);
    tlsmgm_buffer_free(&replay);
}

/* As the program does it: a plain hello as it came, or a replay, then what came behind it. */
static void start(struct target *target, struct tlsmgm_bytes name) {
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&target->hello);
    target->conn = rig_server(target->rig, name);
    if (!tlsmgm_hello_reader_is_plain(&target->reader)) {
        feed_replay(target);
        wire.data += target->reader.consumed;
        wire.size -= target->reader.consumed;
    }
    feed(target, wire.data, wire.size);
    if (target->ended) fuzz_backend->feed_eof(target->conn);
}

static void greet(struct target *target, const uint8_t *data, size_t size) {
    struct tlsmgm_client_hello hello;
    struct tlsmgm_error error;
    if (target->refused) return;
    if (tlsmgm_buffer_append(&target->hello, data, size) != TLSMGM_STATUS_OK) abort();
    enum tlsmgm_status status = tlsmgm_hello_reader_feed(&target->reader, data, size, &error);
    if (status == TLSMGM_STATUS_WANT_READ) return;
    if (status == TLSMGM_STATUS_OK) {
        struct tlsmgm_bytes message = tlsmgm_buffer_view(&target->reader.message);
        status = tlsmgm_client_hello_parse(message, &hello, &error);
    }
    seen(status, &error);
    uint16_t version = target->rig->version;
    target->refused =
        status != TLSMGM_STATUS_OK || !tlsmgm_client_hello_offers(&hello, version, version);
    if (target->refused) return;
    start(target, hello.has_server_name ? hello.server_name : (struct tlsmgm_bytes){0});
}

/* A copy of exactly this size, so that the sanitizer sees whoever looks beyond or later. */
static void lend(struct target *target, const uint8_t *data, size_t size, struct input *input) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, data, size);
    fuzz_require(fuzz_backend->lend_input(target->conn, copy, size, NULL) == TLSMGM_STATUS_OK,
                 "there is room for a few records");
    target_poke(target, input);
    fuzz_require(fuzz_backend->reclaim_input(target->conn, NULL) == TLSMGM_STATUS_OK,
                 "it is given back");
    free(copy);
}

void target_take(struct target *target, const uint8_t *data, size_t size, bool lent,
                 struct input *input) {
    if (target->conn == NULL) {
        greet(target, data, size);
    } else if (lent) {
        lend(target, data, size, input);
        return;
    } else {
        feed(target, data, size);
    }
    target_poke(target, input);
}

void target_take_end(struct target *target) {
    target->ended = true;
    if (target->conn != NULL) fuzz_backend->feed_eof(target->conn);
}

void target_drain(struct target *target, struct tlsmgm_buffer *out) {
    if (target->conn == NULL) return;
    struct tlsmgm_bytes bytes = fuzz_backend->output(target->conn);
    if (tlsmgm_buffer_append(out, bytes.data, bytes.size) != TLSMGM_STATUS_OK) abort();
    fuzz_backend->output_consume(target->conn, bytes.size);
    fuzz_require(fuzz_backend->output(target->conn).size == 0, "what was taken is gone");
}
