/*
 * A layer is a way of doing TLS in C: `plain` calls the library itself, `contract` goes through
 * struct tlsmgm_backend. The workloads know only this table, so both do the same work under the
 * same clock. Functions that return bool fill in the fault when they return false.
 */
#ifndef BENCH_LAYER_H
#define BENCH_LAYER_H

#include "pipe.h"
#include "setting.h"

enum bench_step {
    BENCH_DONE,
    BENCH_WAIT, /* for bytes from the peer */
    BENCH_FAILED,
};

/* Each layer has its own idea of these. */
struct bench_context;
struct bench_endpoint;
struct bench_session;

/* Where an endpoint's bytes come from and go to; borrowed as long as the endpoint lives. */
struct bench_wire {
    struct bench_pipe *in;
    struct bench_pipe *out;
};

struct bench_layer {
    const char *name;
    const char *library;
    const char *(*version)(void);

    /* Once, before anything else. */
    bool (*init)(struct bench_fault *fault);

    /* One end of the pinned setting, for any number of threads. The setting is borrowed. */
    bool (*context_new)(const struct bench_setting *setting, bool is_server,
                        struct bench_context **out, struct bench_fault *fault);
    void (*context_free)(struct bench_context *context);

    /* One end of a connection; session (of a client) may be NULL and is borrowed for the call. */
    bool (*endpoint_new)(struct bench_context *context, struct bench_wire wire,
                         const struct bench_session *session, struct bench_endpoint **out,
                         struct bench_fault *fault);
    void (*endpoint_free)(struct bench_endpoint *endpoint);

    /* Goes on as far as the bytes on the wire reach. */
    enum bench_step (*handshake)(struct bench_endpoint *endpoint, struct bench_fault *fault);

    /* DONE with *count > 0, or WAIT. */
    enum bench_step (*read)(struct bench_endpoint *endpoint, uint8_t *data, size_t size,
                            size_t *count, struct bench_fault *fault);

    /* Writes all of it. */
    bool (*write)(struct bench_endpoint *endpoint, const uint8_t *data, size_t size,
                  struct bench_fault *fault);

    void (*facts)(struct bench_endpoint *endpoint, struct bench_facts *facts);

    /* Client: what to offer next time; *out is NULL when the server gave nothing. */
    bool (*session)(struct bench_endpoint *endpoint, struct bench_session **out,
                    struct bench_fault *fault);
    void (*session_free)(struct bench_session *session);

    /* Every field of the peer's certificate as text; NULL where the layer has no such thing. */
    bool (*fields)(struct bench_endpoint *endpoint, struct bench_fault *fault);
};

/* The layer this program was linked with. */
extern const struct bench_layer bench_layer;

#endif
