#include "engine/handing_over.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine/records.h"
#include "engine/slots.h"
#include "engine/turning_away.h"

static struct tlsmgm_handover describe(const struct tlsmgm_channel *channel) {
    const struct tlsmgm_endpoint *client = &channel->relay.client;
    struct tlsmgm_handover handover = {
        .fd = client->fd,
        .tls = {.backend = client->backend, .conn = client->conn},
        .unsent = client->pending,
        .records = client->records,
        .server_name = client->server_name,
        .plan = channel->plan,
        .local = channel->local,
        .accepted = channel->accepted,
        .handed_over = tlsmgm_worker_clock(),
        .listener = channel->listener->number,
        .domain = client->domain,
        .client_port = channel->client_port,
        .has_client_address = channel->has_client_address,
        .sender_port = channel->sender_port,
        .has_sender = channel->has_sender,
    };
    memcpy(handover.client, channel->client, sizeof handover.client);
    memcpy(handover.sender, channel->sender, sizeof handover.sender);
    return handover;
}

/* What is pushed belongs to whoever takes it, at once. */
static bool push(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    bool was_empty;
    if (worker->handovers == NULL) return false;
    (void)tlsmgm_poller_forget(worker->poller, channel->relay.client.fd);
    struct tlsmgm_handover handover = describe(channel);
    /* Before it: whoever has taken it may look at the counts. */
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(handed_over), 1);
    if (!tlsmgm_record_ring_push(worker->handovers, &handover, &was_empty)) {
        tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(handed_over), UINT64_MAX);
        return false;
    }
    worker->has_handed_over = worker->has_handed_over || was_empty;
    return true;
}

bool tlsmgm_hand_over(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    if (!push(worker, channel)) {
        tlsmgm_relay_no_upstream(relay, TLSMGM_RELAY_NOT_TAKEN,
                                 "the program does not take connections fast enough", 0,
                                 worker->now);
        return false;
    }
    tlsmgm_endpoint_let_go(&relay->client);
    channel->plan = NULL;
    return true;
}

/* --- and back ----------------------------------------------------------------------------------
 */

void tlsmgm_adoption_discard(struct tlsmgm_admission *admission, struct tlsmgm_adoption *adoption) {
    tlsmgm_handover_discard(&adoption->handover);
    tlsmgm_routes_free(adoption->routes);
    tlsmgm_admission_leave(admission);
    tlsmgm_free(adoption);
}

static const struct tlsmgm_worker_listener *listener_of(const struct tlsmgm_worker *worker,
                                                        uint32_t number) {
    for (size_t i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i].number == number) return &worker->listeners[i];
    }
    return &worker->listeners[0];
}

static void fill(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                 struct tlsmgm_adoption *adoption) {
    struct tlsmgm_handover *handover = &adoption->handover;
    channel->listener = listener_of(worker, handover->listener);
    channel->accepted = handover->accepted;
    channel->client_port = handover->client_port;
    channel->has_client_address = handover->has_client_address;
    memcpy(channel->client, handover->client, sizeof channel->client);
    channel->sender_port = handover->sender_port;
    channel->has_sender = handover->has_sender;
    memcpy(channel->sender, handover->sender, sizeof channel->sender);
    channel->local = handover->local;
    channel->plan = handover->plan;
    channel->routes = adoption->routes;
    struct tlsmgm_relay *relay = &channel->relay;
    tlsmgm_relay_init(relay, &channel->plan->settings, tlsmgm_socket_transport(), &worker->room,
                      handover->fd, worker->now);
    relay->client.domain = handover->domain;
    relay->client.server_name = handover->server_name;
    relay->client.records = handover->records;
}

/* What the relay would have taken over is the record's, or goes with it. */
static void turn_away(struct tlsmgm_worker *worker, struct tlsmgm_adoption *adoption) {
    struct tlsmgm_channel nowhere = {.connecting = -1, .elder_socket = -1};
    struct tlsmgm_handover *handover = &adoption->handover;
    fill(worker, &nowhere, adoption);
    struct tlsmgm_endpoint *client = &nowhere.relay.client;
    client->is_tls = handover->tls.conn != NULL;
    client->backend = handover->tls.backend;
    client->conn = handover->tls.conn;
    client->established = true;
    tlsmgm_buffer_free(&handover->unsent);
    tlsmgm_channel_turn_away(worker, &nowhere);
    tlsmgm_free(adoption);
}

struct tlsmgm_channel *tlsmgm_take_back(struct tlsmgm_worker *worker,
                                        struct tlsmgm_adoption *adoption) {
    struct tlsmgm_handover *handover = &adoption->handover;
    struct tlsmgm_channel *channel = tlsmgm_channel_new(worker);
    if (channel == NULL) {
        turn_away(worker, adoption);
        return NULL;
    }
    fill(worker, channel, adoption);
    worker->connections++;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(connections), 1);
    struct tlsmgm_relay *relay = &channel->relay;
    int failed = tlsmgm_poller_watch_stream(
        worker->poller, handover->fd, tlsmgm_channel_token(worker, channel, TLSMGM_RELAY_CLIENT));
    tlsmgm_relay_adopt(relay, handover->tls.backend, handover->tls.conn, &handover->unsent,
                       worker->now);
    if (failed != 0) tlsmgm_relay_fail(relay, NULL, failed, worker->now);
    tlsmgm_free(adoption);
    return channel;
}
