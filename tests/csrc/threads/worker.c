/*
 * A worker in a thread of its own, with plain listeners, clients and an upstream on this machine;
 * other threads post plans, count, and in the end drain or stop it. Every answer
 * comes back whole, each record is pushed once, and nobody is left inside. Exits with 0, or aborts.
 */
#include "engine/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS  3u
#define VISITS   150u
#define POSTS    400u
#define QUESTION 3000u

static struct tlsmgm_worker *worker;
static struct tlsmgm_admission *admission;
static struct tlsmgm_record_ring *records;
static struct sockaddr_in worker_address;
static struct sockaddr_in upstream_address;
static struct sockaddr_in refusing_address;
static atomic_bool is_over; /* the clients are done */
static atomic_uint served;

static const struct tlsmgm_relay_settings settings = {
    .handshake_timeout = 60000,
    .connect_timeout = 60000,
    .idle_timeout = 60000,
    .send_timeout = 60000,
    .linger_timeout = 500,
    .high_water = 1000, /* so that sides are held all the time */
};

static void check(bool holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "%s: %s\n", what, strerror(errno));
    abort();
}

static int listen_on(struct sockaddr_in *address, bool accepts) {
    socklen_t size = sizeof *address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(fd >= 0 && bind(fd, (struct sockaddr *)address, size) == 0, "bind");
    check(!accepts || listen(fd, 1000) == 0, "listen");
    check(getsockname(fd, (struct sockaddr *)address, &size) == 0, "getsockname");
    return fd;
}

/* False: the other end has gone. */
static bool send_all(int fd, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t count = send(fd, data, size, MSG_NOSIGNAL);
        if (count <= 0) return false;
        data += count;
        size -= (size_t)count;
    }
    return true;
}

/* Sends back what comes, to the end. */
static void *echo(void *argument) {
    int fd = *(int *)argument;
    uint8_t data[4096];
    ssize_t count;
    free(argument);
    while ((count = recv(fd, data, sizeof data, 0)) > 0) {
        if (!send_all(fd, data, (size_t)count)) break;
    }
    (void)close(fd);
    return NULL;
}

static void *serve(void *argument) {
    int listener = *(int *)argument;
    for (;;) {
        pthread_t thread;
        int *fd = malloc(sizeof *fd);
        check(fd != NULL, "malloc");
        *fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (*fd < 0) {
            free(fd);
            return NULL;
        }
        check(pthread_create(&thread, NULL, echo, fd) == 0, "pthread_create");
        (void)pthread_detach(thread);
    }
}

static bool visit(unsigned seed) {
    uint8_t question[QUESTION];
    uint8_t answer[QUESTION];
    size_t size = 1 + seed * 37 % QUESTION;
    size_t got = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0, "socket");
    if (connect(fd, (struct sockaddr *)&worker_address, sizeof worker_address) != 0) {
        (void)close(fd);
        return false;
    }
    memset(question, (int)(seed % 256), size);
    bool is_good = send_all(fd, question, size);
    while (is_good && got < size) {
        ssize_t count = recv(fd, answer + got, size - got, 0);
        is_good = count > 0;
        if (is_good) got += (size_t)count;
    }
    is_good = is_good && memcmp(question, answer, size) == 0;
    (void)close(fd); /* every now and then the worker finds out by a reset */
    return is_good;
}

static void *visit_often(void *argument) {
    unsigned seed = *(const unsigned *)argument;
    for (unsigned i = 0; i < VISITS; i++) {
        check(visit(seed + i), "a visit has failed");
        (void)atomic_fetch_add(&served, 1);
    }
    return NULL;
}

static struct tlsmgm_routes *make_routes(bool refuses) {
    struct tlsmgm_route_address addresses[2] = {{.size = sizeof upstream_address},
                                                {.size = sizeof upstream_address}};
    struct tlsmgm_routes *routes;
    memcpy(addresses[0].sockaddr, &upstream_address, sizeof upstream_address);
    memcpy(addresses[1].sockaddr, refuses ? &refusing_address : &upstream_address,
           sizeof upstream_address);
    const struct tlsmgm_route route = {
        .domain = TLSMGM_ROUTE_ANY, .addresses = addresses, .count = 2};
    if (tlsmgm_routes_new(&route, 1, &routes, NULL) != TLSMGM_STATUS_OK) abort();
    return routes;
}

/* With no domain in it: nobody asks, for all clients are plain. */
static struct tlsmgm_selector *make_selector(uint64_t generation) {
    static const struct tlsmgm_siphash_key key = {{1, 2, 3}};
    static const struct tlsmgm_match_entry none;
    static const struct tlsmgm_ctx_handle nothing;
    struct tlsmgm_match_index *index;
    struct tlsmgm_selector *selector;
    if (tlsmgm_match_index_new(&none, 0, &key, &index, NULL) != TLSMGM_STATUS_OK) abort();
    if (tlsmgm_selector_new(index, &nothing, 0, 0, generation, &selector, NULL) !=
        TLSMGM_STATUS_OK) {
        abort();
    }
    tlsmgm_match_index_free(index);
    return selector;
}

static struct tlsmgm_plan *make_plan(uint64_t number, bool refuses) {
    struct tlsmgm_selector *selector = make_selector(number);
    struct tlsmgm_routes *routes = make_routes(refuses);
    const struct tlsmgm_plan parts = {
        .number = number, .selector = selector, .routes = routes, .settings = settings};
    struct tlsmgm_plan *plan;
    if (tlsmgm_plan_new(&parts, &plan, NULL) != TLSMGM_STATUS_OK) abort();
    tlsmgm_selector_free(selector);
    tlsmgm_routes_free(routes);
    return plan;
}

static void *post_often(void *argument) {
    struct tlsmgm_worker_counts counts;
    for (unsigned i = 0; !atomic_load(&is_over) || i < POSTS; i++) {
        struct tlsmgm_plan *plan = make_plan(i, i % 2 > 0);
        tlsmgm_worker_post(worker, plan);
        tlsmgm_plan_free(plan);
        tlsmgm_worker_count(worker, &counts);
        if (counts.connections > counts.accepted) abort();
        if (i >= POSTS) (void)usleep(1000);
    }
    return argument;
}

static void *run(void *argument) {
    tlsmgm_worker_run(worker);
    return argument;
}

static size_t count_records(void) {
    struct tlsmgm_record batch[64];
    size_t total = 0;
    size_t count;
    while ((count = tlsmgm_record_ring_take(records, batch, 64)) > 0) total += count;
    return total;
}

static void make_worker(void) {
    struct tlsmgm_worker_listener listener = {.is_plain = true};
    listener.fd = listen_on(&worker_address, true);
    check(fcntl(listener.fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    struct tlsmgm_plan *plan = make_plan(0, true);
    const struct tlsmgm_worker_config config = {
        .listeners = &listener,
        .listener_count = 1,
        .admission = admission,
        .plan = plan,
        .records = records,
        .tells_ends = true,
        .bell = -1,
    };
    if (tlsmgm_worker_new(&config, &worker, NULL) != TLSMGM_STATUS_OK) abort();
    tlsmgm_plan_free(plan);
}

/* One life of a worker. drains: it ends by itself, otherwise it is stopped. */
static void live(bool drains) {
    pthread_t runner, poster, clients[CLIENTS];
    unsigned seeds[CLIENTS];
    struct tlsmgm_worker_counts counts;
    atomic_store(&is_over, false);
    atomic_store(&served, 0);
    make_worker();
    check(pthread_create(&runner, NULL, run, NULL) == 0, "pthread_create");
    check(pthread_create(&poster, NULL, post_often, NULL) == 0, "pthread_create");
    for (unsigned i = 0; i < CLIENTS; i++) {
        seeds[i] = i * 7919;
        check(pthread_create(&clients[i], NULL, visit_often, &seeds[i]) == 0, "pthread_create");
    }
    for (unsigned i = 0; i < CLIENTS; i++) (void)pthread_join(clients[i], NULL);
    atomic_store(&is_over, true);
    if (drains)
        tlsmgm_worker_drain(worker, 30000);
    else
        tlsmgm_worker_stop(worker);
    (void)pthread_join(runner, NULL);
    (void)pthread_join(poster, NULL); /* it may post to one that does not run any more */
    tlsmgm_worker_count(worker, &counts);
    check(counts.connections == 0 && counts.accept_errors == 0, "counts");
    check(atomic_load(&served) == CLIENTS * VISITS, "visits");
    check(count_records() == counts.accepted, "records");
    tlsmgm_worker_free(worker);
}

int main(void) {
    const struct tlsmgm_admission_limits limits = {0};
    const struct tlsmgm_siphash_key key = {{1, 2, 3}};
    struct tlsmgm_admission_counts inside;
    pthread_t server;
    (void)alarm(150);
    if (tlsmgm_admission_new(&limits, &key, &admission, NULL) != TLSMGM_STATUS_OK) abort();
    if (tlsmgm_record_ring_new(sizeof(struct tlsmgm_record), 4096, &records, NULL) !=
        TLSMGM_STATUS_OK) {
        abort();
    }
    int listener = listen_on(&upstream_address, true);
    int refusing = listen_on(&refusing_address, false);
    check(pthread_create(&server, NULL, serve, &listener) == 0, "pthread_create");
    live(true);
    live(false);
    (void)shutdown(listener, SHUT_RDWR);
    (void)pthread_join(server, NULL);
    (void)close(listener);
    (void)close(refusing);
    tlsmgm_admission_count(admission, &inside);
    check(inside.connections == 0 && inside.handshakes == 0, "inside");
    tlsmgm_admission_free(admission);
    tlsmgm_record_ring_free(records);
    return 0;
}
