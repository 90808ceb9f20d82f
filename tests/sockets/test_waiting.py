"""Sockets that do not block, timeouts, and the deadline of the handshake."""

from __future__ import annotations

import errno
import select
import selectors
import signal
import socket

import pytest

import tlsmgm
from tests.sockets.talk import (
    NAME,
    Pair,
    Running,
    manager_for,
    read_all,
    read_to_end,
    send_for_ever,
    sockets,
)
from tests.support.sockets import TIMEOUT
from tlsmgm import TLSManager, TLSSocket, WantReadError, WantWriteError
from tlsmgm._core import waiting

CHUNK = b"0123456789abcdef" * 4096


def calling(manager: TLSManager, sock: socket.socket) -> TLSSocket:
    """Return a client before its handshake."""
    return manager.wrap_socket(sock, domain="client", server_name=NAME, do_handshake=False)


def ready(sock: TLSSocket, error: BlockingIOError) -> None:
    """Wait for what an error says."""
    event = selectors.EVENT_READ if isinstance(error, WantReadError) else selectors.EVENT_WRITE
    with selectors.DefaultSelector() as selector:
        selector.register(sock, event)
        assert selector.select(TIMEOUT)


def test_a_handshake_that_does_not_block(manager: TLSManager) -> None:
    called, accepted = sockets()
    called.setblocking(False)
    accepted.setblocking(False)
    with (
        calling(manager, called) as client,
        manager.wrap_socket(accepted, server_side=True, do_handshake=False) as server,
        selectors.DefaultSelector() as selector,
    ):
        waiting = {client, server}
        for sock in (client, server):
            selector.register(sock, selectors.EVENT_READ)
            with pytest.raises(WantReadError):
                sock.do_handshake()
        while waiting:
            for key, _ in selector.select(TIMEOUT):
                assert isinstance(key.fileobj, TLSSocket)
                try:
                    key.fileobj.do_handshake()
                except WantReadError:
                    continue
                waiting.discard(key.fileobj)
        with pytest.raises(WantReadError):
            client.recv(1)
        client.sendall(b"there")
        ready(server, WantReadError())
        assert server.recv(10) == b"there"


def test_the_handshake_may_come_with_the_first_call(manager: TLSManager) -> None:
    called, accepted = sockets()
    server = manager.wrap_socket(accepted, server_side=True, do_handshake=False)
    reading = Running(lambda: server.recv(100))
    with calling(manager, called) as client:
        assert client.connection.version is None
        assert client.pending() == 0
        client.sendall(b"hello")
        assert reading.result() == b"hello"
    server.close()


def shake_hands(sock: TLSSocket) -> None:
    """Do a handshake, wherever the waiting is."""
    while True:
        try:
            return sock.do_handshake()
        except BlockingIOError as error:
            ready(sock, error)


def fill(sock: TLSSocket) -> int:
    """Send until there is no room; return how many bytes."""
    sent = 0
    while True:
        try:
            sent += sock.send(CHUNK[sent % len(CHUNK) :])
        except WantWriteError:
            return sent


def test_a_send_is_repeated(pair: Pair) -> None:
    """What was encrypted once is not encrypted again, and nothing is lost."""
    pair.client.setblocking(False)
    sent = fill(pair.client)
    owed = CHUNK[sent % len(CHUNK) :]
    with pytest.raises(ValueError, match="same data"):
        pair.client.send(b"something else")
    with pytest.raises(WantWriteError):
        pair.client.send(owed)
    reading = Running(lambda: read_all(pair.server, sent + len(owed)))
    while True:
        try:
            assert pair.client.send(owed + b"more than before") == len(owed)
            break
        except WantWriteError as error:
            ready(pair.client, error)
    data = reading.result()
    assert data == (CHUNK * (len(data) // len(CHUNK) + 1))[: len(data)]
    assert pair.client.send(b"another") == 7
    assert read_all(pair.server, 7) == b"another"


def test_a_send_that_is_never_repeated_is_no_clean_end(pair: Pair) -> None:
    pair.client.setblocking(False)
    fill(pair.client)
    pair.client.close()
    with pytest.raises((tlsmgm.TruncatedError, ConnectionError)):
        read_to_end(pair.server)


def test_no_room_in_time(pair: Pair) -> None:
    pair.client.settimeout(0.02)
    with pytest.raises(TimeoutError, match="timed out"):
        send_for_ever(pair.client, CHUNK)
    pair.client.settimeout(TIMEOUT)
    assert pair.server.recv(1) == CHUNK[:1]
    pair.client.close()
    with pytest.raises((tlsmgm.TruncatedError, ConnectionError)):
        read_to_end(pair.server)


def test_reading_goes_on_where_there_is_no_room(pair: Pair) -> None:
    """The peer reads only after it has sent."""
    pair.client.setblocking(False)
    fill(pair.client)
    pair.server.sendall(b"data")
    select.select([pair.client], [], [], TIMEOUT)
    assert pair.client.recv(10) == b"data"


def test_nothing_comes_in_time(pair: Pair) -> None:
    pair.client.settimeout(0.02)
    assert (pair.client.gettimeout(), pair.client.timeout) == (0.02, 0.02)
    with pytest.raises(TimeoutError, match="timed out"):
        pair.client.recv(1)
    with pair.client.makefile("rb") as file:
        with pytest.raises(TimeoutError):
            file.read(1)
        pair.server.sendall(b"late")
        with pytest.raises(OSError, match="has timed out"):
            file.read(1)
    assert pair.client.recv(10) == b"late"


def test_a_file_of_a_socket_that_does_not_block(pair: Pair) -> None:
    pair.client.setblocking(False)
    assert not pair.client.getblocking()
    with pair.client.makefile("rb", 0) as reading:
        assert reading.read(1) is None
    with pair.client.makefile("wb", 0) as writing:
        while writing.write(CHUNK) is not None:
            pass


def test_no_goodbye_in_time(pair: Pair) -> None:
    pair.client.settimeout(0.02)
    with pytest.raises(TimeoutError):
        pair.client.unwrap()
    other = Running(pair.server.unwrap)
    pair.client.settimeout(TIMEOUT)
    pair.client.unwrap().close()
    other.result().close()


def test_times_are_checked(pair: Pair) -> None:
    with pytest.raises(ValueError, match="out of range"):
        pair.client.settimeout(-1)
    pair.client.setblocking(True)
    assert (pair.client.timeout, pair.client.getblocking()) == (None, True)


@pytest.mark.parametrize("timeout", [None, 0.05, 0.0])
def test_a_handshake_that_drips(library: str, version: str, timeout: float | None) -> None:
    """Each byte comes in time, and the handshake does not."""
    manager = manager_for(library, version)
    manager.handshake_timeout = 0.1 if timeout != 0.05 else TIMEOUT
    client = manager.client_connection("client", server_name=NAME)
    assert not client.handshake()
    hello = client.drain()
    called, accepted = sockets()
    accepted.settimeout(timeout)
    with called, manager.wrap_socket(accepted, server_side=True, do_handshake=False) as server:

        def drip() -> None:
            for byte in hello[:-1] * 1000:
                try:
                    called.send(bytes([byte]))
                except OSError:
                    return
                select.select([called], [], [], 0.005)

        dripping = Running(drip)
        with pytest.raises(TimeoutError, match=r"handshake took longer than 0\.1|timed out"):
            shake_hands(server)
        server.close()
        dripping.result()


def test_a_handshake_is_not_forever(library: str, version: str) -> None:
    manager = manager_for(library, version)
    manager.handshake_timeout = 0.05
    called, accepted = sockets()
    accepted.settimeout(None)
    with called:
        with pytest.raises(TimeoutError, match=r"the handshake took longer than 0\.05 seconds"):
            manager.wrap_socket(accepted, server_side=True)
        assert called.recv(1) == b""  # it was closed


def test_a_peer_that_sends_one_byte_at_a_time(library: str, version: str) -> None:
    manager = manager_for(library, version)
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    client = manager.client_connection("client", server_name=NAME)
    with called:
        while not client.handshake():
            for byte in client.drain():
                called.sendall(bytes([byte]))
            client.feed(called.recv(65536))
        for byte in client.drain() + client.encrypt(b"slowly"):
            called.sendall(bytes([byte]))
        with server.result() as ours:
            assert read_all(ours, 6) == b"slowly"


def test_an_alert_is_sent_before_the_end(library: str, version: str) -> None:
    manager = manager_for(library, version)
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    with called:
        called.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(100_000))
        assert isinstance(server.error(), tlsmgm.ProtocolError)
        assert called.recv(100)[:1] == b"\x15"


def test_want_errors_are_no_tls_errors() -> None:
    for error in (WantReadError(), WantWriteError()):
        assert isinstance(error, BlockingIOError)
        assert not isinstance(error, tlsmgm.TLSError)
        assert error.errno == errno.EAGAIN


class Polling:
    """Stands in for ``select.poll``, as gevent's does."""

    def __init__(self, asked: list[int]) -> None:
        self._asked = asked
        self._poll = POLL()

    def register(self, descriptor: int, wanted: int) -> None:
        self._asked.append(wanted)
        self._poll.register(descriptor, wanted)

    def poll(self, milliseconds: float | None) -> list[tuple[int, int]]:
        return self._poll.poll(milliseconds)


POLL = select.poll


@pytest.mark.parametrize("way", ["the system's", "another", "none"])
def test_who_has_replaced_poll_is_asked(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """A program may wait for all of its sockets in one place, so nobody waits behind its back."""
    asked: list[int] = []
    if way == "another":
        monkeypatch.setattr(select, "poll", lambda: Polling(asked))
    elif way == "none":
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not waiting.is_ready(ours.fileno(), waiting.READ, 0.001)
        assert waiting.is_ready(ours.fileno(), waiting.WRITE, TIMEOUT)
        waiting.wait(ours.fileno(), waiting.READ | waiting.WRITE, waiting.Deadline(None))
        theirs.send(b"x")
        assert waiting.is_ready(ours.fileno(), waiting.READ, TIMEOUT)
    if way == "another":
        assert asked == [1, 4, 5, 1]
    else:
        assert asked == []


def test_a_signal_ends_no_wait() -> None:
    """Its handler runs, and what is left of the time goes on; what it raises does end the wait."""
    ours, theirs = socket.socketpair()
    calls: list[int] = []

    def handle(*_: object) -> None:
        calls.append(1)
        if len(calls) == 1:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
        elif len(calls) == 2:
            theirs.send(b"x")
        else:
            raise InterruptedError

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with ours, theirs:
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            assert waiting.is_ready(ours.fileno(), waiting.READ, TIMEOUT)
            assert len(calls) == 2
            ours.recv(1)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with pytest.raises(InterruptedError):
                waiting.is_ready(ours.fileno(), waiting.READ, TIMEOUT)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
