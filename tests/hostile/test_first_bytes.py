"""First bytes of a connection that are no ClientHello, or one in disguise."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.hello import message, records
from tests.support.hostile import (
    assert_serves,
    busy_manager,
    cut_into,
    ending_of,
    flight_of,
    step,
)
from tests.support.managers import LOCAL, assert_echo, carry, manager_of, server_domain, shake_hands
from tlsmgm import NoDomainError, ProtocolError, TLSManager, TruncatedError
from tlsmgm._backends import libraries

SSLV2_HELLO = bytes.fromhex("802e0103010015000000100100800300800700c0") + bytes(28)

STRANGERS = {
    "http": b"GET / HTTP/1.1\r\nHost: dom1.test\r\n\r\n",
    "sip": b"REGISTER sip:dom1.test SIP/2.0\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "smtp": b"EHLO dom1.test\r\n",
    "sslv2": SSLV2_HELLO,
    "zeroes": bytes(64),
    "ones": b"\xff" * 64,
    "application data": bytes.fromhex("1703030004") + b"data",
    "change cipher spec": bytes.fromhex("140303000101"),
    "server hello": records(b"\x02" + (4).to_bytes(3, "big") + bytes(4)),
    "finished": records(b"\x14" + (12).to_bytes(3, "big") + bytes(12)),
    "heartbeat": bytes.fromhex("1803030003014000"),
    "oversize record": bytes.fromhex("1603014801") + bytes(18433),
    "oversize hello": records(b"\x01\x01\x00\x00" + bytes(65536)),
    "hello of 16 MiB": records(b"\x01\xff\xff\xff" + bytes(60000)),
    "version 4": bytes.fromhex("1604000005") + bytes(5),
}


@pytest.mark.parametrize("eof", [False, True])
@pytest.mark.parametrize("stream", STRANGERS.values(), ids=STRANGERS)
def test_not_tls(library: str, stream: bytes, eof: bool) -> None:
    manager = busy_manager(library)
    error = ending_of(manager, stream, eof=eof)
    assert isinstance(error, ProtocolError)
    assert_serves(manager)


@pytest.mark.parametrize("name", ["http", "ssh", "sslv2", "oversize hello"])
def test_not_tls_byte_by_byte(library: str, name: str) -> None:
    manager = busy_manager(library)
    error = ending_of(manager, *(bytes([byte]) for byte in STRANGERS[name]))
    assert isinstance(error, ProtocolError)


def test_empty_stream(library: str) -> None:
    manager = busy_manager(library)
    assert ending_of(manager) is None
    assert isinstance(ending_of(manager, eof=True), TruncatedError)


def test_an_endless_row_of_empty_records_ends(library: str) -> None:
    """RFC 8446 section 5.1 forbids empty handshake records; they must not cost us anything."""
    manager = busy_manager(library)
    empty = bytes.fromhex("1603010000")
    error = ending_of(manager, *[empty * 1000] * 100)
    assert isinstance(error, ProtocolError)
    assert_serves(manager)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 64, 100, 255, 511])
def test_hello_in_small_records(library: str, version: str, size: int) -> None:
    manager = busy_manager(library, version)
    client, flight = flight_of(manager)
    server = manager.server_connection(LOCAL)
    server.feed(cut_into(flight, size))
    shake_hands(client, server)
    assert server.domain == manager.domains[0]
    assert_echo(client, server)


def test_hello_in_one_byte_records_byte_by_byte(library: str, version: str) -> None:
    manager = busy_manager(library, version)
    client, flight = flight_of(manager, "dom2.test")
    server = manager.server_connection(LOCAL)
    stream = cut_into(flight, 1)
    for byte in stream[:-1]:
        server.feed(bytes([byte]))
        assert server.handshake() is False
        assert server.domain is None
    server.feed(stream[-1:])
    shake_hands(client, server)
    assert server.domain == manager.domains[1]
    assert_echo(client, server)


def test_every_byte_alone_to_the_end(library: str, version: str) -> None:
    manager = busy_manager(library, version)
    client, flight = flight_of(manager)
    server = manager.server_connection(LOCAL)
    done = [False, False]
    server_bytes = flight
    while not all(done):
        for byte in server_bytes:
            server.feed(bytes([byte]))
            done[1] = server.handshake()
        for byte in server.drain():
            client.feed(bytes([byte]))
            done[0] = client.handshake()
        server_bytes = client.drain()
    client.feed(server.drain())
    assert_echo(client, server)


def test_hello_cut_off_anywhere(library: str, version: str) -> None:
    manager = busy_manager(library, version)
    _, flight = flight_of(manager)
    for size in range(len(flight)):
        error = ending_of(manager, flight[:size], eof=True)
        assert type(error) is TruncatedError, size
    assert_serves(manager)


def test_hello_and_the_end_at_once(library: str, version: str) -> None:
    """A whole hello, then nothing: the server answers, and then sees the end."""
    manager = busy_manager(library, version)
    _, flight = flight_of(manager)
    assert isinstance(ending_of(manager, flight, eof=True), TruncatedError)


def test_second_flight_cut_off_anywhere(library: str, version: str) -> None:
    manager = busy_manager(library, version)
    sizes = iter(range(1000))
    for size in sizes:
        client, flight = flight_of(manager)
        server = manager.server_connection(LOCAL)
        server.feed(flight)
        assert server.handshake() is False
        carry(server, client)
        client.handshake()
        answer = client.drain()
        if size >= len(answer):
            break
        server.feed(answer[:size])
        server.feed_eof()
        assert type(step(server)) is TruncatedError, size
    else:
        raise AssertionError("the second flight has no end")
    assert size > 20


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_byte_of_the_hello_changed(library: str, version: str, flip: int) -> None:
    """What is left may still be a hello; if not, an error with an alert says so."""
    manager = busy_manager(library, version)
    _, flight = flight_of(manager)
    refused = 0
    for at in range(len(flight)):
        changed = bytearray(flight)
        changed[at] ^= flip
        error = ending_of(manager, bytes(changed))
        refused += error is not None
        assert isinstance(error, (ProtocolError, NoDomainError, type(None))), (at, error)
        if error is not None:
            assert error.alert is not None, (at, error)
    assert refused > 20
    assert_serves(manager)


@pytest.mark.parametrize("library_name", libraries())
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(data=st.lists(st.binary(max_size=600), max_size=6))
@example(data=[b"\x16\x03\x01", b"\x00\x05\x01\x00\x00\x01\x00"])
@example(data=[b"\x15\x03\x01\x00\x02\x01\x00"])
@example(data=[b"\x15\x03\x01\x00\x02\x02\x28"])
def test_random_streams(library_name: str, data: list[bytes]) -> None:
    error = ending_of(_shared(library_name), *data, eof=True)
    assert error is not None


@pytest.mark.parametrize("library_name", libraries())
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    extensions=st.lists(st.binary(max_size=60), max_size=5),
    tail=st.none() | st.binary(max_size=80),
    suites=st.binary(max_size=40),
    size=st.integers(1, 16384),
)
def test_random_hellos(
    library_name: str, extensions: list[bytes], tail: bytes | None, suites: bytes, size: int
) -> None:
    hello = message(*extensions, suites=suites, tail=tail)
    error = ending_of(_shared(library_name), records(hello, size), eof=True)
    assert error is not None


_managers: dict[str, TLSManager] = {}


def _shared(library: str) -> TLSManager:
    """One manager per library, with a domain for every name, so that hellos reach the library."""
    if library not in _managers:
        _managers[library] = manager_of(library, server_domain(match_sip_domain="*"))
    return _managers[library]
