"""One TLS client over a blocking socket: is a server ready, and what does it negotiate?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.cohort.managed import facts_of, make_client
from benchmarks.cohort.setting import Facts, Identity, Setting
from benchmarks.identity import SERVER_NAME
from tlsmgm._native.connection import Connection

__all__ = ["Probe", "probe"]

_READ_SIZE = 65536


class Probe:
    """An established connection.

    Args:
        sock: connected.
        tls: its TLS.
    """

    def __init__(self, sock: socket.socket, tls: Connection) -> None:
        self._sock = sock
        self._tls = tls
        while not tls.handshake():
            self._flush()
            self._receive()
        self._flush()

    @property
    def facts(self) -> Facts:
        """What was negotiated."""
        return facts_of(self._tls)

    @property
    def session(self) -> object | None:
        """The session, once a ticket has come; in TLS 1.3 one comes with the first data."""
        return self._tls.session

    def send(self, data: bytes) -> None:
        """Send data."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest) :]
            self._flush()

    def read(self) -> bytes:
        """Return data that comes; nothing after the server's close_notify.

        Raises:
            TLSError: the connection broke, or ended without close_notify.
        """
        while True:
            data = self._tls.read(_READ_SIZE)
            if data is not None:
                return data
            self._receive()

    def read_exactly(self, count: int) -> bytes:
        """Return so many bytes, or fewer if the server closes before."""
        data = b""
        while len(data) < count and (piece := self.read()):
            data += piece
        return data

    def _flush(self) -> None:
        self._sock.sendall(self._tls.drain())

    def _receive(self) -> None:
        data = self._sock.recv(_READ_SIZE)
        if data:
            self._tls.feed(data)
        else:
            self._tls.feed_eof()

    def close(self) -> None:
        """Say goodbye."""
        self._tls.shutdown()
        self._flush()


@contextmanager
def probe(
    port: int,
    identity: Identity,
    setting: Setting,
    *,
    session: object | None = None,
    timeout: float = 10.0,
) -> Iterator[Probe]:
    """Connect to a server on this machine and do a handshake.

    Args:
        port: where it listens on the loopback.
        identity: has the client's certificate for mutual TLS.
        setting: what to offer.
        session: a session of an earlier probe to offer.
        timeout: seconds to wait for each answer.

    Raises:
        OSError: there is no server, or it does not answer.
        TLSError: the handshake failed.
    """
    manager = make_client("auto", identity, setting)
    offered: Any = session
    with socket.create_connection(("127.0.0.1", port), timeout) as sock:
        tls = manager.client_connection("client", server_name=SERVER_NAME, session=offered)
        yield Probe(sock, tls)
