#include "engine/records.h"

#include <string.h>
#include <unistd.h>

#define NOTICE_INTERVAL_MS 10000u

/* A full pipe has woken it already. */
void tlsmgm_ring_bell(int bell) {
    const uint64_t one = 1;
    if (bell < 0) return;
    ssize_t written = write(bell, &one, sizeof one);
    (void)written;
}

/* False: it is lost, and counted as that. */
static bool push(const struct tlsmgm_worker *worker, const struct tlsmgm_record *record) {
    bool was_empty;
    if (!tlsmgm_record_ring_push(worker->records, record, &was_empty)) return false;
    if (was_empty) tlsmgm_ring_bell(worker->bell);
    return true;
}

/* --- of connections that are over --------------------------------------------------------------
 */

static void describe_client(const struct tlsmgm_channel *channel, struct tlsmgm_record *out) {
    const struct tlsmgm_endpoint *client = &channel->relay.client;
    memcpy(out->client, channel->client, sizeof out->client);
    memcpy(out->local, channel->local.address, sizeof out->local);
    out->client_port = channel->client_port;
    out->local_port = channel->local.port;
    out->has_client_address = channel->has_client_address;
    memcpy(out->sender, channel->sender, sizeof out->sender);
    out->sender_port = channel->sender_port;
    out->has_sender = channel->has_sender;
    out->is_tls = client->is_tls && !channel->relay.awaits_header;
    out->is_established = client->established;
    out->has_name = client->server_name.size > 0;
    out->name_size = (uint8_t)client->server_name.size;
    if (out->has_name) memcpy(out->name, client->server_name.data, client->server_name.size);
    out->domain = client->domain;
    out->bytes_in = client->bytes_received;
}

static void describe(const struct tlsmgm_channel *channel, struct tlsmgm_record *out) {
    const struct tlsmgm_relay *relay = &channel->relay;
    *out = (struct tlsmgm_record){
        .kind = TLSMGM_RECORD_ENDED,
        .status = relay->status,
        .error = relay->error,
        .reason = relay->reason,
        .failure = {.alert = TLSMGM_NO_ALERT},
        .listener = channel->listener->number,
        .upstream = channel->address == NULL ? TLSMGM_RECORD_NO_UPSTREAM : channel->address->number,
        .plan = channel->plan->number,
        .accepted = channel->accepted,
        .ended = tlsmgm_worker_clock(),
        .is_attached = relay->has_upstream,
    };
    if (relay->failure != NULL) out->failure = *relay->failure;
    if (relay->has_upstream) out->bytes_out = relay->upstream.bytes_received;
    describe_client(channel, out);
}

static struct tlsmgm_record_conn give_away(struct tlsmgm_endpoint *endpoint) {
    struct tlsmgm_record_conn given = {.backend = endpoint->backend, .conn = endpoint->conn};
    endpoint->conn = NULL;
    return given;
}

static void take_back(struct tlsmgm_endpoint *endpoint, struct tlsmgm_record_conn given) {
    endpoint->conn = given.conn;
}

void tlsmgm_record_end(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_relay *relay = &channel->relay;
    struct tlsmgm_record record;
    describe(channel, &record);
    tlsmgm_counters_end(&worker->counters, &record);
    if (worker->records == NULL || !(worker->tells_ends || channel->routes != NULL)) return;
    if (worker->keeps_tls) {
        record.client_tls = give_away(&relay->client);
        if (relay->has_upstream) record.upstream_tls = give_away(&relay->upstream);
    }
    if (push(worker, &record)) return;
    if (!worker->keeps_tls) return;
    take_back(&relay->client, record.client_tls);
    if (relay->has_upstream) take_back(&relay->upstream, record.upstream_tls);
}

/* --- of others ---------------------------------------------------------------------------------
 */

static bool may_tell(struct tlsmgm_worker *worker, size_t what) {
    if (worker->records == NULL || worker->now < worker->next_notice[what]) return false;
    worker->next_notice[what] = worker->now + NOTICE_INTERVAL_MS;
    return true;
}

void tlsmgm_record_turned_away(struct tlsmgm_worker *worker,
                               const struct tlsmgm_worker_listener *listener,
                               enum tlsmgm_admission_verdict verdict, const uint8_t *address,
                               bool has_address) {
    if (!may_tell(worker, verdict)) return;
    struct tlsmgm_record record = {.kind = TLSMGM_RECORD_TURNED_AWAY,
                                   .verdict = verdict,
                                   .listener = listener->number,
                                   .plan = worker->plan->number,
                                   .has_client_address = has_address};
    memcpy(record.client, address, sizeof record.client);
    (void)push(worker, &record);
}

void tlsmgm_record_untrusted(struct tlsmgm_worker *worker,
                             const struct tlsmgm_worker_listener *listener, const uint8_t *address,
                             bool has_address) {
    if (!may_tell(worker, TLSMGM_NOTICE_UNTRUSTED)) return;
    struct tlsmgm_record record = {.kind = TLSMGM_RECORD_UNTRUSTED,
                                   .listener = listener->number,
                                   .plan = worker->plan->number,
                                   .has_client_address = has_address};
    memcpy(record.client, address, sizeof record.client);
    (void)push(worker, &record);
}

void tlsmgm_record_cannot_accept(struct tlsmgm_worker *worker,
                                 const struct tlsmgm_worker_listener *listener, int error) {
    if (!may_tell(worker, TLSMGM_ADMISSION_ADMITTED)) return;
    const struct tlsmgm_record record = {.kind = TLSMGM_RECORD_CANNOT_ACCEPT,
                                         .error = error,
                                         .listener = listener->number,
                                         .plan = worker->plan->number};
    (void)push(worker, &record);
}
