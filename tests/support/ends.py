"""Ends of connections as they look on the wire: close_notify, FIN or reset."""

from __future__ import annotations

import contextlib
import enum
import socket
import ssl
from collections.abc import Callable
from typing import Any

from tests.support.proxy import TIMEOUT, client_context, server_context


class End(enum.Enum):
    """How a peer has ended its direction."""

    CLOSE_NOTIFY = enum.auto()
    FIN = enum.auto()  # in TLS: without close_notify
    RESET = enum.auto()


class PlainPeer:
    """A plain end of a connection.

    Args:
        sock: the connection; closed with this.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(TIMEOUT)

    def send(self, data: bytes) -> None:
        """Send data."""
        self.sock.sendall(data)

    def announce_end(self) -> None:
        """Say that nothing more comes."""
        self.sock.shutdown(socket.SHUT_WR)

    def truncate(self) -> None:
        """End our direction as a peer does that has died in the middle."""
        self.sock.shutdown(socket.SHUT_WR)

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        data = b""
        while len(data) < size:
            piece = self._read(size - len(data))
            assert isinstance(piece, bytes), piece
            data += piece
        return data

    def read_to_end(self) -> tuple[bytes, End]:
        """Read all that comes, and tell how it ends."""
        data = b""
        while isinstance(piece := self._read(65536), bytes):
            data += piece
        return data, piece

    def _read(self, size: int) -> bytes | End:
        try:
            return self.sock.recv(size) or End.FIN
        except ConnectionResetError:
            return End.RESET

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def __enter__(self) -> PlainPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TLSPeer(PlainPeer):
    """A TLS end of a connection, which sees what happens below TLS, too.

    Args:
        sock: the connection; closed with this.
        version: the only one; None: whatever Python's ssl allows.
        is_server: whether it has dom2's certificate, or is a client that wants dom1's.
    """

    def __init__(
        self, sock: socket.socket, version: ssl.TLSVersion | None = None, *, is_server: bool
    ) -> None:
        super().__init__(sock)
        context = server_context() if is_server else client_context()
        if version is not None:
            context.minimum_version = context.maximum_version = version
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._in, self._out, server_side=is_server,
            server_hostname=None if is_server else "dom1.test",
        )  # fmt: skip

    def shake_hands(self) -> None:
        """Do the handshake."""
        assert not isinstance(self._until(self._tls.do_handshake), End)

    def send(self, data: bytes) -> None:
        """Send application data."""
        self._tls.write(data)
        self._flush()

    def announce_end(self) -> None:
        """Send close_notify."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()

    def _read(self, size: int) -> bytes | End:
        try:
            read = self._until(lambda: self._tls.read(size))
        except ssl.SSLZeroReturnError:
            return End.CLOSE_NOTIFY
        return read or End.CLOSE_NOTIFY

    def _until(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                wire = super()._read(65536)
                if isinstance(wire, End):
                    return wire
                self._in.write(wire)
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._out.read():
            self.sock.sendall(data)
