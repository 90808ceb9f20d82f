#include "engine/connecting.h"

#include <unistd.h>

#include "engine/slots.h"

void tlsmgm_connect_abandon(struct tlsmgm_channel *channel) {
    if (channel->connecting >= 0) (void)close(channel->connecting);
    channel->connecting = -1;
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

static void attach(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    int fd = channel->connecting;
    channel->connecting = -1;
    tlsmgm_routes_reached(channel->routes, channel->address);
    tlsmgm_relay_attach(&channel->relay, fd, (struct tlsmgm_bytes){0}, NULL, NULL, worker->now);
}

/* Asks one address after the other, until one answers, or may answer, or none is left. */
static void ask(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel, int error) {
    while (!tlsmgm_is_shortage(error)) {
        tlsmgm_connect_abandon(channel);
        channel->address = channel->routes == NULL
                               ? NULL
                               : tlsmgm_routes_next(channel->routes, channel->relay.client.domain,
                                                    &channel->tries, worker->now);
        if (channel->address == NULL) break;
        error = open_upstream(worker, channel);
        if (error == 0) attach(worker, channel);
        if (error == 0 || error == EINPROGRESS) return;
        if (!tlsmgm_is_shortage(error)) {
            tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
        }
    }
    tlsmgm_connect_abandon(channel);
    tlsmgm_relay_no_upstream(&channel->relay, TLSMGM_RELAY_UPSTREAM_FAILED,
                             error == 0 ? "the domain has no upstream" : NULL, error, worker->now);
}

void tlsmgm_connect_begin(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    ask(worker, channel, 0);
}

bool tlsmgm_connect_go_on(struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    int error = 0;
    socklen_t size = sizeof error;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(channel->connecting, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    /* An event may be a late one of the socket before. */
    if (error == 0 && getpeername(channel->connecting, (struct sockaddr *)&peer, &peer_size) != 0) {
        if (errno == ENOTCONN) return false; /* not yet */
        error = errno;
    }
    if (error == 0) {
        attach(worker, channel);
        return true;
    }
    tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
    ask(worker, channel, error);
    return false;
}

void tlsmgm_connect_give_up(const struct tlsmgm_worker *worker, struct tlsmgm_channel *channel) {
    if (channel->connecting < 0) return;
    if (channel->relay.status == TLSMGM_RELAY_UPSTREAM_TIMEOUT) {
        tlsmgm_routes_failed(channel->routes, channel->address, worker->now);
    }
    tlsmgm_connect_abandon(channel);
}
