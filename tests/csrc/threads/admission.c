/*
 * Many threads come in, shake hands and leave. No bound is ever exceeded, whoever counts; in the
 * end nobody is inside, and all refusals have been counted. Exits with 0, or aborts.
 */
#include "engine/admission.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS     4u
#define STEPS       60000u
#define NETWORKS    23u
#define HELD        12u /* connections of one thread */
#define CROWD       24u /* connections that stay to the end, each of a network of its own */
#define SHAKING     14u /* of these */
#define PER_NETWORK 3u
#define HANDSHAKES  20u
#define CONNECTIONS 34u

struct place {
    bool is_taken;
    bool shakes_hands;
    unsigned network;
};

static struct tlsmgm_admission *admission;

/* Counted after a place was given and before it is given back: never more than there are. */
static atomic_uint inside;
static atomic_uint shaking;
static atomic_uint shaking_of[NETWORKS + CROWD];
static atomic_ulong refused[4];
static atomic_uint ready; /* threads that wait for the others to begin with them */

static unsigned next_number(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static void address_of(unsigned network, unsigned host, uint8_t out[16]) {
    for (size_t i = 0; i < 16; i++) out[i] = 0;
    out[7] = (uint8_t)network;
    out[15] = (uint8_t)host;
}

static void rise(atomic_uint *count, unsigned bound) {
    if (atomic_fetch_add(count, 1) >= bound) {
        (void)fprintf(stderr, "a bound of %u is exceeded\n", bound);
        abort();
    }
}

static void end_handshake(struct place *place, unsigned host) {
    uint8_t address[16];
    if (!place->shakes_hands) return;
    address_of(place->network, host, address);
    (void)atomic_fetch_sub(&shaking_of[place->network], 1);
    (void)atomic_fetch_sub(&shaking, 1);
    tlsmgm_admission_handshake_over(admission, address);
    place->shakes_hands = false;
}

static void leave(struct place *place, unsigned host) {
    end_handshake(place, host);
    (void)atomic_fetch_sub(&inside, 1);
    tlsmgm_admission_leave(admission);
    place->is_taken = false;
}

static void enter(struct place *place, unsigned network, unsigned host, bool shakes_hands) {
    uint8_t address[16];
    address_of(network, host, address);
    enum tlsmgm_admission_verdict verdict =
        tlsmgm_admission_enter(admission, address, shakes_hands);
    if (verdict != TLSMGM_ADMISSION_ADMITTED) {
        (void)atomic_fetch_add(&refused[verdict], 1);
        return;
    }
    *place = (struct place){true, shakes_hands, network};
    rise(&inside, CONNECTIONS);
    if (!shakes_hands) return;
    rise(&shaking, HANDSHAKES);
    rise(&shaking_of[network], PER_NETWORK);
}

static void *work(void *seed) {
    uint64_t state = *(const uint64_t *)seed;
    struct place places[HELD] = {0};
    (void)atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < THREADS) (void)sched_yield();
    for (unsigned step = 0; step < STEPS; step++) {
        if (step % 32 == 0) (void)sched_yield(); /* where there are fewer processors than threads */
        struct place *place = &places[next_number(&state) % HELD];
        unsigned host = next_number(&state) % 200;
        if (!place->is_taken) {
            enter(place, next_number(&state) % NETWORKS, host, next_number(&state) % 5 > 0);
        } else if (next_number(&state) % 2 > 0) {
            end_handshake(place, host); /* by another address of the same network */
        } else {
            leave(place, host);
        }
    }
    for (size_t i = 0; i < HELD; i++) {
        if (places[i].is_taken) leave(&places[i], 1);
    }
    return NULL;
}

static void check_counts(void) {
    struct tlsmgm_admission_counts counts;
    tlsmgm_admission_count(admission, &counts);
    if (counts.connections != 0 || counts.handshakes != 0 || counts.networks != 0) abort();
    const uint64_t told[] = {counts.refused_max_connections, counts.refused_max_handshakes,
                             counts.refused_max_handshakes_per_network};
    for (size_t i = 0; i < 3; i++) {
        unsigned long seen = atomic_load(&refused[i + 1]);
        if (seen > 0 && told[i] == seen) continue;
        (void)fprintf(stderr, "limit %zu has struck %lu times, and tells %lu\n", i, seen,
                      (unsigned long)told[i]);
        abort();
    }
}

int main(void) {
    const struct tlsmgm_admission_limits limits = {CONNECTIONS, HANDSHAKES, PER_NETWORK, 32, 64};
    const struct tlsmgm_siphash_key key = {{1, 2, 3}};
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    struct tlsmgm_admission_counts counts;
    (void)alarm(120);
    struct place crowd[CROWD] = {0};
    if (tlsmgm_admission_new(&limits, &key, &admission, NULL) != TLSMGM_STATUS_OK) abort();
    /* What they leave is so little that one thread alone meets every limit. */
    for (unsigned i = 0; i < CROWD; i++) enter(&crowd[i], NETWORKS + i, 1, i < SHAKING);
    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        if (pthread_create(&threads[i], NULL, work, &seeds[i]) != 0) abort();
    }
    for (size_t i = 0; i < 200; i++) { /* whoever only looks sees no more than the bounds, either */
        tlsmgm_admission_count(admission, &counts);
        if (counts.connections > CONNECTIONS || counts.handshakes > HANDSHAKES) abort();
        if (tlsmgm_admission_memory(admission) == 0) abort();
    }
    for (size_t i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < CROWD; i++) leave(&crowd[i], 1);
    /* Whether threads have crowded one network depends on who had the processor. */
    struct place crowded[PER_NETWORK + 1] = {0};
    for (unsigned i = 0; i <= PER_NETWORK; i++) enter(&crowded[i], 0, 1, true);
    for (unsigned i = 0; i <= PER_NETWORK; i++) {
        if (crowded[i].is_taken) leave(&crowded[i], 1);
    }
    check_counts();
    tlsmgm_admission_free(admission);
    return 0;
}
