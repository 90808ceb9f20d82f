/*
 * First flight: what a client sends before its connection exists. The bytes are kept until the
 * ClientHello in them is whole; then somebody chooses the context that answers, and a connection
 * inside it is given all of them again.
 *
 *     hold(), read() --> WANT_READ ... OK --> flight->hello --> conn_new() --> hand_over()
 */
#ifndef TLSMGM_FIRST_FLIGHT_H
#define TLSMGM_FIRST_FLIGHT_H

#include "hello/client_hello.h"

struct tlsmgm_first_flight {
    struct tlsmgm_hello_reader reader;
    struct tlsmgm_client_hello hello; /* of the reader's message, once read() has said OK */
    struct tlsmgm_buffer wire;        /* all bytes, as they came */
    size_t followed;                  /* how many of them the reader has seen */
};

/*
 * limit: largest ClientHello in bytes; 0 takes TLSMGM_CLIENT_HELLO_LIMIT. Up to eight times as much
 * is kept. Allocates nothing.
 */
void tlsmgm_first_flight_init(struct tlsmgm_first_flight *flight, size_t limit);
void tlsmgm_first_flight_free(struct tlsmgm_first_flight *flight);

/*
 * Keeps bytes. OK: *taken of them found room, all unless it is full, which read() makes an end of.
 * NO_MEMORY: none were kept.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_first_flight_hold(struct tlsmgm_first_flight *flight,
                                                            const uint8_t *data, size_t size,
                                                            size_t *taken);

/* OK: flight->hello is filled in. Anything else as tlsmgm_hello_reader_feed(). */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_first_flight_read(struct tlsmgm_first_flight *flight,
                                                            struct tlsmgm_error *error);

/*
 * What a library must know of the client beforehand: the name, and what decides which of two
 * certificates is shown and on which group both agree. highest_version: of the domain; 0: open.
 * Pieces are borrowed from flight.
 */
struct tlsmgm_conn_config tlsmgm_first_flight_describe(const struct tlsmgm_first_flight *flight,
                                                       uint16_t highest_version);

/*
 * Gives a connection all that is kept. A hello that came in one record is lent to it (see
 * lend_input()), so flight stays until reclaim_input(). Any other is fed in as few records as it
 * takes.
 */
TLSMGM_MUST_USE enum tlsmgm_status
tlsmgm_first_flight_hand_over(const struct tlsmgm_first_flight *flight,
                              const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn,
                              struct tlsmgm_error *error);

#endif
