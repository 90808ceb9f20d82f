/*
 * Record ring: hands records of one size from one thread to another, which looks at them in
 * batches, as the access log does. Neither of them ever waits: what finds no room is lost and
 * counted, and whoever has nothing to take sleeps outside, on a descriptor of its own.
 *
 * One thread pushes and one takes, at the same time if they like; new() and free() are for whoever
 * has both. lost() is for anybody.
 *
 *     producer                              consumer
 *     push(&was_empty)                      sleep until it is woken
 *     if (was_empty) wake the consumer      take() until it says 0
 *
 * A consumer that sleeps only after take() has said 0, or first() NULL, misses nothing: a record
 * that came after that was told to be the first. It may be woken for one that it has taken already,
 * then finds nothing.
 */
#ifndef TLSMGM_RECORD_RING_H
#define TLSMGM_RECORD_RING_H

#include "include/tlsmgm.h"

struct tlsmgm_record_ring;

/*
 * record_size: bytes of each. capacity: how many may wait; a power of two.
 *
 * OK, CONFIG when one of them makes no sense, or NO_MEMORY.
 */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_record_ring_new(size_t record_size, size_t capacity,
                                                          struct tlsmgm_record_ring **out,
                                                          struct tlsmgm_error *error);
void tlsmgm_record_ring_free(struct tlsmgm_record_ring *ring);

/*
 * Copies a record in. False: there is no room, and it is counted as lost. *was_empty: the consumer
 * may have found nothing before this one, and must be woken.
 */
bool tlsmgm_record_ring_push(struct tlsmgm_record_ring *ring, const void *record, bool *was_empty);

/* The oldest record, which stays where it is until take(); NULL: there is none. */
const void *tlsmgm_record_ring_first(struct tlsmgm_record_ring *ring);

/* Moves up to count records, the oldest first, to out; returns how many. */
size_t tlsmgm_record_ring_take(struct tlsmgm_record_ring *ring, void *out, size_t count);

/* How many found no room since new(). */
uint64_t tlsmgm_record_ring_lost(const struct tlsmgm_record_ring *ring);

#endif
