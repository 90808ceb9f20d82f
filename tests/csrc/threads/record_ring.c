/*
 * One thread pushes, the other one sleeps until it is woken and takes batches. All that was kept
 * comes, in order and whole, and what was lost is counted. Every now and then the producer waits
 * until everything has been taken: if a sleeper were not woken, that would be for ever.
 *
 * The sleeper turns round and round instead, so that it is back within nanoseconds; and the time
 * between two records is made a little longer each time, until one of them comes just when the
 * other side is about to sleep. Exits with 0, or is aborted.
 */
#include "engine/record_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORDS  400000u
#define WORDS    20u
#define CAPACITY 8u
#define BATCH    5u

struct record {
    uint64_t words[WORDS]; /* all made of the first, which is the record's number */
};

static struct tlsmgm_record_ring *ring;
static atomic_uint wakes;
static atomic_ulong taken; /* by the consumer, for the producer to wait for */
static atomic_bool is_over;
static unsigned long kept;

static void wake(void) { (void)atomic_fetch_add(&wakes, 1); }

static void sleep_until_woken(void) {
    for (unsigned turns = 1; atomic_load(&wakes) == 0; turns++) {
        if (turns % 256 == 0) (void)sched_yield();
    }
    (void)atomic_exchange(&wakes, 0);
}

/* Numbers only grow; there are gaps where records were lost. */
static void check(const struct record *record, uint64_t *last) {
    uint64_t number = record->words[0];
    if (number <= *last || number > RECORDS) abort();
    for (size_t i = 0; i < WORDS; i++) {
        if (record->words[i] != number * (i + 1)) abort();
    }
    *last = number;
}

static void *consume(void *argument) {
    struct record batch[BATCH];
    uint64_t last = 0;
    unsigned long total = 0;
    size_t count;
    unsigned looks = 0; /* every other time it looks first, and believes what it sees */
    bool ends = false;
    while (!ends) {
        sleep_until_woken();
        ends = atomic_load(&is_over);
        while ((looks++ % 2 == 0 || tlsmgm_record_ring_first(ring) != NULL) &&
               (count = tlsmgm_record_ring_take(ring, batch, BATCH)) > 0) {
            for (size_t i = 0; i < count; i++) check(&batch[i], &last);
            total += count;
            /* No more than this: a stronger order would put the ring's own right, too. */
            atomic_store_explicit(&taken, total, memory_order_relaxed);
        }
    }
    return argument;
}

static void wait_until_all_is_taken(void) {
    for (unsigned turns = 1; atomic_load_explicit(&taken, memory_order_relaxed) < kept; turns++) {
        if (turns % 256 == 0) (void)sched_yield();
    }
}

static void produce(void) {
    volatile unsigned turns;
    for (uint64_t number = 1; number <= RECORDS; number++) {
        struct record record;
        bool was_empty;
        for (size_t i = 0; i < WORDS; i++) record.words[i] = number * (i + 1);
        if (tlsmgm_record_ring_push(ring, &record, &was_empty)) kept++;
        if (was_empty) wake();
        for (turns = 0; turns < number % 509; turns++) continue;
        /* In pairs for a while, then in crowds, some of which find no room. */
        if (number % (number % 4096 < 3072 ? 2 : 50) == 0) wait_until_all_is_taken();
    }
    atomic_store(&is_over, true);
    wake();
}

int main(void) {
    pthread_t consumer;
    (void)alarm(120);
    if (tlsmgm_record_ring_new(sizeof(struct record), CAPACITY, &ring, NULL) != TLSMGM_STATUS_OK) {
        abort();
    }
    if (pthread_create(&consumer, NULL, consume, NULL) != 0) abort();
    produce();
    (void)pthread_join(consumer, NULL);
    uint64_t lost = tlsmgm_record_ring_lost(ring);
    (void)printf("%lu kept, %lu lost\n", kept, (unsigned long)lost);
    if (atomic_load(&taken) != kept || kept + lost != RECORDS) abort();
    tlsmgm_record_ring_free(ring);
    return 0;
}
