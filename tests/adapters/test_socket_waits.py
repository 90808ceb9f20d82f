"""What comes over a socket, in whatever pieces, and what a call does until then.

Beside ours Python's own, for which the same tests hold.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.adapters.test_in_memory import contexts
from tlsmgm import adapters

#: Of a socket: it waits itself, or we do.
TIMEOUTS = pytest.mark.parametrize("timeout", [None, 20])


class Link:
    """A client over a socket; at the other end of that a server in memory, which the test moves.

    Args:
        kind: makes contexts.
        version: of TLS.
        timeout: of the client.
    """

    def __init__(self, kind: Callable[[int], Any], version: str, timeout: float | None) -> None:
        fetching, serving = contexts(kind)[0], contexts(ssl.SSLContext)[1]
        for context in (fetching, serving):
            context.minimum_version = ssl.TLSVersion[version.replace(".", "_")]
            context.maximum_version = context.minimum_version
        self.is_ours = isinstance(fetching, adapters.SSLContext)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = serving.wrap_bio(self.incoming, self.outgoing, server_side=True)
        left, self.wire = socket.socketpair()
        self.wire.settimeout(20)
        left.settimeout(timeout)
        with ThreadPoolExecutor(1) as pool:
            served = pool.submit(self._serve)
            self.client = fetching.wrap_socket(
                left, server_hostname="dom1.test", suppress_ragged_eofs=False
            )
            served.result()

    def _serve(self) -> None:
        while True:
            try:
                self.server.do_handshake()
            except ssl.SSLWantReadError:
                self.wire.sendall(self.outgoing.read())
                self.incoming.write(self.wire.recv(65536))
            else:
                self.wire.sendall(self.outgoing.read())
                return

    def records(self, *pieces: bytes) -> bytes:
        """Return what the server has to send, each piece in records of its own."""
        for piece in pieces:
            self.server.write(piece)
        return self.outgoing.read()

    def goodbye(self) -> bytes:
        """Return the server's close_notify."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.server.unwrap()
        return self.outgoing.read()

    def close(self) -> None:
        """End it."""
        self.client.close()
        self.wire.close()


@pytest.fixture(params=["ours TLSv1.3", "ours TLSv1.2", "stock TLSv1.3"])
def link(request: pytest.FixtureRequest, library: str) -> Iterator[Callable[..., Link]]:
    """Makes a client whose server the test moves."""
    made: list[Link] = []
    whose, version = request.param.split()

    def make(timeout: float | None) -> Link:
        def kind(protocol: int) -> ssl.SSLContext:
            if whose == "stock":
                return ssl.SSLContext(protocol)
            return adapters.SSLContext(protocol, library=library)

        made.append(Link(kind, version, timeout))
        return made[-1]

    yield make
    for one in made:
        one.close()


def all_of(client: ssl.SSLSocket, count: int, size: int, *, into: bool) -> bytes:
    """Read so many bytes, at most ``size`` at a time."""
    found = b""
    while len(found) < count:
        if into:
            room = bytearray(size)
            found += room[: client.recv_into(room)]
        else:
            found += client.recv(size)
    return found


@TIMEOUTS
@pytest.mark.parametrize("into", [False, True])
@pytest.mark.parametrize(("piece", "size"), [(1, 100), (4099, 1000), (4099, 16384), (9000, 65536)])
def test_records_that_come_in_pieces(
    link: Any, timeout: float | None, piece: int, size: int, into: bool
) -> None:
    made = link(timeout)
    data = bytes(range(256)) * (2 if piece == 1 else 300)
    wire = made.records(data[:50], data[50:51], data[51:])
    with ThreadPoolExecutor(1) as pool:
        for at in range(0, len(wire), piece):
            pool.submit(made.wire.sendall, wire[at : at + piece])
        assert all_of(made.client, len(data), size, into=into) == data
    assert made.client.pending() == 0


@TIMEOUTS
@pytest.mark.parametrize("size", [3, 100, 65536])
def test_all_at_once_and_nothing_more(link: Any, timeout: float | None, size: int) -> None:
    """The socket stays open, so whoever looked into it again would wait."""
    made = link(timeout)
    made.wire.sendall(made.records(b"one", b"two", b"three") + made.goodbye())
    found = []
    while data := made.client.recv(size):
        found.append(data)
    assert b"".join(found) == b"onetwothree"
    assert made.client.recv(size) == b""
    assert made.client.pending() == 0


@TIMEOUTS
@pytest.mark.parametrize("size", [100, 16384])
def test_who_waits_with_select_misses_nothing(link: Any, timeout: float | None, size: int) -> None:
    """What no call has handed out is in the socket, or told by pending()."""
    made = link(timeout)
    made.wire.sendall(made.records(*[bytes(1000)] * 40))
    count = 0
    while count < 40_000:
        if not made.client.pending():
            assert select.select([made.client], [], [], 20)[0]
        count += len(made.client.recv(size))
    assert select.select([made.client], [], [], 0)[0] == []


def test_half_a_record(link: Any) -> None:
    """A socket that does not wait, and one whose time is up, go on where they were."""
    made = link(20)
    wire = made.records(b"whole")
    made.client.setblocking(False)
    with pytest.raises(ssl.SSLWantReadError):
        made.client.recv(100)
    for part in (wire[:3], wire[3:5], wire[5:9]):
        made.wire.sendall(part)
        with pytest.raises(ssl.SSLWantReadError):
            made.client.recv(100)
    made.client.settimeout(0.01)
    with pytest.raises(TimeoutError, match="The read operation timed out"):
        made.client.recv(100)
    made.wire.sendall(wire[9:])
    assert made.client.recv(100) == b"whole"


@TIMEOUTS
def test_signals_are_handled_while_it_waits(link: Any, timeout: float | None) -> None:
    made = link(timeout)
    wire = made.records(b"rung")
    before = signal.signal(signal.SIGALRM, lambda *_: made.wire.sendall(wire))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert made.client.recv(100) == b"rung"
    finally:
        signal.signal(signal.SIGALRM, before)


@TIMEOUTS
def test_a_handler_may_end_the_wait(link: Any, timeout: float | None) -> None:
    made = link(timeout)

    class Rung(Exception):  # noqa: N818  # it is no error
        pass

    def ring(*_: object) -> None:
        raise Rung

    wire = made.records(b"later")
    made.wire.sendall(wire[:9])
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Rung):
            made.client.recv(100)
    finally:
        signal.signal(signal.SIGALRM, before)
    made.wire.sendall(wire[9:])
    assert made.client.recv(100) == b"later"


@TIMEOUTS
def test_what_has_failed_does_not_wait(link: Any, timeout: float | None) -> None:
    made = link(timeout)
    wire = bytearray(made.records(b"spoilt"))
    wire[-1] ^= 1
    made.wire.sendall(wire)
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            made.client.recv(100)


@TIMEOUTS
def test_an_end_in_the_middle(link: Any, timeout: float | None) -> None:
    made = link(timeout)
    wire = made.records(b"first", b"second")
    made.wire.sendall(wire[:-4])
    made.wire.close()
    assert made.client.recv(5) == b"first"
    for _ in range(2):
        with pytest.raises(ssl.SSLEOFError):
            made.client.recv(100)


@TIMEOUTS
def test_a_peer_that_resets(link: Any, timeout: float | None) -> None:
    made = link(timeout)
    made.client.sendall(b"unread")
    made.wire.close()  # with something unread, which a UNIX socket tells as a reset
    with pytest.raises(ConnectionResetError if made.is_ours else ssl.SSLError):
        made.client.recv(100)


@TIMEOUTS
def test_a_peer_that_reads_late(link: Any, timeout: float | None) -> None:
    """What does not fit into the socket waits, and leaves in its order."""
    made = link(timeout)
    made.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    data = bytes(range(256)) * 2000
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(made.client.sendall, data)
        found = b""
        while len(found) < len(data):
            made.incoming.write(made.wire.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    found += made.server.read(65536)
        sent.result()
    assert found == data


def test_what_does_not_fit_is_sent_again(link: Any) -> None:
    """With the same data, as OpenSSL wants it; fewer bytes of it are refused."""
    made = link(20)
    made.client.setblocking(False)
    data = bytes(range(256)) * 8000
    sent = 0
    with contextlib.suppress(ssl.SSLWantWriteError):
        while sent < len(data):
            sent += made.client.send(data[sent:])
    assert sent < len(data)
    found = b""
    with contextlib.suppress(BlockingIOError):
        made.wire.setblocking(False)
        while True:
            made.incoming.write(made.wire.recv(65536))
    with contextlib.suppress(ssl.SSLWantReadError):
        while True:
            found += made.server.read(65536)
    with pytest.raises(ssl.SSLError, match=r"bad (write retry|length)"):
        made.client.send(data[sent : sent + 1])
    assert found == data[: len(found)]


def test_a_socket_that_is_gone(link: Any) -> None:
    made = link(20)
    held = made.client._sslobj
    made.client.close()
    for call in (lambda: held.read(1), lambda: held.write(b"x"), held.shutdown):
        with pytest.raises(ssl.SSLError, match="closed" if made.is_ours else None):
            call()


@TIMEOUTS
def test_tcp_that_is_reset(link: Any, timeout: float | None) -> None:
    """Sending finds out, too."""
    made = link(timeout)
    made.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.wire.close()
    with pytest.raises((BrokenPipeError, ConnectionResetError, ssl.SSLEOFError)):
        made.client.sendall(b"x")
