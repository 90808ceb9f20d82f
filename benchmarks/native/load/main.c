/*
 * load: a load generator for TLS servers on this machine, over the contract. One thread, many
 * connections. Prints one line of JSON; its exit code is 0 only if nothing failed.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "connection.h"
#include "json.h"
#include "report.h"

#define EVENTS_MAX 256
#define BILLION    1000000000

/* epoll returns at least so often, for the clock to be read. */
#define TICK_MS 50

enum phase { WARMING_UP, MEASURING, OVER };

struct run {
    struct load_options options;
    struct load_world world;
    struct load_connection *connections;
    struct load_report report;
    enum phase phase;
    uint64_t warm;        /* operations before the clock started */
    uint64_t established; /* connections that stand, where they stay */
    int64_t wall_begun;
    int64_t cpu_begun;
    int64_t last_event;
};

static bool stay_on_cpu(uint64_t cpu, struct bench_fault *fault) {
    cpu_set_t set;
    if (cpu == LOAD_ANY_CPU) return true;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ||
           bench_fail(fault, "cpu=%u: %s", (unsigned)cpu, strerror(errno));
}

static void start_clock(struct run *run) {
    run->phase = MEASURING;
    run->wall_begun = bench_clock(CLOCK_MONOTONIC);
    run->cpu_begun = bench_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop_clock(struct run *run) {
    if (run->phase == MEASURING) {
        run->report.wall = bench_clock(CLOCK_MONOTONIC) - run->wall_begun;
        run->report.cpu = bench_clock(CLOCK_PROCESS_CPUTIME_ID) - run->cpu_begun;
    }
    run->phase = OVER;
}

/* Every connection that stays must stand first, and each that resumes needs a session first. */
static bool is_warm(const struct run *run) {
    uint64_t wanted = run->options.warmup;
    if (run->options.mode != LOAD_HANDSHAKE) {
        return run->established == run->options.connections && run->warm >= wanted;
    }
    if (run->options.setting.resume) wanted += run->options.connections;
    return run->warm >= wanted;
}

static bool is_enough(const struct run *run) {
    if (run->options.count > 0) return run->report.operations >= run->options.count;
    int64_t elapsed = bench_clock(CLOCK_MONOTONIC) - run->wall_begun;
    return elapsed >= (int64_t)run->options.seconds * BILLION;
}

static bool note(struct run *run, const struct load_progress *progress, struct bench_fault *fault) {
    struct load_report *report = &run->report;
    if (run->phase == WARMING_UP) {
        run->warm += progress->operations;
        if (is_warm(run)) start_clock(run);
        return true;
    }
    report->handshakes += progress->handshake ? 1 : 0;
    report->bytes_sent += progress->sent;
    report->bytes_received += progress->received;
    report->operations += progress->operations;
    if (progress->operations > 0 && progress->latency > 0 &&
        !load_report_latency(report, progress->latency)) {
        return bench_fail(fault, "out of memory");
    }
    if (is_enough(run)) stop_clock(run);
    return true;
}

/* Counts the failure; false when there were too many. */
static bool tolerate(struct run *run, const struct bench_fault *fault) {
    load_report_failure(&run->report, fault);
    return run->report.failures < run->options.failures;
}

static bool open_one(struct run *run, struct load_connection *connection) {
    struct bench_fault fault;
    while (!load_connection_open(connection, &fault)) {
        if (!tolerate(run, &fault)) return false;
    }
    return true;
}

/*
 * A client of TLS 1.3 is done half a round trip before its server, which may have many others to
 * serve before it comes to the end of this handshake: of echoes the first one shows that it has.
 */
static void count_standing(struct run *run, struct load_connection *connection,
                           const struct load_progress *progress) {
    if (run->options.mode == LOAD_HANDSHAKE || connection->stands) return;
    connection->stands =
        run->options.mode == LOAD_ECHO ? progress->operations > 0 : progress->handshake;
    if (connection->stands) run->established++;
}

static bool turn(struct run *run, struct epoll_event *event) {
    struct bench_fault fault = {0};
    struct load_progress progress;
    struct load_connection *connection = event->data.ptr;
    bool stood = connection->stands;
    if (load_connection_turn(connection, event->events, &progress, &fault)) {
        count_standing(run, connection, &progress);
        if (!note(run, &progress, &fault)) {
            (void)tolerate(run, &fault);
            return false;
        }
    } else {
        if (stood) run->established--;
        if (!tolerate(run, &fault)) return false;
    }
    if (connection->state != LOAD_CLOSED || run->phase == OVER) return true;
    return open_one(run, connection);
}

/* False: given up. */
static bool wait_for_events(struct run *run) {
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(run->world.epoll, events, EVENTS_MAX, TICK_MS);
    if (count < 0 && errno != EINTR) return false;
    int64_t now = bench_clock(CLOCK_MONOTONIC);
    if (count > 0) run->last_event = now;
    for (int i = 0; i < count && run->phase != OVER; i++) {
        if (!turn(run, &events[i])) return false;
    }
    if (run->phase == MEASURING && is_enough(run)) stop_clock(run);
    if (now - run->last_event <= (int64_t)run->options.patience * BILLION) return true;
    struct bench_fault fault;
    (void)bench_fail(&fault, "nothing happened for %u seconds", (unsigned)run->options.patience);
    load_report_failure(&run->report, &fault);
    return false;
}

static bool prepare(struct run *run, struct bench_fault *fault) {
    size_t count = (size_t)run->options.connections;
    run->world.options = &run->options;
    run->world.room = malloc(LOAD_ROOM);
    run->connections = calloc(count, sizeof *run->connections);
    run->world.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->world.room == NULL || run->connections == NULL || run->world.epoll < 0) {
        return bench_fail(fault, "no memory or no epoll");
    }
    for (size_t i = 0; i < count; i++) {
        run->connections[i].world = &run->world;
        run->connections[i].socket = -1;
    }
    return stay_on_cpu(run->options.cpu, fault) &&
           bench_contract_context(&run->options.setting, false, &run->world.ctx, fault);
}

static void work(struct run *run) {
    bool goes_on = true;
    run->last_event = bench_clock(CLOCK_MONOTONIC);
    if (is_warm(run)) start_clock(run);
    for (uint64_t i = 0; goes_on && i < run->options.connections; i++) {
        goes_on = open_one(run, &run->connections[i]);
    }
    while (goes_on && run->phase != OVER) goes_on = wait_for_events(run);
    stop_clock(run);
}

static void finish(struct run *run) {
    for (uint64_t i = 0; run->connections != NULL && i < run->options.connections; i++) {
        load_connection_free(&run->connections[i]);
    }
    bench_backend->ctx_free(run->world.ctx);
    free(run->connections);
    free(run->world.room);
    load_report_free(&run->report);
}

static bool read_words(int count, char **arguments, struct load_options *options,
                       struct bench_fault *fault) {
    static char line[BENCH_LINE_MAX];
    struct bench_words words;
    return bench_words_join(count, arguments, line, fault) &&
           bench_words_parse(line, &words, fault) && load_options_read(&words, options, fault);
}

static int refuse(const struct bench_fault *fault) {
    struct bench_json json;
    bench_json_begin(&json, stdout);
    bench_json_flag(&json, "ok", false);
    bench_json_text(&json, "error", fault->text);
    (void)bench_json_end(&json);
    return EXIT_FAILURE;
}

int main(int count, char **arguments) {
    static struct run run;
    struct bench_fault fault = {0};
    if (!read_words(count - 1, arguments + 1, &run.options, &fault) || !prepare(&run, &fault)) {
        return refuse(&fault);
    }
    work(&run);
    bool good = run.report.failures == 0;
    good = load_report_write(&run.report, &run.options, stdout) && good;
    finish(&run);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
