#include "play.h"

#include <stdlib.h>

#include "kit/wire.h"
#include "require.h"
#include "still.h"
#include "tamper.h"
#include "target.h"

/* An honest connection comes to rest before; a longer one only repeats itself. */
enum { ROUNDS = 24, PEER_WRITE_MAX = 20000, ROOM_MAX = 40000 };

struct play {
    struct rig rig;
    struct target target;
    struct tlsmgm_conn *peer;
    struct tamperer tamperer;
    struct input *input;
};

/* --- the peer ------------------------------------------------------------------------------- */

static void peer_write(struct play *play, size_t size) {
    size_t count = 0;
    uint8_t *data = malloc(size);
    if (data == NULL) abort();
    for (size_t i = 0; i < size; i++) data[i] = pattern_byte(play->target.peer_wrote + i);
    (void)fuzz_backend->write(play->peer, data, size, &count, NULL);
    play->target.peer_wrote += count;
    free(data);
}

/* A byte says whether it writes, how much, and whether it ends; without one it says hello. */
static void peer_act(struct play *play) {
    uint8_t choice = input_byte(play->input);
    size_t size = 5;
    if ((choice & 1u) != 0) size = 1 + input_number(play->input, PEER_WRITE_MAX);
    if ((choice & 2u) == 0 && !play->target.peer_goodbye) peer_write(play, size);
    if ((choice & 4u) == 0) return;
    (void)fuzz_backend->shutdown(play->peer, NULL);
    play->target.peer_goodbye = true;
}

static void peer_step(struct play *play, bool *has_acted) {
    uint8_t data[2048];
    size_t count;
    bool is_done = fuzz_backend->handshake(play->peer, NULL) == TLSMGM_STATUS_OK;
    while (is_done &&
           fuzz_backend->read(play->peer, data, sizeof data, &count, NULL) == TLSMGM_STATUS_OK) {
    }
    if (!is_done || (*has_acted && play->input->left == 0)) return;
    peer_act(play);
    *has_acted = true;
}

/* --- from the peer to the target ------------------------------------------------------------ */

enum delivery { AT_ONCE, LENT, IN_PIECES, INTO_ROOM, DELIVERIES };

static void deliver_in_pieces(struct play *play, struct tlsmgm_bytes bytes) {
    size_t piece = 1 + input_byte(play->input);
    if (bytes.size / piece > 64) piece = 1 + bytes.size / 64;
    for (size_t at = 0; at < bytes.size; at += piece) {
        size_t size = bytes.size - at < piece ? bytes.size - at : piece;
        target_take(&play->target, bytes.data + at, size, at % 2 == 1, play->input);
    }
}

/* What the target says meanwhile goes to memory of ours, as much of it as fits. */
static void deliver_into_room(struct play *play, struct tlsmgm_bytes bytes,
                              struct tlsmgm_buffer *answer) {
    size_t size = input_number(play->input, ROOM_MAX);
    if (play->target.conn == NULL) {
        target_take(&play->target, bytes.data, bytes.size, false, play->input);
        return;
    }
    target_drain(&play->target, answer);
    uint8_t *room = malloc(size == 0 ? 1 : size);
    if (room == NULL) abort();
    fuzz_backend->lend_output(play->target.conn, room, size);
    target_take(&play->target, bytes.data, bytes.size, false, play->input);
    size_t used = fuzz_backend->reclaim_output(play->target.conn);
    fuzz_require(used <= size, "no more is in a room than fits there");
    if (tlsmgm_buffer_append(answer, room, used) != TLSMGM_STATUS_OK) abort();
    free(room);
}

static void deliver(struct play *play, struct tlsmgm_bytes bytes, struct tlsmgm_buffer *answer) {
    switch ((enum delivery)(input_byte(play->input) % DELIVERIES)) {
        case IN_PIECES:
            deliver_in_pieces(play, bytes);
            break;
        case INTO_ROOM:
            deliver_into_room(play, bytes, answer);
            break;
        case LENT:
            target_take(&play->target, bytes.data, bytes.size, true, play->input);
            break;
        case AT_ONCE:
        case DELIVERIES:
            target_take(&play->target, bytes.data, bytes.size, false, play->input);
            break;
    }
}

/* Record by record; returns whether there was one. */
static bool carry_to_target(struct play *play, struct tlsmgm_buffer *answer) {
    struct tlsmgm_bytes flight = fuzz_backend->output(play->peer);
    bool moved = flight.size > 0;
    size_t at = 0;
    while (at < flight.size) {
        struct tlsmgm_buffer altered;
        struct tlsmgm_bytes record =
            first_record((struct tlsmgm_bytes){flight.data + at, flight.size - at});
        tlsmgm_buffer_init(&altered, TLSMGM_INPUT_MAX);
        tamper(&play->tamperer, record, play->input, &altered);
        deliver(play, tlsmgm_buffer_view(&altered), answer);
        tlsmgm_buffer_free(&altered);
        at += record.size;
    }
    fuzz_backend->output_consume(play->peer, at);
    if (play->tamperer.has_cut && !play->target.ended) target_take_end(&play->target);
    return moved;
}

/* --- and back ------------------------------------------------------------------------------- */

static bool carry_to_peer(struct play *play, struct tlsmgm_buffer *answer) {
    target_drain(&play->target, answer);
    struct tlsmgm_bytes bytes = tlsmgm_buffer_view(answer);
    bool moved = bytes.size > 0;
    (void)fuzz_backend->feed(play->peer, bytes.data, bytes.size, NULL);
    return moved;
}

static bool play_round(struct play *play, bool *has_acted) {
    struct tlsmgm_buffer answer;
    tlsmgm_buffer_init(&answer, 2 * TLSMGM_OUTPUT_MAX + ROOM_MAX * 64u);
    peer_step(play, has_acted);
    bool moved = carry_to_target(play, &answer);
    target_poke(&play->target, play->input);
    moved = carry_to_peer(play, &answer) || moved;
    tlsmgm_buffer_free(&answer);
    return moved;
}

/* What must have come of it where nobody interfered: or the fuzzer would test nothing. */
static void check_untouched(const struct play *play) {
    const struct target *target = &play->target;
    if (!target->is_untouched || play->tamperer.has_touched || play->tamperer.has_cut) return;
    if (!play->rig.peer_is_acceptable) return;
    fuzz_require(target->established, "an honest handshake goes well");
    fuzz_require(target->received == target->peer_wrote, "honest data arrives");
    fuzz_require(target->fatal == TLSMGM_STATUS_OK, "an honest connection does not fail");
}

/* After the end nothing but reading is left, and whatever was said stays said. */
static void close_down(struct play *play) {
    struct target *target = &play->target;
    if (!target->ended) target_take_end(target);
    for (int i = 0; i < 3; i++) target_poke(target, play->input);
}

void play(struct input *input) {
    struct play play = {.rig = rig_of(input), .input = input};
    bool has_acted = false;
    still_rewind();
    tamperer_begin(&play.tamperer);
    target_begin(&play.target, &play.rig);
    play.peer =
        play.rig.target_is_server ? rig_client(&play.rig) : rig_server(&play.rig, play.rig.name);
    /* At rest is who stays so when the input has nothing more to say. */
    int quiet = 0;
    for (int round = 0; quiet < 2 && round < ROUNDS; round++) {
        bool moved = play_round(&play, &has_acted);
        quiet = moved || input->left > 0 ? 0 : quiet + 1;
    }
    if (quiet == 2) check_untouched(&play);
    close_down(&play);
    fuzz_backend->conn_free(play.peer);
    target_end(&play.target);
    tamperer_end(&play.tamperer);
    rig_free(&play.rig);
}
