#include "report.h"

#include <stdlib.h>

#include "json.h"

/* Above this share of a processor the generator itself may be what limits the figures. */
#define BOTTLENECK_PERCENT 90

#define FIRST_ROOM 4096u

bool load_report_latency(struct load_report *report, int64_t latency) {
    if (report->latencies_size == report->latencies_room) {
        size_t room = report->latencies_room == 0 ? FIRST_ROOM : 2 * report->latencies_room;
        int64_t *latencies = realloc(report->latencies, room * sizeof *latencies);
        if (latencies == NULL) return false;
        report->latencies = latencies;
        report->latencies_room = room;
    }
    report->latencies[report->latencies_size++] = latency;
    return true;
}

void load_report_failure(struct load_report *report, const struct bench_fault *fault) {
    if (report->failures++ == 0) report->first_failure = *fault;
}

static int compare(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The smallest latency that so many percent do not exceed. */
static int64_t percentile(const struct load_report *report, size_t percent) {
    size_t rank = (report->latencies_size * percent + 99) / 100;
    return report->latencies[rank == 0 ? 0 : rank - 1];
}

static void write_latencies(struct load_report *report, struct bench_json *json) {
    if (report->latencies_size == 0) return;
    qsort(report->latencies, report->latencies_size, sizeof *report->latencies, compare);
    bench_json_number(json, "latency_p50_ns", percentile(report, 50));
    bench_json_number(json, "latency_p90_ns", percentile(report, 90));
    bench_json_number(json, "latency_p99_ns", percentile(report, 99));
    bench_json_number(json, "latency_max_ns", percentile(report, 100));
}

static void write_setting(const struct load_options *options, struct bench_json *json) {
    bench_json_text(json, "mode", load_mode_name(options->mode));
    bench_json_text(json, "version", bench_version_text(options->setting.version));
    bench_json_text(json, "cipher", options->setting.cipher);
    bench_json_text(json, "group", options->setting.group);
    bench_json_flag(json, "resumed", options->setting.resume);
    bench_json_flag(json, "verified", *options->setting.ca != '\0');
    bench_json_flag(json, "client_certificate", *options->setting.client_certificate != '\0');
    bench_json_number(json, "connections", (int64_t)options->connections);
    if (options->mode != LOAD_HANDSHAKE) bench_json_number(json, "bytes", (int64_t)options->bytes);
}

bool load_report_write(struct load_report *report, const struct load_options *options, FILE *out) {
    struct bench_json json;
    bench_json_begin(&json, out);
    bench_json_flag(&json, "ok", report->failures == 0);
    if (report->failures > 0) bench_json_text(&json, "error", report->first_failure.text);
    bench_json_text(&json, "library", BENCH_LIBRARY);
    write_setting(options, &json);
    bench_json_number(&json, "operations", (int64_t)report->operations);
    bench_json_number(&json, "handshakes", (int64_t)report->handshakes);
    bench_json_number(&json, "failures", (int64_t)report->failures);
    bench_json_number(&json, "bytes_sent", (int64_t)report->bytes_sent);
    bench_json_number(&json, "bytes_received", (int64_t)report->bytes_received);
    bench_json_number(&json, "wall_ns", report->wall);
    bench_json_number(&json, "cpu_ns", report->cpu);
    bench_json_flag(&json, "is_bottleneck",
                    report->cpu / BOTTLENECK_PERCENT >= report->wall / 100 && report->wall > 0);
    write_latencies(report, &json);
    return bench_json_end(&json);
}

void load_report_free(struct load_report *report) {
    free(report->latencies);
    report->latencies = NULL;
}
