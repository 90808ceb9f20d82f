"""The parts of TLS sockets alone: steps, and where records end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.managers import connect, manager_of
from tlsmgm import Connection, WantReadError, WantWriteError
from tlsmgm._core.framing import Framing
from tlsmgm._core.line import Line

#: Bytes that a sender encrypts at once.
PIECE: Final = 65536


@pytest.fixture
def line(library: str) -> Iterator[tuple[Line, Connection, socket.socket]]:
    """A client's line on one end of a pair of sockets, its peer, and the other end."""
    manager = manager_of(library)
    client, server = connect(manager, manager)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        made = Line(client, ours.fileno(), ours.close, False)
        made.timeout = 0.0
        yield made, server, theirs


def test_a_step_has_a_bound(line: tuple[Line, Connection, socket.socket]) -> None:
    """Whoever sends much that brings no data keeps others, and the clock, waiting for a moment."""
    reader, server, theirs = line
    wire = server.encrypt(bytes(130))
    for byte in wire:
        theirs.send(bytes([byte]))  # each of them is received alone
    steps = 1
    while True:
        try:
            assert reader.recv(200) == bytes(130)
            break
        except WantReadError:
            steps += 1
    assert steps > len(wire) // 16


def test_a_piece_that_waits_keeps_nobody_from_reading(
    line: tuple[Line, Connection, socket.socket],
) -> None:
    """As much as one sender has encrypted may wait, whole, and data of the peer is read."""
    reader, server, theirs = line
    theirs.send(server.encrypt(b"data"))
    with contextlib.suppress(WantWriteError):
        while True:
            reader.sendall(bytes(PIECE))
    with pytest.raises(WantWriteError):
        reader.send(bytes(PIECE))  # of this nothing leaves
    assert reader.recv(10) == b"data"


#: Records by type and length; those that may be close_notify come with True.
RECORDS = {
    (22, 200): False,
    (20, 1): False,
    (21, 2): True,
    (21, 26): True,
    (23, 17): True,
    (23, 19): True,
    (23, 20): False,
    (23, 0): True,
    (23, 16384): False,
}


@given(
    records=st.lists(st.sampled_from(sorted(RECORDS)), max_size=8),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=20),
)
def test_pieces_end_where_records_may_close(
    records: list[tuple[int, int]], sizes: list[int]
) -> None:
    """In whatever pieces they come."""
    stream, ends = b"", set()
    for kind, size in records:
        stream += bytes([kind, 3, 3]) + size.to_bytes(2) + b"\x17" * size
        if RECORDS[kind, size] and size:
            ends.add(len(stream))
    framing, place, number = Framing(is_known=True), 0, 0
    stops = set()
    while place < len(stream):
        piece = stream[place : place + sizes[number % len(sizes)]]
        taken = framing.advance(piece)
        assert 0 < taken <= len(piece)
        place += taken
        number += 1
        assert not [end for end in ends if place - taken < end < place]
        if taken < len(piece):
            stops.add(place)
    assert stops <= ends
    assert framing.missing(65536) == 5


@given(
    records=st.lists(st.sampled_from(sorted(RECORDS)), min_size=1, max_size=5),
    size=st.integers(1, 70000),
)
def test_one_record_at_a_time(records: list[tuple[int, int]], size: int) -> None:
    """As many bytes as are missing never reach into the next record."""
    stream = b"".join(
        bytes([kind, 3, 3]) + length.to_bytes(2) + bytes(length) for kind, length in records
    )
    ends, place = set(), 0
    for _, length in records:
        place += 5 + length
        ends |= {place, place - length}
    framing, place = Framing(is_known=True), 0
    while place < len(stream):
        count = framing.missing(size)
        assert not [end for end in ends if place < end < place + count]
        place += framing.advance(stream[place : place + count])


def test_what_is_no_tls_is_not_followed() -> None:
    framing = Framing(is_known=True)
    assert framing.advance(b"GET / HTTP/1.1\r\n\r\n") == 18
    assert framing.missing(100) == 100
