/* What a worker is given, and what it gives back. */
#ifndef TLSMGM_WORKER_CONFIG_H
#define TLSMGM_WORKER_CONFIG_H

#include "engine/admission.h"
#include "engine/record_ring.h"
#include "engine/relay.h"
#include "engine/routes.h"

/* A listening socket. */
struct tlsmgm_worker_listener {
    int fd; /* not blocking; the worker owns it */
    uint32_t number;
    bool is_plain;     /* its clients do not speak TLS */
    bool has_wildcard; /* it listens on every address: each connection is asked for its own */
    struct tlsmgm_local local;
};

/* What remains of a connection. */
struct tlsmgm_worker_record {
    uint8_t client[16]; /* address, IPv4 mapped into IPv6; zero where it has none */
    uint16_t client_port;
    uint16_t status; /* enum tlsmgm_relay_status */
    uint32_t listener;
    uint32_t domain;         /* of the client; TLSMGM_MATCH_NONE: none was chosen */
    int32_t error;           /* errno, or 0 */
    int32_t alert;           /* or TLSMGM_NO_ALERT */
    uint16_t failure_status; /* enum tlsmgm_status of TLS, OK: it has not failed */
    uint16_t verify_reason;
    uint64_t generation;
    uint64_t bytes_in, bytes_out; /* application data of the client, of the upstream */
    uint64_t duration;            /* milliseconds */
};

/* Everything is borrowed by new(), which takes references of its own where there are any. */
struct tlsmgm_worker_config {
    const struct tlsmgm_worker_listener *listeners;
    size_t listener_count;
    const struct tlsmgm_relay_settings *settings; /* lives as long as the worker */
    size_t hello_limit;
    struct tlsmgm_admission *admission; /* lives as long as the worker */
    struct tlsmgm_selector *selector;
    struct tlsmgm_routes *routes;
    struct tlsmgm_record_ring *records; /* lives as long as the worker; NULL: nobody asks */
};

/* Since new(). Any thread may look; each is right for itself. */
struct tlsmgm_worker_counts {
    uint64_t accepted;
    uint64_t accept_errors; /* such as no descriptors: it pauses for half a second then */
    uint64_t connections;   /* at this moment */
};

#endif
