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

import _socket
import contextlib
import os
import socket
import ssl
import threading
from time import monotonic

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
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
from libc.string cimport memcpy

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.memory_end cimport End
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
    RECORD = 16384           # bytes; who asks for so many gets all that came: a record has no more
    LONGEST = RECORD + 2048  # what a record may say of its length (RFC 5246 section 6.2.3)
    HEADER = 5
    FIRST_TYPE = 20          # of records, heartbeats among them
    LAST_TYPE = 24
    MAJOR = 3                # first byte of all versions
    PIECE = 1 << 18          # bytes that are received or encrypted at once, if the socket waits
    AHEAD = 1 << 16          # bytes that pending() looks at
    FEW = 4096               # bytes; so many are received by way of the stack
    NOT_YET = -2             # what read_once_into() returns where there is nothing yet

cdef extern from "Python.h" nogil:
    int PY_LOCK_ACQUIRED
    int PyThread_acquire_lock_timed(PyThread_type_lock, long long microseconds, int interruptible)

cdef object _SSLWantReadError = ssl.SSLWantReadError
cdef object _SSLWantWriteError = ssl.SSLWantWriteError
cdef int _WANT_READ = int(ssl.SSLErrorNumber.SSL_ERROR_WANT_READ)
cdef int _WANT_WRITE = int(ssl.SSLErrorNumber.SSL_ERROR_WANT_WRITE)

# Not that of ssl.SSLSocket, which would come back here, nor that of gevent's sockets, which wait.
cdef object _receive = _socket.socket.recv

# A flag of recv(2) that Windows does not have; there the socket itself says whether it waits.
cdef object _DONT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)

# Until when a socket waits that does not wait.
cdef Deadline _NEVER = Deadline(0)


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
        return Deadline(None, <double> monotonic() + <double> timeout, reason) if timeout else _NEVER

    # --- from the peer ---------------------------------------------------------------------

    cdef bint receive(self, sock, Deadline deadline, Py_ssize_t size) except -1:
        """Receives something, and gives it to the connection; true if it has something to read.

        Args:
            sock: the socket.
            deadline: until when to wait.
            size: bytes of data that are asked for.
        """
        cdef uint8_t[FEW] few
        cdef uint8_t *room = few
        cdef PyObject *much = NULL
        cdef Records records = self.records  # another thread in here must not find it half done
        cdef bint takes_all = size >= RECORD
        cdef size_t most = min(size, <Py_ssize_t> PIECE) if takes_all else wanted(&records)
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
        self.has_rest = records.ended - self.records.ended != 1 or not is_between(&records)
        self.records = records
        self._maybe_more = takes_all or records.is_astray or is_between(&records)
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
        """Whether the connection has something for the peer; for who holds its lock."""
        cdef Connection connection = self._connection
        if connection.outgoing is not None:
            return True
        return connection.conn != NULL and connection.table.output(connection.conn).size > 0

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
        """Raises the alert with which a peer has hung up, if it has sent one."""
        hold(self.lock)
        try:
            self._connection.feed(_receive(sock, RECORD, _DONT_WAIT))
            if self._is_open:
                self._ahead += self._connection.read(RECORD) or b""
            else:
                self._connection.handshake()
        except AlertError as error:
            raise self._as_stock(error) from None
        except (OSError, TLSError):
            pass
        finally:
            self._maybe_more = self.has_rest = True
            PyThread_release_lock(self.lock)
        return 0

    cdef int flush(self, sock, Deadline deadline) except -1:
        """Sends what the connection has for the peer."""
        hold(self.sending)
        try:
            self.send_all(sock, deadline)
            self.drain()
            self.send_all(sock, deadline)
        finally:
            PyThread_release_lock(self.sending)
        return 0

    cdef int flush_if_free(self) except -1:
        """The same without waiting.

        Where another thread is sending, that takes it along, or the next one does.
        """
        if PyThread_acquire_lock_timed(self.sending, 0, 0) != PY_LOCK_ACQUIRED:
            return 0
        try:
            with contextlib.suppress(OSError):
                sock = self.socket()
                self.send_all(sock, _NEVER)
                self.drain()
                self.send_all(sock, _NEVER)
        finally:
            PyThread_release_lock(self.sending)
        return 0

    cdef int drain(self) except -1:
        """Takes what the connection has for the peer; for who has sent everything else."""
        if self._connection is None:
            return 0
        hold(self.lock)
        try:
            waiting = self._connection.carry_off_any()
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
                self.keeps_tickets = self.owes
                break
            if len(self.unsent) > 0 or self.owes:
                self.flush(sock, deadline)
            while not done and not self.receive(sock, deadline, 0):
                pass
        if not self._is_open:
            self._established()
            self._maybe_more = True
        return 0

    cdef bint shake_once(self) except -1:
        """A step of it; true: it is complete."""
        cdef bint done = False
        failure = None
        with self.shaking:  # a callback may have gevent run somebody else, who comes here, too
            hold(self.lock)
            try:
                done = self._connection.handshake_some()
                self.owes = self.has_output()
            except TLSError as error:
                failure = error
            finally:
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
        if self.owes and not self.keeps_tickets:
            self.flush_if_free()
        return 0

    cdef bytes from_ahead(self, Py_ssize_t size):
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    cdef Py_ssize_t acknowledge(self, Py_ssize_t size) except -1:
        """How much of the data an earlier call has encrypted; that is sent now."""
        cdef Py_ssize_t sealed = self.sealed
        self.sealed = 0
        if size < sealed:
            self._refuse("BAD_WRITE_RETRY", "bad write retry")
        return sealed

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
                self.send_all(sock, _NEVER)
            raise self._as_stock(failure) from None
        self.sealed = size
        self.keeps_tickets = False
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


# --- where records end ---------------------------------------------------------------------

cdef inline size_t wanted(const Records *records) noexcept nogil:
    """How many bytes the present header or record lacks."""
    return records.left if records.left > 0 else HEADER - records.head_size


cdef inline bint is_between(const Records *records) noexcept nogil:
    """Whether no record is left unfinished."""
    return records.left == 0 and records.head_size == 0


cdef void follow(Records *records, const uint8_t *data, size_t size) noexcept nogil:
    """Goes on with what came."""
    cdef size_t at = 0
    cdef size_t step
    while at < size and not records.is_astray:
        step = min(wanted(records), size - at)
        if records.left > 0:
            records.left -= step
        else:
            memcpy(records.head + records.head_size, data + at, step)
            records.head_size += step
            if records.head_size == HEADER:
                begin(records)
        records.ended += is_between(records)
        at += step


cdef void begin(Records *records) noexcept nogil:
    """A header is whole."""
    cdef uint8_t *head = records.head
    records.head_size = 0
    records.left = (<size_t> head[3] << 8) | head[4]
    records.is_astray = (
        not FIRST_TYPE <= head[0] <= LAST_TYPE or head[1] != MAJOR or records.left > LONGEST
    )


cdef ssize_t receive_all(int fd, uint8_t *room, size_t size, Records *records,
                         int *number) noexcept nogil:
    """Receives once; returns as recv(2) does, and sets its error, if any."""
    cdef ssize_t count = system_recv(fd, room, size, 0)
    number[0] = system_errno if count < 0 else 0
    if count > 0:
        follow(records, room, count)
    return count


cdef ssize_t receive_record(int fd, uint8_t *room, size_t size, Records *records,
                            int *number) noexcept nogil:
    """The same again and again, up to the end of a record, or as far as there is room for it."""
    cdef size_t at = 0
    cdef ssize_t count
    while at == 0 or (wanted(records) <= size - at and not is_between(records)):
        count = receive_all(fd, room + at, wanted(records), records, number)
        if count <= 0:
            return count if at == 0 else <ssize_t> at
        at += count
        if records.is_astray:
            break
    return at


# --- methods of who is over a socket -------------------------------------------------------
#
# One reads while another writes, and waits without a lock; critical sections order the rest of it
# where there is no interpreter lock, and are left while somebody waits.

def do_handshake(SocketSteps end):
    """Go on with the handshake.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: the socket has no more, and does not wait.
        ssl.SSLWantWriteError: the socket takes no more, and does not wait.
        ssl.SSLError: it has failed.
        TimeoutError: it takes longer than the socket's timeout.
    """
    with cython.critical_section(end):
        end.shake()


def read(SocketSteps end, Py_ssize_t size, buffer=None):
    """Return data, or put it into a buffer and return how much.

    Args:
        end: whose connection it is.
        size: most bytes.
        buffer: for the data, or None.

    Raises:
        ValueError: the size is negative.
        ssl.SSLWantReadError: the socket has no more, and does not wait.
        ssl.SSLError: the connection has failed, or ended without close_notify.
        TimeoutError: nothing has come within the socket's timeout.
    """
    with cython.critical_section(end):
        return read_now(end, size) if buffer is None else read_straight(end, size, buffer)


def pending(SocketSteps end):
    """Return how many bytes of data are there already.

    Args:
        end: whose connection it is.
    """
    with cython.critical_section(end):
        return pending_now(end)


def write(SocketSteps end, data not None):
    """Encrypt and send data, perhaps a part of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Returns:
        How many bytes were sent.

    Raises:
        ssl.SSLWantWriteError: the socket takes no more; call again with the same data.
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
        TimeoutError: it takes longer than the socket's timeout.
    """
    with cython.critical_section(end):
        return write_now(end, data)


def shutdown(SocketSteps end):
    """Say goodbye, and wait for the peer's.

    Args:
        end: whose connection it is.

    Returns:
        The socket.

    Raises:
        ssl.SSLWantReadError: the peer's has not come yet, and the socket does not wait.
        ssl.SSLError: the peer goes on sending data, or the connection has failed.
        TimeoutError: the peer's has not come within the socket's timeout.
    """
    with cython.critical_section(end):
        return shutdown_now(end)


cdef object read_now(SocketSteps end, Py_ssize_t size):
    cdef bytes data = None
    cdef Deadline deadline
    if size <= 0:
        if size < 0:
            raise ValueError("size should not be negative")
        return b""
    if not end._is_open:
        end.shake()
    if len(end._ahead) > 0:
        return end.from_ahead(size)
    sock = end.socket()
    deadline = end.deadline(sock, "The read operation timed out")
    while data is None:
        if end._maybe_more or end.receive(sock, deadline, size):
            data = end.read_once(size)
    return data if len(data) > 0 else end._at_end()


cdef object read_straight(SocketSteps end, Py_ssize_t size, buffer):
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
    except BufferError as error:
        raise TypeError(f"read() needs a buffer that can be written: {error}") from None
    try:
        if not 0 < size <= view.len:
            size = view.len
        return read_into(end, <uint8_t *> view.buf, size) if size > 0 else 0
    finally:
        PyBuffer_Release(&view)


cdef object read_into(SocketSteps end, uint8_t *room, Py_ssize_t size):
    cdef Py_ssize_t count = NOT_YET
    cdef Deadline deadline
    if not end._is_open:
        end.shake()
    if len(end._ahead) > 0:
        data = end.from_ahead(size)
        memcpy(room, PyBytes_AS_STRING(data), len(data))
        return len(data)
    sock = end.socket()
    deadline = end.deadline(sock, "The read operation timed out")
    while count < 0:
        if end._maybe_more or end.receive(sock, deadline, size):
            count = end.read_once_into(room, size)
    return count if count > 0 else len(end._at_end())


cdef object pending_now(SocketSteps end):
    cdef bytes data = None
    if end._maybe_more and len(end._ahead) == 0 and end._is_open:
        hold(end.lock)
        try:
            data = end._connection.read_some(AHEAD)
            end.settle(-1 if data is None else len(data), AHEAD)
        except TLSError:
            pass  # the connection says it again when it is read
        finally:
            PyThread_release_lock(end.lock)
        if data is not None:
            end._ahead = data
    return len(end._ahead)


cdef object write_now(SocketSteps end, data):
    cdef Py_buffer view
    cdef Deadline deadline
    if not end._is_open:
        end.shake()
    sock = end._socket()
    deadline = end.deadline(sock, "The write operation timed out")
    if end._shut:
        end._refuse_write()
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        hold(end.sending)
        try:
            return write_pieces(end, sock, <const uint8_t *> view.buf, view.len, deadline)
        finally:
            PyThread_release_lock(end.sending)
    finally:
        PyBuffer_Release(&view)


cdef Py_ssize_t write_pieces(SocketSteps end, sock, const uint8_t *data, Py_ssize_t size,
                             Deadline deadline) except -1:
    cdef Py_ssize_t most = RECORD if deadline is _NEVER else PIECE
    cdef Py_ssize_t done
    cdef Py_ssize_t piece
    end.send_all(sock, deadline)
    done = end.acknowledge(size)
    while done < size:
        piece = min(size - done, most)
        end.seal(sock, data + done, piece)
        try:
            end.send_all(sock, deadline)
        except _SSLWantWriteError:
            if done == 0:
                raise
            break
        end.sealed = 0
        done += piece
    return done


cdef object shutdown_now(SocketSteps end):
    sock = end._socket()
    cdef Deadline writing = end.deadline(sock, "The write operation timed out")
    cdef Deadline reading = end.deadline(sock, "The read operation timed out")
    cdef bytes data
    hold(end.lock)
    try:
        done = end._say_goodbye()
    finally:
        PyThread_release_lock(end.lock)
    end.flush(sock, writing)
    while not done:
        data = end._ahead if len(end._ahead) > 0 else end.read_once(1)
        if data:
            end._refuse_data()
        done = data is not None
        while not done and not end.receive(sock, reading, 0):
            pass
    return end._socket()
