"""One side of a relayed connection: plain TCP, or TLS around a sans-I/O connection.

Both kinds have the same face: application data that arrives goes to ``sink.send()``, the end of
it to ``observer.input_ended()``.  How much may pile up is bounded in each direction::

    wire -> [READ_SIZE] -> [TLS input] -> send() -> [TLS output] -> [write buffer] -> wire
                                                                     above high_water:
      <-------------- the other endpoint stops reading ------------- pause_writing()

A side that has stopped reading keeps what one read brought in, at most READ_SIZE bytes and a
record.  The wire buffers are shared by all connections of a loop: the loop fills one and hands it
over in the same step, and everything that must last longer is copied.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Protocol, cast

from tlsmgm._native.connection import Connection
from tlsmgm._service.buffers import HIGH_WATER, READ_SIZE, Buffers, Hold
from tlsmgm._service.options import UncleanEnd
from tlsmgm._service.records import RecordCounter
from tlsmgm._service.transports import arm, disarm, reset, socket_address
from tlsmgm.errors import InternalError, TLSError, TruncatedError

__all__ = [
    "HIGH_WATER",
    "LINGER_BYTES",
    "LINGER_TIME",
    "READ_SIZE",
    "Buffers",
    "Endpoint",
    "Hold",
    "Observer",
    "TLSEndpoint",
]

#: Seconds that a closed connection is given to take our last words, such as an alert.
LINGER_TIME: Final = 2.0

#: Bytes thrown away during that time before the connection is cut.
LINGER_BYTES: Final = 1024 * 1024


class Observer(Protocol):
    """Who is told what happens to an endpoint."""

    def established(self, endpoint: Endpoint) -> None:
        """Application data may flow; the endpoint is held until it is released."""

    def failed(self, endpoint: Endpoint, error: TLSError) -> None:
        """TLS has come to an end by an error; an alert may have been sent."""

    def input_ended(self, endpoint: Endpoint) -> None:
        """The peer has said that it sends nothing more."""

    def writing_paused(self, endpoint: Endpoint) -> None:
        """As much as may waits to be written to the peer."""

    def lost(self, endpoint: Endpoint, error: BaseException | None) -> None:
        """The transport is gone; nothing comes after this."""


class Endpoint(asyncio.BufferedProtocol):
    """A plain TCP connection.

    Args:
        observer: is told what happens.
        buffers: of the loop.
        unclean_end: what the peer sees of an end that is not a clean one.

    Attributes:
        sink: where received data goes; set before the endpoint is released.
        preface: goes before everything else, TLS included; set before there is a transport.
        bytes_received: application bytes from the peer.
        has_received: whether any byte has come from the peer, of whatever kind.
        write_paused: as much as may waits to be written.
        input_ended: the peer has ended its direction.
        output_ended: we have ended ours.
    """

    def __init__(
        self,
        observer: Observer,
        buffers: Buffers,
        unclean_end: UncleanEnd = UncleanEnd.RESET,
    ) -> None:
        self._observer = observer
        self._buffers = buffers
        self._unclean_end = unclean_end
        self._is_armed = False
        self._transport: asyncio.Transport | None = None
        self._holds = Hold(0)
        self._transport_ended = False
        self._discarded: int | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._written = 0
        self.sink: Endpoint | None = None
        self.preface = b""
        self.bytes_received = 0
        self.has_received = False
        self.write_paused = False
        self.input_ended = False
        self.output_ended = False

    @property
    def connection(self) -> Connection | None:
        """The TLS connection, if this is one."""
        return None

    @property
    def is_tls(self) -> bool:
        """Whether the peer speaks TLS."""
        return False

    @property
    def is_between_records(self) -> bool:
        """Whether no TLS record of the peer has begun that is not there to its end."""
        return True

    @property
    def transport(self) -> asyncio.Transport:
        """The transport below.

        Raises:
            InternalError: there is none yet.
        """
        if self._transport is None:
            raise InternalError("endpoint without transport")
        return self._transport

    @property
    def is_open(self) -> bool:
        """Whether there is a transport that still takes data."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def pending(self) -> int:
        """Bytes that wait to be written."""
        return self._transport.get_write_buffer_size() if self._transport else 0

    @property
    def bytes_taken(self) -> int:
        """Wire bytes that the system has taken for the peer."""
        return self._written - self.pending

    def peer_address(self) -> tuple[str, int]:
        """Return host and port of the other end."""
        return socket_address(self.transport.get_extra_info("peername"))

    def local_address(self) -> tuple[str, int]:
        """Return host and port of our end."""
        return socket_address(self.transport.get_extra_info("sockname"))

    # What the relay asks for.

    def send(self, data: bytes | memoryview) -> None:
        """Send application data; it is taken as a whole, and copied if need be."""
        if data and self.is_open and not self.output_ended:
            # Transports keep what they are given, and the buffer is shared.
            self._put(bytes(data))

    def send_end(self) -> None:
        """Tell the peer that nothing more comes; its own direction stays open."""
        if self.output_ended or not self.is_open:
            return
        self.output_ended = True
        self._end_transport()

    def hold(self, why: Hold) -> None:
        """Stop reading until everybody who stopped it releases it."""
        if self._discarded is not None:
            return
        self._holds |= why
        if self._transport is not None:
            self._transport.pause_reading()

    def release(self, why: Hold) -> None:
        """Take back a hold; read on if there is no other."""
        if not self._holds & why:
            return
        self._holds &= ~why
        if not self._holds:
            self._resume()
        self._read_on()

    def close(self) -> None:
        """Close after everything is written, however long the peer takes."""
        if self.is_open:
            self.transport.close()

    def close_cleanly(self) -> None:
        """Say goodbye, and throw away what still comes until the peer hangs up, too.

        Closing with unread data in the socket would make the system send a reset, on which
        the peer may lose our last words, such as an alert.  All this is cut after LINGER_TIME.
        """
        if self._discarded is not None or not self.is_open:
            return
        self.send_end()
        self._discarded = 0
        self._end_transport()
        self._linger = asyncio.get_running_loop().call_later(LINGER_TIME, self._linger_late)
        if self._transport_ended:
            self.transport.close()
        else:
            self._holds = Hold(0)
            self.transport.resume_reading()

    def end_uncleanly(self) -> None:
        """End what is not over; the peer learns that unless it was chosen not to."""
        if self._unclean_end is UncleanEnd.RESET:
            self.reset()
        else:
            self.close_cleanly()

    def reset(self) -> None:
        """Cut the connection so that the peer cannot take it for a clean end."""
        self._is_armed = False
        if self._transport is not None:
            reset(self._transport)

    def forget(self) -> None:
        """Let go of relay, sink and TLS, once the transport is lost: nothing more comes.

        They refer to each other, and must not wait for the garbage collector.
        """
        self.sink = None
        del self._observer

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(
            high=self._buffers.high_water, low=self._buffers.high_water // 4
        )
        if self.preface:
            self._put(self.preface)
        self._begin()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where received bytes go."""
        return self._buffers.wire

    def buffer_updated(self, nbytes: int) -> None:
        """Take received bytes."""
        self.has_received = True
        if self._discarded is None:
            self._receive(self._buffers.wire[:nbytes])
            return
        self._discarded += nbytes
        if self._discarded > LINGER_BYTES:
            self.reset()

    def eof_received(self) -> bool:
        """Take the end of the peer's bytes; False closes the transport."""
        if self._discarded is not None:
            return False
        if not self._transport_ended:
            self._transport_ended = True
            self._receive_end()
        return self._discarded is None

    def pause_writing(self) -> None:
        """Stop what makes us write."""
        self.write_paused = True
        if self.sink is not None:
            self.sink.hold(Hold.SINK)
        self._observer.writing_paused(self)

    def resume_writing(self) -> None:
        """Let it go on."""
        self.write_paused = False
        self.release(Hold.SELF)
        if self.sink is not None:
            self.sink.release(Hold.SINK)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the transport."""
        if self._linger is not None:
            self._linger.cancel()
        if self._is_armed and exc is None and self.output_ended:
            disarm(self.transport)  # it is closed after this call
        self._observer.lost(self, exc)

    # What differs between plain and TLS.

    def _begin(self) -> None:
        if self._unclean_end is UncleanEnd.RESET:
            # If the process is killed, the system must not end this with a clean FIN.
            arm(self.transport)
            self._is_armed = True
        self.hold(Hold.START)
        self._observer.established(self)

    def _receive(self, data: memoryview) -> None:
        self.bytes_received += len(data)
        if self.sink is not None:
            self.sink.send(data)

    def _receive_end(self) -> None:
        self.input_ended = True
        self._observer.input_ended(self)

    def _resume(self) -> None:
        """Go on with bytes that have been received already."""

    def _put(self, data: bytes) -> None:
        self._written += len(data)
        self.transport.write(data)

    def _read_on(self) -> None:
        if not self._holds and not self._transport_ended and self.is_open:
            self.transport.resume_reading()

    def _linger_late(self) -> None:
        if self._unclean_end is UncleanEnd.RESET or self.pending:
            self.reset()
        else:
            self.transport.close()  # it has everything, and the end of it

    def _end_transport(self) -> None:
        # The peer may have reset the connection in this moment.
        with contextlib.suppress(OSError):
            self.transport.write_eof()


class TLSEndpoint(Endpoint):
    """A TLS connection.

    Args:
        observer: is told what happens.
        buffers: of the loop.
        connect: makes the connection once the addresses are known; may raise TLSError.
    """

    def __init__(
        self,
        observer: Observer,
        buffers: Buffers,
        connect: Callable[[TLSEndpoint], Connection],
    ) -> None:
        super().__init__(observer, buffers)
        self._connect = connect
        self._connection: Connection | None = None
        self._is_established = False
        self._has_failed = False
        self._records = RecordCounter()

    @property
    def connection(self) -> Connection | None:
        """The TLS connection, once there is one."""
        return self._connection

    @property
    def is_tls(self) -> bool:
        """Whether the peer speaks TLS."""
        return True

    @property
    def is_between_records(self) -> bool:
        """Whether the peer has sent whole records only."""
        return self._records.is_between

    def send(self, data: bytes | memoryview) -> None:
        """Send application data; it is taken as a whole."""
        connection = self._connection
        if connection is None or self.output_ended or not self.is_open:
            return
        rest = memoryview(data)
        try:
            while rest:
                taken = connection.write(rest)
                rest = rest[taken:]
                if not self._flush() and not taken:
                    raise InternalError("the connection takes no data")
        except TLSError as error:
            self._fail(error)

    def send_end(self) -> None:
        """Send close_notify and FIN, without which some peers wait; they may go on sending."""
        if self.output_ended or not self.is_open:
            return
        if self._is_established and self._connection is not None and not self._has_failed:
            with contextlib.suppress(TLSError):
                self._connection.shutdown()
        self._flush()
        self.output_ended = True
        self._end_transport()

    def end_uncleanly(self) -> None:
        """End without close_notify; an alert is no clean end either, and arrives."""
        if self._has_failed:
            self.close_cleanly()
        else:
            self.reset()

    def forget(self) -> None:
        """Let go of the connection, too."""
        super().forget()
        self._connection = None
        del self._connect

    def _begin(self) -> None:
        try:
            self._connection = self._connect(self)
        except TLSError as error:
            self._fail(error)
        else:
            self._advance()

    def _receive(self, data: memoryview) -> None:
        # RFC 8446 section 6.1: what comes behind close_notify is ignored.
        if self._connection is None or self.input_ended or self._has_failed:
            return
        self._records.take(data)
        try:
            self._connection.feed(data)
        except TLSError as error:
            self._fail(error)
        else:
            self._advance()

    def _receive_end(self) -> None:
        if self._connection is None or self.input_ended or self._has_failed:
            return
        self._connection.feed_eof()
        self._advance()
        if not self.input_ended:
            self._fail(TruncatedError("the peer has closed without close_notify"))

    def _resume(self) -> None:
        if self._is_established and not self.input_ended and not self._has_failed:
            self._advance()

    def _advance(self) -> None:
        """Do all that is possible with the bytes that are there."""
        try:
            if self._is_established or self._shake_hands():
                self._pump()
        except TLSError as error:
            self._fail(error)

    def _shake_hands(self) -> bool:
        connection = cast("Connection", self._connection)
        done = connection.handshake()
        self._flush()
        if done:
            self._is_established = True
            self.hold(Hold.START)
            self._observer.established(self)
        return done

    def _pump(self) -> None:
        """Hand application data on until there is none, or a hold stops it."""
        connection = cast("Connection", self._connection)
        plain = self._buffers.plain
        while not self._holds:
            size = connection.read_into(plain)
            if size is None:
                break
            if size == 0:
                self._flush()
                self.input_ended = True
                self._observer.input_ended(self)
                return
            self.bytes_received += size
            if self.sink is not None:
                self.sink.send(plain[:size])
        if self._flush() and self.write_paused:
            self.hold(Hold.SELF)

    def _flush(self) -> bool:
        """Carry pending wire bytes to the transport; say if there were any."""
        if self._connection is None:
            return False
        data = self._connection.drain()
        # Behind our end nothing may come, such as the answer to a KeyUpdate.
        if data and self.is_open and self._discarded is None and not self.output_ended:
            self._put(data)
        return bool(data)

    def _fail(self, error: TLSError) -> None:
        if self._has_failed:
            return
        self._has_failed = True
        self._flush()
        self._observer.failed(self, error)
