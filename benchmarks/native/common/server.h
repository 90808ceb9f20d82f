/*
 * What a server of ours is told on its command line, as words key=value:
 *
 *     port=N       where it listens on 127.0.0.1
 *     upstream=N   where the plain server behind it listens on 127.0.0.1
 *     backlog=N    connections that may wait to be accepted
 *
 * and what is pinned, see setting.h.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <netinet/in.h>

#include "setting.h"

struct bench_server {
    struct bench_setting setting;
    struct sockaddr_in address;
    struct sockaddr_in upstream;
    uint64_t backlog;
};

/* The words of a command line. */
bool bench_server_read(int count, char *const *arguments, struct bench_server *server,
                       struct bench_fault *fault);

/* A listening socket that does not block. */
bool bench_server_listen(const struct bench_server *server, int *out, struct bench_fault *fault);

#endif
