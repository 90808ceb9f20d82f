#include "commands.h"

#include <string.h>

#include "json.h"

#define MIB (1u << 20)

static const struct workload {
    const char *name;
    bool (*run)(const struct bench_contexts *contexts, const struct bench_amount *amount,
                struct bench_result *result, struct bench_fault *fault);
} workloads[] = {
    {"handshake", bench_handshakes},
    {"bulk", bench_bulk},
    {"message", bench_messages},
    {"fields", bench_fields},
};

static const struct workload *find_workload(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
        if (strcmp(workloads[i].name, name) == 0) return &workloads[i];
    }
    return NULL;
}

static bool read_direction(struct bench_words *words, bool *is_upload, struct bench_fault *fault) {
    const char *value = bench_words_find(words, "direction");
    *is_upload = value != NULL && strcmp(value, "up") == 0;
    if (value == NULL || *is_upload || strcmp(value, "down") == 0) return true;
    return bench_fail(fault, "direction=%.60s: down or up is wanted", value);
}

/* Only the words that mean something for the operation are asked for, so others are refused. */
static bool read_amount(struct bench_words *words, const char *operation,
                        struct bench_amount *amount, struct bench_fault *fault) {
    bool is_message = strcmp(operation, "message") == 0;
    bool is_bulk = strcmp(operation, "bulk") == 0;
    *amount = (struct bench_amount){.threads = 1};
    if (bench_words_find(words, "count") == NULL) return bench_fail(fault, "count is missing");
    if (!bench_words_number(words, "count", 1, 1000000000, &amount->count, fault)) return false;
    if (strcmp(operation, "handshake") == 0) {
        return bench_words_number(words, "threads", 1, 64, &amount->threads, fault);
    }
    if (is_message) {
        amount->bytes = 1024;
        amount->connections = 16;
    } else if (is_bulk) {
        amount->bytes = MIB;
    } else {
        return true;
    }
    if (!bench_words_number(words, "bytes", 1, 1024u * MIB, &amount->bytes, fault)) return false;
    if (is_bulk) return read_direction(words, &amount->is_upload, fault);
    return bench_words_number(words, "connections", 1, 4096, &amount->connections, fault);
}

void bench_worker_close(struct bench_worker *worker) {
    for (int side = BENCH_SERVER; side <= BENCH_CLIENT; side++) {
        bench_layer.context_free(worker->contexts.of[side]);
        worker->contexts.of[side] = NULL;
    }
}

static bool create_contexts(struct bench_worker *worker, struct bench_fault *fault) {
    worker->contexts.setting = &worker->setting;
    for (int side = BENCH_SERVER; side <= BENCH_CLIENT; side++) {
        if (!bench_layer.context_new(&worker->setting, side == BENCH_SERVER,
                                     &worker->contexts.of[side], fault)) {
            return false;
        }
    }
    return true;
}

/* One handshake, so that a setting which cannot be had is refused now. */
static bool try_out(struct bench_worker *worker, struct bench_fault *fault) {
    struct bench_amount amount = {.count = 1, .threads = 1};
    struct bench_result result = {0};
    return bench_handshakes(&worker->contexts, &amount, &result, fault);
}

bool bench_worker_setup(struct bench_worker *worker, struct bench_words *words,
                        struct bench_fault *fault) {
    struct bench_worker next = {.counted = worker->counted};
    if (!bench_setting_read(words, &next.setting, fault) || !bench_words_all_used(words, fault)) {
        return false;
    }
    bench_worker_close(worker);
    *worker = next;
    if (create_contexts(worker, fault) && try_out(worker, fault)) return true;
    bench_worker_close(worker);
    return false;
}

bool bench_worker_measure(struct bench_worker *worker, struct bench_words *words,
                          struct bench_amount *amount, struct bench_result *result,
                          struct bench_fault *fault) {
    const char *operation = bench_words_find(words, "op");
    const struct workload *workload = operation == NULL ? NULL : find_workload(operation);
    if (workload == NULL) {
        return bench_fail(fault, "op=%.60s: no such operation", operation == NULL ? "" : operation);
    }
    if (!read_amount(words, operation, amount, fault) || !bench_words_all_used(words, fault)) {
        return false;
    }
    if (worker->contexts.of[BENCH_SERVER] == NULL) {
        return bench_fail(fault, "op=setup must come first");
    }
    *result = (struct bench_result){0};
    amount->counted = worker->counted;
    return workload->run(&worker->contexts, amount, result, fault);
}

bool bench_answer_fault(FILE *out, const struct bench_fault *fault) {
    struct bench_json json;
    bench_json_begin(&json, out);
    bench_json_flag(&json, "ok", false);
    bench_json_text(&json, "error", fault->text);
    return bench_json_end(&json);
}

bool bench_answer_result(FILE *out, const struct bench_worker *worker, const char *operation,
                         const struct bench_amount *amount, const struct bench_result *result) {
    struct bench_json json;
    bench_json_begin(&json, out);
    bench_json_flag(&json, "ok", true);
    bench_json_text(&json, "op", operation);
    bench_json_text(&json, "layer", bench_layer.name);
    bench_json_text(&json, "library", bench_layer.library);
    bench_json_text(&json, "version", bench_version_text(worker->setting.version));
    bench_json_text(&json, "cipher", worker->setting.cipher);
    bench_json_text(&json, "group", worker->setting.group);
    bench_json_flag(&json, "resumed",
                    worker->setting.resume && strcmp(operation, "handshake") == 0);
    bench_json_flag(&json, "mutual", worker->setting.mutual);
    bench_json_number(&json, "count", (int64_t)(amount->count * amount->threads));
    bench_json_number(&json, "threads", (int64_t)amount->threads);
    if (amount->bytes > 0) bench_json_number(&json, "bytes", (int64_t)amount->bytes);
    if (amount->connections > 0) {
        bench_json_number(&json, "connections", (int64_t)amount->connections);
    }
    bench_json_number(&json, "server_ns", result->server);
    bench_json_number(&json, "client_ns", result->client);
    bench_json_number(&json, "wall_ns", result->wall);
    return bench_json_end(&json);
}

static bool answer_info(FILE *out, const char *operation) {
    struct bench_json json;
    bench_json_begin(&json, out);
    bench_json_flag(&json, "ok", true);
    bench_json_text(&json, "op", operation);
    bench_json_text(&json, "layer", bench_layer.name);
    bench_json_text(&json, "library", bench_layer.library);
    bench_json_text(&json, "library_version", bench_layer.version());
    bench_json_flag(&json, "counts_instructions", bench_meter_counts());
    return bench_json_end(&json);
}

/* Operations that measure nothing. False when it is none of them. */
static bool obey_simple(struct bench_worker *worker, struct bench_words *words, FILE *out,
                        bool *goes_on) {
    struct bench_fault fault = {0};
    const char *operation = bench_words_find(words, "op");
    if (operation == NULL) return false;
    bool is_setup = strcmp(operation, "setup") == 0;
    if (strcmp(operation, "quit") != 0 && strcmp(operation, "info") != 0 && !is_setup) return false;
    bool good =
        is_setup ? bench_worker_setup(worker, words, &fault) : bench_words_all_used(words, &fault);
    *goes_on = good ? answer_info(out, operation) : bench_answer_fault(out, &fault);
    if (good && strcmp(operation, "quit") == 0) *goes_on = false;
    return true;
}

bool bench_worker_obey(struct bench_worker *worker, char *line, FILE *out) {
    struct bench_words words;
    struct bench_amount amount;
    struct bench_result result;
    struct bench_fault fault = {0};
    bool goes_on = true;
    if (!bench_words_parse(line, &words, &fault)) return bench_answer_fault(out, &fault);
    if (obey_simple(worker, &words, out, &goes_on)) return goes_on;
    if (!bench_worker_measure(worker, &words, &amount, &result, &fault)) {
        return bench_answer_fault(out, &fault);
    }
    return bench_answer_result(out, worker, bench_words_find(&words, "op"), &amount, &result);
}
