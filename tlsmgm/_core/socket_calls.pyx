"""What ``ssl.SSLSocket`` calls of the end of its connection.

One reads while another writes, and waits without a lock; critical sections order the rest of it
where there is no interpreter lock, and are left while somebody waits.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.pythread cimport PyThread_release_lock
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from tlsmgm._core.memory_end cimport writable
from tlsmgm._core.socket_end cimport NEVER, NOT_YET, PIECE, RECORD, SocketSteps, hold
from tlsmgm._core.waiting cimport Deadline

from tlsmgm.errors import TLSError

cdef enum:
    AHEAD = 1 << 16  # bytes that pending() looks at


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
    """Encrypt and send data, all of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Returns:
        How many bytes there were.

    Raises:
        ssl.SSLWantWriteError: the socket takes no more; call again with the same data.
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
        TimeoutError: it takes longer than the socket's timeout; call again with the same data.
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
    writable(buffer, &view)
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
    cdef Py_ssize_t most = RECORD if deadline is NEVER else PIECE
    cdef Py_ssize_t done = end.acknowledge(size)
    cdef Py_ssize_t piece
    end.send_all(sock, deadline)
    while done < size:
        piece = min(size - done, most)
        end.seal(sock, data + done, piece)
        done += piece
        end.sealed = done  # should this raise: who calls again goes on behind it, as with stock
        end.send_all(sock, deadline)
    end.sealed = 0
    return done


cdef object shutdown_now(SocketSteps end):
    sock = end._socket()
    cdef Deadline writing = end.deadline(sock, "The write operation timed out")
    cdef Deadline reading = end.deadline(sock, "The read operation timed out")
    cdef bytes data
    if not end._is_open:
        end._say_goodbye()  # refuses, and needs no lock, which a handshake may have
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
