/*
 * One thread pushes, the other one sleeps until it is woken and takes batches. All that was kept
 * comes, in order and whole, and what was lost is counted. Every now and then the producer waits
 * until everything has been taken: if a sleeper were not woken, that would be for ever.
 * Exits with 0, or aborts.
 */
#include "engine/record_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECORDS  200000u
#define WORDS    20u
#define CAPACITY 8u
#define BATCH    5u

struct record {
    uint64_t words[WORDS]; /* all made of the first, which is the record's number */
};

static struct tlsmgm_record_ring *ring;
static int pipe_ends[2];
static atomic_ulong taken; /* by the consumer, for the producer to wait for */
static atomic_bool is_over;
static unsigned long kept;

static void wake(void) {
    if (write(pipe_ends[1], "w", 1) != 1) abort();
}

static void sleep_until_woken(void) {
    char wakes[64];
    if (read(pipe_ends[0], wakes, sizeof wakes) < 1) abort();
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
    size_t count;
    bool ends = false;
    while (!ends) {
        sleep_until_woken();
        ends = atomic_load(&is_over);
        while ((count = tlsmgm_record_ring_take(ring, batch, BATCH)) > 0) {
            for (size_t i = 0; i < count; i++) check(&batch[i], &last);
            (void)atomic_fetch_add(&taken, count);
        }
    }
    return argument;
}

static void produce(void) {
    for (uint64_t number = 1; number <= RECORDS; number++) {
        struct record record;
        bool was_empty;
        for (size_t i = 0; i < WORDS; i++) record.words[i] = number * (i + 1);
        if (tlsmgm_record_ring_push(ring, &record, &was_empty)) kept++;
        if (was_empty) wake();
        /* One at a time for a while, so that the other one has often just gone to sleep. */
        unsigned period = number % 4096 < 2048 ? 1 : 50;
        while (number % period == 0 && atomic_load(&taken) < kept) (void)sched_yield();
    }
    atomic_store(&is_over, true);
    wake();
}

int main(void) {
    pthread_t consumer;
    (void)alarm(120);
    if (pipe(pipe_ends) != 0) abort();
    if (tlsmgm_record_ring_new(sizeof(struct record), CAPACITY, &ring, NULL) != TLSMGM_STATUS_OK) {
        abort();
    }
    if (pthread_create(&consumer, NULL, consume, NULL) != 0) abort();
    produce();
    (void)pthread_join(consumer, NULL);
    uint64_t lost = tlsmgm_record_ring_lost(ring);
    (void)printf("%lu kept, %lu lost\n", kept, (unsigned long)lost);
    if (atomic_load(&taken) != kept || kept + lost != RECORDS || lost == 0) abort();
    tlsmgm_record_ring_free(ring);
    return 0;
}
