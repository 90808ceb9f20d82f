/*
 * The worker's language: a line of words in, a line of JSON out. `op=setup` pins a setting, the
 * other operations measure in it. A line that cannot be obeyed is answered with "ok": false and a
 * sentence; after a setup that failed there is no setting.
 *
 *     op=setup version=1.3 certificate=PATH key=PATH ...   see setting.h
 *     op=handshake count=N [threads=N]
 *     op=bulk count=N [bytes=N] [direction=down|up]        down: server to client
 *     op=message count=N [bytes=N] [connections=N]
 *     op=fields count=N
 *     op=info
 *     op=quit
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include <stdio.h>

#include "workloads.h"

struct bench_worker {
    struct bench_setting setting;
    struct bench_contexts contexts; /* none before the first setup */
    unsigned counted;               /* see struct bench_meter */
};

/* Obeys one line, which it takes apart, and answers. False: there is nothing more to do. */
bool bench_worker_obey(struct bench_worker *worker, char *line, FILE *out);

/* What the two entrances (lines and --once) share; both fill in the fault and return false. */
bool bench_worker_setup(struct bench_worker *worker, struct bench_words *words,
                        struct bench_fault *fault);
bool bench_worker_measure(struct bench_worker *worker, struct bench_words *words,
                          struct bench_amount *amount, struct bench_result *result,
                          struct bench_fault *fault);

/* The answers. */
bool bench_answer_fault(FILE *out, const struct bench_fault *fault);
bool bench_answer_result(FILE *out, const struct bench_worker *worker, const char *operation,
                         const struct bench_amount *amount, const struct bench_result *result);

void bench_worker_close(struct bench_worker *worker);

#endif
