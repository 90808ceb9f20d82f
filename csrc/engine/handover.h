/*
 * Handover: a connection whose handshake is done, on its way from a worker to a program, and back
 * if the program only wanted to say where it goes. Whoever holds it owns all that is in it.
 */
#ifndef TLSMGM_HANDOVER_H
#define TLSMGM_HANDOVER_H

#include "base/blob.h"
#include "base/buffer.h"
#include "engine/plan.h"
#include "engine/record.h"
#include "engine/record_count.h"

struct tlsmgm_handover {
    int fd;                             /* not blocking */
    struct tlsmgm_record_conn tls;      /* conn NULL: the client speaks plain TCP */
    struct tlsmgm_buffer unsent;        /* for the wire, before everything else */
    struct tlsmgm_record_count records; /* of the client, as far as it was read from the socket */
    struct tlsmgm_blob server_name;
    struct tlsmgm_plan *plan; /* under which it came in */
    struct tlsmgm_local local;
    uint64_t accepted; /* of tlsmgm_worker_clock() */
    uint64_t handed_over;
    uint32_t listener;
    uint32_t domain;
    uint16_t client_port;
    uint16_t sender_port;
    uint8_t client[16];
    uint8_t sender[16]; /* of a PROXY header */
    bool has_client_address;
    bool has_sender;
};

/* Resets the client, and frees everything. It still has its place of admission. */
void tlsmgm_handover_discard(struct tlsmgm_handover *handover);

#endif
