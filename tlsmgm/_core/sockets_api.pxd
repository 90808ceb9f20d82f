"""What of the system's sockets is called without Python's own."""

cdef extern from *:
    """
    #include <poll.h>
    #include <sys/socket.h>
    /* Elsewhere nobody is killed either, for Python ignores the signal. */
    #ifdef MSG_NOSIGNAL
    #define TLSMGM_NO_SIGNAL MSG_NOSIGNAL
    #else
    #define TLSMGM_NO_SIGNAL 0
    #endif
    """
    int TLSMGM_NO_SIGNAL
    int SHUT_WR
    ssize_t system_recv "recv"(int, void *, size_t, int) nogil
    ssize_t system_send "send"(int, const void *, size_t, int) nogil
    int system_shutdown "shutdown"(int, int) nogil

cdef extern from "poll.h" nogil:
    enum:
        POLLIN
        POLLOUT
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *, unsigned long, int)
