#include "engine/introducing.h"

#include <string.h>

#include "base/error.h"
#include "engine/channels.h"
#include "engine/proxy_header.h"
#include "engine/records.h"

static void refuse_end(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    struct tlsmgm_error failure;
    (void)tlsmgm_fail(&failure, TLSMGM_STATUS_TRUNCATED,
                      "the connection has ended before a PROXY protocol header was whole");
    tlsmgm_relay_refuse(&channel->relay, &failure, 0, worker->now);
}

/* Bytes that have come, or a negative errno. take: they are gone from the system. */
static int64_t look(int fd, uint8_t *data, size_t size, bool take) {
    int64_t count;
    do count = recv(fd, data, size, MSG_DONTWAIT | (take ? 0 : MSG_PEEK));
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

/* Exactly so many bytes, which are there. Returns 0 or an errno. */
static int take(int fd, uint8_t *data, size_t size) {
    while (size > 0) {
        int64_t count = look(fd, data, size, true);
        if (count < 0) return (int)-count;
        if (count == 0) return ECONNRESET; /* they were there a moment ago */
        size -= (size_t)count;
    }
    return 0;
}

/* Where the header does not know any better, the connection's own addresses hold. */
static void adopt(struct tlsmgm_channel *channel, const struct tlsmgm_proxy_header *header) {
    const struct tlsmgm_proxy_end *source = &header->source;
    const struct tlsmgm_proxy_end *destination = &header->destination;
    memcpy(channel->sender, channel->client, sizeof channel->sender);
    channel->sender_port = channel->client_port;
    channel->has_sender = channel->has_client_address;
    if (source->kind != TLSMGM_PROXY_END_IP || destination->kind != TLSMGM_PROXY_END_IP) return;
    memcpy(channel->client, source->address, sizeof channel->client);
    channel->client_port = source->port;
    channel->has_client_address = true;
    memcpy(channel->local.address, destination->address, sizeof channel->local.address);
    channel->local.port = destination->port;
}

/* False: a limit keeps the client out. */
static bool admit(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->listener->is_plain) return true;
    enum tlsmgm_admission_verdict verdict = tlsmgm_admission_begin_handshake(
        worker->admission, channel->has_client_address ? channel->client : NULL);
    if (verdict != TLSMGM_ADMISSION_ADMITTED) {
        tlsmgm_record_turned_away(worker, channel->listener, verdict, channel->client,
                                  channel->has_client_address);
        channel->is_turned_away = true;
        tlsmgm_relay_abort(&channel->relay, worker->now);
        return false;
    }
    channel->holds_handshake = true;
    tlsmgm_counters_add(&worker->counters, TLSMGM_COUNT_OF(handshakes_started), 1);
    return true;
}

/* ready: what is known of the bytes behind the header; a ClientHello waits for its turn. */
static void begin(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                  const struct tlsmgm_ready *ready) {
    struct tlsmgm_relay *relay = &channel->relay;
    const struct tlsmgm_plan *plan = channel->plan;
    tlsmgm_relay_begin(relay, channel->listener->is_plain ? NULL : plan->selector, &channel->local,
                       plan->hello_limit, worker->now);
    if (relay->client.acceptor != NULL) {
        channel->news = *ready;
        tlsmgm_channel_queue(worker, channel);
        return;
    }
    (void)tlsmgm_relay_ready(relay, TLSMGM_RELAY_CLIENT, ready, worker->now);
}

void tlsmgm_introduce(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                      const struct tlsmgm_ready *ready) {
    struct tlsmgm_relay *relay = &channel->relay;
    int fd = relay->client.fd;
    uint8_t *wire = worker->room.wire;
    struct tlsmgm_proxy_header header;
    struct tlsmgm_error error;
    /* One byte more than the largest, to see whether there is anything behind it. */
    int64_t count = look(fd, wire, TLSMGM_PROXY_HEADER_MAX + 1, false);
    if (count == -EAGAIN) return;
    if (count < 0) {
        tlsmgm_relay_refuse(relay, NULL, (int)-count, worker->now);
        return;
    }
    struct tlsmgm_bytes bytes = {.data = wire, .size = (size_t)count};
    enum tlsmgm_status status = tlsmgm_proxy_header_read(bytes, &header, &error);
    if (status == TLSMGM_STATUS_WANT_READ) {
        /* What has come before the end is all here. */
        if (count == 0 || ready->ended) refuse_end(worker, channel);
        return;
    }
    if (status != TLSMGM_STATUS_OK) {
        tlsmgm_relay_refuse(relay, &error, 0, worker->now);
        return;
    }
    int lost = take(fd, wire, header.size);
    if (lost != 0) {
        tlsmgm_relay_refuse(relay, NULL, lost, worker->now);
        return;
    }
    adopt(channel, &header);
    if (!admit(worker, channel)) return;
    /* What comes after the look is told by another event. */
    const struct tlsmgm_ready rest = {
        .readable = bytes.size > header.size || ready->ended,
        .writable = ready->writable,
        .ended = ready->ended,
    };
    begin(worker, channel, &rest);
}
