/*
 * Transport: a stream of bytes that never waits, as the engine sees it. In a worker it is a socket
 * (socket_transport.c); tests put a scripted peer in its place.
 */
#ifndef TLSMGM_TRANSPORT_H
#define TLSMGM_TRANSPORT_H

#include "include/tlsmgm.h"

struct tlsmgm_transport {
    /* How many bytes were received; 0: the peer has ended its direction. Else a negative errno:
     * -EAGAIN when there are none now, any other when the stream is gone. */
    int64_t (*receive)(void *context, int fd, uint8_t *data, size_t size);

    /* How many bytes were taken, one at least, or a negative errno as above. */
    int64_t (*send)(void *context, int fd, const uint8_t *data, size_t size);

    /* Whatever ends the process without a word from us resets it, too; or no longer. */
    void (*arm)(void *context, int fd, bool on);

    /* Ends our direction, behind all that was sent. */
    void (*end)(void *context, int fd);

    /* Closes it; what was sent still arrives. */
    void (*close)(void *context, int fd);

    /* Closes it so that the peer cannot take that for an end. */
    void (*reset)(void *context, int fd);

    void *context;
};

/* Sockets; its context is not used. */
const struct tlsmgm_transport *tlsmgm_socket_transport(void);

#endif
