/* What happened while the clock ran, and the one line that says so. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdio.h>

#include "options.h"

struct load_report {
    uint64_t operations; /* measured ones */
    uint64_t handshakes; /* all since the clock started */
    uint64_t bytes_sent; /* application data since the clock started */
    uint64_t bytes_received;
    uint64_t failures; /* of the whole run */
    struct bench_fault first_failure;
    int64_t wall; /* nanoseconds */
    int64_t cpu;
    int64_t *latencies; /* owned; nanoseconds of each measured operation */
    size_t latencies_size;
    size_t latencies_room;
};

/* False without memory. */
bool load_report_latency(struct load_report *report, int64_t latency);

/* The text of a failure is kept if it is the first. */
void load_report_failure(struct load_report *report, const struct bench_fault *fault);

/* Writes the line; sorts the latencies. */
bool load_report_write(struct load_report *report, const struct load_options *options, FILE *out);

void load_report_free(struct load_report *report);

#endif
