"""Who owns the bytes that go in and out of a connection, and for how long."""

from __future__ import annotations

import array
import gc
import sys
from typing import Any

import pytest

from tests.support.pairs import ConnectionPair, Managers, managers

MESSAGE = bytes(range(256)) * 300  # some records


@pytest.fixture
def both(library: str, client_library: str, version: str) -> Managers:
    return managers(library, client_library, version)


@pytest.fixture
def pair(both: Managers) -> ConnectionPair:
    return both.connect()


def wire_of(pair: ConnectionPair, data: bytes = MESSAGE) -> bytes:
    """What the client sends for some data."""
    assert pair.client.write(data) == len(data)
    wire: bytes = pair.client.drain()
    return wire


def test_fed_bytes_are_let_go_once_they_are_read(pair: ConnectionPair) -> None:
    wire = wire_of(pair)
    before = sys.getrefcount(wire)
    pair.server.feed(wire)
    assert sys.getrefcount(wire) == before + 1  # kept, not copied
    assert pair.server.read(10) == MESSAGE[:10]
    assert pair.server.read(len(MESSAGE)) == MESSAGE[10:]
    assert pair.server.read() is None
    assert sys.getrefcount(wire) == before


@pytest.mark.parametrize("end", ["dropped", "fed again", "eof"])
def test_unread_bytes_survive(pair: ConnectionPair, end: str) -> None:
    wire = wire_of(pair)
    before = sys.getrefcount(wire)
    pair.server.feed(wire)
    assert pair.server.read(10) == MESSAGE[:10]
    if end == "fed again":
        more = wire_of(pair, b"more")
        pair.server.feed(more)
        assert sys.getrefcount(wire) == before
        del wire
        assert pair.server.read(2 * len(MESSAGE)) == MESSAGE[10:] + b"more"
    elif end == "eof":
        del wire
        pair.server.feed_eof()
        assert pair.server.read(2 * len(MESSAGE)) == MESSAGE[10:]
    else:
        pair.server_side.end = pair.server = None
        gc.collect()
        assert sys.getrefcount(wire) == before


@pytest.mark.parametrize("kind", [bytearray, memoryview, array.array])
def test_memory_that_may_change_is_copied(pair: ConnectionPair, kind: type) -> None:
    wire = bytearray(wire_of(pair))
    data = array.array("B", wire) if kind is array.array else kind(wire)
    pair.server.feed(data)
    for at in range(len(wire)):
        data[at] = 0xEE
    assert pair.server.read(2 * len(MESSAGE)) == MESSAGE


def test_a_subclass_of_bytes_is_copied(pair: ConnectionPair) -> None:
    """Its memory is as safe, but it may run code of its own when it goes."""

    class Own(bytes):
        pass

    wire = Own(wire_of(pair))
    before = sys.getrefcount(wire)
    pair.server.feed(wire)
    assert sys.getrefcount(wire) == before
    assert pair.server.read(2 * len(MESSAGE)) == MESSAGE


def test_several_writes_come_out_in_order(pair: ConnectionPair) -> None:
    pending = 0
    for number in range(20):
        piece = bytes([number]) * (number * 977)
        assert pair.client.write(piece) == len(piece)
        assert pair.client.output_pending >= pending + len(piece)
        pending = pair.client.output_pending
    wire = pair.client.drain()
    assert (len(wire), pair.client.output_pending, pair.client.drain()) == (pending, 0, b"")
    pair.server.feed(wire)
    whole = b"".join(bytes([number]) * (number * 977) for number in range(20))
    assert pair.server.read(len(whole) + 1) == whole


def test_goodbye_comes_behind_what_was_written(pair: ConnectionPair) -> None:
    pair.client.write(b"last words")
    pair.client.shutdown()
    pair.server.feed(pair.client.drain())
    assert pair.server.read() == b"last words"
    assert pair.server.read() == b""


def test_what_was_drained_never_changes(pair: ConnectionPair) -> None:
    first = wire_of(pair, b"first")
    copy = bytearray(first)
    second = wire_of(pair, b"other")
    assert first == copy
    assert first != second


@pytest.mark.parametrize("call", ["feed", "write", "read_into"])
@pytest.mark.parametrize("data", [None, "text", 5, memoryview(b"abcdef")[::2]])
def test_what_is_no_buffer_is_refused(pair: ConnectionPair, call: str, data: Any) -> None:
    with pytest.raises((TypeError, BufferError, ValueError)):
        getattr(pair.server, call)(data)
    pair.echo()


def test_read_into_needs_memory_that_can_be_written(pair: ConnectionPair) -> None:
    with pytest.raises((TypeError, BufferError)):
        pair.server.read_into(b"constant")
    pair.echo()


def test_waiting_output_stays_bounded(both: Managers) -> None:
    """However writes and drains take turns."""
    client = both.connect().client
    most = 0
    for _ in range(100):
        client.write(bytes(100_000))
        most = max(most, client.output_pending)
    assert client.write(b"x") == 0
    assert most < 3 * 256 * 1024
