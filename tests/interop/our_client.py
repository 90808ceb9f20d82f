"""Our client, over a socket."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

import tlsmgm
from tests.interop.material import HOST, TRAILER

__all__ = ["Outcome", "call"]

_AFTERWARDS = 3.0  # seconds for the server to end, once we have ended


@dataclass
class Outcome:
    """How a connection went.

    Attributes:
        version: of TLS.
        cipher: the suite.
        group: of the key exchange.
        resumed: whether a session was.
        answer: what came.
        end: how it ended.
        error: what went wrong, in our words; empty: nothing.
        is_established: our side of the handshake was complete.
    """

    version: str = "-"
    cipher: str = "-"
    group: str = "-"
    resumed: bool = False
    answer: bytes = b""
    end: str = "-"
    error: str = ""
    is_established: bool = False


class _Call:
    def __init__(
        self, conn: tlsmgm.Connection, sock: socket.socket, request: bytes, patience: float
    ) -> None:
        self.conn = conn
        self.sock = sock
        self.rest = memoryview(request)
        self.out = b""
        self.answer = bytearray()
        self.deadline = time.monotonic() + patience

    def move(self) -> None:
        """Send what is there, and wait for something to happen on the socket."""
        self.out += self.conn.drain()
        wanted = [self.sock] if self.out or (self.rest and self.conn.handshake_complete) else []
        left = self.deadline - time.monotonic()
        readable, writable, _ = select.select([self.sock], wanted, [], max(left, 0))
        if not readable and not writable:
            raise TimeoutError
        if writable and self.out:
            self.out = self.out[self.sock.send(self.out) :]
        if readable:
            if data := self.sock.recv(65536):
                self.conn.feed(data)
            else:
                self.conn.feed_eof()

    def shake_hands(self) -> None:
        while not self.conn.handshake():
            self.move()

    def exchange(self) -> bool:
        """Send the request, read the answer; True if the server has ended the connection."""
        while True:
            if self.rest and len(self.out) < 65536:
                self.rest = self.rest[self.conn.write(self.rest[:65536]) :]
            while data := self.conn.read():
                self.answer += data
            if data == b"":
                return True
            if self.answer.endswith(TRAILER) and not self.rest and self._is_quiet():
                return False
            self.move()

    def _is_quiet(self) -> bool:
        """Wait a moment: a server that closes by itself does so right behind its answer."""
        self.out += self.conn.drain()
        while self.out:
            self.out = self.out[self.sock.send(self.out) :]
        return not select.select([self.sock], [], [], 0.5)[0]

    def say_goodbye(self) -> str:
        """End our direction; tell how the server answers that."""
        self.conn.shutdown()
        self.deadline = time.monotonic() + _AFTERWARDS
        self.flush()
        self.sock.shutdown(socket.SHUT_WR)
        try:
            while (data := self.conn.read()) != b"":
                if data is None:
                    self.move()
        except TimeoutError:
            return f"nothing in {_AFTERWARDS:g} s after ours"
        except tlsmgm.TruncatedError:
            return "FIN after our close_notify"
        except ConnectionResetError:
            return "reset after our close_notify"
        return "close_notify after ours"

    def flush(self) -> None:
        """Send what is there, alerts too."""
        self.out += self.conn.drain()
        with suppress(OSError):
            self.sock.settimeout(2)
            self.sock.sendall(self.out)
            self.out = b""
            self.sock.setblocking(False)


def call(manager: tlsmgm.TLSManager, port: int, request: bytes, patience: float) -> Outcome:
    """Connect to a server by the domain "out", and have a request answered.

    Args:
        manager: has the domain.
        port: of 127.0.0.1; where the server listens.
        request: ends with TRAILER.
        patience: seconds for all of it.
    """
    found = Outcome()
    conn = manager.client_connection("out", HOST, address=(HOST, port))
    try:
        sock = socket.create_connection(("127.0.0.1", port), 5)
    except OSError as error:
        found.error = f"it does not listen any more: {error.strerror}"
        return found
    with sock:
        sock.setblocking(False)
        talk = _Call(conn, sock, request, patience)
        try:
            talk.shake_hands()
            found.is_established = True
            found.version, found.cipher = conn.version or "-", conn.cipher or "-"
            found.group, found.resumed = conn.group or "-", conn.session_reused
            if talk.exchange():
                found.end = "close_notify"
                conn.shutdown()
                talk.flush()
            else:
                found.end = talk.say_goodbye()
        except TimeoutError:
            found.error = "timeout"
        except tlsmgm.TruncatedError:
            found.error = found.end = "FIN without close_notify"
        except tlsmgm.VerificationError as error:
            found.error = f"refused: {error.reason}"  # the library's own words differ
        except tlsmgm.TLSError as error:
            found.error = str(error)
        except OSError as error:
            found.error = "reset" if isinstance(error, ConnectionError) else str(error)
        finally:
            talk.flush()
            found.answer = bytes(talk.answer)
    return found
