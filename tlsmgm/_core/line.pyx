"""A wire for as many threads as there are: a lock, who waits and until when, whose turn it is.

A connection belongs to one thread at a time, so a lock is around each of its steps; and since the
socket never blocks, nothing waits under that lock.  Who has to wait does so without it, and tries
again.  Another lock gives turns to those who send, so that what one call sends leaves in one piece.
"""

import errno
import threading

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.waiting cimport Deadline, wait_until
from tlsmgm._core.wire cimport PIECE, Wire

from tlsmgm.errors import TLSError, WantWriteError


cdef class Line:
    """A connection over a socket, with the calls that carry data.

    Args:
        connection: whose bytes it carries.
        descriptor: of the socket, which is connected, and does not block.
        release: closes the socket; called once, by whoever uses it last.
        is_fresh: whether the handshake has not begun.
    """

    def __cinit__(self, Connection connection, int descriptor, release, bint is_fresh):
        self.wire = Wire(connection, descriptor, is_fresh)
        self.lock = threading.RLock()
        self.turn = threading.Lock()
        self.release = release
        self.is_fresh = is_fresh
        self.owed = b""

    def do_handshake(self):
        """Goes on with the handshake, until it is complete."""
        raise NotImplementedError

    # --- data ------------------------------------------------------------------------------

    def recv(self, Py_ssize_t size):
        """Waits for data; see ``TLSSocket.recv()``."""
        cdef Deadline deadline = None
        if self.is_fresh:
            self.do_handshake()
        while True:
            self.enter()
            try:
                data = self.wire.read(size)
                if data is not None:
                    return data
                wanted = self.will_wait()
            except TLSError:
                self.fail()
                raise
            finally:
                self.lock.release()
            deadline = self.wait_for(wanted, deadline)

    def recv_into(self, buffer not None, Py_ssize_t size):
        """Waits for data; see ``TLSSocket.recv_into()``."""
        cdef Deadline deadline = None
        cdef Py_ssize_t count
        cdef Py_buffer view
        if self.is_fresh:
            self.do_handshake()
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            while True:
                self.enter()
                try:
                    count = self.wire.read_into(<uint8_t *> view.buf, min(size, view.len))
                    if count >= 0:
                        return count
                    wanted = self.will_wait()
                except TLSError:
                    self.fail()
                    raise
                finally:
                    self.lock.release()
                deadline = self.wait_for(wanted, deadline)
        finally:
            PyBuffer_Release(&view)

    def send(self, data not None):
        """Sends some of the data; see ``TLSSocket.send()``."""
        cdef Deadline deadline = None
        cdef size_t size
        cdef Py_buffer view
        if self.is_fresh:
            self.do_handshake()
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            deadline = self.take_turn()
            try:
                self.check_repeated(<const uint8_t *> view.buf, view.len)
                size = min(<size_t> view.len, <size_t> len(self.owed) or <size_t> PIECE)
                while True:
                    self.enter()
                    try:
                        if self.send_piece(<const uint8_t *> view.buf, size):
                            return size
                        wanted = self.will_wait()
                    except TLSError:
                        self.fail()
                        raise
                    finally:
                        self.lock.release()
                    deadline = self.wait_for(wanted, deadline)
            finally:
                self.turn.release()
        finally:
            PyBuffer_Release(&view)

    cdef bint send_piece(self, const uint8_t *data, size_t size) except -1:
        """Encrypts, once everything older has left; what does not leave at once is owed."""
        if len(self.owed) == 0:
            if not self.wire.send():
                return False
            self.wire.encrypt(data, size)
        if self.wire.send():
            self.owe(b"")
            return True
        if len(self.owed) == 0:
            self.owe(PyBytes_FromStringAndSize(<const char *> data, size))
        return False

    def sendall(self, data not None):
        """Sends all of the data; see ``TLSSocket.sendall()``."""
        cdef Deadline deadline = None
        cdef size_t owed
        cdef Py_buffer view
        if self.is_fresh:
            self.do_handshake()
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            deadline = self.take_turn()
            try:
                self.check_repeated(<const uint8_t *> view.buf, view.len)
                owed = len(self.owed)
                self.owe(b"")
                try:
                    self.push(<const uint8_t *> view.buf + owed, view.len - owed, deadline)
                except BaseException:
                    self.is_torn = True
                    raise
            finally:
                self.turn.release()
        finally:
            PyBuffer_Release(&view)

    cdef int push(self, const uint8_t *data, size_t size, Deadline deadline) except -1:
        """Sends everything, a piece at a time."""
        cdef size_t done = 0
        cdef size_t piece
        cdef bint has_encrypted = False
        while True:
            self.enter()
            try:
                while self.wire.send():
                    if has_encrypted and done == size:
                        return 0
                    piece = min(size - done, <size_t> PIECE)
                    self.wire.encrypt(data + done, piece)
                    done += piece
                    has_encrypted = True
                wanted = self.will_wait()
            except TLSError:
                self.fail()
                raise
            finally:
                self.lock.release()
            deadline = self.wait_for(wanted, deadline)

    cdef int check_repeated(self, const uint8_t *data, size_t size) except -1:
        cdef size_t owed = len(self.owed)
        if owed > 0 and (size < owed or memcmp(data, PyBytes_AS_STRING(self.owed), owed) != 0):
            raise ValueError("a send() that had to wait is repeated with the same data")
        return 0

    # Others look at the timeout and at what is owed whenever they like: critical sections order
    # that where there is no interpreter lock, as they do where Python asks.

    @cython.critical_section
    cdef int owe(self, bytes data) except -1:
        self.owed = data
        return 0

    @cython.critical_section
    cdef object timeout_now(self):
        return self.timeout

    # --- waiting ---------------------------------------------------------------------------

    def turn_begins(self):
        """Keeps others from sending in between, until ``turn`` is released.

        Returns:
            Until when the call may wait; None: it has not waited so far.
        """
        return self.take_turn()

    cdef Deadline take_turn(self):
        if self.turn.acquire(False):
            return None
        deadline = Deadline(self.timeout_now())
        left = deadline.left()
        if not deadline.waits:
            raise WantWriteError
        if not self.turn.acquire(True, -1 if left == float("inf") else left):
            raise TimeoutError("timed out")
        return deadline

    def until(self, step, Deadline deadline=None):
        """Repeats a step of the wire until it is done, and waits in between.

        Args:
            step: returns false where it has to wait.
            deadline: until when; None: as the timeout says.
        """
        while True:
            self.enter()
            try:
                found = step()
                if found is not False:
                    return found
                wanted = self.will_wait()
            except TLSError:
                self.fail()
                raise
            finally:
                self.lock.release()
            deadline = self.wait_for(wanted, deadline)

    cdef int enter(self) except -1:
        """Takes the lock, if the socket may be used."""
        self.lock.acquire()
        if self.is_closing:
            self.lock.release()
            self.refuse()
        return 0

    def check_open(self):
        """Refuses where nobody may use the socket any more."""
        if self.is_closing:
            self.refuse()

    def forget(self):
        """In a forked process: from now on nobody uses it, and nothing is said to the peer.

        Another thread may have had the locks, which nobody in here would open.
        """
        self.is_closing = self.is_forgotten = True
        self.lock = threading.RLock()
        self.turn = threading.Lock()

    cdef int refuse(self) except -1:
        if self.is_forgotten:
            words = "a TLS socket belongs to the process that has made it; here it is closed"
        else:
            words = "the socket was closed"
        raise OSError(errno.EBADF, words)

    cdef int fail(self) except -1:
        """The connection has failed: sends the alert."""
        self.wire.last_words()
        return 0

    cdef int will_wait(self) except -1:
        """The descriptor lives as long as a thread waits for it; returns what for."""
        self.waiting += 1
        return self.wire.wanted

    cdef Deadline wait_for(self, int wanted, Deadline deadline):
        """Waits without the lock; returns until when the next wait may last."""
        try:
            if deadline is None:
                timeout = self.timeout_now()
                if timeout is not None:
                    deadline = Deadline(timeout)
            wait_until(self.wire.fd, wanted, deadline)
        finally:
            with self.lock:
                self.waiting -= 1
                if self.is_closing and self.waiting == 0:
                    self.release()
        return deadline
