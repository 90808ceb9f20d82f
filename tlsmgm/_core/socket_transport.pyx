"""A transport's wire that is a socket: nothing is in between but a word that it is ready."""

import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.errno cimport EAGAIN, EINTR
from libc.errno cimport errno as system_errno

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.receiving cimport MUCH, receive
from tlsmgm._core.sockets_api cimport SHUT_WR, TLSMGM_NO_SIGNAL, system_send, system_shutdown
from tlsmgm._core.transport cimport TransportCore

cdef enum:
    LAST_READS = 4  # a socket that is closed behind an alert is emptied: a reset would take it along


cdef class SocketCore(TransportCore):
    """TLS between a protocol and a socket.

    Args:
        transport: that the protocol and the program have.
        loop: of the protocol.
        connection: with or without its handshake done.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called with the transport when it is over; or None.
        fd: of a socket that is connected, and does not block.
        close_socket: closes it; called once.
        watch: watches it, see :mod:`tlsmgm._aio.watching`.
    """

    cdef int fd                 # below zero once it is closed
    cdef object close_socket
    cdef object watch
    cdef bytes rest             # records that were sent in part; or None
    cdef Py_ssize_t sent        # bytes of them
    cdef bint is_listening
    cdef bint is_waiting        # for room; the socket is watched for that
    cdef bint expects_much

    def __init__(self, transport, loop, Connection connection not None, double shutdown_timeout,
                 on_lost, int fd, close_socket, watch):
        TransportCore.__init__(self, transport, loop, connection, shutdown_timeout, on_lost)
        self.fd = fd
        self.close_socket = close_socket
        self.watch = watch

    @property
    def is_open(self):
        """Whether the socket is not closed."""
        return self.fd >= 0

    # --- to the peer -----------------------------------------------------------------------

    cpdef unsent(self):
        """See TransportCore."""
        return 0 if self.rest is None else len(self.rest) - self.sent

    cpdef put(self, bytes wire):
        """See TransportCore."""
        cdef Py_ssize_t count
        if self.fd < 0:
            return
        count = self.send(wire, 0)
        if self.fd >= 0 and count < len(wire):
            self.rest = wire
            self.sent = count
            self.is_blocked = True
            self.wait_for_room()
            self.tell_of_pressure()

    cdef int wait_for_room(self) except -1:
        if not self.is_waiting:
            self.is_waiting = True
            self.watch.add_writer(self.fd, self.transport()._on_writable)
        return 0

    cdef int stop_waiting(self) except -1:
        if self.is_waiting:
            self.is_waiting = False
            self.watch.remove_writer(self.fd)
        return 0

    cdef Py_ssize_t send(self, bytes wire, Py_ssize_t done) except -1:
        """Sends what is behind the first bytes, and returns how many have left; or all is over."""
        cdef const char *first = PyBytes_AS_STRING(wire) + done
        cdef Py_ssize_t size = len(wire) - done
        cdef ssize_t count
        cdef int number
        cdef int fd = self.fd
        with nogil:
            count = system_send(fd, first, size, TLSMGM_NO_SIGNAL)
            number = system_errno  # in here, for to come back may take a wait of its own
        if count >= 0:
            return count
        if number != EAGAIN and number != EINTR:
            self.lose(OSError(number, os.strerror(number)))
        return 0

    def on_writable(self):
        """The socket takes bytes again."""
        with cython.critical_section(self):
            self.send_rest()

    cdef int send_rest(self) except -1:
        if self.fd < 0 or self.rest is None:
            return 0
        self.sent += self.send(self.rest, self.sent)
        if self.fd < 0:
            return 0
        if self.sent < len(self.rest):
            self.tell_of_pressure()
            return 0
        self.rest = None
        self.is_blocked = False
        try:
            self.flush()
        finally:
            if self.rest is None:
                self.stop_waiting()
        return 0

    cpdef end_sending(self):
        """See TransportCore; a peer that has gone need not know."""
        if self.fd >= 0:
            system_shutdown(self.fd, SHUT_WR)

    # --- from the peer ---------------------------------------------------------------------

    def on_readable(self):
        """The socket has bytes, or has ended."""
        with cython.critical_section(self):
            self.receive_some()

    cdef int receive_some(self) except -1:
        cdef bytes wire
        if self.fd < 0:
            return 0
        self.connection.check_free()  # before bytes are taken that would be lost
        try:
            wire = receive(self.fd, MUCH, &self.expects_much)
        except OSError as error:
            # As in refuse(): half-closed is not closed, and a reset may have cut the answer short.
            self.lose(None if self.is_closing else error)
            return 0
        if wire is None:
            return 0
        if len(wire) > 0:
            self.take(wire)
        else:
            self.stop_listening()
            self.take_end()
        return 0

    cpdef listen(self):
        """See TransportCore."""
        if not self.is_listening and self.fd >= 0:
            self.is_listening = True
            self.watch.add_reader(self.fd, self.transport()._on_readable)

    cpdef stop_listening(self):
        """See TransportCore."""
        if self.is_listening:
            self.is_listening = False
            self.watch.remove_reader(self.fd)

    # --- the end ---------------------------------------------------------------------------

    cpdef drop(self):
        """See TransportCore."""
        if self.fd < 0:
            return
        self.rest = None
        self.is_blocked = False
        try:
            self.stop_listening()
            self.stop_waiting()
            if not self.is_peer_over:
                self.empty()
        finally:
            self.close_now()

    cdef int empty(self) except -1:
        """Reads what the peer has sent and nobody wants."""
        cdef bytes wire
        try:
            for _ in range(LAST_READS):
                wire = receive(self.fd, MUCH, &self.expects_much)
                if wire is None or len(wire) == 0:
                    break
        except OSError:
            pass  # the peer has gone
        return 0

    def close_now(self):
        """Closes the socket, with nobody told."""
        cdef object close_socket = self.close_socket
        self.fd = -1
        self.close_socket = None
        if close_socket is not None:
            close_socket()
