/* All texts of the server's certificate. */
#include "workloads.h"

bool bench_fields(const struct bench_contexts *contexts, const struct bench_amount *amount,
                  struct bench_result *result, struct bench_fault *fault) {
    struct bench_meter meter = {0};
    struct bench_pair pair = {.contexts = contexts, .meter = &meter};
    if (bench_layer.fields == NULL) {
        return bench_fail(fault, "the layer \"%s\" reads no fields", bench_layer.name);
    }
    bool good = bench_pair_connect(&pair, NULL, fault);
    meter = (struct bench_meter){.counted = amount->counted};
    int64_t begun = bench_clock(CLOCK_MONOTONIC);
    bench_meter_begin(&meter, BENCH_CLIENT);
    for (uint64_t i = 0; good && i < amount->count; i++) {
        good = bench_layer.fields(pair.ends[BENCH_CLIENT], fault);
    }
    bench_meter_end(&meter, BENCH_CLIENT);
    result->wall = bench_clock(CLOCK_MONOTONIC) - begun;
    result->client = meter.spent[BENCH_CLIENT];
    meter.counted = 0;
    bench_pair_free(&pair);
    return good;
}
