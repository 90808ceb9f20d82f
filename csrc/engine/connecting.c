#include "engine/connecting.h"

#include <string.h>
#include <unistd.h>

#include "engine/slots.h"

/* Until the next address is asked beside one that says nothing (RFC 8305 section 5). */
#define RACE_MS 250

static void hang_up(int *fd) {
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

void tlsmgm_connect_abandon(struct tlsmgm_channel *channel) {
    hang_up(&channel->connecting);
    hang_up(&channel->elder_socket);
}

/* 0, EINPROGRESS, or another errno. */
static int open_upstream(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    const struct sockaddr *address = (const struct sockaddr *)channel->address->sockaddr;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    channel->connecting = fd;
    if (address->sa_family != AF_UNIX) tlsmgm_set_nodelay(fd);
    int error = connect(fd, address, channel->address->size) == 0 ? 0 : errno;
    if (error != 0 && error != EINPROGRESS) return error;
    int failed = tlsmgm_poller_watch_stream(
        worker->poller, fd, tlsmgm_channel_token(worker, channel, TLSMGM_RELAY_UPSTREAM));
    return failed != 0 ? failed : error;
}

static void give_up(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel,
                    enum tlsmgm_relay_status status, const char *reason) {
    tlsmgm_connect_abandon(channel);
    tlsmgm_relay_no_upstream(&channel->relay, status, reason, 0, worker->now);
}

/* --- what an answered connection begins with ---------------------------------------------------
 */

static struct tlsmgm_proxy_end end_of(const uint8_t address[16], uint16_t port, bool is_known) {
    struct tlsmgm_proxy_end end = {.kind = is_known ? TLSMGM_PROXY_END_IP : TLSMGM_PROXY_END_NONE,
                                   .port = port};
    memcpy(end.address, address, sizeof end.address);
    return end;
}

static enum tlsmgm_status write_preface(const struct tlsmgm_channel *channel, uint8_t *out,
                                        size_t *size, struct tlsmgm_error *error) {
    const struct tlsmgm_endpoint *client = &channel->relay.client;
    const struct tlsmgm_plan *plan = channel->plan;
    const struct tlsmgm_local *local = &channel->local;
    const struct tlsmgm_preface_client facts = {
        .source = end_of(channel->client, channel->client_port, channel->has_client_address),
        .destination = end_of(local->address, local->port, channel->has_client_address),
        .backend = client->backend,
        .conn = client->conn,
        .server_name = tlsmgm_blob_view(&client->server_name),
    };
    *size = 0;
    if (plan->preface == TLSMGM_PREFACE_NONE) return TLSMGM_STATUS_OK;
    return tlsmgm_preface_write(plan->preface, plan->values, &facts, out, size, error);
}

/* A plain upstream needs none, and gets NULL. */
static enum tlsmgm_status start_tls(const struct tlsmgm_route_address *address,
                                    struct tlsmgm_conn **out, struct tlsmgm_error *error) {
    const struct tlsmgm_ctx_handle *context = &address->tls.context;
    *out = NULL;
    if (context->backend == NULL) return TLSMGM_STATUS_OK;
    struct tlsmgm_session *session = tlsmgm_routes_take_session(address);
    const struct tlsmgm_conn_config config = {
        .server_name = address->tls.server_name,
        .verify_name = address->tls.verify_name,
        .session = session,
    };
    enum tlsmgm_status status = context->backend->conn_new(context->ctx, &config, out, error);
    if (session != NULL) context->backend->session_free(session);
    return status;
}

static void note_failed(const struct tlsmgm_worker *worker, const struct tlsmgm_channel *channel,
                        const struct tlsmgm_route_address *address) {
    tlsmgm_routes_failed(tlsmgm_channel_routes(channel), address, worker->now);
}

/* Too slow for this one, so others ask it last. */
static void end_race(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->elder_socket >= 0) note_failed(worker, channel, channel->elder);
    hang_up(&channel->elder_socket);
}

/* The upstream has answered. */
static void attach(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    uint8_t preface[TLSMGM_PROXY_WRITE_MAX];
    size_t size = 0;
    struct tlsmgm_conn *conn = NULL;
    end_race(worker, channel);
    tlsmgm_routes_reached(tlsmgm_channel_routes(channel), channel->address);
    if (write_preface(channel, preface, &size, NULL) != TLSMGM_STATUS_OK) {
        /* Without the facts about the client the upstream must not get to see it. */
        give_up(worker, channel, TLSMGM_RELAY_INTERNAL_ERROR,
                "the client's certificate cannot be read for the PROXY header");
        return;
    }
    if (start_tls(channel->address, &conn, NULL) != TLSMGM_STATUS_OK) {
        give_up(worker, channel, TLSMGM_RELAY_INTERNAL_ERROR,
                "TLS with the upstream cannot be started");
        return;
    }
    int fd = channel->connecting;
    channel->connecting = -1;
    tlsmgm_relay_attach(&channel->relay, fd, (struct tlsmgm_bytes){.data = preface, .size = size},
                        channel->address->tls.context.backend, conn, worker->now);
}

void tlsmgm_connect_keep_session(struct tlsmgm_channel *channel) {
    const struct tlsmgm_relay *relay = &channel->relay;
    const struct tlsmgm_endpoint *upstream = &relay->upstream;
    struct tlsmgm_session *session = NULL;
    if (!relay->has_upstream || channel->has_session || channel->address == NULL) return;
    if (upstream->conn == NULL || !upstream->established) return;
    /* Without memory there is no session, which is no reason to fail. */
    if (upstream->backend->conn_session(upstream->conn, &session, NULL) != TLSMGM_STATUS_OK) return;
    if (session == NULL) return;
    channel->has_session = true;
    tlsmgm_routes_keep_session(channel->address, session);
}

/* --- which address -----------------------------------------------------------------------------
 */

/* Each address that is left has an equal share of the time that is left. */
static void share_time(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    uint32_t domain = channel->relay.client.domain;
    uint32_t count = tlsmgm_routes_count(tlsmgm_channel_routes(channel), domain);
    uint64_t end = channel->relay.deadline;
    uint32_t left = count > channel->asked ? count - channel->asked : 0;
    channel->asked++;
    channel->try_deadline = TLSMGM_NEVER;
    channel->race_at = TLSMGM_NEVER;
    if (left < 2) return;
    channel->race_at = worker->now + RACE_MS;
    if (end == TLSMGM_NEVER || end <= worker->now) return;
    channel->try_deadline = worker->now + (end - worker->now) / left;
}

uint64_t tlsmgm_connect_deadline(const struct tlsmgm_channel *channel) {
    bool may_race = channel->elder_socket < 0 && channel->race_at < channel->try_deadline;
    return may_race ? channel->race_at : channel->try_deadline;
}

/* It counts for this address from now on, and no longer for the one before; NULL: for none. */
static void count_for(struct tlsmgm_channel *channel, const struct tlsmgm_route_address *address) {
    if (channel->counted != NULL) tlsmgm_routes_end(channel->counted);
    channel->counted = address;
    if (address != NULL) tlsmgm_routes_begin(address);
}

void tlsmgm_connect_forget(struct tlsmgm_channel *channel) { count_for(channel, NULL); }

static const struct tlsmgm_route_address *next_address(const struct tlsmgm_worker *worker,
                                                       struct tlsmgm_channel *channel) {
    if (tlsmgm_channel_routes(channel) == NULL) return NULL;
    return tlsmgm_routes_next(tlsmgm_channel_routes(channel), channel->relay.client.domain,
                              &channel->tries, worker->now);
}

/* The elder has its turn alone again. */
static void go_back(struct tlsmgm_channel *channel) {
    hang_up(&channel->connecting);
    channel->connecting = channel->elder_socket;
    channel->elder_socket = -1;
    channel->address = channel->elder;
    channel->race_at = TLSMGM_NEVER;
    count_for(channel, channel->address);
}

/* Asks one address after the other, until one answers, or may answer, or none is left. */
static void ask(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel, int error) {
    while (!tlsmgm_is_shortage(error)) {
        hang_up(&channel->connecting);
        const struct tlsmgm_route_address *next = next_address(worker, channel);
        if (next == NULL) break;
        count_for(channel, next);
        channel->address = next; /* the last one that was asked stays for the record */
        share_time(worker, channel);
        error = open_upstream(worker, channel);
        if (error == 0) attach(worker, channel);
        if (error == 0 || error == EINPROGRESS) return;
        if (!tlsmgm_is_shortage(error)) note_failed(worker, channel, channel->address);
    }
    if (channel->elder_socket >= 0) {
        go_back(channel);
        return;
    }
    tlsmgm_connect_abandon(channel);
    tlsmgm_relay_no_upstream(&channel->relay, TLSMGM_RELAY_UPSTREAM_FAILED,
                             error == 0 ? "the domain has no upstream" : NULL, error, worker->now);
}

void tlsmgm_connect_begin(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    ask(worker, channel, 0);
}

/* 0: it has answered; EINPROGRESS: not yet; or why it never will. */
static int answer_of(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    /* An event may be of the other socket, or a late one of one before. */
    if (error == 0 && getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0) {
        error = errno == ENOTCONN ? EINPROGRESS : errno;
    }
    return error;
}

/* True: the elder has answered, and has its turn alone again. */
static bool ask_elder(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->elder_socket < 0) return false;
    int error = answer_of(channel->elder_socket);
    if (error == EINPROGRESS) return false;
    if (error == 0) {
        go_back(channel);
        return true;
    }
    note_failed(worker, channel, channel->elder);
    hang_up(&channel->elder_socket);
    return false;
}

bool tlsmgm_connect_go_on(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    int error = ask_elder(worker, channel) ? 0 : answer_of(channel->connecting);
    if (error == EINPROGRESS) return false;
    if (error != 0) {
        note_failed(worker, channel, channel->address);
        ask(worker, channel, error);
        return false;
    }
    attach(worker, channel);
    return channel->relay.has_upstream;
}

/* One goes on while the next is asked. */
static void race(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    channel->elder = channel->address;
    channel->elder_socket = channel->connecting;
    channel->connecting = -1;
    ask(worker, channel, 0);
}

void tlsmgm_connect_expire(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->connecting < 0 || worker->now < tlsmgm_connect_deadline(channel)) return;
    if (worker->now < channel->try_deadline) {
        race(worker, channel);
        return;
    }
    note_failed(worker, channel, channel->address);
    end_race(worker, channel);
    ask(worker, channel, ETIMEDOUT);
}

void tlsmgm_connect_give_up(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->connecting < 0) return;
    if (channel->relay.status == TLSMGM_RELAY_UPSTREAM_TIMEOUT) {
        note_failed(worker, channel, channel->address);
        end_race(worker, channel);
    }
    tlsmgm_connect_abandon(channel);
}
