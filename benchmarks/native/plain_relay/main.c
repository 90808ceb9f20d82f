/*
 * plain_relay: what a relay in C costs that does nothing else. One thread over epoll(7), TLS
 * straight from the library over the client's socket, one context and one plain upstream. It does
 * not read the ClientHello by itself, chooses no domain, and has neither limits nor deadlines. Its
 * words are those of common/server.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "relay.h"
#include "server.h"

#define EVENTS_MAX 256

static bool watch_listener(const struct relay_world *world, int listener) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    return epoll_ctl(world->epoll, EPOLL_CTL_ADD, listener, &event) == 0;
}

static bool prepare(struct relay_world *world, const struct bench_server *server, int *listener,
                    struct bench_fault *fault) {
    world->upstream = server->upstream;
    world->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (world->epoll < 0) return bench_fail(fault, "epoll: %s", strerror(errno));
    return bench_tls_context_new(&server->setting, &world->context, fault) &&
           bench_server_listen(server, listener, fault) &&
           (watch_listener(world, *listener) || bench_fail(fault, "epoll: %s", strerror(errno)));
}

static void accept_all(struct relay_world *world, int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        relay_begin(world, fd);
    }
}

static bool serve(struct relay_world *world, int listener, struct bench_fault *fault) {
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(world->epoll, events, EVENTS_MAX, -1);
        if (count < 0 && errno != EINTR) return bench_fail(fault, "epoll: %s", strerror(errno));
        for (int i = 0; i < count; i++) {
            struct relay_side *side = events[i].data.ptr;
            if (side == NULL)
                accept_all(world, listener);
            else
                relay_turn(side);
        }
        relay_bury(world);
    }
}

int main(int count, char **arguments) {
    static struct bench_server server;
    static struct relay_world world;
    struct bench_fault fault = {0};
    int listener;
    (void)signal(SIGPIPE, SIG_IGN); /* the libraries write to sockets without MSG_NOSIGNAL */
    bool good = bench_server_read(count - 1, arguments + 1, &server, &fault) &&
                prepare(&world, &server, &listener, &fault) && serve(&world, listener, &fault);
    if (!good) (void)fprintf(stderr, "%s\n", fault.text);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
