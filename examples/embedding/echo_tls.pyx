"""A TLS echo server whose connections run in C, without the interpreter lock.

Python is asked once for each connection: which domain answers to this name?
"""

cimport cython
from libc.errno cimport EINTR, errno
from libc.stdint cimport uint8_t
from libc.string cimport memset

from cpython.pycapsule cimport PyCapsule_GetPointer

from tlsmgm.capi cimport (
    TLSMGM_STATUS_ALERT,
    TLSMGM_ALERT_RECORD_SIZE,
    TLSMGM_ALERT_UNRECOGNIZED_NAME,
    TLSMGM_STATUS_CLOSED,
    TLSMGM_CONTRACT_VERSION,
    TLSMGM_CTX_CAPSULE,
    TLSMGM_GREETING_CAPSULE,
    TLSMGM_STATUS_OK,
    TLSMGM_STATUS_TRUNCATED,
    TLSMGM_STATUS_WANT_READ,
    TLSMGM_STATUS_WANT_WRITE,
    tlsmgm_alert,
    tlsmgm_backend,
    tlsmgm_bytes,
    tlsmgm_conn,
    tlsmgm_conn_info,
    tlsmgm_ctx_handle,
    tlsmgm_error,
    tlsmgm_greeting,
    tlsmgm_greeting_table,
    tlsmgm_status,
)

from tlsmgm import NoDomainError
from tlsmgm.embedding import context_capsule, greeting_capsule


cdef extern from "sys/socket.h" nogil:
    ssize_t socket_recv "recv"(int, void *, size_t, int)
    ssize_t socket_send "send"(int, const void *, size_t, int)

# Whoever was compiled for another contract is refused here, when the module is imported.
cdef const tlsmgm_greeting_table *greetings = <const tlsmgm_greeting_table *> PyCapsule_GetPointer(
    greeting_capsule(TLSMGM_CONTRACT_VERSION), TLSMGM_GREETING_CAPSULE
)

cdef enum:
    RECORD_SIZE = 16384
    WIRE_SIZE = 16640


cdef struct Link:
    int fd                          # a blocking socket, borrowed
    const tlsmgm_backend *tls
    tlsmgm_conn *conn
    tlsmgm_error error
    uint8_t[WIRE_SIZE] wire         # lent to the connection until it wants more
    uint8_t[RECORD_SIZE] data


# --- the socket --------------------------------------------------------------------------------

cdef tlsmgm_status send_all(Link *link, const uint8_t *data, size_t size) noexcept nogil:
    cdef ssize_t sent
    while size > 0:
        sent = socket_send(link.fd, data, size, 0)
        if sent < 0 and errno == EINTR:
            continue
        if sent <= 0:
            return TLSMGM_STATUS_TRUNCATED
        data += sent
        size -= sent
    return TLSMGM_STATUS_OK


cdef tlsmgm_status receive(Link *link, size_t *count) noexcept nogil:
    """OK with a count of 0 at the end of the stream."""
    cdef ssize_t received = -1
    while received < 0:
        received = socket_recv(link.fd, link.wire, WIRE_SIZE, 0)
        if received < 0 and errno != EINTR:
            return TLSMGM_STATUS_TRUNCATED
    count[0] = received
    return TLSMGM_STATUS_OK


# --- the connection ----------------------------------------------------------------------------

cdef tlsmgm_status flush(Link *link) noexcept nogil:
    """Sends what the connection has for the client."""
    cdef tlsmgm_bytes waiting = link.tls.output(link.conn)
    cdef tlsmgm_status status = send_all(link, waiting.data, waiting.size)
    if status == TLSMGM_STATUS_OK:
        link.tls.output_consume(link.conn, waiting.size)
    return status


cdef tlsmgm_status exchange(Link *link) noexcept nogil:
    """Sends what waits, then lends the connection what the client sends.

    Only after a WANT_READ: the library has read all that was lent before, so its memory is free.
    """
    cdef size_t count = 0
    cdef tlsmgm_status status = flush(link)
    if status == TLSMGM_STATUS_OK:
        status = receive(link, &count)
    if status != TLSMGM_STATUS_OK:
        return status
    if count == 0:
        link.tls.feed_eof(link.conn)
        return TLSMGM_STATUS_OK
    return link.tls.lend_input(link.conn, link.wire, count, &link.error)


cdef tlsmgm_status shake_hands(Link *link) noexcept nogil:
    cdef tlsmgm_status status = TLSMGM_STATUS_WANT_READ
    while status == TLSMGM_STATUS_WANT_READ:
        status = link.tls.handshake(link.conn, &link.error)
        if status == TLSMGM_STATUS_WANT_READ and exchange(link) != TLSMGM_STATUS_OK:
            return TLSMGM_STATUS_TRUNCATED
    return status


cdef tlsmgm_status write_all(Link *link, size_t size) noexcept nogil:
    cdef size_t done = 0
    cdef size_t count
    cdef tlsmgm_status status
    while done < size:
        status = link.tls.write(link.conn, link.data + done, size - done, &count, &link.error)
        if status == TLSMGM_STATUS_WANT_WRITE:
            status = flush(link)
        elif status == TLSMGM_STATUS_OK:
            done += count
        if status != TLSMGM_STATUS_OK:
            return status
    return flush(link)


cdef tlsmgm_status echo_all(Link *link, size_t *echoed) noexcept nogil:
    """Ends with CLOSED when the client has said close_notify, else with what went wrong."""
    cdef size_t count
    cdef tlsmgm_status status = TLSMGM_STATUS_OK
    while status == TLSMGM_STATUS_OK:
        status = link.tls.read(link.conn, link.data, RECORD_SIZE, &count, &link.error)
        if status == TLSMGM_STATUS_OK:
            status = write_all(link, count)
            echoed[0] += count
        elif status == TLSMGM_STATUS_WANT_READ:
            status = exchange(link)
    return status


cdef tlsmgm_status serve(Link *link, size_t *echoed) noexcept nogil:
    """Handshake, echo and end; an alert that the library has left is sent in any case."""
    cdef tlsmgm_status status = shake_hands(link)
    if status == TLSMGM_STATUS_OK:
        status = echo_all(link, echoed)
    if status == TLSMGM_STATUS_CLOSED:
        link.tls.shutdown(link.conn, &link.error)
    flush(link)
    return status


# --- the greeting ------------------------------------------------------------------------------

cdef tlsmgm_status listen(Link *link, tlsmgm_greeting *greeting) noexcept nogil:
    """Reads the ClientHello."""
    cdef size_t count = 0
    cdef tlsmgm_status status = TLSMGM_STATUS_WANT_READ
    while status == TLSMGM_STATUS_WANT_READ:
        if receive(link, &count) != TLSMGM_STATUS_OK or count == 0:
            return TLSMGM_STATUS_TRUNCATED
        status = greetings.feed(greeting, link.wire, count, &link.error)
    return status


cdef void refuse(Link *link, int alert) noexcept nogil:
    cdef uint8_t[TLSMGM_ALERT_RECORD_SIZE] record
    greetings.alert_record(<tlsmgm_alert> alert, record)
    send_all(link, record, TLSMGM_ALERT_RECORD_SIZE)


cdef class Echo:
    """One client on a blocking socket.

    Args:
        manager: a ``tlsmgm.TLSManager``.
        fd: the socket's descriptor; it stays the caller's.
        local: address and port of our end.
    """

    cdef object manager
    cdef tuple local
    cdef object context             # capsule
    cdef tlsmgm_greeting *greeting
    cdef Link link
    cdef bint claimed
    cdef readonly size_t echoed     # bytes
    cdef readonly object version    # "1.2" or "1.3"; None until the client was served

    def __cinit__(self, manager, int fd, tuple local):
        self.manager = manager
        self.local = local
        self.link.fd = fd
        memset(&self.link.error, 0, sizeof(tlsmgm_error))
        self.check(greetings.greeting_new(manager.hello_size, &self.greeting, &self.link.error))

    def __dealloc__(self):
        if self.link.conn != NULL:
            self.link.tls.conn_free(self.link.conn)
        greetings.greeting_free(self.greeting)

    def run(self):
        """Serve the client until it says close_notify.

        Raises:
            NoDomainError: no domain answers to the name that it asks for.
            ConnectionError: anything else went wrong.
        """
        cdef tlsmgm_status status
        self.claim()
        with nogil:
            status = listen(&self.link, self.greeting)
        self.check(status)
        self.start()
        with nogil:
            status = serve(&self.link, &self.echoed)
        self.note_version()
        if status != TLSMGM_STATUS_CLOSED:
            self.check(status)

    @cython.critical_section  # for Pythons without the interpreter lock
    cdef int claim(self) except -1:
        """Lets one thread in, once: a connection belongs to one thread at a time."""
        if self.claimed:
            raise ValueError("somebody serves this client, or has served it")
        self.claimed = True
        return 0

    cdef int start(self) except -1:
        """Starts the library in the context of the domain that answers."""
        cdef tlsmgm_bytes name = greetings.server_name(self.greeting)
        cdef const tlsmgm_ctx_handle *handle
        asked = None if name.data == NULL else (<const char *> name.data)[:name.size]
        try:
            context = self.manager.server_context(self.local, asked)
        except NoDomainError:
            refuse(&self.link, TLSMGM_ALERT_UNRECOGNIZED_NAME)
            raise
        self.context = context_capsule(context, TLSMGM_CONTRACT_VERSION)
        handle = <const tlsmgm_ctx_handle *> PyCapsule_GetPointer(self.context, TLSMGM_CTX_CAPSULE)
        self.link.tls = handle.backend
        return self.check(
            greetings.start(self.greeting, handle, &self.link.conn, &self.link.error)
        )

    cdef int check(self, tlsmgm_status status) except -1:
        """Makes an exception of a failure; before the connection, the alert is ours to send."""
        if status == TLSMGM_STATUS_OK:
            return 0
        if status == TLSMGM_STATUS_TRUNCATED:
            raise ConnectionError("the client went away without close_notify")
        if self.link.conn == NULL and status != TLSMGM_STATUS_ALERT:
            refuse(&self.link, self.link.error.alert)
        raise ConnectionError((<bytes> self.link.error.text).decode("utf-8", "replace"))

    cdef int note_version(self) except -1:
        cdef tlsmgm_conn_info info
        self.link.tls.conn_info(self.link.conn, &info)
        self.version = {0x0303: "1.2", 0x0304: "1.3"}.get(info.version)
        return 0
