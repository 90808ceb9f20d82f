#include "meter.h"

#include <pthread.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#define HAVE_CALLGRIND 1
/* Its macros convert as they please. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include <valgrind/callgrind.h>
#endif
#endif

static void toggle(const struct bench_meter *meter, enum bench_side side) {
    if ((meter->counted & 1u << side) == 0) return;
#ifdef HAVE_CALLGRIND
    CALLGRIND_TOGGLE_COLLECT;
#endif
}

/* The least that an empty stretch seems to take: reading this clock is a call of the kernel. */
static int64_t clock_cost;

static void find_clock_cost(void) {
    clock_cost = INT64_MAX;
    for (int i = 0; i < 1000; i++) {
        int64_t begun = bench_clock(CLOCK_THREAD_CPUTIME_ID);
        int64_t cost = bench_clock(CLOCK_THREAD_CPUTIME_ID) - begun;
        if (cost < clock_cost) clock_cost = cost;
    }
}

bool bench_meter_counts(void) {
#ifdef HAVE_CALLGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

void bench_meter_begin(struct bench_meter *meter, enum bench_side side) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (meter == NULL) return;
    (void)pthread_once(&once, find_clock_cost);
    meter->begun = bench_clock(CLOCK_THREAD_CPUTIME_ID);
    toggle(meter, side);
}

void bench_meter_end(struct bench_meter *meter, enum bench_side side) {
    if (meter == NULL) return;
    toggle(meter, side);
    meter->spent[side] += bench_clock(CLOCK_THREAD_CPUTIME_ID) - meter->begun - clock_cost;
}
