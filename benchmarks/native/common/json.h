/* Writes one flat JSON object as one line. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

struct bench_json {
    FILE *out;
    bool has_members;
};

void bench_json_begin(struct bench_json *json, FILE *out);
void bench_json_text(struct bench_json *json, const char *key, const char *value);
void bench_json_number(struct bench_json *json, const char *key, int64_t value);
void bench_json_flag(struct bench_json *json, const char *key, bool value);

/* Ends the line and sends it off; false when it could not be written. */
bool bench_json_end(struct bench_json *json);

#endif
