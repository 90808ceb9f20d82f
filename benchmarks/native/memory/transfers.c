/* Application data over connections that stand: in bulk one way, and as messages both ways. */
#include <stdlib.h>

#include "workloads.h"

/* As much as a program hands over at once. */
#define PIECE (64u << 10)

static bool send_bulk(struct bench_pair *pair, const struct bench_amount *amount, uint8_t *room,
                      struct bench_fault *fault) {
    enum bench_side from = amount->is_upload ? BENCH_CLIENT : BENCH_SERVER;
    enum bench_side to = amount->is_upload ? BENCH_SERVER : BENCH_CLIENT;
    for (uint64_t left = amount->bytes; left > 0;) {
        size_t size = left < PIECE ? (size_t)left : PIECE;
        if (!bench_pair_write(pair, from, room, size, fault) ||
            !bench_pair_read(pair, to, room, size, fault)) {
            return false;
        }
        left -= size;
    }
    return true;
}

static void note(const struct bench_meter *meter, int64_t begun, struct bench_result *result) {
    result->wall = bench_clock(CLOCK_MONOTONIC) - begun;
    result->server = meter->spent[BENCH_SERVER];
    result->client = meter->spent[BENCH_CLIENT];
}

bool bench_bulk(const struct bench_contexts *contexts, const struct bench_amount *amount,
                struct bench_result *result, struct bench_fault *fault) {
    struct bench_meter meter = {0};
    struct bench_pair pair = {.contexts = contexts, .meter = &meter};
    uint8_t *room = calloc(1, PIECE);
    bool good = room != NULL || bench_fail(fault, "out of memory");
    good = good && bench_pair_connect(&pair, NULL, fault);
    /* The first transfer lets every buffer grow. */
    good = good && send_bulk(&pair, amount, room, fault);
    meter = (struct bench_meter){.counted = amount->counted};
    int64_t begun = bench_clock(CLOCK_MONOTONIC);
    for (uint64_t i = 0; good && i < amount->count; i++) {
        good = send_bulk(&pair, amount, room, fault);
    }
    if (good) note(&meter, begun, result);
    meter.counted = 0;
    bench_pair_free(&pair);
    free(room);
    return good;
}

/*
 * Each connection has one message under way, as with a peer that waits for its answer. Reading the
 * clock costs as much as a small message, so all connections take a step before it is read again.
 */
static bool pass_message(struct bench_pair *pairs, const struct bench_amount *amount, uint8_t *room,
                         struct bench_meter *meter, struct bench_fault *fault) {
    static const enum bench_side turns[] = {BENCH_CLIENT, BENCH_SERVER, BENCH_CLIENT};
    size_t size = (size_t)amount->bytes;
    for (int turn = 0; turn < 3; turn++) {
        bool reads = turn > 0;
        bool writes = turn < 2;
        bench_meter_begin(meter, turns[turn]);
        for (uint64_t i = 0; i < amount->connections; i++) {
            if (reads && !bench_pair_read(&pairs[i], turns[turn], room, size, fault)) return false;
            if (writes && !bench_pair_write(&pairs[i], turns[turn], room, size, fault))
                return false;
        }
        bench_meter_end(meter, turns[turn]);
    }
    return true;
}

static bool connect_all(struct bench_pair *pairs, const struct bench_contexts *contexts,
                        const struct bench_amount *amount, struct bench_fault *fault) {
    bool good = true;
    for (uint64_t i = 0; good && i < amount->connections; i++) {
        pairs[i].contexts = contexts;
        good = bench_pair_connect(&pairs[i], NULL, fault);
    }
    return good;
}

static bool exchange(struct bench_pair *pairs, const struct bench_amount *amount, uint8_t *room,
                     struct bench_result *result, struct bench_fault *fault) {
    struct bench_meter meter = {0};
    if (!pass_message(pairs, amount, room, &meter, fault)) return false; /* buffers grow */
    meter = (struct bench_meter){.counted = amount->counted};
    int64_t begun = bench_clock(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < amount->count; i++) {
        if (!pass_message(pairs, amount, room, &meter, fault)) return false;
    }
    note(&meter, begun, result);
    return true;
}

bool bench_messages(const struct bench_contexts *contexts, const struct bench_amount *amount,
                    struct bench_result *result, struct bench_fault *fault) {
    struct bench_pair *pairs = calloc((size_t)amount->connections, sizeof *pairs);
    uint8_t *room = calloc(1, (size_t)amount->bytes);
    bool good = (pairs != NULL && room != NULL) || bench_fail(fault, "out of memory");
    good = good && connect_all(pairs, contexts, amount, fault);
    good = good && exchange(pairs, amount, room, result, fault);
    for (uint64_t i = 0; pairs != NULL && i < amount->connections; i++) bench_pair_free(&pairs[i]);
    free(pairs);
    free(room);
    return good;
}
