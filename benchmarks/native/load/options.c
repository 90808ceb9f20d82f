#include "options.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 10000u
#define CPU_MAX         1023u
#define SECONDS_MAX     86400u

static const char *const mode_names[] = {
    [LOAD_HANDSHAKE] = "handshake",
    [LOAD_ECHO] = "echo",
    [LOAD_DOWN] = "down",
    [LOAD_UP] = "up",
};

const char *load_mode_name(enum load_mode mode) { return mode_names[mode]; }

static bool read_mode(struct bench_words *words, enum load_mode *mode, struct bench_fault *fault) {
    const char *value = bench_words_find(words, "mode");
    *mode = LOAD_HANDSHAKE;
    for (int i = LOAD_HANDSHAKE; value != NULL && i <= LOAD_UP; i++) {
        if (strcmp(mode_names[i], value) != 0) continue;
        *mode = (enum load_mode)i;
        value = NULL;
    }
    return value == NULL ||
           bench_fail(fault, "mode=%.60s: handshake, echo, down or up is wanted", value);
}

static bool read_target(struct bench_words *words, struct sockaddr_in *target,
                        struct bench_fault *fault) {
    char address[INET_ADDRSTRLEN] = "";
    char *end = NULL;
    const char *value = bench_words_find(words, "target");
    if (value == NULL) return bench_fail(fault, "target is missing");
    const char *colon = strrchr(value, ':');
    size_t size = colon == NULL ? sizeof address : (size_t)(colon - value);
    if (size < sizeof address) memcpy(address, value, size);
    unsigned long port = colon == NULL ? 0 : strtoul(colon + 1, &end, 10);
    target->sin_family = AF_INET;
    target->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, address, &target->sin_addr) == 1 && port > 0 && port <= 65535 &&
        *end == '\0') {
        return true;
    }
    return bench_fail(fault, "target=%.60s: an IPv4 address, a colon and a port are wanted", value);
}

static bool read_numbers(struct bench_words *words, struct load_options *options,
                         struct bench_fault *fault) {
    return bench_words_number(words, "connections", 1, CONNECTIONS_MAX, &options->connections,
                              fault) &&
           bench_words_number(words, "count", 1, 1000000000, &options->count, fault) &&
           bench_words_number(words, "seconds", 1, SECONDS_MAX, &options->seconds, fault) &&
           bench_words_number(words, "warmup", 0, 1000000000, &options->warmup, fault) &&
           bench_words_number(words, "bytes", 1, 1u << 30, &options->bytes, fault) &&
           bench_words_number(words, "cpu", 0, CPU_MAX, &options->cpu, fault) &&
           bench_words_number(words, "patience", 1, SECONDS_MAX, &options->patience, fault) &&
           bench_words_number(words, "failures", 1, 1000000000, &options->failures, fault);
}

bool load_options_read(struct bench_words *words, struct load_options *options,
                       struct bench_fault *fault) {
    *options = (struct load_options){
        .connections = 16,
        .bytes = 1024,
        .cpu = LOAD_ANY_CPU,
        .patience = 10,
        .failures = 10,
    };
    if (!read_target(words, &options->target, fault) || !read_mode(words, &options->mode, fault) ||
        !read_numbers(words, options, fault)) {
        return false;
    }
    if ((options->count == 0) == (options->seconds == 0)) {
        return bench_fail(fault, "either count or seconds is wanted");
    }
    /* Here tickets are the server's matter; a client that resumes just needs some. */
    if (!bench_setting_read(words, &options->setting, fault)) return false;
    if (options->setting.resume && options->mode != LOAD_HANDSHAKE) {
        return bench_fail(fault, "resume=yes goes with mode=handshake only");
    }
    return bench_words_all_used(words, fault);
}
