"""A proxy that is watched while clients misbehave, and clients that do."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.proxy import TIMEOUT, Proxy, connect, read_exactly, read_to_end
from tlsmgm.mi._endpoints import parse_endpoint
from tlsmgm.mi.client import call

ALERT = 21
GROUP = "tlsmgm:"


class WatchedProxy(Proxy):
    """A proxy whose statistics can be asked for.

    Args:
        folder: for the socket of its management interface.
        script: as for Proxy.
        library: as for Proxy.
        upstream: as for Proxy.
        more: as for Proxy.
    """

    def __init__(self, folder: Path, script: str, library: str, upstream: str, *more: str) -> None:
        self._management = parse_endpoint(f"unix:{folder}/mi")
        super().__init__(script, library, upstream, "--mi", f"unix:{folder}/mi", *more)

    def statistics(self) -> dict[str, int]:
        """Return all statistics by their names without the group."""
        found: dict[str, int] = call(self._management, "get_statistics", timeout=TIMEOUT)
        return {name.removeprefix(GROUP): value for name, value in found.items()}

    def wait_until(self, condition: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """Ask until the statistics are so; return them."""
        deadline = time.monotonic() + TIMEOUT
        while not condition(found := self.statistics()):
            assert time.monotonic() < deadline, found
        return found

    def wait_for_counts(self, **expected: int) -> dict[str, int]:
        """Wait until these statistics have these values; return all."""
        return self.wait_until(lambda now: {name: now[name] for name in expected} == expected)

    def descriptors(self) -> int:
        """Return how many descriptors it has."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class EchoUpstream:
    """Sends back whatever comes, on any number of connections, in a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                if sock is self._waker:
                    return
                if sock is self._listener:
                    self._selector.register(sock.accept()[0], selectors.EVENT_READ)
                else:
                    self._echo(sock)

    def _echo(self, sock: socket.socket) -> None:
        data = b""
        with contextlib.suppress(ConnectionError):
            data = sock.recv(65536)
            sock.sendall(data)
        if not data:
            self._selector.unregister(sock)
            sock.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wake.send(b"x")
        self._thread.join(TIMEOUT)
        sockets = [key.fileobj for key in self._selector.get_map().values()]
        self._selector.close()
        for sock in (*sockets, self._wake):
            assert isinstance(sock, socket.socket)
            sock.close()


def raw_client(port: int, source: str = "127.0.0.1") -> socket.socket:
    """Connect without TLS, from an address of choice."""
    return socket.create_connection(("127.0.0.1", port), TIMEOUT, source_address=(source, 0))


def ending(sock: socket.socket) -> bytes | None:
    """Read to the end; None if it is a reset."""
    try:
        return read_to_end(sock)
    except ConnectionResetError:
        return None


def is_turned_away(port: int, source: str = "127.0.0.1", data: bytes = b"") -> bool:
    """Say whether a client is reset, however early or late it notices."""
    try:
        with raw_client(port, source) as sock:
            sock.sendall(data)
            return ending(sock) is None
    except ConnectionError:
        return True


def is_served(port: int, **options: object) -> bool:
    """Say whether a client gets what it sends back from an EchoUpstream."""
    try:
        with connect(port, **options) as client:
            client.sendall(b"ping")
            return read_exactly(client, 4) == b"ping"
    except (ConnectionError, OSError):
        return False
