"""How connections come in: by the engine, with their handshake done, or by sockets of our own."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.listener import Listener, arrivals_of
from tlsmgm._serving.listening import BoundSocket
from tlsmgm._serving.targets import Target

__all__ = ["Acceptor", "Door", "EngineDoor", "takes"]

logger = logging.getLogger("tlsmgm")

#: Connections that are taken before others have a turn.
_BATCH: Final = 64

#: Seconds between two rings that make a rush, and those in which connections then gather.
_RUSH: Final = 0.002
_GATHER: Final = 0.001

#: Seconds without accepting, where there is no descriptor or memory for one more; as in asyncio.
_PAUSE: Final = 1.0

_SHORTAGES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Door(Protocol):
    """Where connections come in."""

    def open(self) -> None:
        """Let them in."""

    def close(self) -> None:
        """Let no more in; ``closed`` is called when none will come."""


class EngineDoor:
    """Connections of a listener, whose handshakes are done in its threads.

    Args:
        loop: hears the listener's bell, once for all that came meanwhile.
        socks: of TCP, bound; they belong to this.
        backlog: clients that may wait in the system.
        listen: makes the listener.
        welcome: gets each connection.
        closed: is called when none will come any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socks: Sequence[socket.socket],
        backlog: int,
        listen: Callable[[Sequence[BoundSocket]], Listener],
        welcome: Callable[[AcceptedConnection], None],
        closed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._socks = socks
        self._backlog = backlog
        self._listen = listen
        self._welcome = welcome
        self._closed = closed
        self._gathering: asyncio.TimerHandle | None = None
        self._last_taken = 0.0
        self.listener: Listener | None = None

    def open(self) -> None:
        """Begin to accept."""
        self.listener = self._listen([_bound(sock, self._backlog) for sock in self._socks])
        self._arrivals = arrivals_of(self.listener)
        if self._arrivals.attend():
            self._loop.add_reader(self._arrivals.bell.ear, self._on_ring)
        else:
            self._closed()

    def close(self) -> None:
        """Accept no more; handshakes that are not done are ended."""
        if self.listener is not None:
            self.listener.drain(0)
            return
        for sock in self._socks:
            sock.close()
        self._closed()

    def _on_ring(self) -> None:
        """Take those that have come; in a rush, once a few have gathered: that saves wake-ups."""
        self._arrivals.bell.stop()
        if self._loop.time() > self._last_taken + _RUSH:
            self._take()
        elif self._gathering is None:
            self._gathering = self._loop.call_later(_GATHER, self._take)

    def _take(self) -> None:
        self._gathering = None
        self._last_taken = self._loop.time()
        is_over = self._arrivals.is_over  # before the look: what comes in between rings again
        connections = self._arrivals.take_many(_BATCH)
        for connection in connections:
            self._let_in(connection)
        if is_over and connections:
            self._arrivals.bell.ring()  # more may wait
        elif is_over:
            self._loop.remove_reader(self._arrivals.bell.ear)
            self._arrivals.quit()
            self._closed()

    def _let_in(self, connection: AcceptedConnection) -> None:
        """Let one in; if that fails, others have come meanwhile, and must not be forgotten."""
        try:
            self._welcome(connection)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            connection.reject()
            message = "a connection that was accepted could not be let in"
            self._loop.call_exception_handler({"message": message, "exception": error})


class Acceptor:
    """Listening sockets that the loop watches.

    Args:
        loop: of them.
        socks: bound; they belong to this.
        backlog: clients that may wait in the system.
        welcome: gets the socket of each client, which does not block.
        closed: is called when none will come any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        socks: Iterable[socket.socket],
        backlog: int,
        welcome: Callable[[socket.socket], None],
        closed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._socks = list(socks)
        self._backlog = backlog
        self._welcome = welcome
        self._closed = closed
        self._is_open = False

    def open(self) -> None:
        """Begin to accept."""
        self._is_open = True
        for sock in self._socks:
            sock.listen(self._backlog)
            sock.setblocking(False)
            self._watch(sock)

    def _watch(self, sock: socket.socket) -> None:
        if self._is_open:
            self._loop.add_reader(sock.fileno(), self._accept, sock)

    def close(self) -> None:
        """Accept no more."""
        for sock in self._socks:
            if self._is_open:
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._is_open = False
        self._closed()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_BATCH):
            if not self._is_open:
                return
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(listening, error)
                return
            sock.setblocking(False)
            self._welcome(sock)

    def _pause(self, listening: socket.socket, error: OSError) -> None:
        if error.errno not in _SHORTAGES:
            raise error
        why = os.strerror(error.errno)
        logger.warning("no connection can be taken: %s; the next attempt is in a second", why)
        self._loop.remove_reader(listening.fileno())
        self._loop.call_later(_PAUSE, self._watch, listening)


def takes(socks: Iterable[socket.socket]) -> bool:
    """Whether the engine takes these listening sockets: all are of TCP."""
    return all(sock.family in (socket.AF_INET, socket.AF_INET6) for sock in socks)


def _bound(sock: socket.socket, backlog: int) -> BoundSocket:
    sock.listen(backlog)
    sock.setblocking(False)
    host, port = sock.getsockname()[:2]
    return BoundSocket(Target(True, host, port), (sock,))
