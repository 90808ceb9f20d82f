"""A connection between two buffers: the steps that ``ssl.SSLObject`` asks for.

What a step takes from one buffer and puts into the other is done here without a function of Python
in between: in a handshake these are called once each, and cost several times what they cost in a
loop, since the library has pushed them out of the processor's caches meanwhile.

:mod:`tlsmgm._adapters` makes classes of this.
"""

import ssl
from _ssl import MemoryBIO as StockBIO

cimport cython
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.weakref cimport PyWeakref_NewRef
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from tlsmgm._core.capi cimport TLSMGM_VERIFY_NONE, tlsmgm_conn_info
from tlsmgm._core.connection cimport Connection
from tlsmgm._core.memory_bio cimport MemoryBIO
from tlsmgm._core.order cimport tlsmgm_order_hold, tlsmgm_order_release

from tlsmgm.errors import TLSError

cdef enum:
    PIECE = 1 << 18      # bytes that go through at once; so they stay in the processor's cache
    RECORD = 16384       # bytes that pending() looks at; who reads a few has the rest moved
    MORE_IS_NEEDED = -2  # instead of a count

# Looked up once; nobody can have a class below that one.
cdef object _StockBIO = StockBIO
cdef object _read = StockBIO.read
cdef object _write = StockBIO.write
cdef object _SSLWantReadError = ssl.SSLWantReadError
cdef object _SSLObject = ssl.SSLObject
cdef int _WANT_READ = int(ssl.SSLErrorNumber.SSL_ERROR_WANT_READ)


cdef class End:
    """What each end has, over memory or over a socket; see ``tlsmgm._adapters.engine``.

    Args:
        context: whose connection it is.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the object of ``ssl`` that shows the connection to the program, or None.
        session: to offer, or None.
    """

    def __init__(self, context, is_server, server_hostname, owner, session):
        self.belong_to(context, is_server, server_hostname, owner, session)

    cdef int belong_to(self, context, bint is_server, server_hostname, owner, session) except -1:
        self._context = context
        self.server_side = is_server
        self.server_hostname = server_hostname
        if owner is not None:
            self._owner = PyWeakref_NewRef(owner, None)
        self._ahead = b""
        if session is not None:
            self.session = session
        wrong = context._wrong_side
        if wrong is not None and (wrong is True) == is_server:
            context._check_side(self.server_side)  # says what is wrong
        return 0

    # --- the connection --------------------------------------------------------------------

    cpdef Connection _start(self):
        """The connection; it begins with the first call that needs it."""
        cdef Connection made
        cdef type kind
        cdef tuple quick
        if self._connection is None:
            self.count("accept" if self.server_side else "connect")
            quick = self._context._quick if self.server_side else None
            try:
                if quick is not None and quick[0] is self._context._state:
                    kind = <type?> quick[1]
                    made = <Connection?> kind.__new__(kind, quick[2])
                else:
                    made = self._context._connect(self)
            except TLSError as error:
                raise self._as_stock(error) from None
            # Another thread may have been here meanwhile, and be in its own: the first one stays.
            if self._connection is None:
                self._connection = made
        return self._connection

    def _hold(self):
        """Keeps other threads from the connection, where several may be at it."""

    def _let_go(self):
        """Lets them have it again; only behind ``_hold()``."""

    cpdef _established(self):
        """Takes note of a handshake that is complete."""
        self._is_open = True
        self.count("accept_good" if self.server_side else "connect_good")
        cdef tlsmgm_conn_info info = self._connection.info()
        if info.session_reused:
            self.count("hits")
        if info.has_peer_certificate and info.verify_reason == TLSMGM_VERIFY_NONE:
            self._context._note_peer(self._connection)

    cdef int count(self, str what) except -1:
        """Counts one of what session_stats() shows."""
        cdef dict found = self._context._statistics
        found[what] = found[what] + 1
        return 0

    # --- memory ----------------------------------------------------------------------------

    cdef int lie_between(self, incoming, outgoing) except -1:
        """Takes two buffers, each of either kind."""
        if type(incoming) is MemoryBIO:
            self.source = <MemoryBIO> incoming
        elif type(incoming) is _StockBIO:
            self.stock_source = incoming
        else:
            refuse_buffer("incoming", incoming)
        if type(outgoing) is MemoryBIO:
            self.sink = <MemoryBIO> outgoing
        elif type(outgoing) is _StockBIO:
            self.stock_sink = outgoing
        else:
            refuse_buffer("outgoing", outgoing)
        return 0

    cdef int take(self) except -1:
        """Gives the connection what has come, or a part of it."""
        tlsmgm_order_hold(&self.coming)
        try:
            return self.take_in_order()
        finally:
            tlsmgm_order_release(&self.coming)

    cdef int take_in_order(self) except -1:
        cdef Py_ssize_t taken = 0
        cdef Py_ssize_t begin = 0
        cdef Py_ssize_t count = 0
        cdef bytes data
        self._connection.check_free()
        if self.source is None:
            data = _read(self.stock_source, PIECE)
            taken = len(data)
            if taken > 0:
                self._connection.feed_from(<const uint8_t *> PyBytes_AS_STRING(data), taken, data)
        while self.source is not None and taken < PIECE:
            data = self.source.take(PIECE - taken, &begin, &count)
            if data is None:
                break
            self._connection.feed_from(
                <const uint8_t *> PyBytes_AS_STRING(data) + begin, count, data
            )
            taken += count
        if taken == 0 and self.has_ended():
            self._connection.feed_eof()
        return 0

    cdef bint has_more(self) except -1:
        """Whether something has come that the connection was not given."""
        return self.stock_source.pending > 0 if self.source is None else self.source.waiting() > 0

    cdef bint has_ended(self) except -1:
        """Whether there is nothing, and nothing will come any more."""
        return self.stock_source.eof if self.source is None else self.source.has_ended()

    cdef int give(self) except -1:
        """Lets the peer have what the connection says."""
        tlsmgm_order_hold(&self.going)
        try:
            wire = self._connection.carry_off_any()
            return self.put(wire) if wire is not None else 0
        finally:
            tlsmgm_order_release(&self.going)

    cdef int give_sealed(self, const uint8_t *data, Py_ssize_t size) except -1:
        """Lets the peer have records of data."""
        tlsmgm_order_hold(&self.going)
        try:
            return self.put(self._connection.encrypt_from(data, size))
        finally:
            tlsmgm_order_release(&self.going)

    cdef int put(self, bytes wire) except -1:
        if self.sink is None:
            _write(self.stock_sink, wire)
        else:
            self.sink.put(wire)
        return 0

    cdef int fail(self, error) except -1:
        """The connection has failed: there may be an alert."""
        self.give()
        raise self._as_stock(error) from None

    # --- steps -----------------------------------------------------------------------------

    cdef bint advance(self) except -1:
        """Goes on with the handshake; true: it is complete, false: more is needed."""
        cdef bint done = False
        if self._connection is None:
            self._start()
        if not self._is_open:  # else it is for who reads, as with stock
            self.take()
        try:
            done = self._connection.handshake_some()
        except TLSError as error:
            self.fail(error)
        self.give()
        if done and not self._is_open:
            self._established()
            self._maybe_more = True
        return done

    cdef bytes read_data(self, Py_ssize_t size):
        """Data, at least one byte; b"" at the end; None where more is needed."""
        cdef bytes data = None
        if not self._is_open and not self.advance():
            return None
        if len(self._ahead) > 0:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            while data is None:
                if not self._maybe_more:
                    self.take()
                data = self._connection.read_some(size)
                self._maybe_more = False
                if data is None and not self.has_more():
                    self.no_data()
                    return None
        except TLSError as error:
            self.fail(error)
        self.give()
        self._maybe_more = len(data) == size
        return data

    cdef Py_ssize_t read_straight(self, buffer, Py_ssize_t size) except -1:
        """As read_data(), into a buffer; returns the count, MORE_IS_NEEDED where that is so."""
        cdef Py_ssize_t count = -1
        cdef Py_buffer view
        cdef bytes data
        writable(buffer, &view)
        try:
            if not 0 < size <= view.len:
                size = view.len
            if size == 0:
                return 0
            if not self._is_open or len(self._ahead) > 0:
                data = self.read_data(size)
                if data is None:
                    return MORE_IS_NEEDED
                memcpy(view.buf, PyBytes_AS_STRING(data), len(data))
                if len(data) == 0:
                    self._at_end()
                return len(data)
            try:
                while count < 0:
                    if not self._maybe_more:
                        self.take()
                    count = self._connection.read_some_into(<uint8_t *> view.buf, size)
                    self._maybe_more = False
                    if count < 0 and not self.has_more():
                        self.no_data()
                        return MORE_IS_NEEDED
            except TLSError as error:
                self.fail(error)
            self.give()
            self._maybe_more = count == size
            if count == 0:
                self._at_end()
            return count
        finally:
            PyBuffer_Release(&view)

    cdef int no_data(self) except -1:
        """All that has come is read: there is more to come, or it raises."""
        self.give()
        if self.has_ended():
            self._connection.feed_eof()
            self._connection.read_some(1)  # raises
        return 0


cdef int refuse_buffer(str name, found) except -1:
    raise TypeError(
        f"{name} has to be an ssl.MemoryBIO or a tlsmgm.adapters.MemoryBIO, not {type(found).__name__}"
    )


cdef int writable(buffer, Py_buffer *view) except -1:
    """Looks into a buffer that read() is to fill."""
    try:
        return PyObject_GetBuffer(buffer, view, PyBUF_WRITABLE)
    except BufferError as error:
        raise TypeError(f"read() needs a buffer that can be written: {error}") from None


cdef object want_read():
    """What is raised where more is needed; by who was called from Python, since each function that
    an exception goes through costs another line of its traceback."""
    return _SSLWantReadError(_WANT_READ, "The operation did not complete (read)")


# --- methods of the context, and of who is between two buffers -----------------------------
#
# Two threads in one object are a mistake, of which nobody must die where there is no interpreter
# lock: critical sections order what they do with it.

def wrap_bio(context, incoming, outgoing, server_side=False, server_hostname=None, session=None):
    """Make an ``ssl.SSLObject`` between two buffers, as ``ssl.SSLContext.wrap_bio()`` does.

    Args:
        context: that has the settings.
        incoming: holds what the peer sent.
        outgoing: takes what is for the peer.
        server_side: which side.
        server_hostname: that a client asks for and compares, or None.
        session: to offer, or None.
    """
    if server_hostname is not None:
        server_hostname = context._encode_hostname(server_hostname)
    kind = context.sslobject_class
    if kind is not _SSLObject:
        return kind._create(
            incoming, outgoing, server_side=server_side, server_hostname=server_hostname,
            session=session, context=context,
        )
    made = (<type> kind).__new__(kind)
    if server_hostname is None:
        made._sslobj = make_end(context, incoming, outgoing, server_side, None, made, session)
    else:
        made._sslobj = context._wrap_bio(
            incoming, outgoing, server_side, server_hostname, owner=made, session=session
        )
    return made


def end_between(context, incoming, outgoing, bint is_server, server_hostname, owner, session):
    """Make the end of a connection between two buffers.

    Args:
        context: whose connection it is.
        incoming: holds what the peer sent; an ``ssl.MemoryBIO`` or one of ours.
        outgoing: takes what is for the peer; the same.
        is_server: which side.
        server_hostname: that a client asks for and compares, or None.
        owner: the object of ``ssl`` that shows the connection to the program, or None.
        session: to offer, or None.

    Raises:
        TypeError: a buffer is none.
    """
    return make_end(context, incoming, outgoing, is_server, server_hostname, owner, session)


cdef End make_end(context, incoming, outgoing, bint is_server, server_hostname, owner, session):
    """As end_between()."""
    cdef type kind = context._memory_end
    cdef End end = kind.__new__(kind)
    end.belong_to(context, is_server, server_hostname, owner, session)
    end.lie_between(incoming, outgoing)
    return end


def do_handshake(End end):
    """Go on with the handshake.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: more bytes of the peer are needed.
        ssl.SSLError: it has failed.
    """
    cdef bint done
    with cython.critical_section(end):
        done = do_handshake_now(end)
    if not done:
        raise want_read()


def read(End end, Py_ssize_t size, buffer=None):
    """Return data, or put it into a buffer and return how much.

    Args:
        end: whose connection it is.
        size: most bytes.
        buffer: for the data, or None.

    Raises:
        ValueError: the size is negative.
        ssl.SSLWantReadError: more bytes of the peer are needed.
        ssl.SSLError: the connection has failed, or ended without close_notify.
    """
    with cython.critical_section(end):
        found = read_now(end, size, buffer)
    if found is None:
        raise want_read()
    return found


def pending(End end):
    """Return how many bytes of data are there already.

    Args:
        end: whose connection it is.
    """
    with cython.critical_section(end):
        return pending_now(end)


def write(End end, data not None):
    """Encrypt data, all of it.

    Args:
        end: whose connection it is.
        data: any contiguous buffer of bytes.

    Raises:
        ssl.SSLWantReadError: the handshake needs more bytes of the peer.
        ssl.SSLError: the connection has failed, or we have said goodbye.
    """
    with cython.critical_section(end):
        count = write_now(end, data)
    if count is None:
        raise want_read()
    return count


def shutdown(End end):
    """Say goodbye, and hear the peer's.

    Args:
        end: whose connection it is.

    Raises:
        ssl.SSLWantReadError: the peer's has not come yet.
        ssl.SSLError: the peer goes on sending data, or the connection has failed.
    """
    cdef bint done
    with cython.critical_section(end):
        done = shutdown_now(end)
    if not done:
        raise want_read()


# What they do, once nobody else does anything with it; None or false: more is needed.
cdef bint do_handshake_now(End end) except -1:
    return end.advance()


cdef object read_now(End end, Py_ssize_t size, buffer):
    cdef Py_ssize_t count
    if buffer is not None:
        count = end.read_straight(buffer, size)
        return None if count == MORE_IS_NEEDED else count
    if size <= 0:
        if size < 0:
            raise ValueError("size should not be negative")
        return b""
    data = end.read_data(size)
    return end._at_end() if data is not None and len(data) == 0 else data


cdef object pending_now(End end):
    cdef bytes data = None
    if end._maybe_more and len(end._ahead) == 0 and end._connection is not None:
        end._maybe_more = False
        try:
            data = end._connection.read_some(RECORD)
        except TLSError:
            pass  # the connection says it again when it is read
        if data is not None:
            end._ahead = data
            end._maybe_more = len(data) == RECORD
    return len(end._ahead)


cdef object write_now(End end, data):
    cdef Py_buffer view
    cdef const uint8_t *first
    cdef Py_ssize_t done = 0
    cdef Py_ssize_t piece
    if not end._is_open and not end.advance():
        return None
    if end._shut:
        end._refuse_write()
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        first = <const uint8_t *> view.buf
        try:
            while True:
                piece = min(view.len - done, <Py_ssize_t> PIECE)
                end.give_sealed(first + done, piece)
                done += piece
                if done == view.len:
                    return done
        except TLSError as error:
            end.fail(error)
    finally:
        PyBuffer_Release(&view)


cdef bint shutdown_now(End end) except -1:
    cdef bytes data = None
    done = end._say_goodbye()
    end.give()
    if done:
        return True
    if len(end._ahead) > 0:
        data = end._ahead
    try:
        while data is None:
            end.take()
            data = end._connection.read_some(1)
            if data is None and not end.has_more():
                end.no_data()
                return False
    except TLSError as error:
        end.fail(error)
    if len(data) > 0:
        end._refuse_data()
    return True
