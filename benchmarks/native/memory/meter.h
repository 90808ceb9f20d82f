/*
 * Who spends what. Everything that an end of a connection does stands between begin and end, which
 * add up the CPU time of the calling thread, less what reading the clock costs. Under valgrind
 * --tool=callgrind they also switch the collection of events on and off, so that one side's
 * instructions can be counted alone.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>

#include "clock.h"

enum bench_side { BENCH_SERVER, BENCH_CLIENT };

struct bench_meter {
    int64_t spent[2]; /* nanoseconds, by enum bench_side */
    int64_t begun;
    unsigned counted; /* 1 << side: callgrind collects this side */
};

/* meter may be NULL: then somebody else measures. */
void bench_meter_begin(struct bench_meter *meter, enum bench_side side);
void bench_meter_end(struct bench_meter *meter, enum bench_side side);

/* Whether callgrind can be told what to collect: built with its header, and running in it. */
bool bench_meter_counts(void);

#endif
