/* TLS over a client's socket, straight from the library: all that the relay wants of it. */
#ifndef PLAIN_RELAY_TLS_H
#define PLAIN_RELAY_TLS_H

#include <stddef.h>
#include <stdint.h>

#include "setting.h"

enum bench_tls_step {
    BENCH_TLS_DONE,
    BENCH_TLS_WAIT,   /* for the socket */
    BENCH_TLS_CLOSED, /* by the peer, with close_notify */
    BENCH_TLS_FAILED,
};

/* Each library has its own idea of these. */
struct bench_tls_context;
struct bench_tls;

/* The setting is borrowed; its server_name does not matter. */
bool bench_tls_context_new(const struct bench_setting *setting, struct bench_tls_context **out,
                           struct bench_fault *fault);

/* The server's end over a socket that does not block. NULL without memory. */
struct bench_tls *bench_tls_new(struct bench_tls_context *context, int fd);
void bench_tls_free(struct bench_tls *tls);

enum bench_tls_step bench_tls_handshake(struct bench_tls *tls);

/* DONE with *count > 0, or another step. */
enum bench_tls_step bench_tls_read(struct bench_tls *tls, uint8_t *data, size_t size,
                                   size_t *count);

/*
 * DONE with *count > 0, or another step. After WAIT the same bytes, or more of them, come next;
 * they may have been moved.
 */
enum bench_tls_step bench_tls_write(struct bench_tls *tls, const uint8_t *data, size_t size,
                                    size_t *count);

/* Sends close_notify, as far as the socket takes it. */
void bench_tls_shutdown(struct bench_tls *tls);

#endif
