/*
 * engine: one worker of csrc/engine with one domain and one plain upstream, so that nothing of
 * Python is in the process. Its limits are those of docs/limits.md where a server has any by
 * itself, and nobody reads its records. Its words are those of common/server.h; SIGTERM ends it.
 *
 * SIGUSR1 marks a place for callgrind, which may be told to begin a new file at a call of
 * getpgid(): nothing else here calls it. A line on standard output says that the mark is set.
 */
#include "engine/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "contract.h"
#include "server.h"

static const struct tlsmgm_relay_settings timeouts = {
    .first_byte_timeout = 5000,
    .handshake_timeout = 10000,
    .connect_timeout = 7000,
    .idle_timeout = 300000,
    .send_timeout = 60000,
    .linger_timeout = 2000,
    .idle_records = 32,
    .high_water = 128u << 10,
};

/* Those of one network are all there is here. */
static const struct tlsmgm_admission_limits limits = {
    .max_handshakes = 1024,
    .max_handshakes_per_network = 64,
    .ipv4_prefix = 32,
    .ipv6_prefix = 64,
};

/* What the worker is made of; it has references of its own to some of them. */
struct parts {
    struct tlsmgm_siphash_key key;
    struct tlsmgm_ctx *ctx;
    struct tlsmgm_match_index *index;
    struct tlsmgm_selector *selector;
    struct tlsmgm_routes *routes;
    struct tlsmgm_plan *plan;
    struct tlsmgm_admission *admission;
    struct tlsmgm_worker *worker;
};

/* The domain of the pinned name, on every address. */
static bool make_selector(struct parts *parts, const struct bench_setting *setting,
                          struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct tlsmgm_match_entry entry = {.any_address = true};
    entry.no_name = *setting->server_name == '\0';
    entry.pattern.data = (const uint8_t *)setting->server_name;
    entry.pattern.size = strlen(setting->server_name);
    if (!bench_contract_context(setting, true, &parts->ctx, fault)) return false;
    const struct tlsmgm_ctx_handle handle = {
        .backend = bench_backend,
        .ctx = parts->ctx,
        .is_server = true,
    };
    if (tlsmgm_match_index_new(&entry, 1, &parts->key, &parts->index, &error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, "match index", &error);
    }
    return tlsmgm_selector_new(parts->index, &handle, 1, 0, 1, &parts->selector, &error) ==
               TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "selector", &error);
}

static bool make_routes(struct parts *parts, const struct sockaddr_in *upstream,
                        struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct tlsmgm_route_address address = {.size = sizeof *upstream};
    const struct tlsmgm_route route = {
        .domain = TLSMGM_ROUTE_ANY,
        .addresses = &address,
        .count = 1,
    };
    memcpy(address.sockaddr, upstream, sizeof *upstream);
    return tlsmgm_routes_new(&route, 1, &parts->routes, &error) == TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "routes", &error);
}

static bool make_plan(struct parts *parts, struct bench_fault *fault) {
    struct tlsmgm_error error;
    const struct tlsmgm_plan plan = {
        .selector = parts->selector,
        .routes = parts->routes,
        .settings = timeouts,
    };
    return tlsmgm_plan_new(&plan, &parts->plan, &error) == TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "plan", &error);
}

static bool make_worker(struct parts *parts, const struct bench_server *server,
                        struct bench_fault *fault) {
    struct tlsmgm_error error;
    struct tlsmgm_worker_listener listener = {
        .local = {.port = ntohs(server->address.sin_port)},
    };
    memset(listener.local.address + 10, 0xff, 2);
    memcpy(listener.local.address + 12, &server->address.sin_addr, 4);
    if (tlsmgm_admission_new(&limits, &parts->key, &parts->admission, &error) != TLSMGM_STATUS_OK) {
        return bench_contract_fail(fault, "admission", &error);
    }
    if (!bench_server_listen(server, &listener.fd, fault)) return false;
    const struct tlsmgm_worker_config config = {
        .listeners = &listener,
        .listener_count = 1,
        .admission = parts->admission,
        .plan = parts->plan,
    };
    return tlsmgm_worker_new(&config, &parts->worker, &error) == TLSMGM_STATUS_OK ||
           bench_contract_fail(fault, "worker", &error);
}

static bool make(struct parts *parts, const struct bench_server *server,
                 struct bench_fault *fault) {
    if (getrandom(&parts->key, sizeof parts->key, 0) != (ssize_t)sizeof parts->key) {
        return bench_fail(fault, "no random bytes");
    }
    return make_selector(parts, &server->setting, fault) &&
           make_routes(parts, &server->upstream, fault) && make_plan(parts, fault) &&
           make_worker(parts, server, fault);
}

static void discard(struct parts *parts) {
    tlsmgm_worker_free(parts->worker);
    tlsmgm_admission_free(parts->admission);
    tlsmgm_plan_free(parts->plan);
    tlsmgm_routes_free(parts->routes);
    tlsmgm_selector_free(parts->selector);
    tlsmgm_match_index_free(parts->index);
    bench_backend->ctx_free(parts->ctx);
}

static void *run(void *worker) {
    tlsmgm_worker_run(worker);
    return NULL;
}

static void mark(void) {
    (void)getpgid(0);
    (void)puts("marked");
    (void)fflush(stdout);
}

/* Workers have threads of their own, and this one waits for signals, as in every program. */
static bool serve(struct tlsmgm_worker *worker, const sigset_t *signals,
                  struct bench_fault *fault) {
    pthread_t thread;
    int signal;
    int failed = pthread_create(&thread, NULL, run, worker);
    if (failed != 0) return bench_fail(fault, "no thread: %s", strerror(failed));
    while (sigwait(signals, &signal) == 0 && signal == SIGUSR1) mark();
    tlsmgm_worker_stop(worker);
    (void)pthread_join(thread, NULL);
    return true;
}

int main(int count, char **arguments) {
    static struct bench_server server;
    struct parts parts = {0};
    struct bench_fault fault = {0};
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGUSR1);
    /* Before anybody can connect: who has seen it listen may end it in order. */
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    bool good = bench_server_read(count - 1, arguments + 1, &server, &fault) &&
                make(&parts, &server, &fault) && serve(parts.worker, &signals, &fault);
    discard(&parts);
    if (!good) (void)fprintf(stderr, "%s\n", fault.text);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
