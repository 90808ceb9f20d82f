"""Transports as programs and protocols have them; what they do is done by a native core.

A class that is native cannot inherit from ``asyncio.Transport``, so there are two objects:
:mod:`tlsmgm._core.transport` is the machine, and this its face.
"""

from __future__ import annotations

import asyncio
from asyncio import constants, transports
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from tlsmgm._aio.info import tls_info
from tlsmgm._aio.receivers import receiver_of
from tlsmgm._core.transport import TransportCore

if TYPE_CHECKING:
    from tlsmgm._native.connection import Connection

__all__ = ["Settled", "TLSTransport", "limits_of"]

#: Called once when the handshake has ended, with the error if it has failed.
Settled = Callable[[BaseException | None], None]

#: Bytes that may wait before a protocol is told to pause, as asyncio has them.
_HIGH: Final = 64 * 1024


class TLSTransport(transports._FlowControlMixin):
    """TLS between a protocol and a wire.

    Args:
        core: of it.
        protocol: gets ``connection_made()`` when the handshake is complete.
    """

    # Its base is what loop.sendfile() asks for, which then reads the file and calls write().
    __slots__ = ("__weakref__", "_core")

    _core: TransportCore
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    def __init__(self, core: TransportCore, protocol: asyncio.BaseProtocol) -> None:
        self._core = core
        core.set_protocol(protocol, receiver_of(protocol))

    def begin(self, timeout: float, settled: Settled) -> None:
        """Do the handshake.

        Args:
            timeout: seconds that it may take.
            settled: is called when it is over.
        """
        self._core.begin(timeout, settled)

    def begin_established(self) -> None:
        """Start with a connection whose handshake is done."""
        self._core.begin_established()

    # --- what the loop calls ---------------------------------------------------------------

    def _give_up(self, timeout: float) -> None:
        self._core.give_up(timeout)

    def _watch_closing(self, before: int) -> None:
        self._core.watch_closing(before)

    def _tell_loss(self, error: BaseException | None) -> None:
        self._core.tell_loss(error)

    def _take_rest(self) -> None:
        self._core.take_rest()

    # --- what asyncio asks a transport -----------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data; what cannot leave now waits."""
        self._core.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send several pieces, in as few records as they need."""
        self._core.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """True: a close_notify ends one direction (RFC 8446 section 6.1)."""
        return True

    def write_eof(self) -> None:
        """Send what waits and a close_notify; receiving goes on."""
        self._core.write_eof()

    def close(self) -> None:
        """Send what waits and a close_notify, and wait for the peer's, up to the deadline."""
        self._core.close()

    def abort(self) -> None:
        """Close at once; what waits is lost, and the peer sees that it is no clean end."""
        self._core.abort()

    def is_closing(self) -> bool:
        """Whether it was closed, or is lost."""
        return self._core.is_closing

    def is_reading(self) -> bool:
        """Whether the protocol gets data."""
        return self._core.is_reading()

    def pause_reading(self) -> None:
        """Give the protocol nothing, until :meth:`resume_reading`."""
        self._core.pause_reading()

    def resume_reading(self) -> None:
        """Go on giving data to the protocol."""
        self._core.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set how much may wait; see asyncio.WriteTransport."""
        self._core.set_limits(*limits_of(high, low))

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and the high limit."""
        return self._core.low, self._core.high

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return self._core.waiting()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol above."""
        return self._core.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Let another protocol have what comes from now on."""
        self._core.set_protocol(protocol, receiver_of(protocol))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection; docs/python.md has all names."""
        found = self._wire_info(name)
        if found is None:
            found = tls_info(cast("Connection", self._core.connection), name)
        return default if found is None else found

    @property
    def _protocol_paused(self) -> bool:
        """Whether the protocol was told to pause; for ``loop.sendfile()``."""
        return self._core.is_writing_paused

    def _wire_info(self, name: str) -> Any:
        """What the wire knows under a name of ``get_extra_info()``; None: nothing."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """The connection, and what it does now."""
        core = self._core
        state = "handshake"
        if core.is_established:
            state = "closed" if core.is_lost else "closing" if core.is_closing else "open"
        return f"<{type(self).__name__} {state} {core.connection!r}>"


def limits_of(high: int | None, low: int | None) -> tuple[int, int]:
    """Return both limits, as ``set_write_buffer_limits()`` takes them.

    Args:
        high: bytes above which a protocol is told to pause; None: 64 KiB, or four times the other.
        low: bytes down to which it then waits; None: a quarter of the other.

    Raises:
        ValueError: they are not in this order.
    """
    if high is None:
        high = _HIGH if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
    return high, low
