#include "engine/counters.h"

#include <stdatomic.h>
#include <string.h>

void tlsmgm_counters_add(struct tlsmgm_counters *counters, size_t which, uint64_t amount) {
    _Atomic uint64_t *value = &counters->values[which];
    uint64_t before = atomic_load_explicit(value, memory_order_relaxed);
    atomic_store_explicit(value, before + amount, memory_order_relaxed);
}

void tlsmgm_counters_established(struct tlsmgm_counters *counters, bool is_resumed) {
    tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(handshakes_completed), 1);
    if (is_resumed) tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(handshakes_resumed), 1);
}

static enum tlsmgm_failure failure_of_tls(const struct tlsmgm_error *failure) {
    switch (failure->status) {
        case TLSMGM_STATUS_OK:
        case TLSMGM_STATUS_TRUNCATED:
            return TLSMGM_FAILURE_LOST;
        case TLSMGM_STATUS_VERIFY:
            return TLSMGM_FAILURE_CERTIFICATE;
        case TLSMGM_STATUS_ALERT:
            return TLSMGM_FAILURE_ALERT;
        case TLSMGM_STATUS_PROTOCOL:
            return TLSMGM_FAILURE_PROTOCOL;
        default:
            return TLSMGM_FAILURE_OTHER;
    }
}

static enum tlsmgm_failure failure_of(const struct tlsmgm_record *record) {
    switch (record->status) {
        case TLSMGM_RELAY_NO_DOMAIN:
            return TLSMGM_FAILURE_NO_DOMAIN;
        case TLSMGM_RELAY_HELLO_TOO_LARGE:
            return TLSMGM_FAILURE_HELLO_TOO_LARGE;
        case TLSMGM_RELAY_FIRST_BYTE_TIMEOUT:
            return TLSMGM_FAILURE_FIRST_BYTE_TIMEOUT;
        case TLSMGM_RELAY_HANDSHAKE_TIMEOUT:
            return TLSMGM_FAILURE_HANDSHAKE_TIMEOUT;
        case TLSMGM_RELAY_DRAINED:
            return TLSMGM_FAILURE_DRAINED;
        case TLSMGM_RELAY_INTERNAL_ERROR:
            return TLSMGM_FAILURE_OTHER;
        default:
            return failure_of_tls(&record->failure);
    }
}

void tlsmgm_counters_end(struct tlsmgm_counters *counters, const struct tlsmgm_record *record) {
    tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(bytes_in), record->bytes_in);
    tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(bytes_out), record->bytes_out);
    tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(ended) + (size_t)record->status, 1);
    if (!record->is_tls || record->is_established) return;
    tlsmgm_counters_add(counters, TLSMGM_COUNT_OF(failed) + (size_t)failure_of(record), 1);
}

void tlsmgm_counters_read(const struct tlsmgm_counters *counters,
                          struct tlsmgm_worker_counts *out) {
    uint64_t values[sizeof *out / sizeof(uint64_t)];
    for (size_t i = 0; i < sizeof *out / sizeof(uint64_t); i++) {
        values[i] = atomic_load_explicit(&counters->values[i], memory_order_relaxed);
    }
    memcpy(out, values, sizeof *out);
}
