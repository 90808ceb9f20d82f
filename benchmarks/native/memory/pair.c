#include "pair.h"

/* No handshake takes more turns, not even with a HelloRetryRequest. */
#define TURNS_MAX 10

static const char *side_name(enum bench_side side) {
    return side == BENCH_SERVER ? "server" : "client";
}

/* Says which side it was; what the layer said comes behind it. */
static bool blame(enum bench_side side, struct bench_fault *fault) {
    struct bench_fault cause = *fault;
    return bench_fail(fault, "%s: %.480s", side_name(side), cause.text);
}

static bool create(struct bench_pair *pair, enum bench_side side,
                   const struct bench_session *session, struct bench_fault *fault) {
    enum bench_side peer = side == BENCH_SERVER ? BENCH_CLIENT : BENCH_SERVER;
    struct bench_wire wire = {.in = &pair->pipes[side], .out = &pair->pipes[peer]};
    bench_meter_begin(pair->meter, side);
    bool good =
        bench_layer.endpoint_new(pair->contexts->of[side], wire, session, &pair->ends[side], fault);
    bench_meter_end(pair->meter, side);
    return good || blame(side, fault);
}

static enum bench_step step(struct bench_pair *pair, enum bench_side side,
                            struct bench_fault *fault) {
    bench_meter_begin(pair->meter, side);
    enum bench_step step = bench_layer.handshake(pair->ends[side], fault);
    bench_meter_end(pair->meter, side);
    if (step == BENCH_FAILED) (void)blame(side, fault);
    return step;
}

static bool shake(struct bench_pair *pair, struct bench_fault *fault) {
    enum bench_step client = BENCH_WAIT;
    enum bench_step server = BENCH_WAIT;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        if (client == BENCH_WAIT) client = step(pair, BENCH_CLIENT, fault);
        if (client == BENCH_FAILED) return false;
        if (server == BENCH_WAIT) server = step(pair, BENCH_SERVER, fault);
        if (server == BENCH_FAILED) return false;
        if (client == BENCH_DONE && server == BENCH_DONE) return true;
    }
    return bench_fail(fault, "the handshake came to no end");
}

static bool check(struct bench_pair *pair, bool is_resumed, struct bench_fault *fault) {
    const struct bench_setting *setting = pair->contexts->setting;
    struct bench_facts facts;
    for (int side = BENCH_SERVER; side <= BENCH_CLIENT; side++) {
        bench_layer.facts(pair->ends[side], &facts);
        if (!bench_setting_check(setting, &facts, is_resumed, fault)) {
            return blame((enum bench_side)side, fault);
        }
        /* After resumption some libraries no longer know the certificate. */
        bool wanted = side == BENCH_CLIENT || setting->mutual;
        if (!is_resumed && facts.has_peer_certificate != wanted) {
            return bench_fail(fault, "the %s has %s peer certificate",
                              side_name((enum bench_side)side), wanted ? "no" : "an unwanted");
        }
    }
    return true;
}

bool bench_pair_connect(struct bench_pair *pair, const struct bench_session *session,
                        struct bench_fault *fault) {
    bench_pair_disconnect(pair);
    return create(pair, BENCH_CLIENT, session, fault) && create(pair, BENCH_SERVER, NULL, fault) &&
           shake(pair, fault) && check(pair, session != NULL, fault);
}

bool bench_pair_session(struct bench_pair *pair, struct bench_session **out,
                        struct bench_fault *fault) {
    uint8_t byte;
    size_t count = 0;
    *out = NULL;
    bench_meter_begin(pair->meter, BENCH_CLIENT);
    /* In TLS 1.3 tickets come behind the handshake. There is nothing else to read. */
    enum bench_step step = bench_layer.read(pair->ends[BENCH_CLIENT], &byte, 1, &count, fault);
    bool good = step == BENCH_WAIT && bench_layer.session(pair->ends[BENCH_CLIENT], out, fault);
    bench_meter_end(pair->meter, BENCH_CLIENT);
    if (step == BENCH_DONE) return bench_fail(fault, "the server wrote unasked");
    if (!good) return blame(BENCH_CLIENT, fault);
    return *out != NULL || bench_fail(fault, "the server gave no ticket");
}

bool bench_pair_write(struct bench_pair *pair, enum bench_side side, const uint8_t *data,
                      size_t size, struct bench_fault *fault) {
    bench_meter_begin(pair->meter, side);
    bool good = bench_layer.write(pair->ends[side], data, size, fault);
    bench_meter_end(pair->meter, side);
    return good || blame(side, fault);
}

bool bench_pair_read(struct bench_pair *pair, enum bench_side side, uint8_t *room, size_t size,
                     struct bench_fault *fault) {
    size_t whole = 0;
    enum bench_step step = BENCH_DONE;
    bench_meter_begin(pair->meter, side);
    while (step == BENCH_DONE && whole < size) {
        size_t count = 0;
        step = bench_layer.read(pair->ends[side], room + whole, size - whole, &count, fault);
        whole += count;
    }
    bench_meter_end(pair->meter, side);
    if (step == BENCH_FAILED) return blame(side, fault);
    return whole == size ||
           bench_fail(fault, "%s: %zu bytes came instead of %zu", side_name(side), whole, size);
}

void bench_pair_disconnect(struct bench_pair *pair) {
    for (int side = BENCH_SERVER; side <= BENCH_CLIENT; side++) {
        bench_meter_begin(pair->meter, (enum bench_side)side);
        bench_layer.endpoint_free(pair->ends[side]);
        bench_meter_end(pair->meter, (enum bench_side)side);
        pair->ends[side] = NULL;
        bench_pipe_empty(&pair->pipes[side]);
    }
}

void bench_pair_free(struct bench_pair *pair) {
    bench_pair_disconnect(pair);
    for (int side = BENCH_SERVER; side <= BENCH_CLIENT; side++) {
        bench_pipe_free(&pair->pipes[side]);
    }
}
