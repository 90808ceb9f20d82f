"""A connection over a socket: the steps that ``ssl.SSLSocket`` asks for.

It takes no more from the socket than what it can hand out: records are read to their end and no
further, unless the program asks for so much that all that comes fits.  So whoever waits with
``select()`` finds that there is something to read whenever there is, as with OpenSSL.

One thread may read while another one writes.  Who has to wait tries first, and waits only where
the socket says so; one that blocks does the waiting itself.

A server's tickets of TLS 1.3 go out with its first data, or its goodbye: a client that hangs up
without reading would reset the connection over them, and what it has sent might be lost.

:mod:`tlsmgm._adapters` makes a class of this.
"""

import contextlib
import os
import socket
import ssl
import threading
from time import monotonic

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.pythread cimport (
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from cpython.weakref cimport PyWeakref_NewRef
from libc.errno cimport EAGAIN, EINTR
from libc.errno cimport errno as system_errno
from libc.stdint cimport uint8_t

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.memory_end cimport End
from tlsmgm._core.record_ends cimport is_between, missing
from tlsmgm._core.record_reader cimport Records, follow, receive_all, receive_record
from tlsmgm._core.sockets_api cimport (
    POLLIN,
    POLLOUT,
    TLSMGM_NO_SIGNAL,
    system_recv,
    system_send,
)
from tlsmgm._core.waiting cimport Deadline, wait_until

from tlsmgm.errors import AlertError, TLSError

cdef enum:
    FEW = 4096  # bytes; so many are received by way of the stack

cdef extern from "Python.h" nogil:
    int PY_LOCK_ACQUIRED
    int PyThread_acquire_lock_timed(PyThread_type_lock, long long microseconds, int interruptible)

cdef object _SSLWantReadError = ssl.SSLWantReadError
cdef object _SSLWantWriteError = ssl.SSLWantWriteError
cdef int _WANT_READ = int(ssl.SSLErrorNumber.SSL_ERROR_WANT_READ)
cdef int _WANT_WRITE = int(ssl.SSLErrorNumber.SSL_ERROR_WANT_WRITE)

# A flag of recv(2) that Windows does not have; there the socket itself says whether it waits.
cdef int _DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)

# Until when a socket waits that does not wait.
NEVER = Deadline(0)


cdef class SocketSteps(End):
    """A connection and its socket.

    Args:
        context: whose connection it is.
        sock: connected; it is not kept alive.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the ``ssl.SSLSocket``.
        session: to offer, or None.
    """

    def __init__(self, context, sock, is_server, server_hostname, owner, session):
        self.belong_to(context, is_server, server_hostname, owner, session)
        self.sock = PyWeakref_NewRef(sock, None)

    def __cinit__(self, *_, **__):
        self.lock = PyThread_allocate_lock()
        self.sending = PyThread_allocate_lock()
        if self.lock == NULL or self.sending == NULL:
            raise MemoryError
        self.shaking = threading.Lock()
        self.unsent = b""

    def __dealloc__(self):
        if self.lock != NULL:
            PyThread_free_lock(self.lock)
        if self.sending != NULL:
            PyThread_free_lock(self.sending)

    # --- the socket ------------------------------------------------------------------------

    def _socket(self):
        """The socket.

        Raises:
            ssl.SSLError: it is gone, or was closed.
        """
        sock = self.socket()
        self.descriptor(sock)
        return sock

    def _hold(self):
        """Waits while another thread is in a step of the connection; nobody else is, from then on."""
        hold(self.lock)

    def _let_go(self):
        """Lets others have the connection again; only behind ``_hold()``."""
        PyThread_release_lock(self.lock)

    cdef object socket(self):
        sock = self.sock()
        if sock is None:
            self._refuse("", "Underlying socket connection gone")
        return sock

    cdef int descriptor(self, sock) except -1:
        cdef int found = sock.fileno()
        if found < 0:
            self._refuse("", "Underlying socket has been closed.")
        return found

    cdef Deadline deadline(self, sock, str reason):
        """Until when a call may wait; None: the socket itself waits."""
        timeout = sock.gettimeout()
        if timeout is None:
            return None
        return Deadline(None, <double> monotonic() + <double> timeout, reason) if timeout else NEVER

    # --- from the peer ---------------------------------------------------------------------

    cdef bint receive(self, sock, Deadline deadline, Py_ssize_t size) except -1:
        """Receives something, and gives it to the connection; true if it has something to read.

        Args:
            sock: the socket.
            deadline: until when to wait.
            size: bytes of data that are asked for.
        """
        self.is_receiving = True
        try:
            return self.receive_now(sock, deadline, size)
        finally:
            self.is_receiving = False

    cdef bint receive_now(self, sock, Deadline deadline, Py_ssize_t size) except -1:
        cdef uint8_t[FEW] few
        cdef uint8_t *room = few
        cdef PyObject *much = NULL
        cdef Records records = self.records  # another thread in here must not find it half done
        cdef bint takes_all = size >= RECORD
        cdef size_t most = min(size, <Py_ssize_t> PIECE) if takes_all else missing(&records.ends)
        cdef ssize_t count
        cdef int number
        cdef int fd
        if records.is_astray:  # and the library waits for more of it
            self._refuse("WRONG_VERSION_NUMBER", "wrong version number")
        fd = self.descriptor(sock)
        if most > FEW and (self.expects_much or not takes_all):
            much = fresh_bytes(NULL, most)
            room = <uint8_t *> fresh_bytes_room(much)
        else:
            most = FEW  # to copy a message costs less than to cut a block
        with nogil:
            if takes_all or much != NULL:
                count = receive_all(fd, room, most, &records, &number)
            else:
                count = receive_record(fd, room, most, &records, &number)
        if count <= 0:
            if much != NULL:
                fresh_bytes_drop(much)
            return self.nothing_came(fd, count, number, deadline)
        owner = None if much == NULL else fresh_bytes_finish(much, count)
        if owner is not None:
            room = <uint8_t *> PyBytes_AS_STRING(owner)
        self.expects_much = count >= FEW
        self.has_rest = records.ended - self.records.ended != 1 or not is_between(&records.ends)
        self.records = records
        self._maybe_more = takes_all or records.is_astray or is_between(&records.ends)
        self.feed(room, count, owner)
        if number != 0 and number != EAGAIN:
            self.nothing_came(fd, -1, number, deadline)
        return self._maybe_more

    cdef bint nothing_came(self, int fd, ssize_t count, int number, Deadline deadline) except -1:
        """Whether it is the end; waits for more, or raises what the system says."""
        if count == 0:
            self.feed(NULL, 0, None)
            self._maybe_more = True
            return True
        if number == EINTR:
            PyErr_CheckSignals()
        elif number != EAGAIN:
            raise OSError(number, os.strerror(number))
        elif deadline is None or not deadline.waits:
            raise _SSLWantReadError(_WANT_READ, "The operation did not complete (read)")
        else:
            wait_until(fd, POLLIN, deadline)
        return False

    cdef int feed(self, const uint8_t *data, size_t size, bytes owner) except -1:
        """Gives the connection what came; nothing: that it was the end."""
        hold(self.lock)
        try:
            if size > 0:
                self._connection.feed_from(data, size, owner)
            else:
                self._connection.feed_eof()
        finally:
            PyThread_release_lock(self.lock)
        return 0

    # --- to the peer -----------------------------------------------------------------------

    cdef bint has_output(self) except -1:
        """Whether the connection has something for the peer that should leave; for who holds its
        lock."""
        cdef Connection connection = self._connection
        if connection.outgoing is not None:
            return True
        return connection.conn != NULL and connection.table.output(connection.conn).size > self.kept

    cdef int send_all(self, sock, Deadline deadline) except -1:
        """Sends what waits; for who holds the lock of sending."""
        cdef bytes records = self.unsent
        cdef const char *data = PyBytes_AS_STRING(records)
        cdef Py_ssize_t size = len(records)
        cdef ssize_t count
        cdef int number
        cdef int fd
        while self.sent < size:
            fd = self.descriptor(sock)
            data = PyBytes_AS_STRING(records) + self.sent
            most = size - self.sent
            with nogil:
                count = system_send(fd, data, most, TLSMGM_NO_SIGNAL)
                number = system_errno  # in here, for to come back may take a wait of its own
            if count >= 0:
                self.sent += count
            elif number == EINTR:
                PyErr_CheckSignals()
            elif number != EAGAIN:
                error = OSError(number, os.strerror(number))
                if isinstance(error, (ConnectionResetError, BrokenPipeError)):
                    self.raise_alert(sock)
                raise error
            elif deadline is None or not deadline.waits:
                raise _SSLWantWriteError(_WANT_WRITE, "The operation did not complete (write)")
            else:
                wait_until(fd, POLLOUT, deadline)
        self.unsent = b""
        self.sent = 0
        return 0

    cdef int raise_alert(self, sock) except -1:
        """Raises the alert with which a peer has hung up, if it has sent one; data before it waits
        for who reads."""
        cdef uint8_t[RECORD] room
        cdef ssize_t count
        if self.is_receiving:
            return 0  # another thread does, and hears it
        count = system_recv(self.descriptor(sock), room, RECORD, _DONT_WAIT)
        if count <= 0:
            return 0
        hold(self.lock)
        try:
            follow(&self.records, room, count)
            self._connection.feed_from(room, count, None)
            if self._is_open:
                self._ahead += self._connection.read(RECORD) or b""
            else:
                self._connection.handshake()
        except AlertError as error:
            raise self._as_stock(error) from None
        except TLSError:
            pass  # it says so again when it is read
        finally:
            self._maybe_more = self.has_rest = True
            PyThread_release_lock(self.lock)
        return 0

    cdef int flush(self, sock, Deadline deadline) except -1:
        """Sends what the connection has for the peer."""
        hold(self.sending)
        try:
            return self.send_everything(sock, deadline)
        finally:
            PyThread_release_lock(self.sending)

    cdef int flush_if_free(self) except -1:
        """The same without waiting.

        Where another thread is sending, that takes it along, or the next one does.
        """
        if PyThread_acquire_lock_timed(self.sending, 0, 0) != PY_LOCK_ACQUIRED:
            return 0
        try:
            with contextlib.suppress(OSError):
                self.send_everything(self.socket(), NEVER)
        finally:
            PyThread_release_lock(self.sending)
        return 0

    cdef int send_everything(self, sock, Deadline deadline) except -1:
        """Sends what waits, and what the connection has; for who holds the lock of sending."""
        self.send_all(sock, deadline)
        self.drain()
        return self.send_all(sock, deadline)

    cdef int drain(self) except -1:
        """Takes what the connection has for the peer; for who has sent everything else."""
        if self._connection is None:
            return 0
        hold(self.lock)
        try:
            waiting = self._connection.carry_off_any()
            self.kept = 0
        finally:
            PyThread_release_lock(self.lock)
        if waiting is not None:
            self.unsent = waiting
        return 0

    cdef int fail_with(self, error) except -1:
        """The connection has failed: sends the alert, and raises."""
        self.flush_if_free()
        raise self._as_stock(error) from None

    # --- handshake -------------------------------------------------------------------------

    cdef int shake(self) except -1:
        """Goes on with the handshake until it is complete."""
        sock = self._socket()
        cdef Deadline deadline = self.deadline(sock, "The handshake operation timed out")
        cdef bint done = False
        if self._connection is None:
            self._start()
        while not done:
            done = self.shake_once()
            if done and self.server_side and self._connection.version == "TLSv1.3":
                self.keep_tickets()
                break
            if len(self.unsent) > 0 or self.owes:
                self.flush(sock, deadline)
            while not done and not self.receive(sock, deadline, 0):
                pass
        if not self._is_open:
            self._established()
            self._maybe_more = True
        return 0

    cdef int keep_tickets(self) except -1:
        """What waits now leaves with the first data."""
        hold(self.lock)
        try:
            self.kept = self._connection.table.output(self._connection.conn).size
            self.owes = self.has_output()
        finally:
            PyThread_release_lock(self.lock)
        return 0

    cdef bint shake_once(self) except -1:
        """A step of it; true: it is complete."""
        cdef bint done = False
        failure = None
        me = threading.get_ident()  # of gevent: the greenlet
        if self.shaker == me:
            raise RuntimeError("a callback of the handshake cannot use the connection")
        with self.shaking:  # a callback may have gevent run somebody else, who comes here, too
            hold(self.lock)
            self.shaker = me
            try:
                done = self._connection.handshake_some()
                self.owes = self.has_output()
            except TLSError as error:
                failure = error
            finally:
                self.shaker = None
                PyThread_release_lock(self.lock)
        if failure is not None:
            self.fail_with(failure)
        return done

    # --- data ------------------------------------------------------------------------------

    cdef bytes read_once(self, Py_ssize_t size):
        """Data of the connection; b"" at the end, None: there is none yet."""
        cdef bytes data = None
        failure = None
        hold(self.lock)
        try:
            data = self._connection.read_some(size)
            self.settle(-1 if data is None else len(data), size)
        except TLSError as error:
            failure = error
        finally:
            PyThread_release_lock(self.lock)
        if failure is not None:
            self.fail_with(failure)
        self.answer()
        return data

    cdef Py_ssize_t read_once_into(self, uint8_t *room, Py_ssize_t size) except -1:
        """The same, into a buffer; returns the count, below zero: there is none yet."""
        cdef Py_ssize_t count = NOT_YET
        failure = None
        hold(self.lock)
        try:
            count = self._connection.read_some_into(room, size)
            self.settle(count, size)
        except TLSError as error:
            failure = error
        finally:
            PyThread_release_lock(self.lock)
        if failure is not None:
            self.fail_with(failure)
        self.answer()
        return count if count >= 0 else NOT_YET

    cdef int settle(self, Py_ssize_t count, Py_ssize_t size) except -1:
        """Notes whether the connection may have more without further bytes.

        Where it has failed, or has come to its end, it says so again: it is asked first.
        """
        if count < 0:
            self.has_rest = self._maybe_more = False
        elif count > 0:
            self._maybe_more = self.has_rest or count == size
        self.owes = self.has_output()
        return 0

    cdef int answer(self) except -1:
        """Sends what the peer has asked for, such as a KeyUpdate."""
        if self.owes:
            self.flush_if_free()
        return 0

    cdef bytes from_ahead(self, Py_ssize_t size):
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    cdef Py_ssize_t acknowledge(self, Py_ssize_t size) except -1:
        """How much of the data an earlier call has encrypted, which did not come to its end."""
        if size < self.sealed:
            self._refuse("BAD_WRITE_RETRY", "bad write retry")
        return self.sealed

    cdef int seal(self, sock, const uint8_t *data, Py_ssize_t size) except -1:
        """Makes records of data, for who holds the lock of sending, and has sent everything."""
        failure = None
        hold(self.lock)
        try:
            self.unsent = self._connection.encrypt_from(data, size)
        except TLSError as error:
            failure = error
        finally:
            PyThread_release_lock(self.lock)
        if failure is not None:
            with contextlib.suppress(OSError):
                self.drain()
                self.send_all(sock, NEVER)
            raise self._as_stock(failure) from None
        self.kept = 0
        return 0


cdef int hold(PyThread_type_lock lock) except -1:
    """Takes a lock; meanwhile the interpreter's is given away, and signals are handled."""
    cdef int status = PyThread_acquire_lock_timed(lock, 0, 0)
    while status != PY_LOCK_ACQUIRED:
        with nogil:
            status = PyThread_acquire_lock_timed(lock, -1, 1)
        if status != PY_LOCK_ACQUIRED:
            PyErr_CheckSignals()
    return 0
