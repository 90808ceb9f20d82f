/*
 * Worker: one thread of the engine, with its own listening sockets, poller, deadlines and relays.
 *
 *     run() in a thread:  wait -> accept, read, write, connect -> deadlines -> mailbox -> wait ...
 *     from others:        post() puts something into the mailbox, stop() and drain() end it
 *
 * All that connections of different workers share is counted by itself: selector, routes, limits.
 * The mailbox has the only lock, and it is opened only after a wake.
 */
#ifndef TLSMGM_WORKER_H
#define TLSMGM_WORKER_H

#include "engine/admission.h"
#include "engine/record_ring.h"
#include "engine/relay.h"
#include "engine/routes.h"

struct tlsmgm_worker;

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

/* OK or NO_MEMORY; the listening sockets are closed by free(), or before new() returns nothing. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_worker_new(const struct tlsmgm_worker_config *config,
                                                     struct tlsmgm_worker **out,
                                                     struct tlsmgm_error *error);

/* Once run() has returned. */
void tlsmgm_worker_free(struct tlsmgm_worker *worker);

/* Works until stop(), or until nothing is left after drain(). */
void tlsmgm_worker_run(struct tlsmgm_worker *worker);

/* New connections are chosen for and routed by these from now on; NULL: as before. */
void tlsmgm_worker_post(struct tlsmgm_worker *worker, struct tlsmgm_selector *selector,
                        struct tlsmgm_routes *routes);

/*
 * No new connections; those that are there have so many milliseconds, then they are stopped, and
 * have the linger_timeout for their last words. The first call counts.
 */
void tlsmgm_worker_drain(struct tlsmgm_worker *worker, uint32_t timeout);

/* At once; whoever is there is reset. */
void tlsmgm_worker_stop(struct tlsmgm_worker *worker);

void tlsmgm_worker_count(const struct tlsmgm_worker *worker, struct tlsmgm_worker_counts *out);

#endif
