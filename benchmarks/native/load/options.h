/*
 * What the load generator is told on its command line, as words key=value:
 *
 *     target=IPV4:PORT        where the server is
 *     mode=handshake          new connections: handshake, one byte to the server and back, close
 *     mode=echo               messages of bytes=N and back over connections that stay
 *     mode=down, mode=up      bulk: one byte starts the server's stream; what comes back is dropped
 *     connections=N           at a time
 *     count=N or seconds=N    how much; one operation is a handshake, a message or bytes=N of bulk;
 *                             a run of bulk may end some operations later
 *     warmup=N                operations before the clock starts
 *     cpu=N                   the processor to stay on
 *     patience=N              seconds without any event after which the server is given up
 *     failures=N              so many failures end the run
 *
 * and what is pinned, see setting.h. Without ca= the server's certificate is not verified.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <netinet/in.h>

#include "setting.h"

enum load_mode { LOAD_HANDSHAKE, LOAD_ECHO, LOAD_DOWN, LOAD_UP };

struct load_options {
    struct bench_setting setting;
    struct sockaddr_in target;
    enum load_mode mode;
    uint64_t connections;
    uint64_t count;   /* 0: seconds count */
    uint64_t seconds; /* 0: count counts */
    uint64_t warmup;
    uint64_t bytes;
    uint64_t cpu; /* LOAD_ANY_CPU: none was named */
    uint64_t patience;
    uint64_t failures;
};

#define LOAD_ANY_CPU UINT64_MAX

bool load_options_read(struct bench_words *words, struct load_options *options,
                       struct bench_fault *fault);

/* The word for a mode. */
const char *load_mode_name(enum load_mode mode);

#endif
