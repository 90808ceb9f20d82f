/* Counters: one thread counts, and any thread may look. */
#ifndef TLSMGM_COUNTERS_H
#define TLSMGM_COUNTERS_H

#include "engine/counts.h"
#include "engine/record.h"

/* The same while it grows. */
struct tlsmgm_counters {
    _Atomic uint64_t values[sizeof(struct tlsmgm_worker_counts) / sizeof(uint64_t)];
};

/* Where a field of struct tlsmgm_worker_counts is in the values. */
#define TLSMGM_COUNT_OF(field) (offsetof(struct tlsmgm_worker_counts, field) / sizeof(uint64_t))

/* For the one thread that counts. */
void tlsmgm_counters_add(struct tlsmgm_counters *counters, size_t which, uint64_t amount);
void tlsmgm_counters_end(struct tlsmgm_counters *counters, const struct tlsmgm_record *record);

/* A handshake with the client has come to a good end. */
void tlsmgm_counters_established(struct tlsmgm_counters *counters, bool is_resumed);

void tlsmgm_counters_read(const struct tlsmgm_counters *counters, struct tlsmgm_worker_counts *out);

#endif
