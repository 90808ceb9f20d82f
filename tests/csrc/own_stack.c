#include "own_stack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_SIZE ((size_t)1 << 20)

struct tlsmgm_test_stack {
    uint8_t *bytes;
};

struct tlsmgm_test_stack *tlsmgm_test_stack_new(void) {
    struct tlsmgm_test_stack *stack = calloc(1, sizeof *stack);
    if (stack == NULL) return NULL;
    void *bytes =
        mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) {
        free(stack);
        return NULL;
    }
    stack->bytes = bytes;
    return stack;
}

void tlsmgm_test_stack_free(struct tlsmgm_test_stack *stack) {
    if (stack == NULL) return;
    (void)munmap(stack->bytes, STACK_SIZE);
    free(stack);
}

bool tlsmgm_test_stack_holds(const struct tlsmgm_test_stack *stack, const uint8_t *data,
                             size_t size) {
    for (size_t at = 0; at + size <= STACK_SIZE; at++) {
        if (memcmp(stack->bytes + at, data, size) == 0) return true;
    }
    return false;
}

struct job {
    void *(*call)(void *);
    void *arguments;
};

/* What comes after the call, such as the end of the thread, must not write over what it has left.
 */
static void *run_deeper(void *argument) {
    const struct job *job = argument;
    volatile uint8_t between[1 << 14];
    between[0] = 0;
    return job->call(job->arguments) == NULL && between[0] == 0 ? NULL : argument;
}

bool tlsmgm_test_stack_run(struct tlsmgm_test_stack *stack, void *(*call)(void *),
                           void *arguments) {
    pthread_attr_t attributes;
    pthread_t thread;
    struct job job = {call, arguments};
    memset(stack->bytes, 0, STACK_SIZE);
    if (pthread_attr_init(&attributes) != 0) return false;
    bool ran = pthread_attr_setstack(&attributes, stack->bytes, STACK_SIZE) == 0 &&
               pthread_create(&thread, &attributes, run_deeper, &job) == 0 &&
               pthread_join(thread, NULL) == 0;
    (void)pthread_attr_destroy(&attributes);
    return ran;
}

struct copy {
    const uint8_t *data;
    size_t size;
};

static void *copy(void *argument) {
    const struct copy *arguments = argument;
    volatile uint8_t room[TLSMGM_TICKET_KEY_SIZE];
    for (size_t i = 0; i < arguments->size && i < sizeof room; i++) room[i] = arguments->data[i];
    return NULL;
}

bool tlsmgm_test_stack_copy(struct tlsmgm_test_stack *stack, const uint8_t *data, size_t size) {
    struct copy arguments = {data, size};
    return tlsmgm_test_stack_run(stack, copy, &arguments);
}

struct replace {
    struct tlsmgm_ticket_keys *keys;
    const uint8_t *material;
    size_t count;
};

static void *replace(void *argument) {
    const struct replace *arguments = argument;
    tlsmgm_ticket_keys_replace(arguments->keys, arguments->material, arguments->count);
    return NULL;
}

bool tlsmgm_test_stack_replace(struct tlsmgm_test_stack *stack, struct tlsmgm_ticket_keys *keys,
                               const uint8_t *material, size_t count) {
    struct replace arguments = {keys, material, count};
    return tlsmgm_test_stack_run(stack, replace, &arguments);
}

struct keylog {
    const struct tlsmgm_keylog *keylog;
    const uint8_t *random;
    const uint8_t *secret;
    size_t size;
};

static void *keylog(void *argument) {
    const struct keylog *arguments = argument;
    tlsmgm_keylog_secret(arguments->keylog, "CLIENT_RANDOM", arguments->random, arguments->secret,
                         arguments->size);
    return NULL;
}

bool tlsmgm_test_stack_keylog(struct tlsmgm_test_stack *stack, const struct tlsmgm_keylog *log,
                              const uint8_t random[32], const uint8_t *secret, size_t size) {
    struct keylog arguments = {log, random, secret, size};
    return tlsmgm_test_stack_run(stack, keylog, &arguments);
}

struct ctx_new {
    const struct tlsmgm_backend *backend;
    const struct tlsmgm_ctx_config *config;
    struct tlsmgm_ctx **out;
};

static void *ctx_new(void *argument) {
    const struct ctx_new *arguments = argument;
    struct tlsmgm_error error;
    enum tlsmgm_status status =
        arguments->backend->ctx_new(arguments->config, arguments->out, &error);
    (void)status; /* what counts is what stays on the stack */
    return NULL;
}

bool tlsmgm_test_stack_ctx_new(struct tlsmgm_test_stack *stack,
                               const struct tlsmgm_backend *backend,
                               const struct tlsmgm_ctx_config *config, struct tlsmgm_ctx **out) {
    struct ctx_new arguments = {backend, config, out};
    return tlsmgm_test_stack_run(stack, ctx_new, &arguments);
}

struct handshake {
    const struct tlsmgm_backend *backend;
    struct tlsmgm_conn *conn;
};

static void *handshake(void *argument) {
    const struct handshake *arguments = argument;
    struct tlsmgm_error error;
    enum tlsmgm_status status = arguments->backend->handshake(arguments->conn, &error);
    (void)status; /* what counts is what stays on the stack */
    return NULL;
}

bool tlsmgm_test_stack_handshake(struct tlsmgm_test_stack *stack,
                                 const struct tlsmgm_backend *backend, struct tlsmgm_conn *conn) {
    struct handshake arguments = {backend, conn};
    return tlsmgm_test_stack_run(stack, handshake, &arguments);
}
