/*
 * Wire: the part of a connection that is the same for every backend. Bytes from the peer and for
 * the peer wait here, within bounds, and here a fatal status stays for good.
 *
 *     from the peer:  input, then lent       -> wire_take()  (the library reads)
 *     for the peer:   room, then output      <- wire_put()   (the library writes)
 *
 * input and output are ours; lent and room belong to the caller, who is spared a copy by them.
 */
#ifndef TLSMGM_WIRE_H
#define TLSMGM_WIRE_H

#include "base/buffer.h"

/* Fed but not yet read. A program that stops feeding until read() asks for more never sees it. */
#define TLSMGM_INPUT_MAX (4u << 20)

/* write() takes no more while so much waits to be carried off. */
#define TLSMGM_OUTPUT_HIGH_WATER (256u << 10)

/* Above the mark: room for the last record and for what a handshake or an alert adds. */
#define TLSMGM_OUTPUT_MAX (TLSMGM_OUTPUT_HIGH_WATER + (1u << 20))

struct tlsmgm_wire {
    struct tlsmgm_buffer input;
    struct tlsmgm_bytes lent; /* newer than input */
    struct tlsmgm_buffer output;
    uint8_t *room; /* older than output; NULL when none is lent */
    size_t room_size;
    size_t room_used;
    uint8_t first[2]; /* the peer's first bytes, as far as they were read */
    uint8_t first_count;
    bool input_ended;                   /* nothing more will be fed */
    bool output_begun;                  /* something was sent */
    bool close_sent;                    /* we have said goodbye */
    const struct tlsmgm_error *latched; /* owned; NULL while nothing fatal happened */
};

void tlsmgm_wire_init(struct tlsmgm_wire *wire);
void tlsmgm_wire_free(struct tlsmgm_wire *wire);

/* OK, or NO_MEMORY when the bytes pile up unread beyond the bound; that is not latched. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_wire_feed(struct tlsmgm_wire *wire, const uint8_t *data,
                                                    size_t size, struct tlsmgm_error *error);

/* As feed, but data is only looked at, until the bytes are read or reclaimed. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_wire_lend_input(struct tlsmgm_wire *wire,
                                                          const uint8_t *data, size_t size,
                                                          struct tlsmgm_error *error);

/* Copies what is left of the lent bytes. Without memory they are lost, and the failure latched. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_wire_keep_lent(struct tlsmgm_wire *wire,
                                                         struct tlsmgm_error *error);

TLSMGM_MUST_USE static inline enum tlsmgm_status
tlsmgm_wire_reclaim_input(struct tlsmgm_wire *wire, struct tlsmgm_error *error) {
    return wire->lent.size == 0 ? TLSMGM_STATUS_OK : tlsmgm_wire_keep_lent(wire, error);
}

/* Room for output, used as long as nothing older waits in our own buffer. */
void tlsmgm_wire_lend_output(struct tlsmgm_wire *wire, uint8_t *room, size_t size);

/* Ends that; returns how much of the room was used. */
size_t tlsmgm_wire_reclaim_output(struct tlsmgm_wire *wire);

/* For the library's callbacks: moves up to size bytes from the peer to data; returns how many. */
size_t tlsmgm_wire_take(struct tlsmgm_wire *wire, uint8_t *data, size_t size);

/* Whether what was read of the peer's first two bytes can be a record of TLS. */
bool tlsmgm_wire_begins_as_tls(const struct tlsmgm_wire *wire);

/* Whether there are bytes for wire_take(). */
static inline bool tlsmgm_wire_has_input(const struct tlsmgm_wire *wire) {
    return wire->lent.size > 0 || tlsmgm_buffer_size(&wire->input) > 0;
}

/* For the library's callbacks: bytes for the peer. OK, or NO_MEMORY; then nothing was kept. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_wire_put(struct tlsmgm_wire *wire, const uint8_t *data,
                                                   size_t size);

/* Whether write() must wait until output was carried off. */
static inline bool tlsmgm_wire_is_full(const struct tlsmgm_wire *wire) {
    return wire->room_used + tlsmgm_buffer_size(&wire->output) >= TLSMGM_OUTPUT_HIGH_WATER;
}

/*
 * Makes a failure last, and hands it to the caller. Without memory what lasts is that there was
 * none.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_wire_latch(struct tlsmgm_wire *wire,
                                                     const struct tlsmgm_error *failure,
                                                     struct tlsmgm_error *error);

/* OK, or the failure that was latched. */
TLSMGM_MUST_USE static inline enum tlsmgm_status tlsmgm_wire_status(const struct tlsmgm_wire *wire,
                                                                    struct tlsmgm_error *error) {
    if (wire->latched == NULL) return TLSMGM_STATUS_OK;
    if (error != NULL) *error = *wire->latched;
    return wire->latched->status;
}

#endif
