"""Connections: bytes in, bytes out, and a TLS library in between."""

import contextlib

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from tlsmgm._core.beginning cimport Beginning
from tlsmgm._core.capi cimport (
    TLSMGM_STATUS_CLOSED,
    TLSMGM_STATUS_OK,
    TLSMGM_OUTPUT_HIGH_WATER,
    TLSMGM_RECORD_MAX,
    TLSMGM_RECORD_OVERHEAD,
    TLSMGM_STATUS_WANT_READ,
    tlsmgm_bytes,
    tlsmgm_conn,
    tlsmgm_entry_guard_init,
    tlsmgm_error,
    tlsmgm_record_count_take,
    tlsmgm_status,
)
from tlsmgm._core.context cimport Context
from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.greeting cimport Greeting
from tlsmgm._core.selector cimport Selector
from tlsmgm._core.views cimport bytes_of, view_of

from tlsmgm.errors import ProtocolError, TLSError

cdef enum:
    NOTHING_YET = -2  # what read_to() returns when more wire bytes are needed; 0 is the end
    IDLE_RECORDS = 32 # in a row, as tlsmgm.Limits grants them unless it is told otherwise
    SHORT = 4096      # bytes of wire, or of data; so few are handled by way of the stack
    BRIEF = 2048      # bytes; giving the interpreter lock away costs more than to handle fewer


cdef class Given:
    """A connection that the engine has made, on its way to a :class:`Connection`."""

    def __dealloc__(self):
        if self.conn != NULL:
            self.table.conn_free(self.conn)

    cdef tlsmgm_conn *let_go(self) noexcept:
        conn = self.conn
        self.conn = NULL
        return conn


cdef class Connection(Beginning):
    """One TLS connection without I/O.

    Feed it what the peer sent, carry what ``drain()`` gives to the peer, and read and write in
    between. Made by ``TLSManager.server_connection()`` and ``client_connection()``.

    Args:
        context: the context of a client, or of a server that answers whatever name is sent.
        selector: instead of a context: chooses the server's context by address and name.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        hello_limit: server: bytes of the largest ClientHello that is read; 0: as the selector says.
        server_name: client: bytes of the name to send (RFC 6066 section 3), or None.
        verify_name: client: bytes of the host name or IP address to check, or None.
        session: client: a session to offer, or None.
        keeper: client: takes the session that the server gives, see :mod:`tlsmgm._native.sessions`.
        chooser: instead of a context or selector: a function that is given the name and the ALPN
            list of the ClientHello, bytes or None each, and returns the Context that answers. What
            it raises ends the handshake, with the ``alert`` of the exception if it has one.
        given: instead of everything else: a connection that the engine has made.

    A connection belongs to one thread at a time; a second one that enters gets RuntimeError.
    A peer whose TLS records bring no data, ``records_without_data`` of them in a row, has its
    connection ended by ProtocolError: answers to KeyUpdate cost more than it costs to ask for them.
    0 is no bound but the library's.

    ``ended`` may be read by any thread: nothing more can be sent, for the peer or we have closed,
    the transport has ended, or the connection has failed, as far as the calls so far have shown.
    """

    def __cinit__(self, Context context=None, *, Selector selector=None, bytes address=None,
                  uint16_t port=0, size_t hello_limit=0, bytes server_name=None,
                  bytes verify_name=None, session=None, keeper=None, chooser=None,
                  Given given=None):
        tlsmgm_entry_guard_init(&self.guard)
        self.records_without_data = IDLE_RECORDS
        self.counts = True
        if given is not None:
            self.adopt(given)
            return
        if (context is not None) + (selector is not None) + (chooser is not None) != 1:
            raise TypeError("a connection needs either a context, a selector or a chooser")
        self.is_server = context is None or context.is_server
        self.chooser = chooser
        self.belong_to(context, None if self.is_server else server_name)
        self.keeper = keeper
        if self.is_server:
            self.greeting = Greeting(selector, address, port, hello_limit)
        else:
            self.start(verify_name, session)

    def __dealloc__(self):
        # What was lent may be gone already: conn_free() does not look at it.
        if self.conn != NULL:
            self.table.conn_free(self.conn)
            self.conn = NULL

    # --- from the engine, and to it ---------------------------------------------------------

    cdef int adopt(self, Given given) except -1:
        """Goes on with a connection of the engine."""
        self.is_server = given.is_server
        self.belong_to(given.context, given.name)
        self.table = given.table
        self.conn = given.let_go()
        self.handshake_complete = given.is_established
        self.ended = given.is_over
        self.outgoing = given.unsent
        self.records = given.records
        self.counts = not given.is_over
        return 0

    cdef Given surrender(self):
        """Gives the library's connection away, with all that waits; None: it is not established."""
        cdef Given given
        self.enter()
        try:
            if self.conn == NULL or not self.handshake_complete or self.ended:
                return None
            self.reclaim()
            given = Given.__new__(Given)
            given.table = self.table
            given.unsent = self.outgoing
            given.records = self.records
            given.conn = self.conn
            self.conn = NULL
            self.outgoing = None
            self.failure = ProtocolError("the connection was given away")
            self.handshake_complete = False
            self.ended = True
            return given
        finally:
            self.leave()

    # --- wire bytes ------------------------------------------------------------------------

    def decrypt(self, wire not None):
        """``feed()`` and ``read()`` in one call: for data that comes as it does from a socket.

        Args:
            wire: bytes that the peer sent, as ``feed()`` takes them; may be empty.

        Returns:
            All data that is whole now, as ``bytes``; None when there is none yet, perhaps because
            of the handshake, for which something may wait in ``drain()``; ``b""`` once the peer
            has closed with close_notify. Behind data, the next call tells that, and what fails.

        Raises:
            NoMemoryError: as ``feed()``.
            TruncatedError: as ``read()``.
            TLSError: as ``handshake()``.
        """
        cdef Py_buffer view
        cdef bytes owner = wire if type(wire) is bytes else None
        PyObject_GetBuffer(wire, &view, PyBUF_SIMPLE)
        try:
            return self.decrypt_from(<const uint8_t *> view.buf, view.len, owner)
        finally:
            PyBuffer_Release(&view)

    def feed(self, data not None):
        """Takes bytes that the peer sent.

        Args:
            data: any contiguous buffer of bytes. A ``bytes`` object is kept until it is read,
                anything else is copied.

        Raises:
            NoMemoryError: more than 4 MiB wait unread; read the connection before feeding it.
        """
        cdef Py_buffer view
        cdef bytes owner = data if type(data) is bytes else None
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            if view.len == 0:
                return
            self.enter()
            try:
                self.take(<const uint8_t *> view.buf, view.len, owner)
            finally:
                self.leave()
        finally:
            PyBuffer_Release(&view)

    cdef int take(self, const uint8_t *data, size_t size, bytes owner) except -1:
        cdef size_t taken = 0
        cdef uint32_t begun = self.records.begun
        if self.counts:
            tlsmgm_record_count_take(&self.records, data, size)
            if self.handshake_complete:
                self.idle_records += self.records.begun - begun
        if self.conn == NULL:
            taken = self.hold(data, size)
        if self.conn != NULL and taken < size:
            self.lend(data + taken, size - taken, owner)
        self.unread += size
        return 0

    cdef int lend(self, const uint8_t *data, size_t size, bytes owner) except -1:
        """Gives bytes to the library; without an owner who keeps them unchanged, as a copy."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        if owner is None:
            status = self.table.feed(self.conn, data, size, &error)
        else:
            status = self.table.lend_input(self.conn, data, size, &error)
        self.lent = owner if status == TLSMGM_STATUS_OK else None
        return self.check(status, &error)

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0:
        """Keeps bytes until the hello is complete; returns how many were taken.

        What goes wrong here is told by the next handshake(), which the caller must ask anyway.
        """
        cdef size_t taken = 0
        while self.failure is None and self.conn == NULL:
            taken += self.greeting.hold(data + taken, size - taken)
            if taken == size:
                break
            with contextlib.suppress(TLSError):
                self.greet()  # the greeting is full, so this is the end of it, good or bad
        return taken

    def feed_eof(self):
        """Tells that the transport has ended; what was fed before can still be read."""
        self.enter()
        try:
            self.wire_ended = True
            self.ended = True
            if self.conn != NULL:
                self.table.feed_eof(self.conn)
        finally:
            self.leave()

    def drain(self):
        """All bytes that wait for the peer; also after an error, when they hold the alert."""
        self.enter()
        try:
            return self.carry_off()
        finally:
            self.leave()

    cdef bytes carry_off(self):
        cdef tlsmgm_bytes output
        data = self.outgoing
        self.outgoing = None
        if self.conn != NULL:
            output = self.table.output(self.conn)
            if output.size > 0:
                waiting = bytes_of(output)
                data = waiting if data is None else data + waiting
                self.table.output_consume(self.conn, output.size)
        return b"" if data is None else data

    @property
    def output_pending(self):
        """How many bytes wait for ``drain()``."""
        self.enter()
        try:
            records = 0 if self.outgoing is None else len(self.outgoing)
            return records if self.conn == NULL else records + self.table.output(self.conn).size
        finally:
            self.leave()

    # --- for who carries the bytes in C ----------------------------------------------------

    cdef int check_free(self) except -1:
        """Raises where another thread is in a call; before bytes are taken that would be lost."""
        self.enter()
        self.leave()
        return 0

    cdef bytes carry_off_any(self):
        """As drain(); None if nothing waits."""
        self.enter()
        try:
            if self.outgoing is None:
                if self.conn == NULL or self.table.output(self.conn).size == 0:
                    return None
            return self.carry_off()
        finally:
            self.leave()

    cdef bint handshake_some(self) except -1:
        """As handshake()."""
        self.enter()
        try:
            return self.advance()
        finally:
            self.leave()

    cdef bytes decrypt_from(self, const uint8_t *wire, size_t size, bytes owner):
        """As decrypt(); an owner keeps the bytes unchanged, without one they are copied."""
        self.enter()
        try:
            if size > 0:
                self.take(wire, size, owner)
            return self.read_bytes(self.unread + TLSMGM_RECORD_MAX)
        finally:
            self.leave()

    cdef int feed_from(self, const uint8_t *data, size_t size, bytes owner) except -1:
        """As feed(); an owner keeps the bytes unchanged, without one they are copied."""
        self.enter()
        try:
            return self.take(data, size, owner)
        finally:
            self.leave()

    cdef bytes read_some(self, Py_ssize_t size):
        """As read()."""
        self.enter()
        try:
            return self.read_bytes(size)
        finally:
            self.leave()

    cdef Py_ssize_t read_some_into(self, uint8_t *data, size_t size) except -1:
        """As read_into(); below zero when more wire bytes are needed."""
        self.enter()
        try:
            return self.read_to(data, size)
        finally:
            self.leave()

    # --- the TLS connection ----------------------------------------------------------------

    def handshake(self):
        """Goes on with the handshake.

        Returns:
            True once it is complete, False when more bytes of the peer are needed.

        Raises:
            NoDomainError: no server domain answers (alert 112 waits in ``drain()``).
            VerificationError: the peer's certificate was refused.
            AlertError: the peer refused us.
            ProtocolError: the peer broke the protocol.
            TruncatedError: the transport ended before the handshake did.
        """
        self.enter()
        try:
            return self.advance()
        finally:
            self.leave()

    def read(self, Py_ssize_t size=65536):
        """Application data.

        Args:
            size: most bytes to return.

        Returns:
            ``bytes``; None when more wire bytes are needed; ``b""`` once the peer has closed
            with close_notify.

        Raises:
            TruncatedError: the transport ended without close_notify (RFC 8446 section 6.1).
            TLSError: as ``handshake()``.
        """
        if size <= 0:
            raise ValueError("read() takes a size above 0")
        self.enter()
        try:
            return self.read_bytes(size)
        finally:
            self.leave()

    cdef bytes read_bytes(self, Py_ssize_t size):
        # No data is longer than its records; of one record the beginning may have come before.
        size = min(size, <Py_ssize_t> (self.unread + TLSMGM_RECORD_MAX))
        return self.read_short(size) if self.unread <= SHORT else self.read_long(size)

    cdef bytes read_short(self, Py_ssize_t size):
        """By way of the stack: copying a message costs less than a block that is cut to its size."""
        cdef uint8_t[SHORT + TLSMGM_RECORD_MAX] room
        cdef Py_ssize_t count = self.read_to(room, size)
        return None if count == NOTHING_YET else (<const char *> room)[:count]

    cdef bytes read_long(self, Py_ssize_t size):
        cdef Py_ssize_t count = NOTHING_YET
        cdef PyObject *data = fresh_bytes(NULL, size)
        try:
            count = self.read_to(<uint8_t *> fresh_bytes_room(data), size)
        finally:
            if count == NOTHING_YET:
                fresh_bytes_drop(data)
        return None if count == NOTHING_YET else fresh_bytes_finish(data, count)

    def read_into(self, buffer not None):
        """As ``read()``, into a writable buffer; returns the count, 0 when the peer closed."""
        cdef Py_buffer view
        cdef Py_ssize_t count
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            if view.len == 0:
                raise ValueError("read_into() needs a buffer with room")
            self.enter()
            try:
                count = self.read_to(<uint8_t *> view.buf, view.len)
            finally:
                self.leave()
        finally:
            PyBuffer_Release(&view)
        return None if count == NOTHING_YET else count

    cdef Py_ssize_t read_to(self, uint8_t *data, size_t size) except -1:
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef size_t count = 0
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if not self.handshake_complete and not self.advance():
            return NOTHING_YET
        if self.unread < BRIEF:
            status = self.table.read(self.conn, data, size, &count, &error)
        else:
            with nogil:
                status = self.table.read(self.conn, data, size, &count, &error)
        if count < size:
            self.reclaim()
            self.unread = 0
        else:
            self.unread -= min(count, self.unread)
        self.keep_session()
        result = self.settle(status, &error)
        if result == TLSMGM_STATUS_WANT_READ:
            self.bound_idle_records()
            return NOTHING_YET
        self.idle_records = 0
        return 0 if result == TLSMGM_STATUS_CLOSED else count

    cdef int bound_idle_records(self) except -1:
        """Ends the connection of a peer that has us work for nothing, as the engine does."""
        if self.idle_records <= self.records_without_data or self.records_without_data == 0:
            return 0
        backend = self.chosen.backend.name
        self.fail(ProtocolError("the peer sends records without data", backend=backend))

    def write(self, data not None):
        """Encrypts application data.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many bytes were taken; fewer than given, perhaps 0, when 256 KiB of output or more
            wait for ``drain()``.

        Raises:
            ValueError: the handshake is not complete, or shutdown() was called.
            TLSError: the connection has failed.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return self.write_from(<const uint8_t *> view.buf, view.len) if view.len > 0 else 0
        finally:
            PyBuffer_Release(&view)

    def encrypt(self, data not None):
        """``write()`` and ``drain()`` in one call, however long data is.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            ``bytes`` for the peer: what waited before, and all of data in records.

        Raises:
            ValueError: the handshake is not complete, or shutdown() was called.
            TLSError: the connection has failed.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            return self.encrypt_from(<const uint8_t *> view.buf, view.len)
        finally:
            PyBuffer_Release(&view)

    cdef bytes encrypt_from(self, const uint8_t *data, size_t size):
        """As encrypt()."""
        cdef size_t done
        self.enter()
        try:
            done = self.write_records(data, size)
            if done == size:
                return self.carry_off()
            pieces = [self.carry_off()]
            while done < size:
                done += self.write_records(data + done, size - done)
                pieces.append(self.carry_off())
            return b"".join(pieces)
        finally:
            self.leave()

    cdef size_t write_from(self, const uint8_t *data, size_t size) except? 0:
        self.enter()
        try:
            return self.write_records(data, size)
        finally:
            self.leave()

    cdef size_t write_records(self, const uint8_t *data, size_t size) except? 0:
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef size_t count = 0
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if not self.handshake_complete and not self.advance():
            raise ValueError("write() before the handshake is complete")
        if self.outgoing is not None or self.table.output(self.conn).size > 0:
            status = self.seal(data, size, &count, &error)
        elif size <= SHORT:
            status = self.seal_short(data, size, &count, &error)
        else:
            status = self.seal_long(data, size, &count, &error)
        if self.settle(status, &error) == TLSMGM_STATUS_CLOSED:
            raise ValueError("write() after shutdown()")
        return count

    # Records go to where drain() hands them out, if nothing older waits elsewhere.

    cdef tlsmgm_status seal_short(self, const uint8_t *data, size_t size, size_t *count,
                                  tlsmgm_error *error) except *:
        cdef uint8_t[SHORT + TLSMGM_RECORD_OVERHEAD] room
        self.table.lend_output(self.conn, room, sizeof(room))
        cdef tlsmgm_status status = self.seal(data, size, count, error)
        cdef size_t used = self.table.reclaim_output(self.conn)
        if used > 0:
            self.outgoing = (<const char *> room)[:used]
        return status

    cdef tlsmgm_status seal_long(self, const uint8_t *data, size_t size, size_t *count,
                                 tlsmgm_error *error) except *:
        cdef size_t piece = min(size, <size_t> TLSMGM_OUTPUT_HIGH_WATER)
        cdef size_t room = piece + (piece // TLSMGM_RECORD_MAX + 1) * TLSMGM_RECORD_OVERHEAD
        cdef PyObject *records = fresh_bytes(NULL, room)
        self.table.lend_output(self.conn, <uint8_t *> fresh_bytes_room(records), room)
        cdef tlsmgm_status status = self.seal(data, size, count, error)
        room = self.table.reclaim_output(self.conn)
        finished = fresh_bytes_finish(records, room)
        if room > 0:
            self.outgoing = finished
        return status

    cdef tlsmgm_status seal(self, const uint8_t *data, size_t size, size_t *count,
                            tlsmgm_error *error) noexcept:
        cdef tlsmgm_status status
        if size < BRIEF:
            return self.table.write(self.conn, data, size, count, error)
        with nogil:
            status = self.table.write(self.conn, data, size, count, error)
        return status

    def shutdown(self):
        """Sends close_notify, once; reading goes on until the peer's own arrives.

        Returns:
            True when the peer has closed, too.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        self.enter()
        try:
            if self.conn == NULL:
                return True
            if self.failure is not None:
                raise self.failure.with_traceback(None)
            with nogil:
                status = self.table.shutdown(self.conn, &error)
            self.ended = self.ended or self.handshake_complete
            return self.settle(status, &error) == TLSMGM_STATUS_OK
        finally:
            self.leave()

    def __repr__(self):
        side = "server" if self.is_server else "client"
        state = "established" if self.handshake_complete else "in handshake"
        return f"<Connection {side} {self.backend} {state}>"
