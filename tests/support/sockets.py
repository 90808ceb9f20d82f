"""Our connections on real sockets, driven as simply as possible: blocking, one thread each."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tlsmgm import Connection, TLSError, TLSManager

TIMEOUT = 20.0

#: From all data received so far to a reply and whether to close then; None waits for more.
Reply = Callable[[bytes], tuple[bytes, bool] | None]


@dataclass
class Outcome:
    """How one connection of a server went."""

    domain: str | None = None
    version: str | None = None
    reused: bool = False
    peer: str | None = None
    server_name: str | None = None
    data: bytes = b""
    clean: bool = False
    error: TLSError | None = None


def flush(conn: Connection, sock: socket.socket) -> None:
    """Send all that waits."""
    while data := conn.drain():
        sock.sendall(data)


def pull(conn: Connection, sock: socket.socket) -> None:
    """Receive once."""
    data = sock.recv(65536)
    if data:
        conn.feed(data)
    else:
        conn.feed_eof()


def do_handshake(conn: Connection, sock: socket.socket) -> None:
    """Handshake to the end; an alert is sent before the error goes up."""
    try:
        while not conn.handshake():
            flush(conn, sock)
            pull(conn, sock)
    finally:
        flush(conn, sock)


def send(conn: Connection, sock: socket.socket, data: bytes) -> None:
    """Send application data."""
    view = memoryview(data)
    while view:
        view = view[conn.write(view) :]
        flush(conn, sock)


def receive(conn: Connection, sock: socket.socket) -> bytes:
    """Wait for application data; nothing once the peer has closed cleanly."""
    try:
        while (data := conn.read()) is None:
            flush(conn, sock)
            pull(conn, sock)
    finally:
        flush(conn, sock)
    return data


def close(conn: Connection, sock: socket.socket) -> None:
    """Send close_notify."""
    conn.shutdown()
    flush(conn, sock)


def echo(data: bytes) -> tuple[bytes, bool] | None:
    """Answer each full line; close after ``quit``."""
    if not data.endswith(b"\n"):
        return None
    return b"echo " + data.splitlines(keepends=True)[-1], data.endswith(b"quit\n")


def http(data: bytes) -> tuple[bytes, bool] | None:
    """Answer a request, its body included, with that body."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    sizes = [line[15:] for line in head.splitlines() if line.lower().startswith(b"content-length:")]
    if len(body) < int(sizes[0] if sizes else b"0"):
        return None
    reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
    answer = body or b"hello"
    return reply % (len(answer), answer), True


class Server:
    """A listening socket whose connections go through a manager, one after the other.

    Args:
        manager: the manager.
        reply: what to answer.
    """

    def __init__(self, manager: TLSManager, reply: Reply = echo) -> None:
        self.outcomes: list[Outcome] = []
        self._manager = manager
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TIMEOUT)
        self.port: int = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                if self._stop.is_set():
                    return
                sock.settimeout(TIMEOUT)
                self.outcomes.append(self._serve(sock))

    def _serve(self, sock: socket.socket) -> Outcome:
        outcome = Outcome()
        conn = self._manager.server_connection(("127.0.0.1", self.port))
        try:
            do_handshake(conn, sock)
            self._note(conn, outcome)
            self._talk(conn, sock, outcome)
        except TLSError as error:
            outcome.error = error
        except OSError as error:
            outcome.error = TLSError(f"the socket failed: {error}")
        return outcome

    @staticmethod
    def _note(conn: Connection, outcome: Outcome) -> None:
        assert conn.domain is not None
        peer = conn.peer_certificate
        outcome.domain = conn.domain.name
        outcome.version = conn.version
        outcome.reused = conn.session_reused
        outcome.server_name = conn.server_name
        outcome.peer = None if peer is None else peer.subject_cn

    def _talk(self, conn: Connection, sock: socket.socket, outcome: Outcome) -> None:
        while data := receive(conn, sock):
            outcome.data += data
            answer = self._reply(outcome.data)
            if answer is None:
                continue
            send(conn, sock, answer[0])
            if answer[1]:
                close(conn, sock)
                while receive(conn, sock):
                    pass
                break
        else:
            close(conn, sock)
        outcome.clean = True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        socket.create_connection(("127.0.0.1", self.port), TIMEOUT).close()
        self._thread.join(TIMEOUT)
        self._listener.close()
        assert not self._thread.is_alive()
