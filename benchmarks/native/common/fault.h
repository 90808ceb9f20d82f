/* Why something could not be measured: one sentence for a person. */
#ifndef BENCH_FAULT_H
#define BENCH_FAULT_H

#include <stdbool.h>

struct bench_fault {
    char text[512];
};

/* Writes the sentence and returns false, so that a function can end with it. */
bool bench_fail(struct bench_fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
