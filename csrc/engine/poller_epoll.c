#if defined(__linux__) && !defined(TLSMGM_POLLER_KQUEUE)

#include "engine/poller.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

struct tlsmgm_poller {
    int epoll;
    int eventfd;
    /* A wake is on its way. Cleared by wait() before its caller looks at what the wake announces.
     */
    atomic_bool woken;
};

static int watch(const struct tlsmgm_poller *poller, int fd, uint32_t interest, uint64_t token) {
    struct epoll_event event = {.events = interest, .data = {.u64 = token}};
    return epoll_ctl(poller->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : errno;
}

/* 0 or an errno; what was opened is the poller's in any case. */
static int open_descriptors(struct tlsmgm_poller *poller) {
    poller->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (poller->epoll < 0) return errno;
    poller->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (poller->eventfd < 0) return errno;
    /* Edge-triggered, so that each write is an event and nobody need read the counter. */
    return watch(poller, poller->eventfd, EPOLLIN | EPOLLET, TLSMGM_POLL_NO_TOKEN);
}

enum tlsmgm_status tlsmgm_poller_new(struct tlsmgm_poller **out, struct tlsmgm_error *error) {
    *out = NULL;
    struct tlsmgm_poller *poller = tlsmgm_calloc(1, sizeof *poller);
    if (poller == NULL) return tlsmgm_fail_memory(error);
    poller->epoll = -1;
    poller->eventfd = -1;
    atomic_init(&poller->woken, false);
    int failed = open_descriptors(poller);
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
    if (poller->eventfd >= 0) (void)close(poller->eventfd);
    if (poller->epoll >= 0) (void)close(poller->epoll);
    tlsmgm_free(poller);
}

int tlsmgm_poller_watch_listener(struct tlsmgm_poller *poller, int fd, uint64_t token) {
    if (token == TLSMGM_POLL_NO_TOKEN) return EINVAL;
    return watch(poller, fd, EPOLLIN, token);
}

int tlsmgm_poller_watch_stream(struct tlsmgm_poller *poller, int fd, uint64_t token) {
    if (token == TLSMGM_POLL_NO_TOKEN) return EINVAL;
    return watch(poller, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, token);
}

int tlsmgm_poller_forget(struct tlsmgm_poller *poller, int fd) {
    return epoll_ctl(poller->epoll, EPOLL_CTL_DEL, fd, NULL) == 0 ? 0 : errno;
}

static struct tlsmgm_poll_event translate(const struct epoll_event *ready) {
    bool hangup = (ready->events & (EPOLLERR | EPOLLHUP)) != 0;
    return (struct tlsmgm_poll_event){
        .token = ready->data.u64,
        .readable = hangup || (ready->events & (EPOLLIN | EPOLLRDHUP)) != 0,
        .writable = hangup || (ready->events & EPOLLOUT) != 0,
        .ended = hangup || (ready->events & EPOLLRDHUP) != 0,
        .hangup = hangup,
    };
}

int tlsmgm_poller_wait(struct tlsmgm_poller *poller, struct tlsmgm_poll_event *events, int capacity,
                       int timeout_ms) {
    if (capacity < 1) return -EINVAL;
    struct epoll_event ready[TLSMGM_POLL_MAX];
    int most = capacity < TLSMGM_POLL_MAX ? capacity : TLSMGM_POLL_MAX;
    int count = epoll_wait(poller->epoll, ready, most, timeout_ms);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    int written = 0;
    for (int i = 0; i < count; i++) {
        if (ready[i].data.u64 == TLSMGM_POLL_NO_TOKEN) {
            /* A read as well as a write: it takes over what was written before that wake(). */
            (void)atomic_exchange(&poller->woken, false);
        } else {
            events[written++] = translate(&ready[i]);
        }
    }
    return written;
}

void tlsmgm_poller_wake(struct tlsmgm_poller *poller) {
    if (atomic_exchange(&poller->woken, true)) return;
    int saved = errno;
    uint64_t one = 1;
    if (write(poller->eventfd, &one, sizeof one) < 0) atomic_store(&poller->woken, false);
    errno = saved;
}

#endif
