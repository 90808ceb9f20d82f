/* Preloaded: lets accept4, recv and send of the engine fail with a number that a test chooses. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum call { ACCEPT, RECV, SEND, CALLS };

static atomic_int wanted[CALLS]; /* errno */
static atomic_int left[CALLS];   /* how many calls fail, -1: all */
static atomic_int failed[CALLS]; /* how many have */
static atomic_int listener = -1;

void fail_listener(int fd) { atomic_store(&listener, fd); }

void fail_calls(int call, int error, int count) {
    atomic_store(&failed[call], 0);
    atomic_store(&wanted[call], error);
    atomic_store(&left[call], count);
}

int failed_calls(int call) { return atomic_load(&failed[call]); }

static int fails(enum call call) {
    int count = atomic_load(&left[call]);
    if (count == 0) return 0;
    if (count > 0) atomic_fetch_sub(&left[call], 1);
    atomic_fetch_add(&failed[call], 1);
    errno = atomic_load(&wanted[call]);
    return 1;
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags) {
    static int (*real)(int, struct sockaddr *, socklen_t *, int);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "accept4");
    if (fd == atomic_load(&listener) && fails(ACCEPT)) return -1;
    return real(fd, address, size, flags);
}

/* Nobody but the engine says with each call that it does not wait. */
ssize_t recv(int fd, void *data, size_t size, int flags) {
    static ssize_t (*real)(int, void *, size_t, int);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "recv");
    if ((flags & MSG_DONTWAIT) != 0 && fails(RECV)) return -1;
    return real(fd, data, size, flags);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "send");
    if ((flags & MSG_DONTWAIT) != 0 && fails(SEND)) return -1;
    return real(fd, data, size, flags);
}
