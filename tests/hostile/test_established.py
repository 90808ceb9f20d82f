"""What can go wrong after the handshake: changed, repeated, missing, late and too many bytes."""

from __future__ import annotations

import threading

import pytest

from tests.support.hello import message, records
from tests.support.hostile import (
    APPLICATION_DATA,
    HANDSHAKE,
    assert_alert_sent,
    assert_final,
    assert_serves,
    busy_manager,
    flight_of,
    split_records,
    step,
)
from tests.support.managers import assert_echo, carry, connect, manager_of, read_all, shake_hands
from tests.support.peers import PyOpenSSLPeer, pyopenssl_context
from tests.support.sockets import TIMEOUT
from tlsmgm import (
    AlertError,
    Connection,
    NoMemoryError,
    ProtocolError,
    TLSError,
    TLSManager,
    TruncatedError,
)

BAD_RECORD_MAC = 20
Pair = tuple[TLSManager, Connection, Connection]


@pytest.fixture
def pair(library: str, client_library: str, version: str) -> Pair:
    """A manager, a client and its server after their handshake, with nothing on the way."""
    manager = busy_manager(library, version)
    clients = busy_manager(client_library, version)
    client, server = connect(manager, clients)
    assert client.read() is None
    return manager, client, server


def sent(conn: Connection, *pieces: bytes) -> list[bytes]:
    """Write each piece as one record; return the records."""
    found = []
    for piece in pieces:
        assert conn.write(piece) == len(piece)
        [(kind, record)] = split_records(conn.drain())
        assert kind == APPLICATION_DATA
        found.append(record)
    return found


def assert_bad_mac(conn: Connection, other: Connection) -> None:
    """Prove the error, the alert that the other side gets, and that both are final."""
    with pytest.raises(ProtocolError) as caught:
        conn.read()
    assert caught.value.alert == BAD_RECORD_MAC
    other.feed(conn.drain())
    with pytest.raises(AlertError) as told:
        other.read()
    assert told.value.alert == BAD_RECORD_MAC
    for call in (conn.read, conn.handshake, lambda: conn.write(b"x")):
        with pytest.raises(ProtocolError) as again:
            call()
        assert again.value.alert == BAD_RECORD_MAC
    assert_final(conn, caught.value)


@pytest.mark.parametrize("at", [5, 12, 20, -1])
@pytest.mark.parametrize("side", ["server", "client"])
def test_changed_record(pair: Pair, side: str, at: int) -> None:
    manager, client, server = pair
    victim, other = (server, client) if side == "server" else (client, server)
    [record] = sent(other, b"attack at dawn")
    changed = bytearray(record)
    changed[at] ^= 1
    victim.feed(bytes(changed))
    assert_bad_mac(victim, other)
    assert_serves(manager)


def test_replayed_record(pair: Pair) -> None:
    _, client, server = pair
    [record] = sent(client, b"pay 100")
    server.feed(record * 2)
    assert server.read() == b"pay 100"
    assert_bad_mac(server, client)


def test_reordered_records(pair: Pair) -> None:
    _, client, server = pair
    first, second = sent(client, b"one", b"two")
    server.feed(second + first)
    assert_bad_mac(server, client)


def test_dropped_record(pair: Pair) -> None:
    _, client, server = pair
    _, second = sent(client, b"one", b"two")
    server.feed(second)
    assert_bad_mac(server, client)


def test_record_of_another_connection(pair: Pair) -> None:
    manager, client, server = pair
    stranger, _ = connect(manager, manager)
    assert stranger.read() is None
    [record] = sent(stranger, b"let me in")
    server.feed(record)
    assert_bad_mac(server, client)


def test_data_before_a_changed_record_is_good(pair: Pair) -> None:
    _, client, server = pair
    first, second = sent(client, b"good", b"bad")
    server.feed(first + second[:-1] + bytes([second[-1] ^ 1]))
    assert server.read() == b"good"
    assert_bad_mac(server, client)


JUNK = {
    "clear application data": b"\x17\x03\x03\x00\x04data",
    "clear hello": records(message()),
    "unknown type": b"\x63\x03\x03\x00\x01x",
    "too long": b"\x17\x03\x03\xff\xff" + bytes(65535),
    "http": b"GET / HTTP/1.0\r\n\r\n",
    "empty handshake": b"\x16\x03\x03\x00\x00",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_after_the_handshake(pair: Pair, junk: bytes) -> None:
    manager, _, server = pair
    server.feed(junk)
    error = step(server)
    assert isinstance(error, ProtocolError)
    # wolfSSL ends without an alert where the record's header is wrong (RFC 8446 6.2: SHOULD).
    assert error.alert is not None or server.backend == "wolfssl"
    assert_alert_sent(server.drain(), error)
    assert_final(server, error)
    assert_serves(manager)


@pytest.mark.parametrize("tail", [b"\x17\x03\x03\x00\x04data", b"GET / HTTP/1.0\r\n", bytes(100)])
def test_garbage_after_close_notify(pair: Pair, tail: bytes) -> None:
    """RFC 8446 section 6.1: data after a closure alert must be ignored."""
    _, client, server = pair
    sent_data = sent(client, b"last words")[0]
    client.shutdown()
    server.feed(sent_data + client.drain() + tail)
    assert server.read() == b"last words"
    for _ in range(3):
        assert server.read() == b""
    server.feed(tail)
    assert server.read() == b""
    assert server.shutdown() is True


def test_end_without_close_notify(pair: Pair) -> None:
    _, client, server = pair
    [record] = sent(client, b"half a mess")
    server.feed(record)
    server.feed_eof()
    assert server.read() == b"half a mess"
    for _ in range(2):
        with pytest.raises(TruncatedError):
            server.read()


def test_end_anywhere_in_a_record(pair: Pair) -> None:
    manager, client, server = pair
    [record] = sent(client, b"x")
    for size in range(len(record)):
        client, server = connect(manager, manager)
        assert client.read() is None
        [record] = sent(client, b"x")
        server.feed(record[:size])
        assert server.read() is None
        server.feed_eof()
        with pytest.raises(TruncatedError):
            server.read()


def test_renegotiation_is_refused(library: str) -> None:
    """With a warning after which the connection goes on, or with a fatal alert."""
    manager = busy_manager(library, "TLSv1.2")
    client = PyOpenSSLPeer(pyopenssl_context("TLSv1.2"), server_name="dom1.test")
    server = manager.server_connection(("127.0.0.1", 5061))
    while not (client.handshake() and server.handshake()):
        carry(client, server)
        server.handshake()
        carry(server, client)
    client.tls.renegotiate()
    assert client.handshake() is False
    hello = client.drain()
    assert [kind for kind, _ in split_records(hello)] == [HANDSHAKE]
    server.feed(hello)
    error = step(server)
    answer = split_records(server.drain())
    assert [kind for kind, _ in answer] == [21]
    if error is None:
        assert server.read() is None
    else:
        assert isinstance(error, ProtocolError)
        assert_final(server, error)
    assert_serves(manager)


def test_too_much_unread(library: str, version: str) -> None:
    """The bound protects memory; the connection survives and loses nothing it has taken."""
    manager = busy_manager(library, version)
    client, server = connect(manager, manager)
    assert client.read() is None
    chunk, taken, refused = b"m" * 65536, 0, None
    while refused is None and taken < 5 << 20:
        assert client.write(chunk) == len(chunk)
        wire = client.drain()
        try:
            server.feed(wire)
        except NoMemoryError:
            refused = wire
        else:
            taken += len(chunk)
    assert refused is not None
    assert taken > 3 << 20
    got = len(read_all(server))
    assert got == taken
    server.feed(refused)
    assert read_all(server) == chunk
    assert_echo(client, server)


def test_too_much_before_the_hello(library: str) -> None:
    """A hello has its own, smaller bound."""
    manager = busy_manager(library)
    server = manager.server_connection(("127.0.0.1", 5061))
    head = b"\x16\x03\x01\x40\x00\x01\x00\x7f\xff"

    def flood() -> None:
        for _ in range(5 << 4):
            server.feed(head + bytes(65536))
            server.handshake()

    with pytest.raises(TLSError):
        flood()
    assert_serves(manager)


def test_too_much_unwritten(library: str, version: str) -> None:
    """write() takes less, then nothing, until somebody drains."""
    manager = busy_manager(library, version)
    client, server = connect(manager, manager)
    sizes = [client.write(b"x" * 65536) for _ in range(20)]
    assert sizes[0] == 65536
    assert sizes[-1] == 0
    assert client.output_pending < 2 << 20
    carry(client, server)
    assert len(read_all(server)) == sum(sizes)
    assert client.write(b"more") == 4


def test_two_threads_in_one_connection(library: str, version: str) -> None:
    """One does a handshake; the other comes in, is told, and the handshake is unharmed."""
    manager = busy_manager(library, version)
    for _ in range(1000):
        client, flight = flight_of(manager)
        server = manager.server_connection(("127.0.0.1", 5061))
        server.feed(flight)
        if _intrude(server):
            break
    else:
        raise AssertionError("nobody noticed the second thread")
    shake_hands(client, server)
    assert_echo(client, server)


def _intrude(server: Connection) -> bool:
    """Enter a connection from here while another thread does its handshake."""
    errors: list[BaseException] = []
    start, refused = threading.Barrier(2), False

    def handshake() -> None:
        start.wait(TIMEOUT)
        for _ in range(1000):
            try:
                server.handshake()
            except RuntimeError as error:
                errors.append(error)  # it was the other thread that came first
            else:
                return

    thread = threading.Thread(target=handshake)
    thread.start()
    start.wait(TIMEOUT)
    while thread.is_alive():
        try:
            server.feed(b"")
            assert server.version in (None, "TLSv1.2", "TLSv1.3")
        except RuntimeError as error:
            errors.append(error)
            refused = True
    thread.join(TIMEOUT)
    assert all("another thread" in str(error) for error in errors)
    return refused


def test_manager_without_domains_refuses(library: str) -> None:
    manager = manager_of(library, *busy_manager(library).domains[3:])
    client = manager.client_connection("client", server_name="dom1.test")
    client.handshake()
    server = manager.server_connection(("127.0.0.1", 5061))
    server.feed(client.drain())
    error = step(server)
    assert error is not None
    assert error.alert == 112
