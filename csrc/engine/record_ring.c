#include "engine/record_ring.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* Of the machines we know; on others it costs time, no more. */
#define CACHE_LINE 64u

/*
 * The two positions only grow, and wrap around where size_t does. Each is written by one side, and
 * stands in a line of the cache of its own, or each write would take the other's away.
 */
struct tlsmgm_record_ring {
    size_t record_size;
    size_t mask; /* capacity - 1 */
    uint8_t before_pushed[CACHE_LINE];
    atomic_size_t pushed; /* written by the producer */
    atomic_uint_least64_t lost;
    uint8_t before_taken[CACHE_LINE];
    atomic_size_t taken; /* written by the consumer */
    uint8_t before_records[CACHE_LINE];
    uint8_t records[];
};

enum tlsmgm_status tlsmgm_record_ring_new(size_t record_size, size_t capacity,
                                          struct tlsmgm_record_ring **out,
                                          struct tlsmgm_error *error) {
    struct tlsmgm_record_ring *ring = NULL;
    *out = NULL;
    if (record_size == 0) {
        return tlsmgm_fail_parameter(error, "record_size", "a record has at least one byte");
    }
    if (capacity == 0 || (capacity & (capacity - 1)) != 0) {
        return tlsmgm_fail_parameter(error, "capacity", "%zu is no power of two", capacity);
    }
    if (capacity <= (SIZE_MAX - sizeof *ring) / record_size) {
        ring = tlsmgm_calloc(1, sizeof *ring + capacity * record_size);
    }
    if (ring == NULL) return tlsmgm_fail_memory(error);
    ring->record_size = record_size;
    ring->mask = capacity - 1;
    atomic_init(&ring->pushed, 0);
    atomic_init(&ring->taken, 0);
    atomic_init(&ring->lost, 0);
    *out = ring;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_record_ring_free(struct tlsmgm_record_ring *ring) { tlsmgm_free(ring); }

static uint8_t *slot(struct tlsmgm_record_ring *ring, size_t position) {
    return ring->records + (position & ring->mask) * ring->record_size;
}

/*
 * To acquire and to release is enough for the records. That nobody sleeps while something waits
 * needs more: each side writes its own position and then reads the other's, and one of them must
 * see what the other has written, which only sequential consistency promises. A fence would do the
 * same, but ThreadSanitizer knows none.
 */
bool tlsmgm_record_ring_push(struct tlsmgm_record_ring *ring, const void *record, bool *was_empty) {
    size_t pushed = atomic_load_explicit(&ring->pushed, memory_order_relaxed);
    *was_empty = false;
    if (pushed - atomic_load_explicit(&ring->taken, memory_order_acquire) > ring->mask) {
        (void)atomic_fetch_add_explicit(&ring->lost, 1, memory_order_relaxed);
        return false;
    }
    memcpy(slot(ring, pushed), record, ring->record_size);
    atomic_store_explicit(&ring->pushed, pushed + 1, memory_order_seq_cst);
    *was_empty = atomic_load_explicit(&ring->taken, memory_order_seq_cst) == pushed;
    return true;
}

const void *tlsmgm_record_ring_first(struct tlsmgm_record_ring *ring) {
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    if (atomic_load_explicit(&ring->pushed, memory_order_seq_cst) == taken) return NULL;
    return slot(ring, taken);
}

size_t tlsmgm_record_ring_take(struct tlsmgm_record_ring *ring, void *out, size_t count) {
    size_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
    size_t waiting = atomic_load_explicit(&ring->pushed, memory_order_seq_cst) - taken;
    if (count > waiting) count = waiting;
    if (count == 0) return 0;
    size_t until_end = ring->mask + 1 - (taken & ring->mask);
    size_t first = count < until_end ? count : until_end;
    memcpy(out, slot(ring, taken), first * ring->record_size);
    if (first < count) {
        memcpy((uint8_t *)out + first * ring->record_size, ring->records,
               (count - first) * ring->record_size);
    }
    atomic_store_explicit(&ring->taken, taken + count, memory_order_seq_cst);
    return count;
}

uint64_t tlsmgm_record_ring_lost(const struct tlsmgm_record_ring *ring) {
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
