/* What a worker is given. */
#ifndef TLSMGM_WORKER_CONFIG_H
#define TLSMGM_WORKER_CONFIG_H

#include "engine/counts.h"
#include "engine/handover.h"
#include "engine/networks.h"
#include "engine/question.h"
#include "engine/record.h"
#include "engine/record_ring.h"

/* A listening socket. */
struct tlsmgm_worker_listener {
    int fd; /* not blocking; the worker owns it */
    uint32_t number;
    bool is_plain;       /* its clients do not speak TLS */
    bool has_wildcard;   /* it listens on every address: each connection is asked for its own */
    bool is_exclusive;   /* nobody else has the socket */
    bool expects_header; /* connections begin with a PROXY header, or they end */
    const struct tlsmgm_network *senders; /* who may send one; others are turned away. Borrowed as
                                             long as the worker lives. */
    size_t sender_count;
    struct tlsmgm_local local;
};

/* Everything is borrowed by new(), which takes references of its own where there are any. */
struct tlsmgm_worker_config {
    const struct tlsmgm_worker_listener *listeners;
    size_t listener_count;
    struct tlsmgm_admission *admission; /* lives as long as the worker */
    struct tlsmgm_plan *plan;
    struct tlsmgm_record_ring
        *records; /* of struct tlsmgm_record; as the above. NULL: nobody asks */
    int bell;     /* eight bytes are written to it where the ring was empty; -1: none */
    struct tlsmgm_record_ring
        *handovers;    /* of struct tlsmgm_handover; as records. NULL: nobody takes */
    int handover_bell; /* as bell */
    struct tlsmgm_record_ring
        *questions;    /* of struct tlsmgm_question; as records. NULL: nobody would answer */
    int question_bell; /* as bell */
    bool tells_ends;   /* all that is over leaves a record; else what the program has sent on */
    bool keeps_tls;    /* the TLS connections of what is over go into the records */
};

#endif
