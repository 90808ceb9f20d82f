"""The contract without copies: wire bytes that are only lent, and room for those to come."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.contract import Connection, Outcome, Rig, carry, settle

MESSAGE = bytes(i * 7 & 0xFF for i in range(100_000))


class Lender:
    """Both ends of a connection, and the memory that they borrow.

    Args:
        rig: of the client.
        peer: of the server.
        version: the only one that is spoken.
    """

    def __init__(self, rig: Rig, peer: Rig, version: str) -> None:
        self.rig = rig
        self.client = rig.connection(rig.client_context())
        self.server = peer.connection(peer.server_context(version=version))
        self._lent: list[Any] = []

    def lend(self, rig: Rig, conn: Connection, data: bytes) -> None:
        """Lend bytes to a connection."""
        block = rig.c.ffi.new("uint8_t[]", data or b"x")
        self._lent.append(block)
        got = rig.call(lambda error: rig.table.lend_input(conn.handle, block, len(data), error))
        assert got.status == "OK"

    def reclaim(self, rig: Rig, conn: Connection) -> Outcome:
        """Take back what was lent last, and spoil it."""
        got = rig.call(lambda error: rig.table.reclaim_input(conn.handle, error))
        block = self._lent.pop()
        rig.c.ffi.memmove(block, b"\xee" * len(block), len(block))
        return got


@pytest.fixture
def lender(rig: Rig, peer: Rig, version: str) -> Lender:
    return Lender(rig, peer, version)


def into_room(rig: Rig, conn: Connection, size: int, data: bytes) -> tuple[Outcome, bytes]:
    """Write data with so much room; return what went there."""
    room = rig.c.ffi.new("uint8_t[]", size or 1)
    rig.table.lend_output(conn.handle, room, size)
    got = conn.write(data)
    used = rig.table.reclaim_output(conn.handle)
    return got, bytes(rig.c.ffi.buffer(room, used))


def test_a_handshake_over_lent_memory(lender: Lender, peer: Rig) -> None:
    """What the other end sends behind its last flight is there when it is asked for."""
    rig, client, server = lender.rig, lender.client, lender.server
    for _ in range(5):
        client.handshake()
        lender.lend(peer, server, client.drain())
        status = server.handshake().status
        assert lender.reclaim(peer, server).status == "OK"
        if status == "OK":
            break
        lender.lend(rig, client, server.drain())
        client.handshake()
        assert lender.reclaim(rig, client).status == "OK"
    server.write(b"hello")
    lender.lend(rig, client, server.drain())
    assert client.handshake().status == "OK"
    assert lender.reclaim(rig, client).status == "OK"
    assert client.read().data == b"hello"


@pytest.mark.parametrize("size", [1, 16384, 16385, 100_000])
def test_room_of_the_promised_size_takes_all(lender: Lender, size: int) -> None:
    rig, client, server = lender.rig, lender.client, lender.server
    settle(client, server)
    lib = rig.c.lib
    needed = size + (size // lib.TLSMGM_RECORD_MAX + 1) * lib.TLSMGM_RECORD_OVERHEAD
    got, wire = into_room(rig, client, needed, MESSAGE[:size])
    assert got.count == size
    assert client.output() == b""
    assert server.feed(wire).status == "OK"
    assert server.read(size).data == MESSAGE[:size]


@pytest.mark.parametrize("size", [0, 10, 20_000])
def test_what_does_not_fit_comes_behind_the_room(lender: Lender, size: int) -> None:
    rig, client, server = lender.rig, lender.client, lender.server
    settle(client, server)
    got, wire = into_room(rig, client, size, MESSAGE)
    assert got.count == len(MESSAGE)
    assert len(wire) <= size
    # Older bytes wait, so a new room stays empty until they are carried off.
    _, nothing = into_room(rig, client, 1000, b"more")
    assert nothing == b""
    assert server.feed(wire + client.drain()).status == "OK"
    assert server.read(2 * len(MESSAGE)).data == MESSAGE + b"more"


def test_unread_bytes_are_kept_when_the_loan_ends(lender: Lender, peer: Rig) -> None:
    client, server = lender.client, lender.server
    settle(client, server)
    client.write(MESSAGE)
    lender.lend(peer, server, client.drain())
    assert server.read(5).data == MESSAGE[:5]
    assert lender.reclaim(peer, server).status == "OK"
    client.write(b"more")
    lender.lend(peer, server, client.drain())
    assert server.read(2 * len(MESSAGE)).data == MESSAGE[5:] + b"more"
    assert server.read().status == "WANT_READ"
    assert lender.reclaim(peer, server).status == "OK"


def test_feeding_takes_a_loan_back(lender: Lender, peer: Rig) -> None:
    client, server = lender.client, lender.server
    settle(client, server)
    client.write(b"hello, ")
    lender.lend(peer, server, client.drain())
    client.write(b"world")
    carry(client, server)
    assert lender.reclaim(peer, server).status == "OK"
    assert server.read().data == b"hello, world"


def test_half_a_record_needs_no_memory_of_the_lender(lender: Lender, peer: Rig) -> None:
    client, server = lender.client, lender.server
    settle(client, server)
    client.write(b"hello")
    wire = client.drain()
    for piece in (wire[:3], wire[3:9], wire[9:]):
        lender.lend(peer, server, piece)
        got = server.read()
        assert lender.reclaim(peer, server).status == "OK"
    assert got.data == b"hello"


def test_a_loan_that_cannot_be_copied_is_fatal(lender: Lender, peer: Rig) -> None:
    client, server = lender.client, lender.server
    settle(client, server)
    client.write(MESSAGE)
    lender.lend(peer, server, client.drain())
    peer.c.lib.tlsmgm_test_fail_after(0)
    assert lender.reclaim(peer, server).status == "NO_MEMORY"
    peer.c.lib.tlsmgm_test_fail_after(-1)
    assert server.read().status == "NO_MEMORY"
    assert server.write(b"x").status == "NO_MEMORY"


def test_an_alert_goes_to_the_room(rig: Rig, version: str) -> None:
    server = rig.connection(rig.server_context(version=version))
    room = rig.c.ffi.new("uint8_t[100]")
    server.feed(b"\x16\x03\x01\x00\x05hello")
    rig.table.lend_output(server.handle, room, 100)
    assert server.handshake().status == "PROTOCOL"
    used = rig.table.reclaim_output(server.handle)
    assert bytes(rig.c.ffi.buffer(room, used))[:1] == b"\x15"
    assert server.output() == b""


def test_freeing_does_not_touch_what_is_lent(lender: Lender, peer: Rig) -> None:
    client, server = lender.client, lender.server
    settle(client, server)
    client.write(MESSAGE)
    lender.lend(peer, server, client.drain())
    server.read(5)
    lender._lent.clear()
    server.free()
