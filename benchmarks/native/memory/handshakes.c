/* Handshakes, in one thread or in several at once. */
#include <pthread.h>

#include "workloads.h"

#define THREADS_MAX 64u

/* Holds the threads back until all are ready. */
struct start {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t ready;
    bool is_open;
    bool is_abandoned; /* not all of them could be started */
};

struct runner {
    pthread_t thread;
    struct start *start;
    struct bench_pair pair;
    struct bench_meter meter;
    uint64_t count;
    struct bench_session *session; /* to offer; NULL where nothing is resumed */
    struct bench_fault fault;
    bool is_good;
};

/* The session that the next connection offers; in TLS 1.3 each ticket is for one use. */
static bool next_session(struct runner *runner) {
    struct bench_session *next = NULL;
    bool good = bench_pair_session(&runner->pair, &next, &runner->fault);
    bench_layer.session_free(runner->session);
    runner->session = next;
    return good;
}

/* What must be there before the clock starts: a first session, if handshakes are resumed. */
static bool prepare(struct runner *runner) {
    if (!runner->pair.contexts->setting->resume) return true;
    bool good = bench_pair_connect(&runner->pair, NULL, &runner->fault) && next_session(runner);
    bench_pair_disconnect(&runner->pair);
    return good;
}

static bool one_handshake(struct runner *runner) {
    if (!bench_pair_connect(&runner->pair, runner->session, &runner->fault)) return false;
    if (runner->pair.contexts->setting->tickets && !next_session(runner)) return false;
    if (!runner->pair.contexts->setting->resume) {
        bench_layer.session_free(runner->session);
        runner->session = NULL;
    }
    bench_pair_disconnect(&runner->pair);
    return true;
}

/* Returns whether to go ahead. */
static bool wait_for_start(struct start *start) {
    (void)pthread_mutex_lock(&start->lock);
    start->ready++;
    (void)pthread_cond_broadcast(&start->changed);
    while (!start->is_open) (void)pthread_cond_wait(&start->changed, &start->lock);
    bool goes_ahead = !start->is_abandoned;
    (void)pthread_mutex_unlock(&start->lock);
    return goes_ahead;
}

static void open_start(struct start *start, uint64_t threads, bool is_abandoned) {
    (void)pthread_mutex_lock(&start->lock);
    while (start->ready < threads) (void)pthread_cond_wait(&start->changed, &start->lock);
    start->is_open = true;
    start->is_abandoned = is_abandoned;
    (void)pthread_cond_broadcast(&start->changed);
    (void)pthread_mutex_unlock(&start->lock);
}

static void *run(void *argument) {
    struct runner *runner = argument;
    unsigned counted = runner->meter.counted;
    runner->meter.counted = 0;
    runner->is_good = prepare(runner);
    runner->meter = (struct bench_meter){.counted = counted};
    bool goes_ahead = wait_for_start(runner->start);
    for (uint64_t i = 0; goes_ahead && runner->is_good && i < runner->count; i++) {
        runner->is_good = one_handshake(runner);
    }
    runner->meter.counted = 0;
    struct bench_meter measured = runner->meter;
    bench_pair_free(&runner->pair);
    bench_layer.session_free(runner->session);
    runner->meter = measured;
    return NULL;
}

static bool gather(const struct runner *runners, uint64_t threads, struct bench_result *result,
                   struct bench_fault *fault) {
    for (uint64_t i = 0; i < threads; i++) {
        if (!runners[i].is_good) {
            *fault = runners[i].fault;
            return false;
        }
        result->server += runners[i].meter.spent[BENCH_SERVER];
        result->client += runners[i].meter.spent[BENCH_CLIENT];
    }
    return true;
}

/* The calling thread keeps the clock; it waits while the others work. */
static bool run_all(struct runner *runners, uint64_t threads, struct bench_result *result,
                    struct bench_fault *fault) {
    struct start start = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    uint64_t started = 0;
    for (; started < threads; started++) {
        struct runner *runner = &runners[started];
        runner->start = &start;
        if (pthread_create(&runner->thread, NULL, run, runner) != 0) break;
    }
    bool all = started == threads;
    open_start(&start, started, !all);
    int64_t begun = bench_clock(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < started; i++) (void)pthread_join(runners[i].thread, NULL);
    result->wall = bench_clock(CLOCK_MONOTONIC) - begun;
    return all || bench_fail(fault, "only %u threads could be started", (unsigned)started);
}

bool bench_handshakes(const struct bench_contexts *contexts, const struct bench_amount *amount,
                      struct bench_result *result, struct bench_fault *fault) {
    static struct runner runners[THREADS_MAX];
    if (amount->threads > THREADS_MAX)
        return bench_fail(fault, "more than %u threads", THREADS_MAX);
    for (uint64_t i = 0; i < amount->threads; i++) {
        runners[i] = (struct runner){
            .pair = {.contexts = contexts, .meter = &runners[i].meter},
            .meter = {.counted = amount->counted},
            .count = amount->count,
        };
    }
    return run_all(runners, amount->threads, result, fault) &&
           gather(runners, amount->threads, result, fault);
}
