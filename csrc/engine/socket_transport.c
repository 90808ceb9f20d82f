#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/transport.h"

static int64_t receive(void *context, int fd, uint8_t *data, size_t size) {
    (void)context;
    int64_t count;
    do count = recv(fd, data, size, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

static int64_t send_some(void *context, int fd, const uint8_t *data, size_t size) {
    (void)context;
    int64_t count;
    do count = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

static void set_linger(int fd, int on) {
    const struct linger linger = {.l_onoff = on, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void arm(void *context, int fd, bool on) {
    (void)context;
    set_linger(fd, on ? 1 : 0);
}

static void end(void *context, int fd) {
    (void)context;
    (void)shutdown(fd, SHUT_WR); /* the peer may have reset it in this moment */
}

static void close_orderly(void *context, int fd) {
    (void)context;
    (void)close(fd);
}

/* The system resets what is closed with no time to linger. */
static void reset(void *context, int fd) {
    (void)context;
    set_linger(fd, 1);
    (void)close(fd);
}

const struct tlsmgm_transport *tlsmgm_socket_transport(void) {
    static const struct tlsmgm_transport sockets = {
        .receive = receive,
        .send = send_some,
        .arm = arm,
        .end = end,
        .close = close_orderly,
        .reset = reset,
    };
    return &sockets;
}
