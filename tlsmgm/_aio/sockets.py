"""A transport on a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Any

from tlsmgm._aio.transport import TLSTransport
from tlsmgm._aio.watching import Watch
from tlsmgm._core.socket_transport import SocketCore
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._native.connection import Connection

__all__ = ["SocketTransport", "set_nodelay"]


class SocketTransport(TLSTransport):
    """TLS between a protocol and a socket.

    Args:
        loop: of the protocol.
        protocol: above.
        connection: with or without its handshake done.
        sock: connected, and not blocking; belongs to the transport.  A listener's connection makes
            its socket when somebody asks for that.
        names: what is known of the addresses, ``peername`` and ``sockname``; None: ask the socket.
        watch: watches the socket; None: the loop does.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called when it is over.
    """

    __slots__ = ("_names", "_sock")

    _core: SocketCore

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        connection: Connection,
        sock: socket.socket | AcceptedConnection,
        *,
        names: Callable[[str], Any] | None = None,
        watch: Watch | None = None,
        shutdown_timeout: float,
        on_lost: Callable[[TLSTransport], None] | None = None,
    ) -> None:
        core = SocketCore(
            self,
            loop,
            connection,
            shutdown_timeout,
            on_lost,
            sock.fileno(),
            sock._end if isinstance(sock, AcceptedConnection) else sock.close,
            watch or loop,
        )
        self._sock = sock
        self._names = names or _names_of(sock)
        super().__init__(core, protocol)
        if isinstance(sock, AcceptedConnection):
            sock._lend()  # the last of all: what fails before that leaves it to whoever has made it

    # --- what the loop calls ---------------------------------------------------------------

    def _on_readable(self) -> None:
        self._core.on_readable()

    def _on_writable(self) -> None:
        self._core.on_writable()

    # --- what is known ---------------------------------------------------------------------

    def _wire_info(self, name: str) -> Any:
        if name in ("peername", "sockname"):
            return self._names(name)
        if name == "socket" and self._core.is_open:
            return TransportSocket(_socket_of(self._sock))
        return None

    def __del__(self) -> None:
        core = getattr(self, "_core", None)
        if core is not None and core.is_open:
            warnings.warn(
                f"unclosed transport {self!r}", ResourceWarning, stacklevel=2, source=self
            )
            core.close_now()


def set_nodelay(sock: socket.socket) -> None:
    """Send small records at once, as asyncio does."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _socket_of(sock: socket.socket | AcceptedConnection) -> socket.socket:
    found = sock.sock if isinstance(sock, AcceptedConnection) else sock
    assert found is not None
    return found


def _names_of(sock: socket.socket | AcceptedConnection) -> Callable[[str], Any]:
    """Ask a socket for both addresses while it has them."""
    sock = _socket_of(sock)
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        found["sockname"] = sock.getsockname()
        found["peername"] = sock.getpeername()
    return found.get
