/* Counts: what a worker has seen, for statistics. */
#ifndef TLSMGM_COUNTS_H
#define TLSMGM_COUNTS_H

#include "engine/relay.h"

/* Why a client's handshake did not come to a good end. */
enum tlsmgm_failure {
    TLSMGM_FAILURE_NO_DOMAIN,
    TLSMGM_FAILURE_HELLO_TOO_LARGE,
    TLSMGM_FAILURE_FIRST_BYTE_TIMEOUT,
    TLSMGM_FAILURE_HANDSHAKE_TIMEOUT,
    TLSMGM_FAILURE_DRAINED,
    TLSMGM_FAILURE_CERTIFICATE, /* the client's was missing or refused */
    TLSMGM_FAILURE_ALERT,       /* the client has refused us */
    TLSMGM_FAILURE_PROTOCOL,    /* no TLS, broken TLS, or nothing in common */
    TLSMGM_FAILURE_LOST,        /* the client was gone */
    TLSMGM_FAILURE_OTHER,
    TLSMGM_FAILURE_COUNT,
};

/* Since the worker was made, but for the first. Each is right for itself. */
struct tlsmgm_worker_counts {
    uint64_t connections; /* at this moment */
    uint64_t accepted;
    uint64_t accept_errors; /* such as no descriptors: it pauses for half a second then */
    uint64_t untrusted;     /* turned away: they may not send the PROXY header that is due */
    uint64_t handshakes_started;
    uint64_t handshakes_completed;
    uint64_t handshakes_resumed;
    uint64_t handed_over; /* to the program */
    uint64_t asked;       /* the program, for clients whom no domain answers */
    uint64_t flooded;     /* peers that have sent too many records without data */
    uint64_t pieces;      /* reads that have brought no whole TLS record */
    uint64_t paused;      /* as much waited for a receiver as may */
    uint64_t bytes_in, bytes_out;
    uint64_t failed[TLSMGM_FAILURE_COUNT];     /* handshakes, by reason */
    uint64_t ended[TLSMGM_RELAY_STATUS_COUNT]; /* connections, by enum tlsmgm_relay_status */
};

#endif
