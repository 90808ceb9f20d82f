"""Counts the engine's path: ``native/engine`` in valgrind, one step after the other.

How many events a worker finds at once depends on who was quicker, and its count with it. So there
is one connection at a time, client and upstream are both played here, and before each step of
theirs all threads of the server must sleep.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.cohort.loopback import Place
from benchmarks.cohort.managed import make_client
from benchmarks.cohort.native_servers import NativeServer
from benchmarks.cohort.probe import Probe
from benchmarks.cohort.setting import Identity, Setting, check_facts
from benchmarks.guard import callgrind
from benchmarks.guard.callgrind import Count, CountError
from benchmarks.identity import SERVER_NAME
from benchmarks.native import build
from tlsmgm import TLSManager
from tlsmgm.errors import TLSError

__all__ = ["MARK", "PHASES", "count"]

#: The C function that ends a phase.
MARK: Final = "getpgid"

#: Each phase that is counted: its number among the parts that the marks make, and how many
#: operations it has.
PHASES: Final = {"engine-new": (2, 8), "engine-resumed": (3, 8), "engine-message": (5, 200)}

_WARM_UP: Final = 3
_MESSAGE: Final = b"m" * 1024

#: Seconds between two looks at the server, and for each of its answers.
_PAUSE: Final = 0.0005
_PATIENCE: Final = 60.0
_READ_SIZE: Final = 65536


def count(library: str, identity: Identity, out: Path) -> dict[str, Count]:
    """Count each phase; a count is that of all its operations.

    Args:
        library: of the server and of the client; tlsmgm must have it.
        identity: certificates.
        out: where callgrind's files go: the name is completed with the number of the part.

    Raises:
        CountError: the server fails, or does something else than it is asked.
        ValgrindMissingError: there is no valgrind.
    """
    setting = Setting()
    try:
        with (
            socket.create_server(("127.0.0.1", 0)) as upstream,
            _Engine(library, upstream.getsockname()[1], out) as engine,
        ):
            port = engine.start(identity, setting)
            _leave(engine, upstream)
            _do_all(engine, _Peers(engine, port, upstream, make_client(library, identity, setting)))
    except (OSError, RuntimeError, TLSError) as error:
        raise CountError(f"the engine over {library} cannot be counted: {error}") from error
    found = callgrind.parts(out, build.CSRC)
    if len(found) < max(number for number, _ in PHASES.values()):
        raise CountError(f"the engine over {library} has not called {MARK} often enough")
    return {name: found[number - 1] for name, (number, _) in PHASES.items()}


def _leave(engine: _Engine, upstream: socket.socket) -> None:
    """End what is left of the client that has found the server ready."""
    engine.settle()
    upstream.settimeout(0)
    with contextlib.suppress(BlockingIOError):
        upstream.accept()[0].close()
    upstream.settimeout(_PATIENCE)
    engine.settle()


def _do_all(engine: _Engine, peers: _Peers) -> None:
    peers.call(_WARM_UP)
    peers.call(_WARM_UP, resumed=True)
    engine.mark()
    peers.call(PHASES["engine-new"][1])
    engine.mark()
    peers.call(PHASES["engine-resumed"][1], resumed=True)
    engine.mark()
    with peers.connection() as connection:
        connection.ask(_MESSAGE, _WARM_UP)
        engine.mark()
        connection.ask(_MESSAGE, PHASES["engine-message"][1])
        engine.mark()


class _Engine(NativeServer):
    """The server in valgrind.

    Args:
        library: ``openssl`` or ``wolfssl``.
        upstream: port of the plain server.
        out: where callgrind's files go.
    """

    def __init__(self, library: str, upstream: int, out: Path) -> None:
        super().__init__("engine", library, upstream)
        self._out = out
        self._marks = 0

    def command(self, place: Place) -> Sequence[str]:
        """The server's own one, behind valgrind's."""
        return callgrind.command_for(super().command(place), self._out, f"--dump-before={MARK}")

    def environment(self) -> dict[str, str]:
        """What keeps it on the same path on every machine."""
        return callgrind.PINNED

    def mark(self) -> None:
        """End a phase, and wait until that is done."""
        self.settle()
        self._marks += 1
        os.kill(self._running.pid, signal.SIGUSR1)
        self._await(lambda: self.log().splitlines().count("marked") == self._marks)

    def settle(self) -> None:
        """Wait until all threads sleep: what came to a socket before is done with."""
        self._await(lambda: set(_states(self._running.pid)) == {"S"})

    def _await(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not is_so():
            if not self._running.is_running(_PAUSE):
                raise CountError(f"the engine has ended:\n{self.log()}")
            if time.monotonic() > deadline:
                raise CountError(f"the engine does not come to rest:\n{self.log()}")


def _states(pid: int) -> Iterator[str]:
    """The state of each thread: proc(5), the letter behind the name in parentheses."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):
            yield stat.read_text("utf-8", "replace").rpartition(")")[2].split()[0]


@dataclass
class _Connection:
    """A connection through the server, seen from both of its ends.

    Attributes:
        engine: the server.
        client: the client's end.
        upstream: the upstream's.
    """

    engine: _Engine
    client: Probe
    upstream: socket.socket

    def ask(self, message: bytes, times: int) -> None:
        """Send a message through, and as much back, so many times."""
        for _ in range(times):
            self.client.send(message)
            self._receive(message)
            self.engine.settle()
            self.upstream.sendall(message)
            if self.client.read_exactly(len(message)) != message:
                raise CountError("the engine has changed the answer")
            self.engine.settle()

    def _receive(self, message: bytes) -> None:
        data = b""
        while len(data) < len(message) and (piece := self.upstream.recv(_READ_SIZE)):
            data += piece
        if data != message:
            raise CountError("the engine has changed the message")

    def close(self) -> None:
        """End it in order: client, server to upstream, upstream, server to client."""
        self.client.close()
        if self.upstream.recv(_READ_SIZE):
            raise CountError("the engine sends more than it was sent")
        self.engine.settle()
        self.upstream.close()
        if self.client.read():
            raise CountError("the engine answers more than it was answered")
        self.engine.settle()


class _Peers:
    """Client and upstream. The client has the server's library: another has another ClientHello.

    Args:
        engine: the server.
        port: where it listens.
        upstream: where it connects to; listens.
        manager: has the client's domain.
    """

    def __init__(
        self, engine: _Engine, port: int, upstream: socket.socket, manager: TLSManager
    ) -> None:
        self._engine = engine
        self._port = port
        self._upstream = upstream
        self._manager = manager
        self._session: Any = None

    def call(self, times: int, *, resumed: bool = False) -> None:
        """A connection with a byte there and back, so many times."""
        for _ in range(times):
            with self.connection(resumed=resumed) as connection:
                connection.ask(b".", 1)
                self._session = connection.client.session

    @contextlib.contextmanager
    def connection(self, *, resumed: bool = False) -> Iterator[_Connection]:
        """Connect; hang up in the end."""
        offered = self._session if resumed else None
        tls = self._manager.client_connection("client", server_name=SERVER_NAME, session=offered)
        with socket.create_connection(("127.0.0.1", self._port), _PATIENCE) as sock:
            self._engine.settle()
            client = Probe(sock, tls)
            check_facts(client.facts, Setting(), self._engine.name, reused=resumed)
            upstream, _ = self._upstream.accept()
            with upstream:
                upstream.settimeout(_PATIENCE)
                self._engine.settle()
                connection = _Connection(self._engine, client, upstream)
                yield connection
                connection.close()
        self._engine.settle()
