#include "engine/channels.h"

#include "engine/asking.h"
#include "engine/connecting.h"
#include "engine/handing_over.h"
#include "engine/records.h"
#include "engine/slots.h"
#include "engine/turning_away.h"

/* What is left of it goes; a place of admission may have gone elsewhere. */
static void release(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    tlsmgm_wheel_cancel(&worker->wheel, &channel->timer);
    tlsmgm_relay_free(&channel->relay);
    tlsmgm_answer_discard(channel->answer);
    channel->answer = NULL;
    channel->relay.phase = TLSMGM_RELAY_OVER;
    worker->connections--;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(connections), UINT64_MAX);
    /* In the queue it is found again, and freed there. */
    if (!channel->is_queued) tlsmgm_channel_free(worker, channel);
}

static void finish(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    tlsmgm_connect_abandon(channel);
    tlsmgm_connect_keep_session(channel);
    tlsmgm_connect_forget(channel);
    if (!channel->is_turned_away) tlsmgm_record_end(worker, channel);
    tlsmgm_give_back_handshake(worker, channel);
    tlsmgm_admission_leave(worker->admission);
    release(worker, channel);
}

void tlsmgm_channel_queue(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->is_queued) return;
    channel->is_queued = true;
    channel->next_turn = NULL;
    *worker->last_turn = channel;
    worker->last_turn = &channel->next_turn;
}

/* The client is in. */
static void note_established(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    const struct tlsmgm_endpoint *client = &channel->relay.client;
    if (!channel->holds_handshake) return;
    tlsmgm_give_back_handshake(worker, channel);
    struct tlsmgm_conn_info info;
    client->backend->conn_info(client->conn, &info);
    tlsmgm_counters_established(&worker->counters, info.session_reused);
}

static void note_pieces(struct tlsmgm_worker *worker, struct tlsmgm_endpoint *endpoint) {
    if (endpoint->pieces == 0) return;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(pieces), endpoint->pieces);
    endpoint->pieces = 0;
}

static void note_limits(struct tlsmgm_worker *worker, struct tlsmgm_relay *relay) {
    note_pieces(worker, &relay->client);
    note_pieces(worker, &relay->upstream);
    if ((relay->pauses | relay->floods) == 0) return;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(paused), relay->pauses);
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(flooded), relay->floods);
    relay->pauses = 0;
    relay->floods = 0;
}

static bool is_for_the_program(const struct tlsmgm_channel *channel) {
    struct tlsmgm_routes *routes = tlsmgm_channel_routes(channel);
    return routes != NULL && tlsmgm_routes_hand_over(routes, channel->relay.client.domain);
}

void tlsmgm_channel_look_after(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    if (relay->client.established) note_established(worker, channel);
    note_limits(worker, relay);
    if (relay->is_asking && !channel->has_asked) tlsmgm_ask(worker, channel);
    if (!channel->asked_session && relay->has_upstream && relay->upstream.bytes_received > 0) {
        channel->asked_session = true; /* in TLS 1.3 it comes with the data */
        tlsmgm_connect_keep_session(channel);
    }
    if (relay->is_waiting && is_for_the_program(channel)) {
        if (tlsmgm_hand_over(worker, channel)) {
            release(worker, channel);
            return;
        }
    } else if (relay->is_waiting && channel->connecting < 0) {
        tlsmgm_endpoint_flush(&relay->client);
        tlsmgm_connect_begin(worker, channel);
    }
    if (!relay->is_waiting) tlsmgm_connect_give_up(worker, channel);
    if (relay->phase == TLSMGM_RELAY_OVER) {
        finish(worker, channel);
        return;
    }
    if (relay->has_more) tlsmgm_channel_queue(worker, channel);
    uint64_t deadline = relay->deadline;
    if (channel->connecting >= 0) {
        uint64_t next = tlsmgm_connect_deadline(channel);
        if (next < deadline) deadline = next;
    }
    /* One that comes too early finds that out, which is cheaper than to move it with each byte. */
    if (deadline == TLSMGM_NEVER) return;
    if (!tlsmgm_timer_is_set(&channel->timer) || deadline < channel->timer.deadline) {
        tlsmgm_wheel_set(&worker->wheel, &channel->timer, deadline);
    }
}
