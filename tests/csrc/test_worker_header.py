"""The worker behind a load balancer: PROXY headers from those who may send them."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.support import reference_proxy_writer as writer
from tests.support import worker
from tests.support.contract import Rig
from tests.support.tls_sockets import wrap
from tests.support.worker import (
    ANY,
    RESET,
    TURNED_AWAY,
    UNTRUSTED,
    Engine,
    Place,
    Upstream,
    ask,
    goodbye,
    is_cut,
    plain_client,
    until,
    who,
)

PLAIN = (("127.0.0.1", True),)
CLIENT = ("192.0.2.7", 4711)
ADDRESS = ("198.51.100.1", 443)
HEADERS = {"v1": writer.text_header, "v2": writer.header}
LARGEST = 16384
HERE = "127.0.0.1"


def packed(host: str) -> bytes:
    """Return the 16 bytes of an address, IPv4 mapped into IPv6."""
    address = ipaddress.ip_address(host)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


@pytest.fixture
def place() -> Iterator[Place]:
    upstream = Upstream("up")
    yield upstream.place
    upstream.close()


@pytest.fixture
def engines(rig: Rig) -> Iterator[Callable[..., Engine]]:
    made: list[Engine] = []

    def make(routes: dict[int, Sequence[Place]], **options: Any) -> Engine:
        options = {"senders": ["127.0.0.0/8"]} | options
        made.append(Engine(rig, routes, **options).start())
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def large_header(size: int) -> bytes:
    """Return a header of so many bytes, all but the addresses of which say nothing."""
    start = writer.header(CLIENT, ADDRESS)
    rest = size - len(start) - 3
    value = struct.pack("!BH", 0x04, rest) + bytes(rest)
    fixed = len(writer.SIGNATURE) + 2
    return start[:fixed] + struct.pack("!H", size - fixed - 2) + start[fixed + 2 :] + value


@contextlib.contextmanager
def tls_behind(engine: Engine, header: bytes, name: str = "dom1.test") -> Iterator[ssl.SSLSocket]:
    """Send a header, shake hands, and say goodbye in the end."""
    sock = plain_client(engine.port)
    sock.sendall(header)
    with wrap(
        worker.client_context(), sock, server_hostname=name, suppress_ragged_eofs=False
    ) as client:
        yield client


@pytest.mark.parametrize("kind", HEADERS)
def test_the_client_is_whom_the_header_names(engines: Any, place: Place, kind: str) -> None:
    engine = engines({ANY: [place]})
    with tls_behind(engine, HEADERS[kind](CLIENT, ADDRESS)) as client:
        sender = client.getsockname()
        assert ask(client) == b"up:question"
        assert engine.inside() == (1, 0)
        goodbye(client)
    [record] = engine.records()
    assert (record.status, record.bytes_in) == ("ok", 8)
    assert (record.client, record.client_port) == (packed(CLIENT[0]), CLIENT[1])
    assert record.local == (packed(ADDRESS[0]), ADDRESS[1])
    assert record.sender == (packed(sender[0]), sender[1])
    counts = engine.counts()
    assert (counts.handshakes_started, counts.handshakes_completed) == (1, 1)
    assert engine.inside() == (0, 0)


@pytest.mark.parametrize("kind", HEADERS)
def test_ipv6_in_the_header(engines: Any, place: Place, kind: str) -> None:
    engine = engines({ANY: [place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        client.sendall(HEADERS[kind](("2001:db8::7", 1), ("2001:db8::1", 2)))
        assert who(client) == "up"
    [record] = engine.records()
    assert (record.client, record.client_port) == (packed("2001:db8::7"), 1)
    assert record.local == (packed("2001:db8::1"), 2)


@pytest.mark.parametrize("kind", HEADERS)
def test_everything_in_one_segment(engines: Any, place: Place, kind: str) -> None:
    """What stands behind the header is the client's, to the last byte."""
    engine = engines({ANY: [place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        client.sendall(HEADERS[kind](CLIENT, ADDRESS) + b"early")
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(100):
            answer += piece
    assert answer == b"up:early"
    assert engine.records()[0].bytes_in == 5


@pytest.mark.parametrize("size", [LARGEST - 1, LARGEST])
def test_large_headers_in_one_segment(engines: Any, place: Place, size: int) -> None:
    """Nobody says again that there is more behind the last byte that was looked at."""
    engine = engines({ANY: [place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        client.sendall(large_header(size) + b"?")
        assert client.recv(100) == b"up:?"


@pytest.mark.parametrize("kind", HEADERS)
def test_a_hello_in_the_same_segment(engines: Any, place: Place, kind: str) -> None:
    engine = engines({ANY: [place]})
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = worker.client_context().wrap_bio(incoming, outgoing, server_hostname="dom1.test")
    waiting = HEADERS[kind](CLIENT, ADDRESS)
    with plain_client(engine.port) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(waiting + outgoing.read())
                waiting = b""
                incoming.write(sock.recv(65536))
        tls.write(b"?")
        sock.sendall(outgoing.read())
        until(lambda: engine.counts().handshakes_completed == 1)
    assert engine.records()[0].client == packed(CLIENT[0])


@pytest.mark.parametrize("kind", HEADERS)
def test_byte_by_byte(engines: Any, place: Place, kind: str) -> None:
    engine = engines({ANY: [place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until(lambda: engine.counts().connections == 1)
        for byte in HEADERS[kind](CLIENT, ADDRESS) + b"?":
            client.sendall(bytes([byte]))
        assert client.recv(100) == b"up:?"
    assert engine.records()[0].client == packed(CLIENT[0])


def test_the_largest_header(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]}, listeners=PLAIN)
    header = large_header(LARGEST)
    with plain_client(engine.port) as client:
        client.sendall(header[:5000])
        until(lambda: engine.counts().connections == 1)
        client.sendall(header[5000:])
        assert who(client) == "up"
    assert engine.records()[0].client == packed(CLIENT[0])


@pytest.mark.parametrize("is_plain", [False, True], ids=["tls", "plain"])
@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "PROXY protocol"),
        (b"GET / HTTP/1.0\r\n\r\n", "PROXY protocol"),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 0 65536\r\n", "PROXY protocol"),
        (b"PROXY TCP4 " + b"1" * 200, "PROXY protocol"),
        (large_header(LARGEST + 1), "PROXY protocol"),
    ],
    ids=["tls", "http", "port", "line", "size"],
)
def test_where_no_header_comes(
    engines: Any, place: Place, sent: bytes, reason: str, is_plain: bool
) -> None:
    """Nobody guesses, and no handshake has begun."""
    engine = engines({ANY: [place]}, listeners=((HERE, is_plain),))
    with plain_client(engine.port) as client:
        client.sendall(sent)
        assert is_cut(client)
    [record] = engine.records()
    assert (record.status, record.error) == ("bad-proxy-header", 0)
    assert reason in record.reason
    counts = engine.counts()
    assert counts.handshakes_started == sum(counts.failed) == 0
    assert engine.inside() == (0, 0)


@pytest.mark.parametrize(
    "sent",
    [b"", b"PROXY TC", writer.header(CLIENT, ADDRESS)[:-1]],
    ids=["nothing", "some", "most"],
)
def test_a_sender_that_hangs_up_before(engines: Any, place: Place, sent: bytes) -> None:
    engine = engines({ANY: [place]})
    with plain_client(engine.port) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert is_cut(client)
    [record] = engine.records()
    assert record.status == "bad-proxy-header"
    assert "ended before a PROXY protocol header was whole" in record.reason


def test_a_sender_that_resets(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]})
    with plain_client(engine.port) as client:
        client.sendall(b"PROXY")
        until(lambda: engine.counts().connections == 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert engine.records()[0].status == "bad-proxy-header"


def test_who_is_not_trusted_is_turned_away(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]}, senders=["10.0.0.0/8", "127.0.0.2", "::/0"])
    for _ in range(3):
        with contextlib.suppress(ConnectionError), plain_client(engine.port) as client:
            client.sendall(writer.header(CLIENT, ADDRESS))
            assert is_cut(client)
    until(lambda: engine.counts().untrusted == 3)
    [notice] = engine.taken(UNTRUSTED)  # told once in a while
    assert notice.client == packed(HERE)
    counts = engine.counts()
    assert (counts.accepted, counts.handshakes_started, sum(counts.ended)) == (3, 0, 0)
    assert engine.refused() == (0, 0, 0)


def test_nobody_is_trusted(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]}, senders=[])
    with contextlib.suppress(ConnectionError), plain_client(engine.port) as client:
        assert is_cut(client)
    until(lambda: engine.counts().untrusted == 1)


@pytest.mark.parametrize(
    "header",
    [
        writer.local_header(),
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN 1.2.3.4 5.6.7.8 9 10\r\n",
        writer.header("/client", "/server"),
    ],
    ids=["local", "unknown", "unknown-addresses", "unix"],
)
def test_the_addresses_of_the_connection_hold(engines: Any, place: Place, header: bytes) -> None:
    engine = engines({ANY: [place]}, listeners=PLAIN)
    with plain_client(engine.port) as client:
        port = client.getsockname()[1]
        client.sendall(header)
        assert who(client) == "up"
    [record] = engine.records()
    assert (record.status, record.client, record.client_port) == ("ok", packed(HERE), port)
    assert record.local == (packed(HERE), engine.port)
    assert record.sender == (packed(HERE), port)


def test_handshakes_are_counted_by_the_network_of_the_client(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]}, limits={"max_handshakes_per_network": 2})
    one, other = (writer.header((host, 1), ADDRESS) for host in ("192.0.2.7", "192.0.2.8"))
    with contextlib.ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(plain_client(engine.port)).sendall(one)
            until(functools.partial(_has_inside, engine, (number, number)))
        with plain_client(engine.port) as third:
            third.sendall(one)
            assert is_cut(third)
        assert engine.refused() == (0, 0, 1)
        until(lambda: engine.inside() == (2, 2))
        with tls_behind(engine, other) as client:
            assert who(client) == "up"
            goodbye(client)
    until(lambda: engine.inside() == (0, 0))
    [notice] = engine.taken(TURNED_AWAY)
    assert notice.client == packed("192.0.2.7")
    counts = engine.counts()
    assert (counts.accepted, counts.handshakes_started, sum(counts.ended)) == (4, 3, 3)


def _has_inside(engine: Engine, expected: tuple[int, int]) -> bool:
    return engine.inside() == expected


@pytest.mark.parametrize(
    ("limit", "struck"), [("max_connections", (1, 0, 0)), ("max_handshakes", (0, 1, 0))]
)
def test_limits_in_total(
    engines: Any, place: Place, limit: str, struck: tuple[int, int, int]
) -> None:
    """A connection has its place from the start, a handshake from its header on."""
    engine = engines({ANY: [place]}, limits={limit: 1})
    header = writer.header(CLIENT, ADDRESS)
    with plain_client(engine.port) as first:
        until(lambda: engine.inside() == (1, 0))
        first.sendall(header)
        until(lambda: engine.inside() == (1, 1))
        with contextlib.suppress(ConnectionError), plain_client(engine.port) as second:
            second.sendall(header)
            assert is_cut(second)
        until(lambda: engine.refused() == struck)
    until(lambda: engine.inside() == (0, 0))


@pytest.mark.parametrize("kind", HEADERS)
def test_a_domain_is_matched_by_the_destination(engines: Any, place: Place, kind: str) -> None:
    engine = engines({ANY: [place]})
    plan = engine.plan(("dom1.test",), 2, {ANY: [place]}, packed(ADDRESS[0]), ADDRESS[1])
    engine.post(plan)
    with tls_behind(engine, HEADERS[kind](CLIENT, ADDRESS)) as client:
        assert who(client) == "up"
        goodbye(client)
    elsewhere = HEADERS[kind](CLIENT, ("198.51.100.2", 443))
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"), tls_behind(engine, elsewhere):
        pass
    assert [record.status for record in engine.records(2)] == ["ok", "no-domain"]


@pytest.mark.parametrize(
    "sent", [b"", b"PROXY", writer.header(CLIENT, ADDRESS)], ids=["nothing", "some", "header"]
)
@pytest.mark.parametrize(
    ("settings", "is_plain", "status"),
    [
        ({"first_byte_timeout": 50}, False, "first-byte-timeout"),
        ({"first_byte_timeout": 0, "handshake_timeout": 50}, False, "handshake-timeout"),
        ({"handshake_timeout": 50}, True, "handshake-timeout"),
    ],
)
def test_time_runs_from_accept(
    engines: Any, place: Place, sent: bytes, settings: dict[str, int], is_plain: bool, status: str
) -> None:
    """No byte of the header moves it; a plain client is in once the header is whole."""
    if is_plain and len(sent) > 5:
        pytest.skip("it is served")
    engine = engines({ANY: [place]}, listeners=((HERE, is_plain),), settings=settings)
    with plain_client(engine.port) as client:
        client.sendall(sent)
        assert is_cut(client)
    [record] = engine.records()
    assert record.status == status
    assert ("PROXY protocol header" in record.reason) is (len(sent) < 6)
    assert engine.inside() == (0, 0)


@pytest.mark.parametrize("end", ["stop", "drain"])
def test_it_ends_while_a_header_is_awaited(engines: Any, place: Place, end: str) -> None:
    engine = engines({ANY: [place]})
    with plain_client(engine.port) as client:
        client.sendall(b"PROXY")
        until(lambda: engine.counts().connections == 1)
        if end == "stop":
            engine.stop()
        else:
            engine.drain(50)
        engine.join()
        assert is_cut(client)
    assert [record.status for record in engine.taken()] == ["drained"]


def test_other_listeners_take_no_headers(engines: Any, place: Place) -> None:
    engine = engines({ANY: [place]}, senders=None)
    with plain_client(engine.port) as client:
        client.sendall(writer.header(CLIENT, ADDRESS))
        client.recv(100)  # an alert
        is_cut(client)
    [record] = engine.records()
    assert (record.status, record.sender) == ("handshake-failed", None)
