/*
 * Relay: the state machine between two scripted peers. A script puts bytes, ends, resets and takes,
 * moves the clock, and says when the owner looks at what epoll would have told it by then: an edge
 * for each change, with the state of that moment. After each step the relay is held against what
 * relay.h and endpoint.h promise, above all that no bytes are forgotten where no edge comes again,
 * and that nobody sees a clean end before the end of the data.
 *
 * The client may speak TLS, or rather not: whatever it says is the script itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/relay.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CLIENT_FD = 3, UPSTREAM_FD = 4 };

struct peer {
    size_t put;       /* bytes that it has sent since the beginning */
    size_t read;      /* of these, the relay has read so many */
    size_t got;       /* bytes that have come to it */
    size_t window;    /* bytes that it takes now */
    bool has_edge;    /* the owner has not heard of the latest change */
    bool has_ended;   /* it sends nothing more */
    bool has_reset;   /* it is gone */
    bool saw_end;     /* we have ended our direction */
    bool is_gone;     /* we have closed or reset it */
    bool is_attached; /* it exists */
};

struct world {
    struct peer peers[2]; /* by side */
    struct tlsmgm_bytes script;
    struct tlsmgm_relay_settings settings;
    struct tlsmgm_relay relay;
    enum tlsmgm_relay_phase phase;
    size_t preface_size;
    uint64_t now;
    bool is_tls;
};

static struct tlsmgm_room room;
static struct tlsmgm_selector *selector;

static void fail(int line) {
    (void)fprintf(stderr, "line %d does not hold\n", line);
    abort();
}

#define require(holds) ((holds) ? (void)0 : fail(__LINE__))

/* Bytes of the two peers differ; a prime, so that no piece looks like the one before. */
#define PERIOD 65521u
static uint8_t pattern[2][PERIOD + TLSMGM_READ_SIZE];

/* What a peer has sent from some place on. */
static const uint8_t *bytes_of(enum tlsmgm_relay_side side, size_t at) {
    return pattern[side] + at % PERIOD;
}

/* --- the transport --------------------------------------------------------------------------- */

static enum tlsmgm_relay_side side_of(int fd) {
    require(fd == CLIENT_FD || fd == UPSTREAM_FD);
    return fd == CLIENT_FD ? TLSMGM_RELAY_CLIENT : TLSMGM_RELAY_UPSTREAM;
}

static struct peer *peer_of(struct world *world, int fd) {
    struct peer *peer = &world->peers[side_of(fd)];
    require(peer->is_attached && !peer->is_gone);
    return peer;
}

/* The first words of a client that speaks TLS. */
static void say_something(const struct world *world, uint8_t *data, size_t size) {
    size_t at = world->peers[TLSMGM_RELAY_CLIENT].read;
    for (size_t i = 0; i < size && at + i < world->script.size; i++) {
        data[i] = world->script.data[at + i];
    }
}

static int64_t receive(void *context, int fd, uint8_t *data, size_t size) {
    struct world *world = context;
    struct peer *peer = peer_of(world, fd);
    size_t count = peer->put - peer->read;
    if (peer->has_reset) return -ECONNRESET;
    if (count == 0) return peer->has_ended ? 0 : -EAGAIN;
    if (count > size) count = size;
    memcpy(data, bytes_of(side_of(fd), peer->read), count);
    if (world->is_tls && side_of(fd) == TLSMGM_RELAY_CLIENT) say_something(world, data, count);
    peer->read += count;
    return (int64_t)count;
}

/* What comes to a peer is what the other one has sent, in order and whole, behind the preface. */
static void compare(const struct world *world, int fd, const uint8_t *data, size_t size) {
    const struct peer *peer = &world->peers[side_of(fd)];
    size_t skipped = fd == UPSTREAM_FD ? world->preface_size : 0;
    enum tlsmgm_relay_side other = fd == UPSTREAM_FD ? TLSMGM_RELAY_CLIENT : TLSMGM_RELAY_UPSTREAM;
    if (world->is_tls) return; /* an alert, for there is no domain */
    size_t of_preface = peer->got >= skipped ? 0 : skipped - peer->got;
    if (of_preface > size) of_preface = size;
    for (size_t i = 0; i < of_preface; i++) require(data[i] == 'P');
    size_t at = peer->got + of_preface;
    require(at + (size - of_preface) <= skipped + world->peers[other].read);
    while (at < peer->got + size) {
        size_t left = peer->got + size - at;
        size_t piece = left < TLSMGM_READ_SIZE ? left : TLSMGM_READ_SIZE;
        require(memcmp(data + (at - peer->got), bytes_of(other, at - skipped), piece) == 0);
        at += piece;
    }
}

static int64_t send_some(void *context, int fd, const uint8_t *data, size_t size) {
    struct world *world = context;
    struct peer *peer = peer_of(world, fd);
    size_t count = size < peer->window ? size : peer->window;
    require(size > 0 && !peer->saw_end);
    if (peer->has_reset) return -EPIPE;
    if (count == 0) return -EAGAIN;
    compare(world, fd, data, count);
    peer->got += count;
    peer->window -= count;
    return (int64_t)count;
}

static void arm(void *context, int fd, bool on) {
    struct world *world = context;
    require(!world->settings.ends_plain_with_fin);
    require(!on || !peer_of(world, fd)->saw_end);
}

/* Nobody may take what it has for everything unless it is. */
static void check_end(const struct world *world, int fd) {
    const struct peer *peer = &world->peers[side_of(fd)];
    const struct peer *other = &world->peers[1 - side_of(fd)];
    size_t skipped = fd == UPSTREAM_FD ? world->preface_size : 0;
    if (world->is_tls || world->settings.ends_plain_with_fin) return;
    require(other->has_ended && other->read == other->put);
    require(peer->got == skipped + other->put);
}

static void end(void *context, int fd) {
    struct peer *peer = peer_of(context, fd);
    require(!peer->saw_end);
    peer->saw_end = true;
    check_end(context, fd);
}

static void close_orderly(void *context, int fd) {
    struct peer *peer = peer_of(context, fd);
    require(peer->saw_end);
    peer->is_gone = true;
}

static void reset(void *context, int fd) { peer_of(context, fd)->is_gone = true; }

/* --- what must hold -------------------------------------------------------------------------- */

static void check_endpoint(const struct world *world, const struct tlsmgm_endpoint *endpoint) {
    /* One read above the mark, or a preface, or an alert. */
    require(tlsmgm_endpoint_pending(endpoint) <=
            world->settings.high_water + TLSMGM_READ_SIZE + 256);
    if (endpoint->discards) require(endpoint->holds == 0);
}

static void check_deadline(const struct world *world) {
    const struct tlsmgm_relay *relay = &world->relay;
    bool may_rest = relay->phase == TLSMGM_RELAY_RELAYING || relay->has_ended_well;
    if (relay->phase == TLSMGM_RELAY_OVER) {
        require(relay->deadline == TLSMGM_NEVER);
    } else if (!may_rest || world->settings.idle_timeout > 0) {
        require(relay->deadline != TLSMGM_NEVER);
    }
}

static void check(struct world *world) {
    const struct tlsmgm_relay *relay = &world->relay;
    require(relay->phase >= world->phase);
    require(relay->is_waiting ? relay->phase == TLSMGM_RELAY_CONNECTING : true);
    require(relay->client.events == 0);
    require(relay->client.bytes_received <= world->peers[0].read);
    check_endpoint(world, &relay->client);
    if (relay->has_upstream) {
        check_endpoint(world, &relay->upstream);
        require(relay->upstream.events == 0);
        require(relay->upstream.bytes_received <= world->peers[1].read);
    }
    if (relay->phase == TLSMGM_RELAY_OVER) {
        require(world->peers[0].is_gone);
        require(!world->peers[1].is_attached || world->peers[1].is_gone);
        require(!relay->has_more);
    }
    check_deadline(world);
    world->phase = relay->phase;
}

/* --- what the owner does --------------------------------------------------------------------- */

static void tell(struct world *world, enum tlsmgm_relay_side side) {
    struct peer *peer = &world->peers[side];
    bool over = peer->has_ended || peer->has_reset;
    const struct tlsmgm_ready ready = {.readable = over || peer->put > peer->read,
                                       .writable = peer->window > 0 || peer->has_reset,
                                       .ended = over};
    peer->has_edge = false;
    if (!peer->is_attached) return;
    (void)tlsmgm_relay_ready(&world->relay, side, &ready, world->now);
    check(world);
}

static void take_turn(struct world *world) {
    static const struct tlsmgm_ready nothing = {0};
    (void)tlsmgm_relay_ready(&world->relay, TLSMGM_RELAY_CLIENT, &nothing, world->now);
    check(world);
    (void)tlsmgm_relay_ready(&world->relay, TLSMGM_RELAY_UPSTREAM, &nothing, world->now);
    check(world);
}

static void move_clock(struct world *world, uint64_t by) {
    world->now += by;
    /* A deadline, the next one after no time at all, and not for ever. */
    for (int i = 0; i < 3 && world->relay.deadline <= world->now; i++) {
        tlsmgm_relay_expire(&world->relay, world->now);
        check(world);
    }
    require(world->relay.deadline > world->now);
}

static void attach(struct world *world, uint8_t much) {
    static const uint8_t preface[256] = {[0 ... 255] = 'P'};
    struct tlsmgm_bytes bytes = {preface, much};
    if (!world->relay.is_waiting) return;
    world->preface_size = much;
    world->peers[1].is_attached = true;
    world->peers[1].has_edge = true;
    tlsmgm_relay_attach(&world->relay, UPSTREAM_FD, bytes, NULL, NULL, world->now);
    check(world);
}

/* --- the script ------------------------------------------------------------------------------ */

static void put(struct peer *peer, uint8_t much) {
    if (peer->has_ended || peer->has_reset) return;
    peer->put += (size_t)(much & 15) << (much >> 4); /* up to 480 KB */
    peer->has_edge = true;
}

static void take(struct peer *peer, uint8_t much) {
    if (peer->window == 0) peer->has_edge = true;
    peer->window += (size_t)(much & 15) << (much >> 4);
}

static void play_step(struct world *world, uint8_t what, uint8_t much) {
    enum tlsmgm_relay_side side = (enum tlsmgm_relay_side)(what & 1);
    struct peer *peer = &world->peers[side];
    switch (what >> 1 & 15) {
        case 0:
        case 1:
            put(peer, much);
            break;
        case 2:
            peer->has_ended = true;
            peer->has_edge = true;
            break;
        case 3:
            peer->has_reset = much < 128; /* most of them end well */
            peer->has_edge = true;
            break;
        case 4:
        case 5:
            take(peer, much);
            break;
        case 6:
        case 7:
        case 8:
            if (peer->has_edge) tell(world, side);
            break;
        case 9:
            tell(world, side); /* though nothing is new */
            break;
        case 10:
            if (world->relay.has_more) take_turn(world);
            break;
        case 11:
            move_clock(world, much);
            break;
        case 12:
        case 13:
            attach(world, much);
            break;
        case 14:
            if (much < 32) {
                tlsmgm_relay_stop(&world->relay, world->now);
            } else if (much < 64) {
                tlsmgm_relay_no_upstream(&world->relay, TLSMGM_RELAY_UPSTREAM_FAILED, NULL, much,
                                         world->now);
            }
            check(world);
            break;
        default:
            if (much < 8) tlsmgm_relay_abort(&world->relay, world->now);
            check(world);
            break;
    }
}

/* The peers take everything, and the owner does all that it is told, and no more. */
static void come_to_rest(struct world *world) {
    bool moves = true;
    while (moves) {
        moves = false;
        for (int side = 0; side < 2; side++) {
            struct peer *peer = &world->peers[side];
            if (peer->window == 0) peer->has_edge = true;
            peer->window = SIZE_MAX / 2;
            if (!peer->has_edge || !peer->is_attached || peer->is_gone) continue;
            tell(world, (enum tlsmgm_relay_side)side);
            moves = true;
        }
        if (!world->relay.has_more) continue;
        take_turn(world);
        moves = true;
    }
}

/* Nothing is left where somebody should have read it. */
static void check_rest(const struct world *world) {
    const struct peer *client = &world->peers[TLSMGM_RELAY_CLIENT];
    const struct peer *upstream = &world->peers[TLSMGM_RELAY_UPSTREAM];
    const struct tlsmgm_relay *relay = &world->relay;
    require(tlsmgm_endpoint_pending(&relay->client) == 0 || client->is_gone);
    if (relay->phase == TLSMGM_RELAY_RELAYING) {
        require(client->read == client->put && upstream->read == upstream->put);
        require(upstream->got == world->preface_size + client->put && client->got == upstream->put);
        require(upstream->saw_end == client->has_ended && client->saw_end == upstream->has_ended);
        /* Who goes behind its own end is missed only when something is written to it. */
        require(!client->has_reset || client->has_ended);
        require(!upstream->has_reset || upstream->has_ended);
    }
    if (relay->phase == TLSMGM_RELAY_CLOSING) { /* it lingers: only the peer is waited for */
        require(client->is_gone || (client->read == client->put && !client->has_ended));
        require(!upstream->is_attached || upstream->is_gone ||
                (upstream->read == upstream->put && !upstream->has_ended));
    }
}

static void begin(struct world *world, const uint8_t *head) {
    static const struct tlsmgm_local local;
    static struct tlsmgm_transport transport;
    transport =
        (struct tlsmgm_transport){receive, send_some, arm, end, close_orderly, reset, world};
    world->is_tls = (head[0] & 1) != 0;
    world->now = (head[0] & 2) != 0 ? 1000 : UINT64_C(1) << 40;
    world->settings = (struct tlsmgm_relay_settings){
        .first_byte_timeout = head[1] & 15,
        .handshake_timeout = 1 + (head[1] >> 4),
        .connect_timeout = head[2] & 31,
        .idle_timeout = (head[0] & 4) != 0 ? 0 : head[3],
        .send_timeout = head[4],
        .linger_timeout = head[5] & 31,
        .high_water = (size_t)head[6] << (head[0] >> 4),
        .ends_plain_with_fin = (head[0] & 8) != 0,
    };
    world->peers[0].is_attached = true;
    world->peers[0].has_edge = true;
    world->peers[0].window = world->peers[1].window = head[7];
    tlsmgm_relay_init(&world->relay, &world->settings, &transport, &room, CLIENT_FD, world->now);
    tlsmgm_relay_begin(&world->relay, world->is_tls ? selector : NULL, &local, 0, world->now);
    check(world);
}

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    static const struct tlsmgm_siphash_key key;
    static const struct tlsmgm_match_entry none;
    static const struct tlsmgm_ctx_handle nothing;
    struct tlsmgm_match_index *index;
    (void)count;
    (void)arguments;
    for (size_t i = 0; i < sizeof pattern[0]; i++) {
        size_t at = i % PERIOD;
        pattern[TLSMGM_RELAY_CLIENT][i] = (uint8_t)(at * 7 + at / 251);
        pattern[TLSMGM_RELAY_UPSTREAM][i] = (uint8_t)(at * 11 + at / 241 + 100);
    }
    require(tlsmgm_match_index_new(&none, 0, &key, &index, NULL) == TLSMGM_STATUS_OK);
    require(tlsmgm_selector_new(index, &nothing, 0, 0, 1, &selector, NULL) == TLSMGM_STATUS_OK);
    tlsmgm_match_index_free(index);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world world;
    if (size < 8) return 0;
    world = (struct world){.script = {data + 8, size - 8}};
    begin(&world, data);
    for (size_t at = 8; at + 1 < size; at += 2) play_step(&world, data[at], data[at + 1]);
    come_to_rest(&world);
    check_rest(&world);
    tlsmgm_relay_abort(&world.relay, world.now);
    check(&world);
    require(world.relay.phase == TLSMGM_RELAY_OVER);
    tlsmgm_relay_free(&world.relay);
    return 0;
}
