"""Messages over a TCP socket that blocks, between two threads of one process, which take turns.

The two ends are the same entrant's, so what is compared is a message and its answer, both ways, and
all waiting: what a program pays that has a thread for each connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import tlsmgm
from benchmarks.cohort.managed import make_client, make_server
from benchmarks.cohort.setting import Absent, Setting
from benchmarks.cohort.stdlib_ssl import STOCK, AdapterSSL, Shape, server_context
from benchmarks.identity import SERVER_NAME, Identity
from benchmarks.model import Topic
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench

__all__ = ["plans"]

_MESSAGE: Final = 1024
_MESSAGES: Final = 2000
_SIZE: Final = 65536
_LIBRARIES: Final = ("openssl", "wolfssl")

_ABOUT: Final = (
    "CPU time of the whole process, both threads, for a message of 1 KB and its answer over TCP "
    "(TLS 1.3): two messages are sent, two received, and each thread waits for the other."
)

#: Wraps a socket of one side, and does the handshake.
_Wrap = Callable[[socket.socket], Any]


def plans(bench: Bench) -> Iterator[Plan]:
    """Without a timeout, where a call of the system may wait; and with one, where it must not."""
    bench.stay()
    identity = bench.identity()
    for name, title, timeout in (
        ("socket-message", "without a timeout", None),
        ("socket-message-timeout", "with a timeout", 10.0),
    ):
        topic = Topic(
            name,
            f"A message of 1 KB and its answer over a socket, {title}",
            "µs",
            about=_ABOUT,
            baseline="ssl",
        )
        plan = Plan(topic, [])
        _add(
            bench, plan, partial(_of_contexts, "ssl", ssl.OPENSSL_VERSION, STOCK, identity), timeout
        )
        for library in _LIBRARIES:
            _add(bench, plan, partial(_adapter, library, identity), timeout)
            _add(bench, plan, partial(_managed, library, identity), timeout)
        yield plan


_Entrant = tuple[str, str, _Wrap, _Wrap]


def _managed(library: str, identity: Identity) -> _Entrant:
    info = tlsmgm.libraries().get(library)
    if info is None:
        raise Absent(f"tlsmgm, {library}: this backend is not built; run make")
    servers = make_server(library, identity, Setting())
    clients = make_client(library, identity, Setting())
    accept = partial(servers.wrap_socket, server_side=True)
    connect = partial(clients.wrap_socket, domain="client", server_name=SERVER_NAME)
    return f"TLSSocket, {library}", f"{library} {info.version}", accept, connect


def _adapter(library: str, identity: Identity) -> _Entrant:
    found = AdapterSSL(library)
    return _of_contexts(found.name, found.library, found.shape, identity)


def _of_contexts(name: str, library: str, shape: Shape, identity: Identity) -> _Entrant:
    serving = server_context(identity, Setting(), shape)
    fetching = shape.context(ssl.PROTOCOL_TLS_CLIENT)
    fetching.check_hostname = False
    fetching.verify_mode = ssl.CERT_NONE
    accept = partial(serving.wrap_socket, server_side=True)
    connect = partial(fetching.wrap_socket, server_hostname=SERVER_NAME)
    return name, library, accept, connect


def _add(bench: Bench, plan: Plan, make: Callable[[], _Entrant], timeout: float | None) -> None:
    try:
        name, library, accept, connect = make()
    except Absent as reason:
        plan.absent.append(f"{plan.topic.name}: {reason}")
        return
    talk = _Talk(bench, accept, connect, timeout)
    plan.contestants.append(Contestant(name, library, talk.turn, talk.close))


class _Talk:
    """Two ends, and a thread that answers.

    Args:
        bench: how much to do.
        accept: wraps the server's end.
        connect: wraps the client's.
        timeout: of both, in seconds.
    """

    def __init__(self, bench: Bench, accept: _Wrap, connect: _Wrap, timeout: float | None) -> None:
        self._bench = bench
        with socket.create_server(("127.0.0.1", 0)) as listener:
            called = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
        for sock in (called, accepted):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            sock.settimeout(timeout)
        self._thread = threading.Thread(target=self._answer, args=[accept, accepted], daemon=True)
        self._thread.start()
        self._client = connect(called)

    def _answer(self, accept: _Wrap, accepted: socket.socket) -> None:
        server = accept(accepted)
        with contextlib.closing(server), contextlib.suppress(OSError, tlsmgm.TLSError):
            while data := server.recv(_SIZE):
                server.sendall(data)

    def turn(self, part: float) -> Turn:
        """Send messages, and wait for the answer to each."""
        count = self._bench.count(_MESSAGES, part)
        data, client = bytes(_MESSAGE), self._client
        wall, spent = time.perf_counter(), time.process_time()
        for _ in range(count):
            client.sendall(data)
            left = _MESSAGE
            while left > 0:
                left -= len(client.recv(_SIZE)) or self._cut()
        spent, wall = time.process_time() - spent, time.perf_counter() - wall
        return Turn(spent / count * 1e6, {"wall µs": wall / count * 1e6})

    def _cut(self) -> int:
        raise RuntimeError("the other end has gone")

    def close(self) -> None:
        """End both."""
        self._client.close()
        self._thread.join()
