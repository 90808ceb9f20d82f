#include "hello/first_flight.h"

#include "base/error.h"

/*
 * Beyond the ClientHello a client sends nothing before it has an answer, but it may all be there
 * when we look; and a hello cut into records of one byte each has 5 more bytes for every one of it.
 */
#define WIRE_SLACK 8u

/* The length of a handshake message has three bytes. */
#define MESSAGE_MAX (4u + 0xffffffu)

void tlsmgm_first_flight_init(struct tlsmgm_first_flight *flight, size_t limit) {
    tlsmgm_hello_reader_init(&flight->reader, limit < MESSAGE_MAX ? limit : MESSAGE_MAX);
    tlsmgm_buffer_init(&flight->wire, flight->reader.message.limit * WIRE_SLACK);
    flight->hello = (struct tlsmgm_client_hello){0};
    flight->followed = 0;
}

void tlsmgm_first_flight_free(struct tlsmgm_first_flight *flight) {
    tlsmgm_hello_reader_free(&flight->reader);
    tlsmgm_buffer_free(&flight->wire);
}

static size_t room_in(const struct tlsmgm_buffer *buffer) {
    return buffer->limit - tlsmgm_buffer_size(buffer);
}

enum tlsmgm_status tlsmgm_first_flight_hold(struct tlsmgm_first_flight *flight, const uint8_t *data,
                                            size_t size, size_t *taken) {
    size_t room = room_in(&flight->wire);
    if (size > room) size = room;
    enum tlsmgm_status status = tlsmgm_buffer_append(&flight->wire, data, size);
    *taken = status == TLSMGM_STATUS_OK ? size : 0;
    return status;
}

enum tlsmgm_status tlsmgm_first_flight_read(struct tlsmgm_first_flight *flight,
                                            struct tlsmgm_error *error) {
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&flight->wire);
    size_t size = wire.size - flight->followed;
    const uint8_t *data = size == 0 ? NULL : wire.data + flight->followed;
    enum tlsmgm_status status = tlsmgm_hello_reader_feed(&flight->reader, data, size, error);
    flight->followed = wire.size;
    if (status == TLSMGM_STATUS_OK) {
        return tlsmgm_client_hello_parse(tlsmgm_buffer_view(&flight->reader.message),
                                         &flight->hello, error);
    }
    /* With such a slack it cannot be, but whoever waits for more room would wait for ever. */
    if (status == TLSMGM_STATUS_WANT_READ && room_in(&flight->wire) == 0) {
        return tlsmgm_fail_alert(error, TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                                 "the ClientHello is drowned in record headers");
    }
    return status;
}

struct tlsmgm_conn_config tlsmgm_first_flight_describe(const struct tlsmgm_first_flight *flight,
                                                       uint16_t highest_version) {
    const struct tlsmgm_client_hello *hello = &flight->hello;
    bool without_1_3 = highest_version > 0 && highest_version < TLSMGM_TLS1_3;
    return (struct tlsmgm_conn_config){
        .server_name = hello->server_name,
        .signature_algorithms = hello->signature_algorithms,
        .cipher_suites = hello->cipher_suites,
        .groups = hello->groups,
        .up_to_1_2 = without_1_3 || !tlsmgm_client_hello_offers(hello, TLSMGM_TLS1_3, 0),
    };
}

/* The hello in as few records as it takes, and whatever came behind it. */
static enum tlsmgm_status replay(const struct tlsmgm_first_flight *flight,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                                 struct tlsmgm_error *error) {
    const struct tlsmgm_hello_reader *reader = &flight->reader;
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&flight->wire);
    struct tlsmgm_buffer whole;
    tlsmgm_buffer_init(&whole, 2 * reader->message.limit);
    enum tlsmgm_status status = tlsmgm_hello_reader_replay(reader, &whole);
    struct tlsmgm_bytes hello = tlsmgm_buffer_view(&whole);
    status = status == TLSMGM_STATUS_OK ? backend->feed(conn, hello.data, hello.size, error)
                                        : tlsmgm_fail_memory(error);
    tlsmgm_buffer_free(&whole);
    if (status != TLSMGM_STATUS_OK || wire.size == reader->consumed) return status;
    return backend->feed(conn, wire.data + reader->consumed, wire.size - reader->consumed, error);
}

enum tlsmgm_status tlsmgm_first_flight_hand_over(const struct tlsmgm_first_flight *flight,
                                                 const struct tlsmgm_backend *backend,
                                                 struct tlsmgm_conn *conn,
                                                 struct tlsmgm_error *error) {
    struct tlsmgm_bytes wire = tlsmgm_buffer_view(&flight->wire);
    return tlsmgm_hello_reader_is_plain(&flight->reader)
               ? backend->lend_input(conn, wire.data, wire.size, error)
               : replay(flight, backend, conn, error);
}
