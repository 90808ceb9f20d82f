#include "holder.h"

#include <stdlib.h>
#include <string.h>

#include "frames.h"

#define CONTEXTS_MAX 1000000u

static bool keep(struct bench_heap *heap, void *item, struct bench_fault *fault) {
    if (heap->count == heap->capacity) {
        size_t capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
        void **items = realloc(heap->items, capacity * sizeof *items);
        if (items == NULL) return bench_fail(fault, "out of memory");
        heap->items = items;
        heap->capacity = capacity;
    }
    heap->items[heap->count++] = item;
    return true;
}

static bool new_context(struct bench_holder *holder, struct bench_context **out,
                        struct bench_fault *fault) {
    return bench_layer.context_new(&holder->setting, holder->is_server, out, fault);
}

static bool begin(struct bench_holder *holder, struct bench_fault *fault) {
    struct bench_wire wire = {.in = &holder->in, .out = &holder->out};
    struct bench_endpoint *end = NULL;
    if (holder->context == NULL && !new_context(holder, &holder->context, fault)) return false;
    if (!bench_layer.endpoint_new(holder->context, wire, NULL, &end, fault)) return false;
    if (keep(&holder->ends, end, fault)) return true;
    bench_layer.endpoint_free(end);
    return false;
}

static bool add_contexts(struct bench_holder *holder, const uint8_t *text, size_t size,
                         struct bench_fault *fault) {
    char digits[8] = "";
    char *end = digits;
    if (size < sizeof digits) memcpy(digits, text, size);
    unsigned long count = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end != '\0' || count > CONTEXTS_MAX) {
        return bench_fail(fault, "a number of contexts up to %u is wanted", CONTEXTS_MAX);
    }
    for (unsigned long i = 0; i < count; i++) {
        struct bench_context *context = NULL;
        if (!new_context(holder, &context, fault)) return false;
        if (keep(&holder->contexts, context, fault)) continue;
        bench_layer.context_free(context);
        return false;
    }
    return true;
}

static bool step(struct bench_holder *holder, struct bench_endpoint *end,
                 struct bench_answer *answer, struct bench_fault *fault) {
    (void)holder;
    enum bench_step done = bench_layer.handshake(end, fault);
    answer->head[0] = done == BENCH_DONE;
    answer->head_size = 1;
    return done != BENCH_FAILED;
}

/* Data, and tickets on the way. */
static bool read_all(struct bench_holder *holder, struct bench_endpoint *end,
                     struct bench_answer *answer, struct bench_fault *fault) {
    enum bench_step done = BENCH_DONE;
    if (holder->room == NULL) holder->room = malloc(BENCH_FRAME_MAX);
    if (holder->room == NULL) return bench_fail(fault, "out of memory");
    answer->rest = holder->room;
    while (done == BENCH_DONE && answer->rest_size < BENCH_FRAME_MAX) {
        size_t count = 0;
        done = bench_layer.read(end, holder->room + answer->rest_size,
                                BENCH_FRAME_MAX - answer->rest_size, &count, fault);
        answer->rest_size += count;
    }
    return done != BENCH_FAILED;
}

/* The letters that take an end; its wire is empty before and after. */
static bool use_end(struct bench_holder *holder, uint8_t letter, const uint8_t *body, size_t size,
                    struct bench_answer *answer, struct bench_fault *fault) {
    if (holder->ends.count == 0) return bench_fail(fault, "there is no end yet");
    struct bench_endpoint *end = holder->ends.items[holder->ends.count - 1];
    bool good;
    bench_pipe_empty(&holder->in);
    bench_pipe_empty(&holder->out);
    if (letter == 'w') {
        good = bench_layer.write(end, body, size, fault);
    } else if (!bench_pipe_send(&holder->in, body, size)) {
        return bench_fail(fault, "out of memory");
    } else {
        good = (letter == 's' ? step : read_all)(holder, end, answer, fault);
    }
    if (letter != 'r') answer->rest = bench_pipe_view(&holder->out, &answer->rest_size);
    size_t left = 0;
    if (good && bench_pipe_view(&holder->in, &left) != NULL) {
        return bench_fail(fault, "%zu bytes were left on the wire", left);
    }
    return good;
}

bool bench_holder_obey(struct bench_holder *holder, const uint8_t *frame, size_t size,
                       struct bench_answer *answer, struct bench_fault *fault) {
    *answer = (struct bench_answer){0};
    switch (frame[0]) {
        case 'n':
            return begin(holder, fault);
        case 's':
        case 'w':
        case 'r':
            return use_end(holder, frame[0], frame + 1, size - 1, answer, fault);
        case 'c':
            return add_contexts(holder, frame + 1, size - 1, fault);
        case 'm':
            return true; /* there is no garbage to collect */
        default:
            return bench_fail(fault, "there is no command 0x%02x", frame[0]);
    }
}
