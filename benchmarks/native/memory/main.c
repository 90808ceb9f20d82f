/*
 * bench_memory: handshakes and data between a client and a server in one process, without sockets.
 *
 *     bench_memory                        obeys lines from standard input, see commands.h
 *     bench_memory --once SETTING... OPERATION...
 *
 * The second form sets up, warms up and measures once; it is for valgrind --tool=callgrind. Its
 * words are those of op=setup and of one operation together, and two more:
 *
 *     warmup=N                    how many times the operation is done before
 *     side=server|client|both     whose instructions are collected, see meter.h
 *
 * Run it with --collect-atstart=no: where callgrind's header was there at compile time, only the
 * named side is then collected, and only after the warm-up. Without the header, count nothing by
 * itself; the difference between two runs with another count= is the cost of the difference.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

enum line { LINE_THERE, LINE_TOO_LONG, LINE_END };

/* A line without its end. What is too long is passed over; no byte can end the text early. */
static enum line next_line(FILE *in, char line[BENCH_LINE_MAX]) {
    size_t size = 0;
    int byte;
    while ((byte = fgetc(in)) != EOF && byte != '\n') {
        if (size < BENCH_LINE_MAX - 1) line[size] = byte == 0 ? '?' : (char)byte;
        size++;
    }
    if (byte == EOF && size == 0) return LINE_END;
    if (size > BENCH_LINE_MAX - 1) return LINE_TOO_LONG;
    line[size] = '\0';
    return LINE_THERE;
}

static int obey_lines(struct bench_worker *worker) {
    static char line[BENCH_LINE_MAX];
    bool goes_on = true;
    while (goes_on) {
        struct bench_fault fault;
        enum line found = next_line(stdin, line);
        if (found == LINE_END) break;
        if (found == LINE_THERE) {
            goes_on = bench_worker_obey(worker, line, stdout);
        } else {
            (void)bench_fail(&fault, "the line is longer than %u bytes", BENCH_LINE_MAX);
            goes_on = bench_answer_fault(stdout, &fault);
        }
    }
    return EXIT_SUCCESS;
}

/* Words of an operation go from `from` to `to`, so that each half is checked by its reader. */
static void move_words(struct bench_words *from, struct bench_words *to) {
    static const char *const names[] = {"op",    "count",       "threads",
                                        "bytes", "connections", "direction"};
    unsigned kept = 0;
    for (unsigned i = 0; i < from->count; i++) {
        bool moves = false;
        for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
            moves = moves || strcmp(from->list[i].key, names[j]) == 0;
        }
        if (moves) {
            to->list[to->count++] = from->list[i];
        } else {
            from->list[kept++] = from->list[i];
        }
    }
    from->count = kept;
}

static bool read_side(struct bench_words *words, unsigned *counted, struct bench_fault *fault) {
    const char *side = bench_words_find(words, "side");
    *counted = 1u << BENCH_SERVER;
    if (side == NULL || strcmp(side, "server") == 0) return true;
    *counted = 1u << BENCH_CLIENT;
    if (strcmp(side, "client") == 0) return true;
    *counted = 1u << BENCH_SERVER | 1u << BENCH_CLIENT;
    return strcmp(side, "both") == 0 ||
           bench_fail(fault, "side=%.60s: server, client or both is wanted", side);
}

static bool warm_up(struct bench_worker *worker, struct bench_words *operation, uint64_t times,
                    struct bench_fault *fault) {
    for (uint64_t i = 0; i < times; i++) {
        struct bench_amount amount;
        struct bench_result result;
        if (!bench_worker_measure(worker, operation, &amount, &result, fault)) return false;
    }
    return true;
}

static bool once(struct bench_worker *worker, int count, char **arguments,
                 struct bench_fault *fault) {
    static char line[BENCH_LINE_MAX];
    struct bench_words setting;
    struct bench_words operation = {0};
    struct bench_amount amount;
    struct bench_result result;
    unsigned counted = 0;
    uint64_t times = 1;
    if (!bench_words_join(count, arguments, line, fault) ||
        !bench_words_parse(line, &setting, fault)) {
        return false;
    }
    move_words(&setting, &operation);
    if (!read_side(&setting, &counted, fault) ||
        !bench_words_number(&setting, "warmup", 0, 1000000, &times, fault) ||
        !bench_worker_setup(worker, &setting, fault) ||
        !warm_up(worker, &operation, times, fault)) {
        return false;
    }
    worker->counted = counted;
    if (!bench_worker_measure(worker, &operation, &amount, &result, fault)) return false;
    return bench_answer_result(stdout, worker, bench_words_find(&operation, "op"), &amount,
                               &result) ||
           bench_fail(fault, "the answer cannot be written");
}

int main(int count, char **arguments) {
    static struct bench_worker worker;
    struct bench_fault fault = {0};
    bool is_once = count > 1 && strcmp(arguments[1], "--once") == 0;
    int code = EXIT_SUCCESS;
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads no answers any more gets no more */
    bool good = (count == 1 || is_once) ||
                bench_fail(&fault, "%.60s is unknown; only --once may stand first", arguments[1]);
    good = good && bench_layer.init(&fault);
    if (good && is_once) {
        good = once(&worker, count - 2, arguments + 2, &fault);
    } else if (good) {
        code = obey_lines(&worker);
    }
    if (!good) (void)bench_answer_fault(stdout, &fault);
    bench_worker_close(&worker);
    return good ? code : EXIT_FAILURE;
}
