"""Ends of connections as they look on the wire: close_notify, FIN or reset."""

from __future__ import annotations

import contextlib
import enum
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.proxy import TIMEOUT, Proxy, Upstream, client_context, server_context


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

    def read_wire_to_end(self) -> None:
        """Take all bytes up to FIN, and answer nothing; they can be read afterwards."""
        while isinstance(wire := super()._read(65536), bytes):
            self._in.write(wire)
        assert wire is End.FIN, wire

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


@contextlib.contextmanager
def relayed(
    kind: str,
    script: str,
    library: str,
    version: ssl.TLSVersion | None,
    *options: str,
    receive_buffer: int = 0,
) -> Iterator[tuple[Proxy, PlainPeer, PlainPeer]]:
    """Give a proxy and the two ends of a connection through it; kind: ``tls-tcp``."""
    front, behind = kind.split("-")
    name = ("--server-name", "dom2.test") if behind == "tls" else ()
    with (
        Upstream(receive_buffer=receive_buffer) as upstream,
        contextlib.ExitStack() as stack,
    ):
        proxy = stack.enter_context(
            Proxy(script, library, f"{behind}:127.0.0.1:{upstream.port}", *name, *options,
                  listen=[f"{front}:127.0.0.1:0"])
        )  # fmt: skip
        client = stack.enter_context(client_of(proxy, front, version))
        server = stack.enter_context(peer(upstream.accept(), behind, version, is_server=True))
        yield proxy, client, server


def client_of(proxy: Proxy, front: str = "tls", version: ssl.TLSVersion | None = None) -> PlainPeer:
    """Connect to a proxy, and shake hands with it if the front is ``tls``."""
    sock = socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT)
    return peer(sock, front, version, is_server=False)


def peer(
    sock: socket.socket, protocol: str, version: ssl.TLSVersion | None, *, is_server: bool
) -> PlainPeer:
    """Make an end of a connection, ``tcp`` or ``tls``; the latter shakes hands."""
    if protocol == "tcp":
        return PlainPeer(sock)
    tls = TLSPeer(sock, version, is_server=is_server)
    tls.shake_hands()
    return tls
