/*
 * Poller: tells one thread which of its descriptors are ready. epoll on Linux, kqueue elsewhere;
 * TLSMGM_POLLER_KQUEUE in the build asks for kqueue on Linux, too, where libkqueue plays it for the
 * tests (its peculiarities stand in poller_kqueue.c).
 *
 *     watch_stream() --> wait() --> read and write until EAGAIN --> wait() ... forget(), close()
 *
 * A token is the caller's: whatever tells one use of a descriptor from the next, such as the number
 * of a slot and its generation. An event may come late, for a descriptor that was closed in the
 * same batch or that lives on in a duplicate; it has the token of its own registration.
 *
 * All but wake() belong to one thread at a time.
 */
#ifndef TLSMGM_POLLER_H
#define TLSMGM_POLLER_H

#include "include/tlsmgm.h"

struct tlsmgm_poller;

/* No registration may have this token. */
#define TLSMGM_POLL_NO_TOKEN UINT64_MAX

/* Most events of one wait(). */
#define TLSMGM_POLL_MAX 256

/*
 * What may be done without waiting. There can be more than one event of a descriptor in a batch
 * (kqueue has one for each direction; neighbours are merged), and one that says too much: only read
 * and write know.
 */
struct tlsmgm_poll_event {
    uint64_t token;
    bool readable; /* bytes, a connection to accept, or the end of the stream */
    bool writable;
    bool ended; /* the peer's direction: read until that is found */
    /*
     * An error, or both directions are over. readable and writable are true as well, so that a
     * read or a write finds out. kqueue does not say this when the directions end one after the
     * other without an error; who has read the end and said so knows it.
     */
    bool hangup;
};

/* OK, or NO_MEMORY when memory or descriptors are exhausted; then *out is NULL. */
TLSMGM_MUST_USE enum tlsmgm_status tlsmgm_poller_new(struct tlsmgm_poller **out,
                                                     struct tlsmgm_error *error);

/* Leaves the watched descriptors open. Nobody may be in wait() or wake(). */
void tlsmgm_poller_free(struct tlsmgm_poller *poller);

/*
 * Watches a listening socket for connections. Level-triggered: it is told again and again, as long
 * as one waits. 0 or an errno; EINVAL: the token is TLSMGM_POLL_NO_TOKEN.
 */
TLSMGM_MUST_USE int tlsmgm_poller_watch_listener(struct tlsmgm_poller *poller, int fd,
                                                 uint64_t token);

/*
 * Watches both directions of a stream, until it is forgotten. Edge-triggered: what is ready already
 * is told once, then each change; so read and write until EAGAIN. With kqueue each acknowledgement
 * of the peer's counts as a change. A socket that connects is watched after connect() has been
 * called: before that Linux calls it hung up. 0 or an errno; EINVAL as above.
 *
 * A descriptor that is watched already: EEXIST with epoll, its new token with kqueue.
 */
TLSMGM_MUST_USE int tlsmgm_poller_watch_stream(struct tlsmgm_poller *poller, int fd,
                                               uint64_t token);

/*
 * No further events of this descriptor, as far as wait() has not handed them out yet. 0 or an
 * errno, ENOENT when it is not watched. A kernel forgets by itself what is closed, epoll only when
 * no duplicate of it is left in any process; libkqueue never does.
 */
int tlsmgm_poller_forget(struct tlsmgm_poller *poller, int fd);

/*
 * Waits until something is ready, at most timeout_ms milliseconds; -1: for ever. Returns how many
 * events it has written, never more than capacity or TLSMGM_POLL_MAX; 0 after the time, a wake() or
 * a signal; else a negative errno.
 */
TLSMGM_MUST_USE int tlsmgm_poller_wait(struct tlsmgm_poller *poller,
                                       struct tlsmgm_poll_event *events, int capacity,
                                       int timeout_ms);

/*
 * Makes the present wait(), or the next one, return at once. From any thread. Many wakes until then
 * are one, and cost one system call. What was written before wake() is seen after that wait(), so
 * look at the mailbox after each. errno stays as it was; with epoll signal handlers may call it.
 */
void tlsmgm_poller_wake(struct tlsmgm_poller *poller);

#endif
