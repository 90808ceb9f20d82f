"""Every pair of libraries: handshake, data, and all the ways to end."""

from __future__ import annotations

import pytest

from tests.support.pairs import ConnectionPair, Managers, Side, managers
from tlsmgm import AlertError, ProtocolError, TruncatedError

BAD_RECORD_MAC = 20
MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture
def both(library: str, client_library: str, version: str) -> Managers:
    return managers(library, client_library, version)


def sides(pair: ConnectionPair, name: str) -> tuple[Side, Side]:
    """Both sides; ``name`` says which comes first."""
    client, server = pair.client_side, pair.server_side
    return (client, server) if name == "client" else (server, client)


def test_both_ends_agree_on_what_was_negotiated(both: Managers, version: str) -> None:
    pair = both.connect()
    for name in ("version", "cipher", "cipher_bits", "server_name", "session_reused"):
        assert getattr(pair.client, name) == getattr(pair.server, name), name
    assert pair.client.version == version
    assert pair.server.server_name == "dom1.test"
    assert pair.server.domain.name == "dom1"
    assert pair.client.peer_certificate == pair.server.certificate
    assert (pair.client.peer_verified, pair.server.peer_verified) == (True, False)


def test_the_verdict_of_scripts_is_a_number_that_can_be_asked(both: Managers) -> None:
    """-1 would be true in Python, for every peer that nobody has verified."""
    pair = both.pair()
    before = pair.client.is_peer_verified()
    pair.handshake()
    yes, no = pair.client.is_peer_verified(), pair.server.is_peer_verified()
    assert (yes, no, before) == (1, -1, -1)
    assert (str(yes), f"{no}", repr(no)) == ("1", "-1", "-1")
    assert (bool(yes), bool(no), bool(before)) == (True, False, False)
    assert {1: "yes", -1: "no"}[no] == "no"
    assert no < 0 < yes
    assert isinstance(no, int)
    assert no != pair.server.peer_verified


def test_single_bytes_of_data(both: Managers) -> None:
    both.connect().echo(b"x")


def test_wire_bytes_come_one_at_a_time(both: Managers) -> None:
    pair = both.connect(piece=1)
    pair.echo(b"one at a time")


@pytest.mark.parametrize("sender", ["client", "server"])
def test_megabyte_with_back_pressure(both: Managers, sender: str) -> None:
    pair = both.connect()
    end = getattr(pair, sender)
    taken, view = 0, memoryview(MEGABYTE)
    while count := end.write(view[taken:]):
        taken += count
    assert 0 < taken < len(MEGABYTE)
    assert end.output_pending >= 256 * 1024
    pair.pump()
    here, there = sides(pair, sender)
    assert there.take_inbox() == MEGABYTE[:taken]
    assert pair.send(here.end, MEGABYTE[taken:]) == MEGABYTE[taken:]


def test_megabytes_cross(both: Managers) -> None:
    pair = both.connect()
    left = {"client": memoryview(MEGABYTE), "server": memoryview(MEGABYTE)}
    while any(left.values()):
        for name, view in left.items():
            left[name] = view[getattr(pair, name).write(view) :] if view else view
        pair.pump()
    assert pair.client_side.take_inbox() == MEGABYTE
    assert pair.server_side.take_inbox() == MEGABYTE


@pytest.mark.parametrize("first", ["client", "server"])
def test_close_notify_both_ways(both: Managers, first: str) -> None:
    pair = both.connect()
    here, there = sides(pair, first)
    assert here.end.shutdown() is False
    pair.pump()
    assert there.closed
    assert not here.closed
    assert there.end.read() == b""
    assert there.end.shutdown() is True
    pair.pump()
    assert here.closed
    assert here.end.shutdown() is True
    assert not pair.errors


@pytest.mark.parametrize("first", ["client", "server"])
def test_half_closed_connection_still_carries_data(both: Managers, first: str) -> None:
    pair = both.connect()
    here, there = sides(pair, first)
    here.end.shutdown()
    pair.pump()
    assert there.closed
    assert pair.send(there.end, MEGABYTE) == MEGABYTE
    assert not here.closed
    there.end.shutdown()
    pair.pump()
    assert here.closed
    assert not pair.errors


def test_data_before_close_notify_is_not_lost(both: Managers) -> None:
    pair = both.connect()
    pair.client.write(b"last words")
    pair.client.shutdown()
    pair.pump()
    assert pair.server_side.take_inbox() == b"last words"
    assert pair.server_side.closed


def test_close_notify_is_sent_once(both: Managers) -> None:
    pair = both.connect()
    pair.client.shutdown()
    assert pair.client.drain()
    pair.client.shutdown()
    assert pair.client.drain() == b""


@pytest.mark.parametrize("victim", ["client", "server"])
def test_end_without_close_notify_is_truncation(both: Managers, victim: str) -> None:
    pair = both.connect()
    here, there = sides(pair, victim)
    there.end.write(b"half a mess")
    here.end.feed(there.end.drain())
    here.end.feed_eof()
    assert here.end.read() == b"half a mess"
    for _ in range(2):  # it stays so
        with pytest.raises(TruncatedError):
            here.end.read()


def test_end_after_close_notify_is_clean(both: Managers) -> None:
    pair = both.connect()
    pair.client.shutdown()
    pair.pump()
    pair.server.feed_eof()
    for _ in range(2):
        assert pair.server.read() == b""


@pytest.mark.parametrize("victim", ["client", "server"])
def test_end_during_the_handshake_is_truncation(both: Managers, victim: str) -> None:
    pair = both.pair()
    assert pair.client.handshake() is False
    here, _ = sides(pair, victim)
    if victim == "server":
        here.end.feed(pair.client.drain())
        assert here.end.handshake() is False
    here.end.feed_eof()
    with pytest.raises(TruncatedError):
        here.end.handshake()


@pytest.mark.parametrize("sender", ["client", "server"])
def test_changed_data_is_refused(both: Managers, sender: str) -> None:
    pair = both.connect()
    here, there = sides(pair, sender)
    here.hook = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    here.end.write(b"attack at dawn")
    pair.pump()
    assert there.take_inbox() == b""
    assert isinstance(there.error, ProtocolError)
    assert there.error.alert == BAD_RECORD_MAC
    here.hook = None
    pair.pump()
    assert isinstance(here.error, AlertError)
    assert here.error.alert == BAD_RECORD_MAC


def test_replayed_record_is_refused(both: Managers) -> None:
    pair = both.connect()
    pair.client.write(b"pay 1 coin")
    record = pair.client.drain()
    pair.server.feed(record + record)
    assert pair.server.read() == b"pay 1 coin"
    with pytest.raises(ProtocolError):
        pair.server.read()


def test_changed_handshake_fails_on_both_sides(both: Managers) -> None:
    answered: list[bytes] = []

    def change_random(data: bytes) -> bytes:
        """Change a byte of ServerHello.random, which no length depends on."""
        answered.append(data)
        return data[:20] + bytes([data[20] ^ 1]) + data[21:] if len(answered) == 1 else data

    pair = both.pair(to_client=change_random).pump()
    assert pair.client_error is not None
    assert not pair.client_side.complete
    assert pair.server_error is not None


def test_write_before_the_handshake_is_refused(both: Managers) -> None:
    pair = both.pair()
    with pytest.raises(ValueError, match="before the handshake"):
        pair.client.write(b"early")
    with pytest.raises(ValueError, match="before the handshake"):
        pair.server.write(b"early")
    pair.handshake().echo()


def test_nothing_is_accepted_after_a_failure(both: Managers) -> None:
    pair = both.connect()
    pair.server.feed(b"\x17\x03\x03\x00\x20" + bytes(32))
    for call in (pair.server.read, pair.server.handshake, lambda: pair.server.write(b"x")):
        with pytest.raises(ProtocolError):
            call()


def test_data_comes_with_the_end_of_the_handshake(both: Managers) -> None:
    """In one feed: records of a handshake and of data are not read by the same rules."""
    pair = both.pair()
    here, there = pair.client, pair.server
    while not here.handshake():
        there.feed(here.drain())
        there.handshake()
        here.feed(there.drain())
    messages = [bytes([number]) * 16384 for number in range(3)]
    for message in messages:
        assert here.write(message) == len(message)
    there.feed(here.drain())
    received = b""
    while piece := there.read():
        received += piece
    assert received == b"".join(messages)
