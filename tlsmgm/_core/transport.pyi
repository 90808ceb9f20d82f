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

import asyncio
from collections.abc import Callable
from typing import Any

from tlsmgm._core.connection import Connection

class TransportCore:
    """TLS between a protocol and a wire, which is of whoever inherits this.

    Args:
        transport: that the protocol and the program have.
        loop: of both.
        connection: with or without its handshake done.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called with the transport when it is over; or None.
    """

    is_blocked: bool
    """Whether the wire takes nothing now; :meth:`flush` is called when it does again."""

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        shutdown_timeout: float,
        on_lost: Callable[[Any], None] | None,
    ) -> None: ...
    @property
    def connection(self) -> Connection:
        """The TLS connection."""
    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Of the protocol and the wire."""
    @property
    def protocol(self) -> asyncio.BaseProtocol:
        """The protocol above."""
    @property
    def shutdown_timeout(self) -> float:
        """Seconds in which a closing transport must get on."""
    @property
    def high(self) -> int:
        """Bytes that may wait before the protocol is told to pause."""
    @property
    def low(self) -> int:
        """Bytes down to which it then waits."""
    @property
    def is_established(self) -> bool:
        """Whether the handshake is done."""
    @property
    def is_closing(self) -> bool:
        """Whether it was closed, or is lost."""
    @property
    def is_lost(self) -> bool:
        """Whether it is over."""
    @property
    def is_goodbye_said(self) -> bool:
        """Whether our close_notify was sent."""
    @property
    def is_peer_over(self) -> bool:
        """Whether the peer's close_notify was received."""
    @property
    def is_overdue(self) -> bool:
        """Whether a closing transport did not get on in time."""
    @property
    def is_writing_paused(self) -> bool:
        """Whether the protocol was told to pause."""
    def set_protocol(
        self, protocol: asyncio.BaseProtocol, receive: Callable[[memoryview], int] | None
    ) -> None:
        """Lets a protocol have what comes from now on.

        Args:
            protocol: that hears of everything.
            receive: for one with buffers of its own: takes the first bytes of a memoryview, and
                returns how many; None: ``data_received()`` takes all.
        """
    def unsent(self) -> int:
        """Bytes of records that the wire has not sent yet."""
    def put(self, wire: bytes) -> None:
        """Sends bytes, or as many as go, and keeps the rest; called while it is not blocked."""
    def listen(self) -> None:
        """Receives, from now on: calls :meth:`take` and :meth:`take_end`."""
    def stop_listening(self) -> None:
        """Receives nothing, until :meth:`listen`."""
    def end_sending(self) -> None:
        """Nothing will be sent any more: tells the peer, if the wire can."""
    def drop(self) -> None:
        """Closes the wire now; what was not sent is lost."""
    def begin(self, timeout: float, settled: Callable[[BaseException | None], None]) -> None:
        """Does the handshake.

        Args:
            timeout: seconds that it may take.
            settled: is called when it is over, with the error or None.
        """
    def begin_established(self) -> None:
        """Starts with a connection whose handshake is done."""
    def tell_made(self) -> None:
        """Lets the protocol know that the handshake is complete."""
    def give_up(self, timeout: float) -> None:
        """The handshake has taken too long.

        Args:
            timeout: seconds that it had.
        """
    def take(self, wire: bytes) -> None:
        """Goes on with bytes of the peer, perhaps none."""
    def hear(self, wire: bytes) -> None:
        """A wire that is a transport has brought bytes.

        Args:
            wire: the bytes.
        """
    def hear_end(self) -> None:
        """It has ended, on the peer's side."""
    def hear_of_room(self, is_full: bool) -> None:
        """It takes no more for now, or takes more again.

        Args:
            is_full: whether it takes no more.
        """
    def hear_of_loss(self, error: BaseException | None) -> None:
        """It is gone.

        Args:
            error: that was the reason, or None.
        """
    def take_end(self) -> None:
        """The wire has ended."""
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends data; what cannot leave now waits."""
    def flush(self) -> None:
        """Sends what waits, as far as the wire takes it; then does what had to wait for that."""
    def tell_of_pressure(self) -> None:
        """Lets the protocol pause or go on, if a limit was crossed."""
    def waiting(self) -> int:
        """Bytes that wait to be sent."""
    def set_limits(self, high: int, low: int) -> None:
        """Sets how much may wait.

        Args:
            high: bytes above which the protocol is told to pause.
            low: bytes down to which it then waits.
        """
    def close(self) -> None:
        """Sends what waits and a close_notify, and waits for the peer's, up to the deadline."""
    def abort(self) -> None:
        """Closes at once; what waits is lost."""
    def watch_closing(self, before: int) -> None:
        """Sees whether a closing transport gets on; who has everything must answer by then.

        Args:
            before: bytes that waited when this was called last; below zero: it was not.
        """
    def left_here(self) -> int:
        """Bytes that the system has not got yet."""
    def refuse(self, error: BaseException) -> None:
        """The connection has failed: sends the alert, if there is one, and closes."""
    def lose(self, error: BaseException | None) -> None:
        """The end of everything, whatever the reason."""
    def tell_loss(self, error: BaseException | None) -> None:
        """Lets the protocol know of the end.

        Args:
            error: that was the reason, or None.
        """
    def write_eof(self) -> None:
        """Sends what waits and a close_notify; receiving goes on."""
    def is_reading(self) -> bool:
        """Whether the protocol gets data."""
    def pause_reading(self) -> None:
        """Gives the protocol nothing, until :meth:`resume_reading`."""
    def resume_reading(self) -> None:
        """Goes on giving data to the protocol."""
    def take_rest(self) -> None:
        """Gives what was kept back; an end behind the data may wait."""
