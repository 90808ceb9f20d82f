"""The half of an asyncio transport that speaks TLS and with the protocol; others carry the bytes.

A transport is in the handshake, then established, then closing, then lost. What the protocol writes
while it receives is gathered and leaves in one piece when it returns; what it writes at other times
leaves at once. Both wait in order while the wire is blocked.

* *The peer's end* is its close_notify. ``eof_received()`` then decides: true keeps our direction
  open, also in TLS 1.2. A wire that ends without it is no end, but a TruncatedError for
  ``connection_lost()``.
* *Our end* is ``write_eof()``, which sends a close_notify behind all data, or ``close()``, which
  then waits for the peer's end as well, for a while, and drops what still comes.

Programs have an ``asyncio.Transport``, which cannot be a native class: it refers to this, and this
to it only weakly, so that a transport that nobody has goes at once. What the loop is to call are
therefore methods of that one. All calls belong to the loop's thread. Who writes or closes in another
one makes a mistake, of which nobody must die where there is no interpreter lock: critical sections
around all that others call order that.
"""

import weakref
from asyncio import Protocol

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t

from tlsmgm._core.connection cimport Connection
from tlsmgm._core.outgoing cimport AT_ONCE, Outgoing

from tlsmgm.errors import HandshakeError, ProtocolError, TLSError

cdef enum:
    MOST_ANSWERS = 64 * 1024  # bytes of answers of TLS itself that wait while the wire is blocked
    HIGH = 64 * 1024          # bytes that may wait before a protocol is told to pause, as in asyncio

# Stands above a transport that is lost.
cdef object _NOBODY = Protocol()


cdef class TransportCore:
    """TLS between a protocol and a wire, which is of whoever inherits this.

    Args:
        transport: that the protocol and the program have.
        loop: of both.
        connection: with or without its handshake done.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called with the transport when it is over; or None.
    """

    def __init__(self, transport, loop, Connection connection not None, double shutdown_timeout,
                 on_lost):
        self.facade = weakref.ref(transport)
        self.loop = loop
        self.connection = connection
        self.shutdown_timeout = shutdown_timeout
        self.on_lost = on_lost
        self.outgoing = Outgoing.__new__(Outgoing)
        self.high = HIGH
        self.low = HIGH // 4

    def set_protocol(self, protocol, receive):
        """Lets a protocol have what comes from now on.

        Args:
            protocol: that hears of everything.
            receive: for one with buffers of its own: takes the first bytes of a memoryview, and
                returns how many; None: ``data_received()`` takes all.
        """
        self.protocol = protocol
        self.receive = receive

    cdef object transport(self):
        return self.facade()

    # --- the wire --------------------------------------------------------------------------

    cpdef unsent(self):
        """Bytes of records that the wire has not sent yet."""
        raise NotImplementedError

    cpdef put(self, bytes wire):
        """Sends bytes, or as many as go, and keeps the rest; called while it is not blocked."""
        raise NotImplementedError

    cpdef listen(self):
        """Receives, from now on: calls :meth:`take` and :meth:`take_end`."""
        raise NotImplementedError

    cpdef stop_listening(self):
        """Receives nothing, until :meth:`listen`."""
        raise NotImplementedError

    cpdef end_sending(self):
        """Nothing will be sent any more: tells the peer, if the wire can."""
        raise NotImplementedError

    cpdef drop(self):
        """Closes the wire now; what was not sent is lost."""
        raise NotImplementedError

    # --- the handshake ---------------------------------------------------------------------

    def begin(self, double timeout, settled):
        """Does the handshake.

        Args:
            timeout: seconds that it may take.
            settled: is called when it is over, with the error or None.
        """
        with cython.critical_section(self):
            self.begin_with_handshake(timeout, settled)

    def begin_established(self):
        """Starts with a connection whose handshake is done."""
        with cython.critical_section(self):
            self.begin_at_once()

    cdef int begin_with_handshake(self, double timeout, settled) except -1:
        self.settled = settled
        self.deadline = self.loop.call_later(timeout, self.transport()._give_up, timeout)
        self.listen()
        self.take(b"")  # the first flight of a client
        return 0

    cdef int begin_at_once(self) except -1:
        self.establish()
        if self.is_reading_paused:
            self.answer()
        elif not self.is_closing:
            self.listen()
            self.take(b"")  # what came with the last flight
        return 0

    cdef int establish(self) except -1:
        self.is_established = True
        self.stop_clock()
        try:
            self.tell_made()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.fail(error, "protocol.connection_made() call failed.")
        return self.settle(None)

    cpdef tell_made(self):
        """Lets the protocol know that the handshake is complete."""
        self.protocol.connection_made(self.transport())

    cdef int settle(self, object error) except -1:
        settled, self.settled = self.settled, None
        if settled is not None:
            settled(error)
        return 0

    def give_up(self, double timeout):
        """The handshake has taken too long.

        Args:
            timeout: seconds that it had.
        """
        with cython.critical_section(self):
            self.deadline = None
            self.lose(HandshakeError(f"the handshake was not complete within {timeout:g} seconds"))

    cdef int stop_clock(self) except -1:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        return 0

    # --- receiving -------------------------------------------------------------------------

    cpdef take(self, bytes wire):
        """Goes on with bytes of the peer, perhaps none."""
        self.receive_from(<const uint8_t *> PyBytes_AS_STRING(wire), len(wire), wire)

    def hear(self, bytes wire not None):
        """A wire that is a transport has brought bytes.

        Args:
            wire: the bytes.
        """
        with cython.critical_section(self):
            self.take(wire)

    def hear_end(self):
        """It has ended, on the peer's side."""
        with cython.critical_section(self):
            self.take_end()

    def hear_of_room(self, bint is_full):
        """It takes no more for now, or takes more again.

        Args:
            is_full: whether it takes no more.
        """
        with cython.critical_section(self):
            self.is_blocked = is_full
            if is_full:
                self.tell_of_pressure()
            else:
                self.flush()

    def hear_of_loss(self, error):
        """It is gone.

        Args:
            error: that was the reason, or None.
        """
        with cython.critical_section(self):
            self.lose(error)

    cpdef take_end(self):
        """The wire has ended."""
        self.connection.feed_eof()
        self.take(b"")

    cdef int receive_from(self, const uint8_t *wire, Py_ssize_t size, bytes owner) except -1:
        """As take(); without an owner, who keeps them unchanged, bytes are copied."""
        cdef Connection connection = self.connection
        cdef bytes data
        self.is_corked = True
        try:
            data = self.first_data(wire, size, owner)
            while data is not None and len(data) > 0:
                if not self.is_closing:  # else nobody wants it any more
                    if not self.deliver(data):
                        return 0
                    if self.is_reading_paused or self.is_lost:
                        break
                data = self.next_data()
            if data is not None and len(data) == 0:
                self.receive_goodbye()
        except TLSError as error:
            self.refuse(error)
        finally:
            self.is_corked = False
        self.answer()
        if self.is_blocked and connection.output_pending > MOST_ANSWERS:
            self.lose(ProtocolError("the peer asks for new keys, and does not take our answers"))
        return 0

    cdef bytes first_data(self, const uint8_t *wire, Py_ssize_t size, bytes owner):
        """Goes on with bytes of the peer; data, if the protocol may have some now; b"" at the end."""
        if self.is_established and not self.is_reading_paused and self.ahead is None:
            return self.connection.decrypt_from(wire, size, owner)
        if size > 0:
            self.connection.feed_from(wire, size, owner)
        if not self.is_established:
            if not self.connection.handshake_some():
                return None
            self.establish()
        return None if self.is_reading_paused or self.is_lost else self.next_data()

    cdef bytes next_data(self):
        """What a protocol has not taken yet, or else the connection's."""
        data, self.ahead = self.ahead, None
        return self.connection.decrypt_from(NULL, 0, None) if data is None else data

    cdef int answer(self) except -1:
        """Sends what was written meanwhile, and what TLS itself has to say."""
        if self.outgoing.size > 0 or self.is_over():
            self.flush()
        elif not self.is_blocked:
            self.say(self.connection.carry_off_any())  # of the handshake, or of a change of keys
        return 0

    cdef int say(self, bytes records) except -1:
        """Sends records; behind our end of the wire there is nobody to read them."""
        if records is not None and len(records) > 0 and not self.is_wire_over:
            self.put(records)
        return 0

    cdef int deliver(self, bytes data) except -1:
        """Gives data to the protocol; False: that has failed, and is the end."""
        try:
            if self.receive is None:
                self.protocol.data_received(data)
            else:
                self.fill(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.fail(error, "the protocol failed to take data.")
            return False
        return True

    cdef int fill(self, bytes data) except -1:
        """Gives data to a protocol with buffers of its own, until it wants no more of it."""
        receive = self.receive
        rest = memoryview(data)
        while len(rest) > 0:
            rest = rest[receive(rest):]
            if self.is_reading_paused or self.is_closing or self.receive is not receive:
                break
        if len(rest) > 0 and not self.is_closing:
            self.ahead = bytes(rest)
        return 0

    cdef int receive_goodbye(self) except -1:
        """The peer has sent its close_notify."""
        if self.is_peer_over:
            return 0
        self.is_peer_over = True
        self.stop_listening()
        if self.is_closing:
            return 0
        keeps_open = None
        try:
            keeps_open = self.protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.fail(error, "protocol.eof_received() call failed.")
            return 0
        if not keeps_open:
            self.leave()
        return 0

    # --- sending ---------------------------------------------------------------------------

    def write(self, data):
        """Sends data; what cannot leave now waits."""
        with cython.critical_section(self):
            self.send_data(data)

    cdef int send_data(self, data) except -1:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
        if self.is_writing_over:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self.is_closing or not data:
            return 0
        if not (self.is_corked or self.outgoing.size > 0 or self.is_blocked
                or len(data) > AT_ONCE):
            try:
                self.put(self.connection.encrypt(data))
            except TLSError as error:
                self.refuse(error)
            return 0
        self.outgoing.append(data if type(data) is bytes else bytes(data))  # others may change
        if not self.is_corked or self.outgoing.size > self.high:
            self.flush()
        return 0

    cpdef flush(self):
        """Sends what waits, as far as the wire takes it; then does what had to wait for that."""
        cdef bytes records
        try:
            while self.outgoing.size > 0 and not self.is_blocked and not self.is_lost:
                records = self.connection.encrypt(self.outgoing.take())
                if self.is_over() and self.outgoing.size == 0:
                    records += self.goodbye()
                self.put(records)
            if self.is_over() and self.outgoing.size == 0 and not self.is_blocked:
                self.finish()
        except TLSError as error:
            self.refuse(error)
        except BaseException as error:
            self.lose(error)  # what was taken has not left, and nothing must follow it
            raise
        if self.is_closing and self.deadline is None and not self.is_lost:
            self.see_closing(-1)
        if self.is_blocked or self.is_writing_paused:
            self.tell_of_pressure()

    cdef bint is_over(self) noexcept:
        """Whether the protocol will write nothing more."""
        return self.is_writing_over or self.is_closing

    cdef bytes goodbye(self):
        """Our close_notify, once; and what was to be said before it."""
        if not self.is_goodbye_said and not self.is_lost:
            self.is_goodbye_said = True
            self.connection.shutdown()
        return self.connection.drain()

    cdef int finish(self) except -1:
        """All data has left: says goodbye; a transport that closes waits for the peer's."""
        if self.is_lost:
            return 0
        self.say(self.goodbye())
        if self.is_blocked or self.is_lost:
            return 0
        if self.is_closing and self.is_peer_over:
            self.lose(None)
        elif not self.is_wire_over:
            self.is_wire_over = True
            self.end_sending()
        return 0

    cpdef tell_of_pressure(self):
        """Lets the protocol pause or go on, if a limit was crossed."""
        cdef Py_ssize_t size
        if self.is_lost:
            return
        size = self.waiting()
        if not self.is_writing_paused and size > self.high:
            self.is_writing_paused = True
            self.tell("pause_writing")
        elif self.is_writing_paused and size <= self.low:
            self.is_writing_paused = False
            self.tell("resume_writing")

    cdef int tell(self, str callback) except -1:
        try:
            getattr(self.protocol, callback)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.report(error, f"protocol.{callback}() failed")
        return 0

    def waiting(self):
        """Bytes that wait to be sent."""
        return self.outgoing.size + self.unsent()

    def set_limits(self, Py_ssize_t high, Py_ssize_t low):
        """Sets how much may wait.

        Args:
            high: bytes above which the protocol is told to pause.
            low: bytes down to which it then waits.
        """
        with cython.critical_section(self):
            self.high = high
            self.low = low
            self.tell_of_pressure()

    # --- the end ---------------------------------------------------------------------------

    def close(self):
        """Sends what waits and a close_notify, and waits for the peer's, up to the deadline."""
        with cython.critical_section(self):
            self.leave()

    def abort(self):
        """Closes at once; what waits is lost."""
        with cython.critical_section(self):
            self.lose(None)

    cdef int leave(self) except -1:
        if self.is_closing:
            return 0
        self.is_closing = True
        if not self.is_established:
            self.lose(None)
            return 0
        if not self.is_peer_over:
            self.is_reading_paused = False
            self.listen()
        if not self.is_corked:
            self.flush()
        return 0

    def watch_closing(self, Py_ssize_t before):
        """Sees whether a closing transport gets on; who has everything must answer by then.

        Args:
            before: bytes that waited when this was called last; below zero: it was not.
        """
        with cython.critical_section(self):
            self.see_closing(before)

    cdef int see_closing(self, Py_ssize_t before) except -1:
        cdef Py_ssize_t size = self.left_here()
        if size == before:
            self.deadline = None
            self.is_overdue = True
            self.lose(None if size == 0 else TimeoutError("the peer does not take the data"))
            return 0
        self.deadline = self.loop.call_later(
            self.shutdown_timeout, self.transport()._watch_closing, size
        )
        return 0

    cpdef left_here(self):
        """Bytes that the system has not got yet."""
        return self.waiting()

    cpdef refuse(self, error):
        """The connection has failed: sends the alert, if there is one, and closes."""
        if self.is_lost:
            return
        if not self.is_blocked:
            self.say(self.connection.carry_off_any())
        # A transport that closes has said everything, and how the peer ends is its own matter.
        self.lose(None if self.is_closing else error)

    cdef int fail(self, object error, str what) except -1:
        """The protocol has failed."""
        self.report(error, f"Fatal error: {what}")
        self.lose(error)
        return 0

    cdef int report(self, object error, str message) except -1:
        self.loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self.transport(),
                "protocol": self.protocol,
            }
        )
        return 0

    cpdef lose(self, error):
        """The end of everything, whatever the reason."""
        if self.is_lost:
            return
        self.is_lost = self.is_closing = True
        self.stop_clock()
        self.outgoing.clear()
        self.ahead = None
        try:
            self.drop()
        finally:
            self.tell_all(error)

    cdef int tell_all(self, error) except -1:
        """Lets everybody know of the end."""
        transport = self.transport()
        if self.on_lost is not None:
            self.on_lost(transport)
        if self.is_established:
            self.loop.call_soon(transport._tell_loss, error)
        if error is None and not self.is_established:
            error = ConnectionAbortedError("the transport was closed")
        return self.settle(error)

    def tell_loss(self, error):
        """Lets the protocol know of the end.

        Args:
            error: that was the reason, or None.
        """
        protocol = self.protocol
        self.set_protocol(_NOBODY, None)  # nobody refers to each other, so memory goes at once
        protocol.connection_lost(error)

    def write_eof(self):
        """Sends what waits and a close_notify; receiving goes on."""
        with cython.critical_section(self):
            if not self.is_over():
                self.is_writing_over = True
                if not self.is_corked:
                    self.flush()

    # --- turns of the protocol -------------------------------------------------------------

    def is_reading(self):
        """Whether the protocol gets data."""
        return self.gives_data()

    cdef bint gives_data(self) noexcept:
        return not (self.is_reading_paused or self.is_closing or self.is_peer_over)

    def pause_reading(self):
        """Gives the protocol nothing, until :meth:`resume_reading`."""
        with cython.critical_section(self):
            if self.gives_data():
                self.is_reading_paused = True
                self.stop_listening()

    def resume_reading(self):
        """Goes on giving data to the protocol."""
        with cython.critical_section(self):
            self.go_on_reading()

    cdef int go_on_reading(self) except -1:
        if self.is_reading_paused and not self.is_closing:
            self.is_reading_paused = False
            self.listen()
            self.loop.call_soon(self.transport()._take_rest)
        return 0

    def take_rest(self):
        """Gives what was kept back; an end behind the data may wait."""
        with cython.critical_section(self):
            if not (self.is_reading_paused or self.is_lost):
                self.take(b"")
