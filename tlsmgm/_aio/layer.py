"""A transport above another transport, which has carried plain text so far."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from tlsmgm._aio.transport import TLSTransport
from tlsmgm._core.transport import TransportCore
from tlsmgm._native.connection import Connection
from tlsmgm.errors import ProtocolError

__all__ = ["LayerTransport", "check_begins_tls"]

#: Types of the records that a handshake may begin with: alert and handshake (RFC 8446 section 5.1).
_FIRST_RECORDS: Final = (0x15, 0x16)


def check_begins_tls(data: bytes) -> None:
    """See whether bytes can be the beginning of the peer's TLS.

    Raises:
        ProtocolError: they are plain text, which somebody between us and the peer may have put
            there, in the hope that it is taken for something that was said over TLS.
    """
    if data[0] not in _FIRST_RECORDS:
        raise ProtocolError(
            "plain text came where the TLS handshake begins: somebody between us and the peer may "
            "have put it there, so the connection is given up"
        )


class LayerTransport(TLSTransport):
    """TLS between a protocol and a plain transport.

    Args:
        loop: of both.
        protocol: above.
        connection: its handshake is still to be done.
        below: the plain transport; belongs to this one.
        kept: is not let go before the transport below has ended.
        on_end: hears of that, too.
        tells_made: the protocol hears of this transport by ``connection_made()``.
        shutdown_timeout: seconds in which a closing transport must get on.
    """

    __slots__ = ("_below", "_has_begun")

    _core: _LayerCore

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        connection: Connection,
        below: asyncio.Transport,
        *,
        kept: object = None,
        on_end: Callable[[Exception | None], None] | None = None,
        tells_made: bool,
        shutdown_timeout: float,
    ) -> None:
        core = _LayerCore(self, loop, connection, shutdown_timeout, None)
        core.below = self._below = below
        core.tells_made = tells_made
        self._has_begun = False
        super().__init__(core, protocol)
        below.set_protocol(_Plug(self, kept, on_end))

    def _wire_info(self, name: str) -> Any:
        if name in ("peername", "sockname", "socket"):
            return self._below.get_extra_info(name)
        return None

    def abort(self) -> None:
        """Close at once; what waits is lost."""
        self._below.abort()
        super().abort()

    # --- what the transport below says -----------------------------------------------------

    def take_early(self, data: bytes) -> None:
        """Take what was read before this transport was made; the handshake looks at it."""
        self._has_begun = True
        self._core.connection.feed(data)

    def take_plain(self, data: bytes) -> None:
        """Go on with bytes of the peer; the first ones may be no TLS."""
        if not (self._core.is_established or self._has_begun):
            self._has_begun = True
            try:
                check_begins_tls(data)
            except ProtocolError as error:
                self._core.refuse(error)
                return
        self._core.hear(data if type(data) is bytes else bytes(data))

    def take_plain_end(self) -> None:
        """The peer has ended its direction."""
        self._core.has_ended = True
        self._core.hear_end()

    def take_loss(self, error: BaseException | None) -> None:
        """The transport below is gone."""
        self._core.hear_of_loss(error)

    def take_fullness(self, is_full: bool) -> None:
        """The transport below takes no more for now, or takes more again."""
        self._core.hear_of_room(is_full)


class _LayerCore(TransportCore):
    """A core whose wire is a plain transport.

    Attributes:
        below: that transport.
        has_ended: whether it has, on the peer's side.
        tells_made: see LayerTransport.
    """

    __slots__ = ("below", "has_ended", "tells_made")

    below: asyncio.Transport
    tells_made: bool

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.has_ended = False

    def unsent(self) -> int:
        return self.below.get_write_buffer_size() if self.is_blocked else 0

    def left_here(self) -> int:
        return super().waiting() + (0 if self.is_blocked else self.below.get_write_buffer_size())

    def put(self, wire: bytes) -> None:
        self.below.write(wire)

    def listen(self) -> None:
        if not (self.has_ended or self.below.is_closing() or self.below.is_reading()):
            self.below.resume_reading()

    def stop_listening(self) -> None:
        if self.below.is_reading() and not self.below.is_closing():
            self.below.pause_reading()

    def end_sending(self) -> None:
        if self.below.can_write_eof() and not self.below.is_closing():
            with contextlib.suppress(OSError):
                self.below.write_eof()

    def drop(self) -> None:
        if self.is_blocked or (self.is_overdue and self.left_here() > 0):
            self.below.abort()
        else:
            self.below.close()

    def tell_made(self) -> None:
        if self.tells_made:
            super().tell_made()


class _Plug(asyncio.Protocol):
    """What the transport below has in place of its protocol.

    Args:
        layer: hears everything.
        kept: is kept.
        on_end: hears of the end.
    """

    def __init__(
        self,
        layer: LayerTransport,
        kept: object,
        on_end: Callable[[Exception | None], None] | None,
    ) -> None:
        self._layer: LayerTransport | None = layer
        self._kept = kept
        self._on_end = on_end

    def data_received(self, data: bytes) -> None:
        if self._layer is not None:
            self._layer.take_plain(data)

    def eof_received(self) -> bool:
        if self._layer is not None:
            self._layer.take_plain_end()
        return True

    def pause_writing(self) -> None:
        if self._layer is not None:
            self._layer.take_fullness(True)

    def resume_writing(self) -> None:
        if self._layer is not None:
            self._layer.take_fullness(False)

    def connection_lost(self, error: Exception | None) -> None:
        layer, self._layer, self._kept = self._layer, None, None
        on_end, self._on_end = self._on_end, None
        if layer is not None:
            layer.take_loss(error)
        if on_end is not None:
            on_end(error)
