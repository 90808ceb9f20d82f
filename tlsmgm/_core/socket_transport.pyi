"""A transport's wire that is a socket: nothing is in between but a word that it is ready."""

import asyncio
from collections.abc import Callable
from typing import Any

from tlsmgm._core.connection import Connection
from tlsmgm._core.transport import TransportCore

class SocketCore(TransportCore):
    """TLS between a protocol and a socket.

    Args:
        transport: that the protocol and the program have.
        loop: of the protocol.
        connection: with or without its handshake done.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called with the transport when it is over; or None.
        fd: of a socket that is connected, and does not block.
        close_socket: closes it; called once.
        watch: watches it, see :mod:`tlsmgm._aio.watching`.
    """

    def __init__(
        self,
        transport: Any,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        shutdown_timeout: float,
        on_lost: Callable[[Any], None] | None,
        fd: int,
        close_socket: Callable[[], None],
        watch: Any,
    ) -> None: ...
    @property
    def is_open(self) -> bool:
        """Whether the socket is not closed."""
    def on_readable(self) -> None:
        """The socket has bytes, or has ended."""
    def on_writable(self) -> None:
        """The socket takes bytes again."""
    def close_now(self) -> None:
        """Closes the socket, with nobody told."""
