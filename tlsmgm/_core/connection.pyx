"""Connections: bytes in, bytes out, and a TLS library in between.

A client connection lives in its context from the start. A server connection first reads the
ClientHello by itself, asks the selector for the context that answers, and only then starts the
library inside it, with all bytes fed again. So every rule is the chosen domain's from the first
byte on, and a hello that nobody answers never reaches a library.
"""

import contextlib

from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from cpython.object cimport PyObject
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy

from tlsmgm._core.backend cimport Backend
from tlsmgm._core.capi cimport (
    TLSMGM_ALERT_INTERNAL_ERROR,
    TLSMGM_ALERT_PROTOCOL_VERSION,
    TLSMGM_ALERT_RECORD_SIZE,
    TLSMGM_ALERT_UNEXPECTED_MESSAGE,
    TLSMGM_ALERT_UNRECOGNIZED_NAME,
    TLSMGM_CLOSED,
    TLSMGM_HELLO_TOO_LARGE,
    TLSMGM_MATCH_NONE,
    TLSMGM_OK,
    TLSMGM_OUTPUT_HIGH_WATER,
    TLSMGM_PROTOCOL,
    TLSMGM_RECORD_MAX,
    TLSMGM_RECORD_OVERHEAD,
    TLSMGM_VERIFY_NONE,
    TLSMGM_WANT_READ,
    TLSMGM_WANT_WRITE,
    tlsmgm_alert,
    tlsmgm_alert_record,
    tlsmgm_buffer,
    tlsmgm_buffer_append,
    tlsmgm_buffer_consume,
    tlsmgm_buffer_free,
    tlsmgm_buffer_init,
    tlsmgm_buffer_size,
    tlsmgm_buffer_view,
    tlsmgm_bytes,
    tlsmgm_client_hello,
    tlsmgm_client_hello_offers,
    tlsmgm_client_hello_parse,
    tlsmgm_conn,
    tlsmgm_conn_config,
    tlsmgm_conn_info,
    tlsmgm_entry_guard_enter,
    tlsmgm_entry_guard_init,
    tlsmgm_entry_guard_leave,
    tlsmgm_error,
    tlsmgm_hello_reader_feed,
    tlsmgm_hello_reader_free,
    tlsmgm_hello_reader_init,
    tlsmgm_hello_reader_is_plain,
    tlsmgm_hello_reader_replay,
    tlsmgm_match_index_find,
    tlsmgm_session,
    tlsmgm_status,
    tlsmgm_verify_reason_word,
)
from tlsmgm._core.certificate cimport certificate_from
from tlsmgm._core.context cimport Context
from tlsmgm._core.fresh_bytes cimport (
    fresh_bytes,
    fresh_bytes_drop,
    fresh_bytes_finish,
    fresh_bytes_room,
)
from tlsmgm._core.selector cimport Selector
from tlsmgm._core.session cimport Session, wrap_session
from tlsmgm._core.status cimport check as check_status

from tlsmgm.errors import NoDomainError, NoMemoryError, ProtocolError, TLSError, TruncatedError

cdef dict _VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}

# Beyond the ClientHello a client sends nothing before it has an answer, but it may all be there
# when we look, and the records around a fragmented hello take their room.
cdef size_t _WIRE_SLACK = 8

# What read_to() returns when more wire bytes are needed; 0 is the end.
cdef enum:
    NOTHING_YET = -2

cdef object _text_of(bytes name):
    """A server name as people read it; bytes outside ASCII stay visible."""
    return None if name is None else name.decode("ascii", "backslashreplace")


cdef class Connection:
    """One TLS connection without I/O.

    Feed it what the peer sent, carry what ``drain()`` gives to the peer, and read and write in
    between. Made by ``TLSManager.server_connection()`` and ``client_connection()``.

    Args:
        context: the context of a client, or of a server that answers whatever name is sent.
        selector: instead of a context: chooses the server's context by address and name.
        address: with a selector: 16 bytes, the local address, IPv4 mapped into IPv6.
        port: with a selector: the local port.
        server_name: client: bytes of the name to send (RFC 6066 section 3), or None.
        verify_name: client: bytes of the host name or IP address to check, or None.
        session: client: a session to offer, or None.
        keeper: client: takes the session that the server gives, see :mod:`tlsmgm.sessions`.

    A connection belongs to one thread at a time; a second one that enters gets RuntimeError.
    ``ended`` may be read by any thread: nothing more can be sent, for the peer or we have closed,
    the transport has ended, or the connection has failed, as far as the calls so far have shown.
    """

    def __cinit__(self, Context context=None, *, Selector selector=None, bytes address=None,
                  uint16_t port=0, bytes server_name=None, bytes verify_name=None, session=None,
                  keeper=None):
        tlsmgm_entry_guard_init(&self.guard)
        tlsmgm_hello_reader_init(&self.reader, 0 if selector is None else selector.hello_limit)
        # Room for a hello cut into records of one byte each: 5 more bytes for every one of it.
        tlsmgm_buffer_init(&self.wire, self.reader.message.limit * _WIRE_SLACK)
        tlsmgm_buffer_init(&self.early, TLSMGM_ALERT_RECORD_SIZE)
        if (context is None) == (selector is None):
            raise TypeError("a connection needs either a context or a selector")
        self.selector = selector
        self.is_server = selector is not None or context.is_server
        self.keeper = keeper
        if selector is not None:
            if address is None or len(address) != 16:
                raise ValueError("an address has 16 bytes")
            memcpy(self.address, <const char *> address, 16)
            self.port = port
        else:
            self.context = context
        if not self.is_server:
            self.start(server_name, verify_name, session, NULL)

    def __dealloc__(self):
        if self.conn != NULL:
            self.table.conn_free(self.conn)
        tlsmgm_hello_reader_free(&self.reader)
        tlsmgm_buffer_free(&self.wire)
        tlsmgm_buffer_free(&self.early)

    # --- one thread at a time --------------------------------------------------------------

    cdef int enter(self) except -1:
        if tlsmgm_entry_guard_enter(&self.guard):
            return 0
        raise RuntimeError("this connection is in use by another thread")

    cdef void leave(self) noexcept:
        tlsmgm_entry_guard_leave(&self.guard)

    # --- the library -----------------------------------------------------------------------

    cdef Backend backend_in_use(self):
        return None if self.context is None else self.context.backend

    cdef int check(self, tlsmgm_status status, const tlsmgm_error *error) except -1:
        backend = self.backend_in_use()
        return check_status(status, error, None if backend is None else backend.name)

    cdef int settle(self, tlsmgm_status status, const tlsmgm_error *error) except -1:
        """As check(), and remembers that nothing comes after this status."""
        if status not in (TLSMGM_OK, TLSMGM_WANT_READ, TLSMGM_WANT_WRITE):
            self.ended = True
            if self.keeper is not None and not self.handshake_complete:
                self.keeper.give_up()
                self.keeper = None
        return self.check(status, error)

    cdef int keep_session(self) except -1:
        """Hands on the session as soon as there is one; in TLS 1.3 it comes with the data."""
        cdef tlsmgm_session *session = NULL
        if self.keeper is None or not self.handshake_complete:
            return 0
        if self.table.conn_session(self.conn, &session, NULL) != TLSMGM_OK or session == NULL:
            return 0  # without memory there is no session, which is no reason to fail
        keeper = self.keeper
        self.keeper = None
        keeper.keep(wrap_session(self.context.backend, session), self.version_in_use())
        return 0

    cdef int start(self, bytes name, bytes verify_name, object session,
                   const tlsmgm_client_hello *hello) except -1:
        """Starts the library inside self.context; hello is NULL on clients."""
        cdef tlsmgm_conn_config config
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_conn *conn = NULL
        cdef Session offered = session
        self.table = self.context.table
        if self.context.ticket_keys is not None:
            self.context.ticket_keys.refresh()
        config.server_name.data = NULL
        config.server_name.size = 0
        self.describe_client(&config, hello)
        if name is not None:
            config.server_name.data = <const uint8_t *> <const char *> name
            config.server_name.size = len(name)
        config.verify_name = NULL
        if verify_name is not None:
            config.verify_name = <const char *> verify_name
        config.session = NULL
        if offered is not None and offered.backend is self.context.backend:
            config.session = offered.session
        with nogil:
            status = self.table.conn_new(self.context.ctx, &config, &conn, &error)
        self.conn = conn  # not in there: other threads may look whether there is one
        self.name = name
        self.checked_name = verify_name
        return self.check(status, &error)

    cdef void describe_client(self, tlsmgm_conn_config *config,
                              const tlsmgm_client_hello *hello) noexcept:
        """What decides which of two certificates a server shows, and on which group it agrees."""
        config.signature_algorithms.data = config.cipher_suites.data = config.groups.data = NULL
        config.signature_algorithms.size = config.cipher_suites.size = config.groups.size = 0
        config.up_to_1_2 = False
        if hello == NULL:
            return
        config.signature_algorithms = hello.signature_algorithms
        config.cipher_suites = hello.cipher_suites
        config.groups = hello.groups
        config.up_to_1_2 = 0 < self.context.highest_version < 0x0304 or (
            not tlsmgm_client_hello_offers(hello, 0x0304, 0)
        )

    # --- a server before its context is known ----------------------------------------------

    cdef bint greet(self) except -1:
        """Reads the ClientHello; True once the library has been started."""
        cdef tlsmgm_error error
        cdef tlsmgm_client_hello hello
        cdef tlsmgm_status status
        cdef tlsmgm_bytes wire
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        with nogil:
            wire = tlsmgm_buffer_view(&self.wire)
            status = tlsmgm_hello_reader_feed(
                &self.reader, wire.data + self.wire_read, wire.size - self.wire_read, &error
            )
            self.wire_read = wire.size
            if status == TLSMGM_OK:
                status = tlsmgm_client_hello_parse(
                    tlsmgm_buffer_view(&self.reader.message), &hello, &error
                )
        if status == TLSMGM_WANT_READ:
            if self.wire_ended:
                self.failure = TruncatedError("the peer ended the connection before its hello")
                raise self.failure.with_traceback(None)
            return False
        if status != TLSMGM_OK:
            try:
                self.check(status, &error)
            except Exception as failure:
                answers = status in (TLSMGM_PROTOCOL, TLSMGM_HELLO_TOO_LARGE)
                alert = error.alert if answers else -1
                self.refuse(failure, <tlsmgm_alert> <int> alert)
        self.take_hello(&hello)
        return True

    cdef int take_hello(self, const tlsmgm_client_hello *hello) except -1:
        """Starts the library in the right context and feeds it what has been read."""
        cdef bytes name = None
        if hello.has_server_name:
            name = (<const char *> hello.server_name.data)[:hello.server_name.size]
        self.name = name
        if self.context is None:
            self.context = self.choose(hello)
            self.selector = None  # which holds the contexts of all other domains
        if not tlsmgm_client_hello_offers(
            hello, self.context.lowest_version, self.context.highest_version
        ):
            self.refuse(
                ProtocolError("the client speaks no TLS version that the domain allows",
                              backend=self.context.backend.name,
                              alert=TLSMGM_ALERT_PROTOCOL_VERSION),
                TLSMGM_ALERT_PROTOCOL_VERSION,
            )
        try:
            self.start(name, None, None, hello)
            self.hand_over()
        except Exception as failure:
            self.refuse(failure, TLSMGM_ALERT_INTERNAL_ERROR)
        if self.wire_ended:
            self.table.feed_eof(self.conn)
        tlsmgm_hello_reader_free(&self.reader)
        return 0

    cdef int hand_over(self) except -1:
        """Gives the library what has been read; a plain hello is lent as it came."""
        cdef tlsmgm_error error
        cdef tlsmgm_bytes wire
        if not tlsmgm_hello_reader_is_plain(&self.reader):
            self.replay()
            tlsmgm_buffer_free(&self.wire)
            return 0
        wire = tlsmgm_buffer_view(&self.wire)
        return self.check(self.table.lend_input(self.conn, wire.data, wire.size, &error), &error)

    cdef int replay(self) except -1:
        """Feeds the library the hello in one piece, and whatever came behind it."""
        cdef tlsmgm_error error
        cdef tlsmgm_buffer hello
        cdef tlsmgm_bytes wire
        tlsmgm_buffer_init(&hello, 2 * self.reader.message.limit)
        try:
            if tlsmgm_hello_reader_replay(&self.reader, &hello) != TLSMGM_OK:
                raise NoMemoryError("out of memory")
            wire = tlsmgm_buffer_view(&hello)
            self.check(self.table.feed(self.conn, wire.data, wire.size, &error), &error)
        finally:
            tlsmgm_buffer_free(&hello)
        wire = tlsmgm_buffer_view(&self.wire)
        wire.data += self.reader.consumed
        wire.size -= self.reader.consumed
        return self.check(self.table.feed(self.conn, wire.data, wire.size, &error), &error)

    cdef Context choose(self, const tlsmgm_client_hello *hello):
        cdef uint32_t found
        with nogil:
            found = tlsmgm_match_index_find(
                self.selector.index.index, self.address, self.port, hello.server_name
            )
        if found == TLSMGM_MATCH_NONE:
            asked = "no name" if self.name is None else f"the name {_text_of(self.name)!r}"
            self.refuse(
                NoDomainError(
                    f"no server domain answers at this address for {asked}",
                    alert=TLSMGM_ALERT_UNRECOGNIZED_NAME,
                ),
                TLSMGM_ALERT_UNRECOGNIZED_NAME,
            )
        return <Context> self.selector.contexts[found]

    cdef int refuse(self, object failure, tlsmgm_alert alert) except -1:
        """Latches the failure, leaves an alert for the peer (unless negative), and raises."""
        cdef uint8_t[7] record
        self.failure = failure
        self.ended = True
        if <int> alert >= 0:
            tlsmgm_alert_record(alert, record)
            tlsmgm_buffer_append(&self.early, record, TLSMGM_ALERT_RECORD_SIZE)
        tlsmgm_hello_reader_free(&self.reader)
        tlsmgm_buffer_free(&self.wire)
        raise failure

    cdef int need_conn(self) except -1:
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.conn == NULL:
            raise ValueError("the handshake has not come that far")
        return 0

    # --- wire bytes ------------------------------------------------------------------------

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
            if view.len > 0:
                self.take(<const uint8_t *> view.buf, view.len, owner)
        finally:
            PyBuffer_Release(&view)

    cdef int take(self, const uint8_t *data, size_t size, bytes owner) except -1:
        cdef size_t taken = 0
        self.enter()
        try:
            self.unread += size
            if self.conn == NULL:
                taken = self.hold(data, size)
            if self.conn != NULL and taken < size:
                self.lend(data + taken, size - taken, owner)
        finally:
            self.leave()
        return 0

    cdef int lend(self, const uint8_t *data, size_t size, bytes owner) except -1:
        """Gives bytes to the library; without an owner who keeps them unchanged, as a copy."""
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        if owner is None:
            status = self.table.feed(self.conn, data, size, &error)
        else:
            status = self.table.lend_input(self.conn, data, size, &error)
        self.lent = owner if status == TLSMGM_OK else None
        return self.check(status, &error)

    cdef void reclaim(self) noexcept:
        """Lets go of what was lent. What is left of it gets copied; without memory for that the
        connection fails, and says so at the next call."""
        if self.lent is not None or self.wire.capacity > 0:
            self.table.reclaim_input(self.conn, NULL)
            self.lent = None
            tlsmgm_buffer_free(&self.wire)

    cdef size_t hold(self, const uint8_t *data, size_t size) except? 0:
        """Keeps bytes until the hello is complete; returns how many found room.

        What goes wrong here is told by the next handshake(), which the caller must ask anyway.
        """
        cdef size_t taken = 0
        cdef size_t room
        while taken < size and self.conn == NULL and self.failure is None:
            room = self.wire.limit - tlsmgm_buffer_size(&self.wire)
            if room == 0:
                with contextlib.suppress(TLSError):
                    if not self.greet():
                        self.refuse(
                            ProtocolError("the ClientHello is drowned in record headers",
                                          alert=TLSMGM_ALERT_UNEXPECTED_MESSAGE),
                            TLSMGM_ALERT_UNEXPECTED_MESSAGE,
                        )
                continue
            room = min(room, size - taken)
            if tlsmgm_buffer_append(&self.wire, data + taken, room) != TLSMGM_OK:
                raise NoMemoryError("out of memory")
            taken += room
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
        cdef tlsmgm_bytes output
        self.enter()
        try:
            if self.conn == NULL:
                output = tlsmgm_buffer_view(&self.early)
                data = (<const char *> output.data)[:output.size] if output.size else b""
                tlsmgm_buffer_consume(&self.early, output.size)
                return data
            data = b"" if self.outgoing is None else self.outgoing
            self.outgoing = None
            output = self.table.output(self.conn)
            if output.size > 0:
                data += (<const char *> output.data)[:output.size]
                self.table.output_consume(self.conn, output.size)
            return data
        finally:
            self.leave()

    @property
    def output_pending(self):
        """How many bytes wait for ``drain()``."""
        self.enter()
        try:
            if self.conn == NULL:
                return tlsmgm_buffer_size(&self.early)
            records = 0 if self.outgoing is None else len(self.outgoing)
            return records + self.table.output(self.conn).size
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

    cdef bint advance(self) except -1:
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.conn == NULL and not self.greet():
            return False
        with nogil:
            status = self.table.handshake(self.conn, &error)
        self.reclaim()
        self.handshake_complete = self.settle(status, &error) == TLSMGM_OK
        self.keep_session()
        return self.handshake_complete

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
        cdef Py_ssize_t count
        # No data is longer than its records, and of one record the beginning may have come before.
        size = min(size, <Py_ssize_t> (self.unread + TLSMGM_RECORD_MAX))
        cdef PyObject *data = fresh_bytes(NULL, size)
        try:
            count = self.read_to(<uint8_t *> fresh_bytes_room(data), size)
        except BaseException:
            fresh_bytes_drop(data)
            raise
        if count == NOTHING_YET:
            fresh_bytes_drop(data)
            return None
        return fresh_bytes_finish(data, count)

    def read_into(self, buffer not None):
        """As ``read()``, into a writable buffer; returns the count, 0 when the peer closed."""
        cdef Py_buffer view
        cdef Py_ssize_t count
        PyObject_GetBuffer(buffer, &view, PyBUF_WRITABLE)
        try:
            if view.len == 0:
                raise ValueError("read_into() needs a buffer with room")
            count = self.read_to(<uint8_t *> view.buf, view.len)
        finally:
            PyBuffer_Release(&view)
        return None if count == NOTHING_YET else count

    cdef Py_ssize_t read_to(self, uint8_t *data, size_t size) except -1:
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef size_t count = 0
        self.enter()
        try:
            if not self.handshake_complete and not self.advance():
                return NOTHING_YET
            with nogil:
                status = self.table.read(self.conn, data, size, &count, &error)
            if count < size:
                self.reclaim()
                self.unread = 0
            self.keep_session()
            result = self.settle(status, &error)
            if result == TLSMGM_WANT_READ:
                return NOTHING_YET
            return 0 if result == TLSMGM_CLOSED else count
        finally:
            self.leave()

    def write(self, data not None):
        """Encrypts application data.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many bytes were taken; fewer than given, perhaps 0, when 256 KiB of output wait
            for ``drain()``.

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

    cdef size_t write_from(self, const uint8_t *data, size_t size) except? 0:
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef size_t count = 0
        self.enter()
        try:
            if not self.handshake_complete and not self.advance():
                raise ValueError("write() before the handshake is complete")
            status = self.encrypt(data, size, &count, &error)
            if self.settle(status, &error) == TLSMGM_CLOSED:
                raise ValueError("write() after shutdown()")
            return count
        finally:
            self.leave()

    cdef tlsmgm_status encrypt(self, const uint8_t *data, size_t size, size_t *count,
                               tlsmgm_error *error) except *:
        """Writes records to where drain() hands them out, if nothing older waits elsewhere."""
        cdef tlsmgm_status status
        cdef PyObject *records
        cdef size_t piece
        cdef size_t room
        if self.outgoing is not None or self.table.output(self.conn).size > 0:
            with nogil:
                status = self.table.write(self.conn, data, size, count, error)
            return status
        piece = min(size, <size_t> TLSMGM_OUTPUT_HIGH_WATER)
        room = piece + (piece // TLSMGM_RECORD_MAX + 1) * TLSMGM_RECORD_OVERHEAD
        records = fresh_bytes(NULL, room)
        self.table.lend_output(self.conn, <uint8_t *> fresh_bytes_room(records), room)
        with nogil:
            status = self.table.write(self.conn, data, size, count, error)
        room = self.table.reclaim_output(self.conn)
        finished = fresh_bytes_finish(records, room)
        if room > 0:
            self.outgoing = finished
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
            with nogil:
                status = self.table.shutdown(self.conn, &error)
            self.ended = self.ended or self.handshake_complete
            return self.settle(status, &error) == TLSMGM_OK
        finally:
            self.leave()

    # --- what was negotiated ---------------------------------------------------------------

    cdef tlsmgm_conn_info info(self) except *:
        cdef tlsmgm_conn_info info
        self.enter()
        try:
            self.need_conn()
            self.table.conn_info(self.conn, &info)
        finally:
            self.leave()
        return info

    @property
    def backend(self):
        """Name of the TLS library, or None before the domain is known."""
        backend = self.backend_in_use()
        return None if backend is None else backend.name

    @property
    def server_name(self):
        """Server name of the ClientHello, or None. Not trusted input until it matched."""
        return _text_of(self.name)

    @property
    def verify_name(self):
        """Client: host name or IP address that the certificate must carry; None: any will do."""
        return _text_of(self.checked_name)

    @property
    def version(self):
        """``TLSv1``, ``TLSv1.1``, ``TLSv1.2``, ``TLSv1.3``, or None before it is settled."""
        return None if self.conn == NULL else _VERSIONS.get(self.info().version)

    cdef object version_in_use(self):
        """As version; for who has entered already."""
        cdef tlsmgm_conn_info info
        self.table.conn_info(self.conn, &info)
        return _VERSIONS.get(info.version)

    @property
    def cipher(self):
        """The suite: OpenSSL's name up to TLS 1.2, IANA's in TLS 1.3; None before."""
        if self.conn == NULL:
            return None
        cdef tlsmgm_conn_info info = self.info()
        return None if info.cipher == NULL else info.cipher.decode("ascii")

    @property
    def cipher_bits(self):
        """Secret bits of the cipher, or None before."""
        if self.conn == NULL:
            return None
        cdef tlsmgm_conn_info info = self.info()
        return None if info.cipher == NULL else info.cipher_bits

    @property
    def cipher_description(self):
        """The cipher in the columns of ``openssl ciphers -v``, newline at the end, or None."""
        if self.conn == NULL:
            return None
        cdef tlsmgm_conn_info info = self.info()
        return None if info.cipher == NULL else info.description.decode("ascii")

    @property
    def group(self):
        """Key exchange group, such as ``x25519``, or None."""
        if self.conn == NULL:
            return None
        cdef tlsmgm_conn_info info = self.info()
        return None if info.group == NULL else info.group.decode("ascii")

    @property
    def alpn(self):
        """Protocol agreed on by ALPN (RFC 7301), or None."""
        if self.conn == NULL:
            return None
        cdef tlsmgm_conn_info info = self.info()
        if info.alpn.size == 0:
            return None
        return (<const char *> info.alpn.data)[:info.alpn.size].decode("ascii", "backslashreplace")

    @property
    def session_reused(self):
        """Whether a session was resumed."""
        return self.conn != NULL and self.info().session_reused

    @property
    def verify_reason(self):
        """``ok``, ``missing`` without a peer certificate, or why it would be refused."""
        if self.conn == NULL:
            return "missing"
        return tlsmgm_verify_reason_word(self.info().verify_reason).decode("ascii")

    @property
    def peer_verified(self):
        """Whether the peer showed a certificate that verified."""
        cdef tlsmgm_conn_info info
        if self.conn == NULL or not self.handshake_complete:
            return False
        info = self.info()
        return info.has_peer_certificate and info.verify_reason == TLSMGM_VERIFY_NONE

    @property
    def certificate(self):
        """The certificate that we show, or None."""
        if self.conn == NULL or not self.is_server:
            return None if self.context is None else self.context.certificate
        self.enter()
        try:
            return certificate_from(self.table.own_certificate(self.conn))
        finally:
            self.leave()

    def export_keying_material(self, bytes label not None, size_t size, bytes context=None):
        """Secret bytes that both ends have, and nobody else (RFC 5705, RFC 8446 section 7.5).

        Args:
            label: what they are for, such as ``b"EXPORTER-Channel-Binding"``.
            size: bytes to make, 1 to 1024.
            context: more of what they are for; up to TLS 1.2 None is something else than b"".

        Raises:
            ValueError: the handshake is not complete, or the size is out of bounds.
            UnsupportedError: the library refuses this label.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_status status
        cdef tlsmgm_bytes described
        cdef PyObject *secret
        if not self.handshake_complete:
            raise ValueError("keying material comes after the handshake")
        if not 0 < size <= 1024 or b"\0" in label:
            raise ValueError("keying material has 1 to 1024 bytes, and a label without NUL")
        described.data = NULL
        described.size = 0
        if context is not None:
            described.data = <const uint8_t *> <const char *> context
            described.size = len(context)
        secret = fresh_bytes(NULL, size)
        self.enter()
        try:
            status = self.table.export_keying_material(
                self.conn, <const char *> label, described,
                <uint8_t *> fresh_bytes_room(secret), size, &error
            )
        finally:
            self.leave()
        if status != TLSMGM_OK:
            fresh_bytes_drop(secret)
            self.check(status, &error)
        return fresh_bytes_finish(secret, size)

    @property
    def binds_channel(self):
        """Whether exported keying material is of this connection alone (RFC 9266 section 4.1):
        in TLS 1.3, or with the extended master secret, as far as the library tells."""
        return self.conn != NULL and self.info().is_unique

    @property
    def peer_certificate(self):
        """The peer's certificate, or None."""
        if self.peer_cache is not None:
            return self.peer_cache
        chain = self.peer_certificates(1)
        found = chain[0] if chain else None
        if self.handshake_complete:
            self.peer_cache = found
        return found

    @property
    def peer_chain(self):
        """The certificates that the peer sent, leaf first; after resumption the leaf only."""
        return self.peer_certificates(100)

    cdef tuple peer_certificates(self, size_t limit):
        cdef size_t index
        cdef tlsmgm_bytes der
        if self.conn == NULL:
            return ()
        found = []
        self.enter()
        try:
            for index in range(limit):
                der = self.table.peer_certificate(self.conn, index)
                if der.size == 0:
                    break
                found.append(certificate_from(der))
        finally:
            self.leave()
        return tuple(found)

    @property
    def session(self):
        """Client: a Session to offer next time, or None while the server has given none.

        In TLS 1.3 it comes with data after the handshake: read first.
        """
        cdef tlsmgm_error error
        cdef tlsmgm_session *session = NULL
        if self.conn == NULL or self.is_server:
            return None
        self.enter()
        try:
            self.check(self.table.conn_session(self.conn, &session, &error), &error)
        finally:
            self.leave()
        return None if session == NULL else wrap_session(self.context.backend, session)

    def __repr__(self):
        side = "server" if self.is_server else "client"
        state = "established" if self.handshake_complete else "in handshake"
        return f"<Connection {side} {self.backend} {state}>"
