/* What is measured in memory. */
#ifndef BENCH_WORKLOADS_H
#define BENCH_WORKLOADS_H

#include "pair.h"

/* How much of a workload; which fields count depends on it. */
struct bench_amount {
    uint64_t count;
    uint64_t threads;     /* handshakes: each does count of them, at the same time */
    uint64_t bytes;       /* of one transfer or message */
    uint64_t connections; /* messages: as many connections take turns */
    bool is_upload;       /* bulk: from the client to the server */
    unsigned counted;     /* see struct bench_meter */
};

/* Nanoseconds. CPU time is that of all threads together. */
struct bench_result {
    int64_t server;
    int64_t client;
    int64_t wall;
};

/* New connections one after the other: creation, handshake, freeing. */
bool bench_handshakes(const struct bench_contexts *contexts, const struct bench_amount *amount,
                      struct bench_result *result, struct bench_fault *fault);

/* Transfers of amount->bytes in one direction over one connection. */
bool bench_bulk(const struct bench_contexts *contexts, const struct bench_amount *amount,
                struct bench_result *result, struct bench_fault *fault);

/* Messages of amount->bytes to the server and back, one at a time on each connection. */
bool bench_messages(const struct bench_contexts *contexts, const struct bench_amount *amount,
                    struct bench_result *result, struct bench_fault *fault);

/* The client reads all fields of the server's certificate. */
bool bench_fields(const struct bench_contexts *contexts, const struct bench_amount *amount,
                  struct bench_result *result, struct bench_fault *fault);

#endif
