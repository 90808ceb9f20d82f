"""Steps of a connection over a socket that does not block: no step waits, and none is locked here.

A step does what can be done now.  Where the socket must be ready first, it says so, notes in
``wanted`` for what, and is called again.
"""

import contextlib
import errno
import os
import socket
from collections import deque

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINTR
from libc.errno cimport errno as system_errno
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.framing cimport Framing
from tlsmgm._core.receiving cimport receive
from tlsmgm._core.sockets_api cimport (
    POLLIN,
    POLLOUT,
    TLSMGM_NO_SIGNAL,
    system_send,
)

cdef enum:
    # Bytes that may wait before nothing more is read. Senders keep one piece waiting at most, so
    # the rest are answers to the peer, such as to KeyUpdate.
    MOST_UNSENT = 2 * PIECE
    MOST_LOOKS = 16   # how often a step receives at most
    LAST_LOOKS = 8    # how often what a peer goes on sending is received, before the end
    NOT_YET = -2      # what read_into() returns where there is nothing yet


cdef class Wire:
    """A connection, its socket, and what is on its way between the two.

    Args:
        connection: whose bytes it carries.
        fd: descriptor of the socket, which is connected, and does not block; not owned.
        is_fresh: whether nothing was received so far.
    """

    def __cinit__(self, Connection connection not None, int fd, bint is_fresh):
        self.connection = connection
        self.fd = fd
        self.has_heard = not is_fresh
        self.unsent = deque()
        self.framing = Framing(is_fresh)
        self.ahead = b""

    # --- to the peer -----------------------------------------------------------------------

    cdef bint flush(self) except -1:
        """Sends what waits, in the order in which it was made; whether all of it is gone.

        An error of the socket is kept for who sends data: who reads may still find out more.
        """
        waiting = self.connection.carry_off_any()
        if waiting is not None:
            self.put(waiting)
        while self.unsent_size > 0:
            if not self.send_first():
                return False
        return True

    cdef int put(self, bytes records) except -1:
        if len(records) > 0:
            self.unsent.append(records)
            self.unsent_size += len(records)
        return 0

    cdef bint send_first(self) except -1:
        """Sends of what waits first; False: there is no room."""
        cdef bytes first = self.unsent[0]
        cdef size_t size = len(first) - self.done
        cdef const char *data = PyBytes_AS_STRING(first) + self.done
        cdef ssize_t count
        cdef int number
        with nogil:
            count = system_send(self.fd, data, size, TLSMGM_NO_SIGNAL)
            number = system_errno  # in here, for to come back may take a wait of its own
        if count < 0:
            if number == EAGAIN:
                return False
            if number == EINTR:
                PyErr_CheckSignals()
                return True
            self.send_error = OSError(number, os.strerror(number))
            self.has_failed = True
            self.unsent.clear()
            self.unsent_size = self.done = 0
            return True
        self.unsent_size -= count
        if <size_t> count < size:
            self.done += count
        else:
            self.unsent.popleft()
            self.done = 0
        return True

    cdef bint send(self) except -1:
        """Sends what waits, for somebody who wants to know that it is gone; False: wait."""
        if not self.flush():
            self.wanted = POLLOUT
            return False
        if self.send_error is not None:
            raise type(self.send_error)(*self.send_error.args)
        return True

    cdef int encrypt(self, const uint8_t *data, size_t size) except -1:
        """Makes records of data, which send() sends; none of no data."""
        if self.is_shut:
            raise BrokenPipeError(errno.EPIPE, "nothing can be sent behind close_notify")
        if size > 0:
            self.put(self.connection.encrypt_from(data, size))
        return 0

    # --- both ways -------------------------------------------------------------------------

    def handshake(self):
        """Goes on with the handshake; True: it is complete, and everything was sent."""
        cdef int looks = 0
        while not self.connection.handshake():
            if not self.flush():
                self.wanted = POLLOUT
                return False
            if not self.receive(PIECE, looks):
                return False
            looks += 1
        return self.flush_or_wait()

    cdef bint flush_or_wait(self) except -1:
        if self.flush():
            return True
        self.wanted = POLLOUT
        return False

    def say_goodbye(self):
        """Makes our close_notify, once, and sends it behind what was encrypted before."""
        if not self.is_shut:
            self.is_shut = True
            self.connection.shutdown()
        return self.send()

    def last_words(self):
        """Sends the alert of a connection that has failed, if there is room for it."""
        self.has_failed = True
        self.flush()

    # --- from the peer ---------------------------------------------------------------------

    cdef bytes read(self, Py_ssize_t size):
        """Takes data that the peer has sent; b"" once it has said goodbye; None: wait."""
        if len(self.ahead) > 0:
            data, self.ahead = self.ahead[:size], self.ahead[size:]
            return data
        return self.take(min(size, PIECE), PIECE)  # no more is there at once

    cdef bytes take(self, Py_ssize_t size, size_t most):
        """Reads from the connection, and feeds it until it gives something; None: wait.

        Args:
            size: bytes of data at most.
            most: bytes of the wire at most; fewer than PIECE: of one record.
        """
        cdef int looks = 0
        while not self.is_over:
            data = self.connection.read_some(size)
            if data is not None:
                self.is_over = len(data) == 0
                self.flush()
                return data
            if self.is_deaf:
                break
            if not self.receive(most, looks):
                return None
            looks += 1
        return b""

    cdef Py_ssize_t read_into(self, uint8_t *room, size_t size) except -1:
        """As read(); returns the count, or NOT_YET."""
        cdef int looks = 0
        cdef Py_ssize_t count
        if len(self.ahead) > 0:
            data = self.read(size)
            memcpy(room, PyBytes_AS_STRING(data), len(data))
            return len(data)
        while not self.is_over:
            count = self.connection.read_some_into(room, size)
            if count >= 0:
                self.is_over = count == 0
                self.flush()
                return count
            if self.is_deaf:
                break
            if not self.receive(PIECE, looks):
                return NOT_YET
            looks += 1
        return 0

    def look_ahead(self):
        """How many bytes can be had without the socket; at least one, if there are any."""
        while len(self.ahead) == 0 and not self.is_over:
            data = self.connection.read_some(PIECE)
            if data is not None:
                self.ahead = data
                self.is_over = len(data) == 0
            elif self.held is not None:
                self.feed_held()
            else:
                break
        self.flush()
        return len(self.ahead)

    def finish(self):
        """Says goodbye and hears the peer's, without a byte of what it sends behind.

        Returns:
            True: it is done.

        Raises:
            ValueError: the peer has sent data that nobody has read.
        """
        if self.look_ahead() > 0:
            raise unread_error()
        if not self.say_goodbye():
            return False
        data = self.take(PIECE, 1)
        if data is None:
            return False
        if len(data) > 0:
            self.ahead = data
            raise unread_error()
        return True

    def hear_out(self):
        """Before the socket is closed, reads what the peer has sent, and nobody will.

        Bytes that are left unread, or come later, make the system reset the peer, which may then
        lose what we have sent last.  A server of TLS 1.3 sends tickets behind the handshake, so its
        client waits for the first bytes.

        Returns:
            True: it is done.
        """
        for _ in range(LAST_LOOKS):
            data = self.take(PIECE, PIECE)
            if data is None:
                return self.has_heard
            if len(data) == 0:
                break
        return True

    def drop(self, sock):
        """The same for a connection that has failed, so that the peer can read its alert."""
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
            for _ in range(LAST_LOOKS):
                if not sock.recv(PIECE):
                    break

    @property
    def behind(self):
        """What the peer has sent behind its close_notify, as far as it was received."""
        return self.held[self.fed:] if self.is_over and self.held is not None else b""

    # --- the socket ------------------------------------------------------------------------

    cdef bint receive(self, size_t size, int looks) except -1:
        """Feeds the connection; False: wait.

        Args:
            size: bytes at most; fewer than PIECE: not beyond the record that has begun.
            looks: how often this step has received already.  Where that brings no data for long,
                others and the clock have a turn.
        """
        cdef bint is_clear = self.flush()
        if self.held is not None:
            self.feed_held()
            return True
        self.wanted = POLLIN if is_clear else POLLIN | POLLOUT
        if looks >= MOST_LOOKS:
            return False
        if self.unsent_size > MOST_UNSENT:
            self.wanted = POLLOUT
            return False
        if size < PIECE:
            size = self.framing.room_for(PIECE)
        data = receive(self.fd, size, &self.expects_much)
        if data is None:
            return False
        if len(data) > 0:
            self.feed(data)
        else:
            self.connection.feed_eof()
        return True

    cdef int feed(self, bytes data) except -1:
        cdef const uint8_t *first = <const uint8_t *> PyBytes_AS_STRING(data)
        cdef size_t size = len(data)
        cdef size_t count = self.framing.follow(first, size)
        self.has_heard = self.connection.handshake_complete
        if count == size:
            self.connection.feed_from(first, size, data)
        else:
            self.held, self.fed = data, count
            self.connection.feed_from(first, count, None)
        return 0

    cdef int feed_held(self) except -1:
        cdef const uint8_t *first = <const uint8_t *> PyBytes_AS_STRING(self.held) + self.fed
        cdef size_t size = len(self.held) - self.fed
        cdef size_t count = self.framing.follow(first, size)
        self.has_heard = self.connection.handshake_complete
        self.fed += count
        held = self.held
        if count == size:
            self.held = None
        self.connection.feed_from(first, count, None)
        return 0


cdef object unread_error():
    return ValueError("the peer has sent data: read until nothing comes, before you unwrap()")
