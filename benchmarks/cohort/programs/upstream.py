"""The plain server behind every proxy: four ports, each with one habit.

    echo      sends back what comes
    discard   reads, and sends one byte for every AMOUNT bytes that came
    source    waits for a byte, sends AMOUNT bytes, then closes; a huge AMOUNT has no end
    hello     sends "hello" and a newline, then closes

Each connection that is not closed by its habit is closed when the other end ends. One thread over
epoll(7); it does so little that it never is the bottleneck of a TLS server on one core.
"""

from __future__ import annotations

import argparse
import contextlib
import select
import socket
from typing import Final

HELLO: Final = b"hello\n"
_CHUNK: Final = memoryview(bytes(256 * 1024))
_READ_SIZE: Final = 256 * 1024
_READ: Final = select.EPOLLIN | select.EPOLLRDHUP
_GONE: Final = select.EPOLLHUP | select.EPOLLERR


class Connection:
    """A connection that echoes; the other habits differ in a method or two.

    Args:
        sock: not blocking.
        amount: bytes that some habits count.
    """

    def __init__(self, sock: socket.socket, amount: int) -> None:
        self.sock = sock
        self.amount = amount
        self.pending = memoryview(b"")
        self.has_ended = False  # nothing more is to be read

    @property
    def interest(self) -> int:
        """What epoll is to wait for: nothing is read while something waits to be written."""
        return select.EPOLLOUT if self.pending else _READ

    def begin(self) -> bool:
        """Do the first step; False closes the connection."""
        return True

    def step(self, buffer: memoryview) -> bool:
        """Do what is possible; False closes the connection.

        Args:
            buffer: shared by all.
        """
        if self.pending and not self.flush():
            return True
        while not self.has_ended:
            try:
                count = self.sock.recv_into(buffer)
            except BlockingIOError:
                return True
            if count == 0:
                self.has_ended = True
            elif not self.take(buffer[:count]):
                return True
            elif count < len(buffer):
                return True  # most likely there is no more; epoll would say so
        return bool(self.pending)

    def take(self, data: memoryview) -> bool:
        """Take received data; False if something waits to be written."""
        sent = self.send(data)
        self.pending = memoryview(bytes(data[sent:]))  # the buffer is shared
        return not self.pending

    def flush(self) -> bool:
        """Write what waits; True when nothing does any more."""
        self.pending = self.pending[self.send(self.pending) :]
        return not self.pending

    def send(self, data: memoryview) -> int:
        """Write what can be written now."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0


class Discard(Connection):
    """Counts."""

    def __init__(self, sock: socket.socket, amount: int) -> None:
        super().__init__(sock, amount)
        self._count = 0

    def take(self, data: memoryview) -> bool:
        """Send a byte for each full amount."""
        before = self._count // self.amount
        self._count += len(data)
        reached = self._count // self.amount - before
        return super().take(memoryview(b"." * reached)) if reached else True


class Source(Connection):
    """Sends zeros, once it is asked."""

    def __init__(self, sock: socket.socket, amount: int) -> None:
        super().__init__(sock, amount)
        self._left = amount
        self._is_asked = False

    def step(self, buffer: memoryview) -> bool:
        """Wait for a byte, then send until the socket is full."""
        if not self._is_asked:
            if not self.sock.recv_into(buffer):
                return False
            self._is_asked = True
        while self._left:
            self.pending = _CHUNK[: min(self._left, len(_CHUNK))]
            sent = self.send(self.pending)
            self._left -= sent
            if sent < len(self.pending):
                return True
        return False


class Hello(Connection):
    """Says hello."""

    def begin(self) -> bool:
        """An empty socket takes these bytes at once."""
        self.sock.sendall(HELLO)
        return False


HABITS: Final = {"echo": Connection, "discard": Discard, "source": Source, "hello": Hello}


class Upstream:
    """All ports and connections.

    Args:
        ports: one for each habit.
        amount: see the top of the module.
        backlog: connections that may wait.
    """

    def __init__(self, ports: dict[str, int], amount: int, backlog: int) -> None:
        self._amount = amount
        self._epoll = select.epoll()
        self._buffer = memoryview(bytearray(_READ_SIZE))
        self._connections: dict[int, Connection] = {}
        self._listeners: dict[int, tuple[socket.socket, type[Connection]]] = {}
        for habit, port in ports.items():
            sock = socket.create_server(("127.0.0.1", port), backlog=backlog)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
            self._listeners[sock.fileno()] = sock, HABITS[habit]
            self._epoll.register(sock, select.EPOLLIN)

    def run(self) -> None:
        """Serve until the process is ended."""
        while True:
            for number, events in self._epoll.poll():
                if number in self._listeners:
                    self._accept(*self._listeners[number])
                elif number in self._connections:
                    self._step(self._connections[number], events)

    def _accept(self, listener: socket.socket, habit: type[Connection]) -> None:
        # One at a time: trying for another costs more than being told of it.
        with contextlib.suppress(BlockingIOError, ConnectionError):
            sock, _ = listener.accept()
            sock.setblocking(False)
            self._begin(habit(sock, self._amount))

    def _begin(self, connection: Connection) -> None:
        try:
            is_open = connection.begin()
        except OSError:
            is_open = False
        if not is_open:
            connection.sock.close()
            return
        self._connections[connection.sock.fileno()] = connection
        self._epoll.register(connection.sock, connection.interest)

    def _step(self, connection: Connection, events: int) -> None:
        before = connection.interest
        number = connection.sock.fileno()
        try:
            is_open = connection.step(self._buffer) and not events & _GONE
        except OSError:
            is_open = False
        if not is_open:
            del self._connections[number]
            self._epoll.unregister(number)
            connection.sock.close()
        elif connection.interest != before:
            self._epoll.modify(number, connection.interest)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="The plain server behind every proxy.")
    for habit in HABITS:
        parser.add_argument(f"--{habit}", type=int, required=True, metavar="PORT")
    parser.add_argument("--amount", type=int, default=1024 * 1024, metavar="BYTES")
    parser.add_argument("--backlog", type=int, default=1024)
    options = parser.parse_args()
    ports = {habit: getattr(options, habit) for habit in HABITS}
    with contextlib.suppress(KeyboardInterrupt):
        Upstream(ports, options.amount, options.backlog).run()


if __name__ == "__main__":
    main()
