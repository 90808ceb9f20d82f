/*
 * On Linux libkqueue plays kqueue, for the tests alone. Unlike a kernel (seen with 2.7.0):
 *
 * - It keeps the registration of a descriptor that was closed, and never registers the next one of
 *   that number: forget() before close().
 * - It asks epoll for as many descriptors as there is room for events, though each may need two,
 * and drops what does not fit; those edges are lost. So give wait() twice the room.
 * - For an event with an error it takes SO_ERROR away: the next read tells of an end, not of a
 * reset, and after a connect() SO_ERROR says that all is well.
 * - EV_EOF stands in each event for reading when nothing is left to be read.
 * - kevent() takes locks, so that a signal handler may not call wake().
 */
#if !defined(__linux__) || defined(TLSMGM_POLLER_KQUEUE)

#include "engine/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>
/* It needs the one before. */
#include <sys/event.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

/* A token travels as the pointer that a registration may carry. */
_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a token must fit into a pointer");

struct tlsmgm_poller {
    int queue;
    /* A wake is on its way. Cleared by wait() before its caller looks at what the wake announces.
     */
    atomic_bool woken;
};

static void *carry(uint64_t token) { return (void *)(uintptr_t)token; }

static uint64_t token_of(const struct kevent *event) { return (uint64_t)(uintptr_t)event->udata; }

/* Both directions of a descriptor. */
struct pair {
    struct kevent way[2];
};

static struct pair both_ways(int fd, uint16_t flags, uint64_t token) {
    struct pair pair = {{{.ident = (uintptr_t)fd, .filter = EVFILT_READ},
                         {.ident = (uintptr_t)fd, .filter = EVFILT_WRITE}}};
    for (int i = 0; i < 2; i++) {
        pair.way[i].flags = flags | EV_RECEIPT;
        pair.way[i].udata = carry(token);
    }
    return pair;
}

/* Makes changes that ask for a receipt; each of them has its errno in data then, or 0. */
static int change(const struct tlsmgm_poller *poller, struct kevent *changes, int count) {
    return kevent(poller->queue, changes, count, changes, count, NULL) < 0 ? errno : 0;
}

/* The wake's own event; flags 0 triggers it. Its token goes along: a trigger overwrites it. */
static int tell_user_event(const struct tlsmgm_poller *poller, uint16_t flags) {
    struct kevent event = {.filter = EVFILT_USER, .udata = carry(TLSMGM_POLL_NO_TOKEN)};
    event.flags = flags;
    if (flags == 0) event.fflags = NOTE_TRIGGER;
    return kevent(poller->queue, &event, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

/* 0 or an errno; what was opened is the poller's in any case. */
static int open_queue(struct tlsmgm_poller *poller) {
    poller->queue = kqueue();
    if (poller->queue < 0) return errno;
    if (fcntl(poller->queue, F_SETFD, FD_CLOEXEC) < 0) return errno;
    return tell_user_event(poller, EV_ADD | EV_CLEAR);
}

enum tlsmgm_status tlsmgm_poller_new(struct tlsmgm_poller **out, struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_poller *poller = tlsmgm_calloc(1, sizeof *poller);
    if (poller == NULL) return tlsmgm_fail_memory(error);
    atomic_init(&poller->woken, false);
    int failed = open_queue(poller);
    if (failed != 0) {
        tlsmgm_poller_free(poller);
        return tlsmgm_fail(error, TLSMGM_STATUS_NO_MEMORY, "the system gives no poller: %s",
                           strerror(failed));
    }
    *out = poller;
    return TLSMGM_STATUS_OK;
}

void tlsmgm_poller_free(struct tlsmgm_poller *poller) {
    if (poller == NULL) return;
    if (poller->queue >= 0) (void)close(poller->queue);
    tlsmgm_free(poller);
}

int tlsmgm_poller_watch_listener(struct tlsmgm_poller *poller, int fd, uint64_t token) {
    if (token == TLSMGM_POLL_NO_TOKEN) return EINVAL;
    struct pair pair = both_ways(fd, EV_ADD, token);
    int failed = change(poller, pair.way, 1);
    return failed != 0 ? failed : (int)pair.way[0].data;
}

int tlsmgm_poller_watch_stream(struct tlsmgm_poller *poller, int fd, uint64_t token) {
    if (token == TLSMGM_POLL_NO_TOKEN) return EINVAL;
    struct pair pair = both_ways(fd, EV_ADD | EV_CLEAR, token);
    int failed = change(poller, pair.way, 2);
    for (int i = 0; i < 2 && failed == 0; i++) failed = (int)pair.way[i].data;
    if (failed != 0) (void)tlsmgm_poller_forget(poller, fd);
    return failed;
}

int tlsmgm_poller_forget(struct tlsmgm_poller *poller, int fd) {
    struct pair pair = both_ways(fd, EV_DELETE, 0);
    int failed = change(poller, pair.way, 2);
    /* All are watched for reading; of a listener's other direction nothing is known. */
    return failed != 0 ? failed : (int)pair.way[0].data;
}

static bool is_end(const struct kevent *ready) { return (ready->flags & EV_EOF) != 0; }

/* Adds what one direction says to what is known of the descriptor. */
static void translate(const struct kevent *ready, bool both_ended,
                      struct tlsmgm_poll_event *event) {
    /* An end brings the socket's error along. */
    if (both_ended || (is_end(ready) && ready->fflags != 0)) event->hangup = true;
    if (event->hangup || ready->filter == EVFILT_READ) event->readable = true;
    if (event->hangup || (ready->filter == EVFILT_READ && is_end(ready))) event->ended = true;
    if (event->hangup || ready->filter == EVFILT_WRITE) event->writable = true;
}

/* Merges neighbours: a kernel queues both directions one behind the other when a socket ends. */
static int translate_all(const struct kevent *ready, int count, struct tlsmgm_poll_event *events) {
    int written = 0;
    for (int i = 0; i < count; i++) {
        if (ready[i].filter == EVFILT_USER) continue;
        uint64_t token = token_of(&ready[i]);
        bool is_same = i > 0 && token_of(&ready[i - 1]) == token;
        bool both_ended = is_same && is_end(&ready[i - 1]) && is_end(&ready[i]);
        if (!is_same) events[written++] = (struct tlsmgm_poll_event){.token = token};
        translate(&ready[i], both_ended, &events[written - 1]);
    }
    return written;
}

int tlsmgm_poller_wait(struct tlsmgm_poller *poller, struct tlsmgm_poll_event *events, int capacity,
                       int timeout_ms) {
    if (capacity < 1) return -EINVAL;
    struct kevent ready[TLSMGM_POLL_MAX];
    int most = capacity < TLSMGM_POLL_MAX ? capacity : TLSMGM_POLL_MAX;
    struct timespec time = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    int count = kevent(poller->queue, NULL, 0, ready, most, timeout_ms < 0 ? NULL : &time);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        /* A read as well as a write: it takes over what was written before that wake(). */
        if (ready[i].filter == EVFILT_USER) (void)atomic_exchange(&poller->woken, false);
    }
    return translate_all(ready, count, events);
}

void tlsmgm_poller_wake(struct tlsmgm_poller *poller) {
    if (atomic_exchange(&poller->woken, true)) return;
    int saved = errno;
    if (tell_user_event(poller, 0) != 0) atomic_store(&poller->woken, false);
    errno = saved;
}

#endif
