"""Listeners of a manager in this process, with what tests put behind them."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.proxy import TIMEOUT, connect, read_exactly, read_to_end
from tests.support.tls_sockets import wrap
from tlsmgm import Ended, Listener, TLSManager

ANYWHERE = "tls:127.0.0.1:0"


class Greeter:
    """A server that says who it is, and sends back whatever comes.

    Args:
        name: what it says.
        tls: with which TLS it does so; None: plain TCP.
        path: of a unix socket, instead of TCP.
        header: takes the bytes of a connection's beginning that are there, and returns how many of
            them make a header, or None as long as it is not whole.
    """

    def __init__(
        self,
        name: bytes = b"hello",
        *,
        tls: ssl.SSLContext | None = None,
        path: Path | None = None,
        header: Callable[[bytes], int | None] | None = None,
    ) -> None:
        self.name = name
        self.headers: list[bytes] = []
        self.resumed: list[bool] = []
        self.errors: list[Exception] = []
        self._tls = tls
        self._header = header
        if path is None:
            self._sock = socket.create_server(("127.0.0.1", 0), backlog=256)
            self.port = int(self._sock.getsockname()[1])
            self.address = f"{'tls' if tls else 'tcp'}:127.0.0.1:{self.port}"
        else:
            self._sock = socket.socket(socket.AF_UNIX)
            self._sock.bind(os.fspath(path))
            self._sock.listen(256)
            self.address = f"unix:{path}"
        self._threads = [threading.Thread(target=self._accept)]
        self._is_over = False

    def _accept(self) -> None:
        while True:
            sock, _ = self._sock.accept()
            if self._is_over:
                sock.close()
                return
            thread = threading.Thread(target=self._serve, args=[sock])
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                sock.settimeout(TIMEOUT)
                if self._header is not None:
                    self.headers.append(_take_header(sock, self._header))
                if self._tls is None:
                    self._talk(sock)
                    return
                with wrap(self._tls, sock, server_side=True) as secure:
                    self.resumed.append(bool(secure.session_reused))
                    self._talk(secure)
                    secure.unwrap().close()
        except OSError as error:
            self.errors.append(error)

    def _talk(self, sock: socket.socket) -> None:
        sock.sendall(self.name)
        while data := sock.recv(65536):
            sock.sendall(data)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        with socket.socket(self._sock.family) as sock:
            sock.connect(self._sock.getsockname())
        for thread in self._threads:
            thread.join(TIMEOUT)
        self._sock.close()


def _take_header(sock: socket.socket, whole: Callable[[bytes], int | None]) -> bytes:
    """Read a header, and not one byte behind it."""
    data = b""
    while (size := whole(data)) is None:
        data += read_exactly(sock, 1)
    assert size == len(data)
    return data


class Ends:
    """Keeps what a listener says of connections that are over."""

    def __init__(self) -> None:
        self.all: list[Ended] = []
        self._news = threading.Condition()

    def __call__(self, ended: Ended) -> None:
        with self._news:
            self.all.append(ended)
            self._news.notify_all()

    def wait_for(self, count: int) -> list[Ended]:
        """Wait until there are so many, and return all."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.all) >= count, TIMEOUT), self.all
            return list(self.all)

    def one(self) -> Ended:
        """The first one."""
        return self.wait_for(1)[0]


@contextlib.contextmanager
def listening(
    manager: TLSManager,
    routes: Any,
    addresses: Any = ANYWHERE,
    **options: Any,
) -> Iterator[tuple[Listener, Ends]]:
    """Have a manager listen for as long as the block lasts."""
    ends = Ends()
    with manager.listen(addresses, routes, on_end=ends, **options) as listener:
        yield listener, ends


def port_of(listener: Listener, number: int = 0) -> int:
    """The port of one of a listener's addresses."""
    return listener.addresses[number].port


def greeting(sock: socket.socket, size: int = 5) -> bytes:
    """What the server behind a connection says first; and it answers."""
    found = read_exactly(sock, size)
    sock.sendall(b"ping")
    assert read_exactly(sock, 4) == b"ping"
    return found


def ask(
    listener: Listener, name: str | None = "dom1.test", number: int = 0, **options: Any
) -> bytes:
    """Connect with TLS, and return what the server behind says, after a clean end."""
    with connect(port_of(listener, number), name, **options) as client:
        found = greeting(client)
        leave(client)
    return found


def leave(client: ssl.SSLSocket) -> None:
    """End a connection as both sides should: close_notify, and the other's close_notify."""
    with client.unwrap() as plain:
        assert read_to_end(plain) == b""
