"""A transport on a socket: nothing is in between but the loop's word that it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Any, Final

from tlsmgm._aio.transport import TLSTransport
from tlsmgm._aio.watching import Watch
from tlsmgm._native.connection import Connection

__all__ = ["SocketTransport", "set_nodelay"]

#: Bytes that are received at a time.  From 128 KiB on malloc gets pages of the system for each
#: piece, and gives them back, which costs more than receiving a message.
_SIZE: Final = 64 * 1024

#: How often a socket that is closed after an alert is emptied: a reset would take the alert along.
_LAST_READS: Final = 4


class SocketTransport(TLSTransport):
    """TLS between a protocol and a socket.

    Args:
        loop: of the protocol.
        protocol: above.
        connection: with or without its handshake done.
        sock: connected, and not blocking; belongs to the transport.
        close: closes the socket; None: its own ``close()``.
        names: what is known of the addresses, ``peername`` and ``sockname``; None: ask the socket.
        watch: watches the socket; None: the loop does.
        shutdown_timeout: seconds in which a closing transport must get on.
        on_lost: called when it is over.
    """

    __slots__ = ("_close", "_fd", "_is_listening", "_names", "_rest", "_sock", "_watch")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        connection: Connection,
        sock: socket.socket,
        *,
        close: Callable[[], None] | None = None,
        names: Callable[[str], Any] | None = None,
        watch: Watch | None = None,
        shutdown_timeout: float,
        on_lost: Callable[[TLSTransport], None] | None = None,
    ) -> None:
        self._sock: socket.socket | None = sock
        self._fd = sock.fileno()
        self._close = close or sock.close
        self._names = names or _names_of(sock)
        self._watch: Watch = watch or loop
        self._rest: memoryview | None = None  # of records that were sent in part
        self._is_listening = False
        super().__init__(loop, protocol, connection, shutdown_timeout, on_lost)

    # --- the wire --------------------------------------------------------------------------

    @property
    def _unsent(self) -> int:
        return 0 if self._rest is None else len(self._rest)

    def _put(self, wire: bytes) -> None:
        if self._sock is None:
            return
        try:
            count = self._sock.send(wire)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as error:
            self._lose(error)
            return
        if count < len(wire):
            self._rest = memoryview(wire)[count:]
            self._is_blocked = True
            self._watch.add_writer(self._fd, self._on_writable)
            self._tell_of_pressure()

    def _on_writable(self) -> None:
        if self._sock is None or self._rest is None:
            return
        try:
            count = self._sock.send(self._rest)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        self._rest = self._rest[count:]
        if not self._rest:
            self._rest = None
            self._is_blocked = False
            self._flush()
            if self._rest is None and self._sock is not None:
                self._watch.remove_writer(self._fd)
        else:
            self._tell_of_pressure()

    def _on_readable(self) -> None:
        if self._sock is None:
            return
        try:
            wire = self._sock.recv(_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(None if self._is_goodbye_said else error)
            return
        if wire:
            self._take(wire)
        else:
            self._stop_listening()
            self._take_end()

    def _listen(self) -> None:
        if not self._is_listening and self._sock is not None:
            self._is_listening = True
            self._watch.add_reader(self._fd, self._on_readable)

    def _stop_listening(self) -> None:
        if self._is_listening:
            self._is_listening = False
            self._watch.remove_reader(self._fd)

    def _end_sending(self) -> None:
        if self._sock is not None:
            with contextlib.suppress(OSError):  # the peer has gone
                self._sock.shutdown(socket.SHUT_WR)

    def _drop(self) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        self._stop_listening()
        if self._rest is not None:
            self._rest = None
            self._is_blocked = False
            self._watch.remove_writer(self._fd)
        if not self._is_peer_over:
            _empty(sock)
        self._close()

    # --- what is known ---------------------------------------------------------------------

    def _wire_info(self, name: str) -> Any:
        if name in ("peername", "sockname"):
            return self._names(name)
        if name == "socket" and self._sock is not None:
            return TransportSocket(self._sock)
        return None

    def __del__(self) -> None:
        sock = getattr(self, "_sock", None)
        if sock is not None:
            warnings.warn(
                f"unclosed transport {self!r}", ResourceWarning, stacklevel=2, source=self
            )
            self._sock = None
            self._close()


def set_nodelay(sock: socket.socket) -> None:
    """Send small records at once, as asyncio does."""
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _names_of(sock: socket.socket) -> Callable[[str], Any]:
    """Ask a socket for both addresses while it has them."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError):
        found["sockname"] = sock.getsockname()
        found["peername"] = sock.getpeername()
    return found.get


def _empty(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(_LAST_READS):
            if not sock.recv(_SIZE):
                break
