"""The half of a transport that speaks TLS and with the protocol; bytes are carried by others.

A transport is in the handshake, then established, then closing, then lost.  What the protocol
writes while it receives is gathered and leaves in one piece when it returns; what it writes at
other times leaves at once.  Both wait in order while the wire is blocked.

* *The peer's end* is its close_notify.  ``eof_received()`` then decides: true keeps our direction
  open, also in TLS 1.2.  A wire that ends without it is no end, but a
  :class:`~tlsmgm.TruncatedError` for ``connection_lost()``.
* *Our end* is ``write_eof()``, which sends a close_notify behind all data, or ``close()``, which
  then waits for the peer's end as well, for a while, and drops what still comes.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Final

from tlsmgm._aio.info import tls_info
from tlsmgm._aio.outgoing import AT_ONCE, Outgoing, limits_of
from tlsmgm._aio.receivers import receiver_of
from tlsmgm._native.connection import Connection
from tlsmgm.errors import HandshakeError, ProtocolError, TLSError

__all__ = ["Settled", "TLSTransport"]

#: Called once when the handshake has ended, with the error if it has failed.
Settled = Callable[[BaseException | None], None]

#: Bytes of answers of TLS itself that may wait while the wire is blocked: those to KeyUpdates.
_MOST_ANSWERS: Final = 64 * 1024

#: Stands above a transport that is lost.
_NOBODY: Final = asyncio.Protocol()


class TLSTransport(asyncio.Transport):
    """TLS between a protocol and a wire.

    Args:
        loop: of both.
        protocol: gets ``connection_made()`` when the handshake is complete.
        connection: with or without its handshake done.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called when it is over.
    """

    __slots__ = (
        "__weakref__",
        "_connection",
        "_deadline",
        "_is_blocked",
        "_is_closing",
        "_is_corked",
        "_is_established",
        "_is_goodbye_said",
        "_is_lost",
        "_is_peer_over",
        "_is_reading_paused",
        "_is_writing_over",
        "_is_writing_paused",
        "_limits",
        "_loop",
        "_on_lost",
        "_outgoing",
        "_protocol",
        "_receive",
        "_settled",
        "_shutdown_timeout",
    )

    _protocol: asyncio.BaseProtocol
    _receive: Callable[[bytes], None]

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        connection: Connection,
        shutdown_timeout: float,
        on_lost: Callable[[TLSTransport], None] | None = None,
    ) -> None:
        self._loop = loop
        self._connection = connection
        self._shutdown_timeout = shutdown_timeout
        self._on_lost = on_lost
        self._outgoing = Outgoing()
        self._limits = limits_of(None, None)
        self._deadline: asyncio.TimerHandle | None = None
        self._settled: Settled | None = None
        self._is_blocked = False  # the wire takes nothing now; it calls _flush() when it does again
        self._is_established = False
        self._is_corked = False
        self._is_reading_paused = False
        self._is_writing_paused = False
        self._is_writing_over = False  # write_eof() was called
        self._is_goodbye_said = False  # close_notify was sent
        self._is_peer_over = False  # close_notify was received
        self._is_closing = False
        self._is_lost = False
        self.set_protocol(protocol)

    # --- the wire, of whoever inherits this ------------------------------------------------

    @property
    @abstractmethod
    def _unsent(self) -> int:
        """Bytes of records that the wire has not sent yet."""

    @abstractmethod
    def _put(self, wire: bytes) -> None:
        """Send bytes, or as many as go, and keep the rest; only called while it is not blocked."""

    @abstractmethod
    def _listen(self) -> None:
        """Receive, from now on: call :meth:`_take` and :meth:`_take_end`."""

    @abstractmethod
    def _stop_listening(self) -> None:
        """Receive nothing, until :meth:`_listen`."""

    @abstractmethod
    def _end_sending(self) -> None:
        """Nothing will be sent any more: tell the peer, if the wire can."""

    @abstractmethod
    def _drop(self) -> None:
        """Close the wire now; what was not sent is lost."""

    @abstractmethod
    def _wire_info(self, name: str) -> Any:
        """What the wire knows under a name of ``get_extra_info()``; None: nothing."""

    # --- the handshake ---------------------------------------------------------------------

    def begin(self, timeout: float, settled: Settled) -> None:
        """Do the handshake.

        Args:
            timeout: seconds that it may take.
            settled: is called when it is over.
        """
        self._settled = settled
        self._deadline = self._loop.call_later(timeout, self._give_up, timeout)
        self._listen()
        self._take(b"")  # the first flight of a client

    def begin_established(self) -> None:
        """Start with a connection whose handshake is done."""
        self._establish()
        if not self._is_closing:
            self._listen()
            self._take(b"")  # what came with the last flight

    def _establish(self) -> None:
        self._is_established = True
        self._stop_clock()
        try:
            self._tell_made()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "protocol.connection_made() call failed.")
        self._settle(None)

    def _tell_made(self) -> None:
        self._protocol.connection_made(self)

    def _settle(self, error: BaseException | None) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled(error)

    def _give_up(self, timeout: float) -> None:
        self._deadline = None
        self._lose(HandshakeError(f"the handshake was not complete within {timeout:g} seconds"))

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # --- receiving -------------------------------------------------------------------------

    def _take(self, wire: bytes) -> None:
        """Go on with bytes of the peer, perhaps none."""
        connection = self._connection
        self._is_corked = True
        try:
            data = connection.decrypt(wire)
            if not self._is_established and connection.handshake_complete:
                self._establish()
            while data:
                if self._is_closing:  # nobody wants it any more
                    data = connection.decrypt(b"")
                    continue
                try:
                    self._receive(data)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self._fail(error, "the protocol failed to take data.")
                    return
                if self._is_reading_paused or self._is_lost:
                    break
                data = connection.decrypt(b"")
            if data == b"":
                self._take_goodbye()
        except TLSError as error:
            self._refuse(error)
        finally:
            self._is_corked = False
        if self._outgoing.size or self._is_closing:
            self._flush()
        elif not self._is_blocked and (records := connection.drain()):
            self._put(records)  # of the handshake, or of a change of keys
        if self._is_blocked and connection.output_pending > _MOST_ANSWERS:
            self._lose(ProtocolError("the peer asks for new keys, and does not take our answers"))

    def _take_end(self) -> None:
        """The wire has ended."""
        self._connection.feed_eof()
        self._take(b"")

    def _take_goodbye(self) -> None:
        """The peer has sent its close_notify."""
        if self._is_peer_over:
            return
        self._is_peer_over = True
        self._stop_listening()
        if self._is_closing:
            return
        protocol: Any = self._protocol
        keeps_open = None
        try:
            keeps_open = protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "protocol.eof_received() call failed.")
            return
        if not keeps_open:
            self.close()

    # --- sending ---------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data; what cannot leave now waits."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(
                f"data argument must be a bytes-like object, not {type(data).__name__!r}"
            )
        if self._is_writing_over:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._is_closing or not data:
            return
        if self._is_corked or self._outgoing.size or self._is_blocked or len(data) > AT_ONCE:
            self._outgoing.append(data)
            if self._is_corked and self._outgoing.size <= self._limits[0]:
                return
            self._flush()
            return
        try:
            self._put(self._connection.encrypt(data))
        except TLSError as error:
            self._refuse(error)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send several pieces, in as few records as they need."""
        self.write(b"".join(list_of_data))

    def _flush(self) -> None:
        """Send what waits, as far as the wire takes it; then do what had to wait for that."""
        try:
            while self._outgoing.size and not self._is_blocked and not self._is_lost:
                records = self._connection.encrypt(self._outgoing.take())
                if self._is_over and not self._outgoing.size:
                    records += self._goodbye()
                self._put(records)
            if self._is_over and not self._outgoing.size and not self._is_blocked:
                self._finish()
        except TLSError as error:
            self._refuse(error)
        if self._is_closing and self._deadline is None and not self._is_lost:
            self._watch_closing(-1)
        if self._is_blocked or self._is_writing_paused:
            self._tell_of_pressure()

    @property
    def _is_over(self) -> bool:
        """Whether the protocol will write nothing more."""
        return self._is_writing_over or self._is_closing

    def _goodbye(self) -> bytes:
        """Our close_notify, once; and what was to be said before it."""
        if not self._is_goodbye_said and not self._is_lost:
            self._is_goodbye_said = True
            self._connection.shutdown()
        return self._connection.drain()

    def _finish(self) -> None:
        """All data has left: say goodbye; a transport that closes waits for the peer's."""
        if self._is_lost:
            return
        if records := self._goodbye():
            self._put(records)
        if self._is_blocked or self._is_lost:
            return
        if self._is_closing and self._is_peer_over:
            self._lose(None)
        else:
            self._end_sending()

    def _tell_of_pressure(self) -> None:
        """Let the protocol pause or go on, if a limit was crossed."""
        if self._is_lost:
            return
        high, low = self._limits
        size = self._outgoing.size + self._unsent
        if not self._is_writing_paused and size > high:
            self._is_writing_paused = True
            self._tell(self._protocol.pause_writing)
        elif self._is_writing_paused and size <= low:
            self._is_writing_paused = False
            self._tell(self._protocol.resume_writing)

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, f"protocol.{callback.__name__}() failed")

    # --- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """Send what waits and a close_notify, and wait for the peer's, up to the deadline."""
        if self._is_closing:
            return
        self._is_closing = True
        if not self._is_established:
            self._lose(None)
            return
        if not self._is_peer_over:
            self._is_reading_paused = False
            self._listen()
        if not self._is_corked:
            self._flush()

    def _watch_closing(self, before: int) -> None:
        """See whether a closing transport gets on; who has everything must answer by then."""
        size = self._outgoing.size + self._unsent
        if size == before:
            self._deadline = None
            self._lose(None if size == 0 else TimeoutError("the peer does not take the data"))
            return
        self._deadline = self._loop.call_later(self._shutdown_timeout, self._watch_closing, size)

    def abort(self) -> None:
        """Close at once; what waits is lost, and the peer sees that it is no clean end."""
        self._lose(None)

    def _refuse(self, error: TLSError) -> None:
        """The connection has failed: send the alert, if there is one, and close."""
        if self._is_lost:
            return
        if not self._is_blocked and (alert := self._connection.drain()):
            self._put(alert)
        # A transport that closes has said everything, and how the peer ends is its own matter.
        self._lose(None if self._is_closing else error)

    def _fail(self, error: BaseException, what: str) -> None:
        """The protocol has failed."""
        self._report(error, f"Fatal error: {what}")
        self._lose(error)

    def _report(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )

    def _lose(self, error: BaseException | None) -> None:
        """The end of everything, whatever the reason."""
        if self._is_lost:
            return
        self._is_lost = self._is_closing = True
        self._stop_clock()
        self._outgoing.clear()
        self._drop()
        if self._on_lost is not None:
            self._on_lost(self)
        if self._is_established:
            self._loop.call_soon(self._tell_loss, error)
        self._settle(error or ConnectionAbortedError("the transport was closed"))

    def _tell_loss(self, error: BaseException | None) -> None:
        protocol: Any = self._protocol
        self.set_protocol(_NOBODY)  # nobody refers to each other then, so memory goes at once
        protocol.connection_lost(error)

    # --- what asyncio asks a transport -----------------------------------------------------

    def is_closing(self) -> bool:
        """Whether it was closed, or is lost."""
        return self._is_closing

    def can_write_eof(self) -> bool:
        """True: a close_notify ends one direction (RFC 8446 section 6.1)."""
        return True

    def write_eof(self) -> None:
        """Send what waits and a close_notify; receiving goes on."""
        if self._is_over:
            return
        self._is_writing_over = True
        if not self._is_corked:
            self._flush()

    def is_reading(self) -> bool:
        """Whether the protocol gets data."""
        return not (self._is_reading_paused or self._is_closing or self._is_peer_over)

    def pause_reading(self) -> None:
        """Give the protocol nothing, until :meth:`resume_reading`."""
        if self.is_reading():
            self._is_reading_paused = True
            self._stop_listening()

    def resume_reading(self) -> None:
        """Go on giving data to the protocol."""
        if self._is_reading_paused and not self._is_closing:
            self._is_reading_paused = False
            self._listen()
            self._loop.call_soon(self._take_rest)

    def _take_rest(self) -> None:
        if not (self._is_reading_paused or self._is_lost):
            self._take(b"")  # an end behind the data may wait

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how much may wait; see asyncio.WriteTransport."""
        self._limits = limits_of(high, low)
        self._tell_of_pressure()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high limit."""
        high, low = self._limits
        return low, high

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return self._outgoing.size + self._unsent

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol above."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol have what comes from now on."""
        self._protocol = protocol
        self._receive = receiver_of(protocol)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection; docs/python.md has all names."""
        found = self._wire_info(name)
        if found is None:
            found = tls_info(self._connection, name)
        return default if found is None else found

    def __repr__(self) -> str:
        """The connection, and what it does now."""
        state = "handshake"
        if self._is_established:
            state = "closed" if self._is_lost else "closing" if self._is_closing else "open"
        return f"<{type(self).__name__} {state} {self._connection!r}>"
