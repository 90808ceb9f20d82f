/*
 * Wire: the part of a connection that is the same for every backend. Bytes from the peer and for
 * the peer wait here, within bounds, and here a fatal status stays for good.
 */
#ifndef TLSMGM_WIRE_H
#define TLSMGM_WIRE_H

#include "buffer.h"

/* Fed but not yet read. A program that stops feeding until read() asks for more never sees it. */
#define TLSMGM_INPUT_MAX (4u << 20)

/* write() takes no more while so much waits to be carried off. */
#define TLSMGM_OUTPUT_HIGH_WATER (256u << 10)

/* Above the mark: room for the last record and for what a handshake or an alert adds. */
#define TLSMGM_OUTPUT_MAX (TLSMGM_OUTPUT_HIGH_WATER + (1u << 20))

/* Largest plain text of one record (RFC 8446 section 5.1). */
#define TLSMGM_RECORD_MAX 16384u

struct tlsmgm_wire {
    struct tlsmgm_buffer input;
    struct tlsmgm_buffer output;
    bool input_ended;            /* nothing more will be fed */
    bool output_begun;           /* something was sent */
    bool close_sent;             /* we have said goodbye */
    struct tlsmgm_error latched; /* status OK while nothing fatal happened */
};

void tlsmgm_wire_init(struct tlsmgm_wire *wire);
void tlsmgm_wire_free(struct tlsmgm_wire *wire);

/* OK, or NO_MEMORY when the bytes pile up unread beyond the bound; that is not latched. */
enum tlsmgm_status tlsmgm_wire_feed(struct tlsmgm_wire *wire, const uint8_t *data, size_t size,
                                    struct tlsmgm_error *error);

/* Whether write() must wait until output was carried off. */
bool tlsmgm_wire_is_full(const struct tlsmgm_wire *wire);

/* Makes a failure last, and hands it to the caller. */
enum tlsmgm_status tlsmgm_wire_latch(struct tlsmgm_wire *wire, const struct tlsmgm_error *failure,
                                     struct tlsmgm_error *error);

/* OK, or the failure that was latched. */
enum tlsmgm_status tlsmgm_wire_status(const struct tlsmgm_wire *wire, struct tlsmgm_error *error);

#endif
