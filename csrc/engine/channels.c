#include "engine/channels.h"

#include <string.h>

#include "engine/connecting.h"
#include "engine/slots.h"

static void put_record(const struct tlsmgm_worker *worker, const struct tlsmgm_channel *channel) {
    const struct tlsmgm_relay *relay = &channel->relay;
    const struct tlsmgm_error *failure = relay->failure;
    if (worker->records == NULL) return;
    struct tlsmgm_worker_record record = {
        .client_port = channel->client_port,
        .status = (uint16_t)relay->status,
        .listener = channel->listener->number,
        .domain = relay->client.domain,
        .error = relay->error,
        .alert = failure == NULL ? TLSMGM_NO_ALERT : failure->alert,
        .failure_status = (uint16_t)(failure == NULL ? TLSMGM_STATUS_OK : failure->status),
        .verify_reason = (uint16_t)(failure == NULL ? TLSMGM_VERIFY_NONE : failure->verify_reason),
        .generation = relay->client.generation,
        .bytes_in = relay->client.bytes_received,
        .bytes_out = relay->has_upstream ? relay->upstream.bytes_received : 0,
        .duration = worker->now - channel->accepted,
    };
    memcpy(record.client, channel->client, sizeof record.client);
    bool was_empty;
    (void)tlsmgm_record_ring_push(worker->records, &record, &was_empty);
}

static void give_back_handshake(const struct tlsmgm_worker *worker,
                                struct tlsmgm_channel *channel) {
    if (!channel->holds_handshake) return;
    channel->holds_handshake = false;
    tlsmgm_admission_handshake_over(worker->admission,
                                    channel->has_client_address ? channel->client : NULL);
}

static void finish(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    tlsmgm_connect_abandon(channel);
    put_record(worker, channel);
    give_back_handshake(worker, channel);
    tlsmgm_admission_leave(worker->admission);
    tlsmgm_wheel_cancel(&worker->wheel, &channel->timer);
    tlsmgm_relay_free(&channel->relay);
    atomic_fetch_sub_explicit(&worker->connections, 1, memory_order_relaxed);
    /* In the queue it is found again, and freed there. */
    if (!channel->is_queued) tlsmgm_channel_free(worker, channel);
}

static void queue(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->is_queued) return;
    channel->is_queued = true;
    channel->next_turn = NULL;
    *worker->last_turn = channel;
    worker->last_turn = &channel->next_turn;
}

void tlsmgm_channel_look_after(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    if (relay->client.established) give_back_handshake(worker, channel);
    if (relay->is_waiting && channel->connecting < 0) tlsmgm_connect_begin(worker, channel);
    if (!relay->is_waiting) tlsmgm_connect_give_up(worker, channel);
    if (relay->phase == TLSMGM_RELAY_OVER) {
        finish(worker, channel);
        return;
    }
    if (relay->has_more) queue(worker, channel);
    /* One that comes too early finds that out, which is cheaper than to move it with each byte. */
    if (relay->deadline == TLSMGM_NEVER) return;
    if (!tlsmgm_timer_is_set(&channel->timer) || relay->deadline < channel->timer.deadline) {
        tlsmgm_wheel_set(&worker->wheel, &channel->timer, relay->deadline);
    }
}
