"""The greeting: from a client's first bytes to a connection in the context of a server."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from tests.support import hello
from tests.support.contract import VERSIONS, Connection, Outcome, Rig, carry, exchange, shake

NAME = "dom1.test"


class Greeting:
    """A greeting and the table that it belongs to, freed with the rig."""

    def __init__(self, rig: Rig, limit: int = 0) -> None:
        self.rig, self.table = rig, rig.c.lib.tlsmgm_greetings
        out = rig.c.ffi.new("struct tlsmgm_greeting **")
        assert rig.call(lambda error: self.table.greeting_new(limit, out, error)).status == "OK"
        self.handle = rig.own(out[0], self.table.greeting_free)

    def feed(self, data: bytes, size: int = 1 << 20) -> Outcome:
        """Feed pieces of at most this size until the greeting wants no more."""
        outcome = Outcome("WANT_READ")
        for at in range(0, len(data), size):
            view, _keep = self.rig.c.bytes_in(data[at : at + size])
            feed = functools.partial(self.table.feed, self.handle, view.data, view.size)
            outcome = self.rig.call(feed)
            if outcome.status != "WANT_READ":
                break
        return outcome

    @property
    def server_name(self) -> bytes | None:
        view = self.table.server_name(self.handle)
        return None if view.data == self.rig.c.ffi.NULL else self.rig.c.bytes_out(view)

    def start(self, ctx: Any, **fields: Any) -> tuple[Outcome, Connection | None]:
        """Start a connection in a context."""
        ffi = self.rig.c.ffi
        values = {"backend": ffi.addressof(self.rig.table), "ctx": ctx, "is_server": True} | fields
        handle = ffi.new("struct tlsmgm_ctx_handle *", values)
        out = ffi.new("struct tlsmgm_conn **", ffi.cast("struct tlsmgm_conn *", 1))
        got = self.rig.call(lambda error: self.table.start(self.handle, handle, out, error))
        assert (out[0] == ffi.NULL) == (got.status != "OK")
        if got.status != "OK":
            return got, None
        return got, Connection(self.rig, self.rig.own(out[0], self.rig.table.conn_free))


def client_of(rig: Rig, **fields: Any) -> tuple[Connection, bytes]:
    """Return a client and its first flight."""
    client = rig.connection(rig.client_context(**fields), server_name=NAME.encode())
    assert client.handshake().status == "WANT_READ"
    return client, client.drain()


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_connection_starts_with_what_came(rig: Rig, version: str, size: int) -> None:
    client, flight = client_of(rig)
    greeting = Greeting(rig)
    assert greeting.server_name is None
    assert greeting.feed(flight, size).status == "OK"
    assert greeting.server_name == NAME.encode()
    got, server = greeting.start(rig.server_context(version=version))
    assert got.status == "OK"
    assert server is not None
    rig.free(greeting.handle)  # the connection needs nothing of it
    assert [end.status for end in shake(client, server)] == ["OK", "OK"]
    assert client.info().version == VERSIONS[version]
    exchange(client, server)


@pytest.mark.parametrize("version", ["1.2"])
def test_a_hello_in_tiny_records(rig: Rig, version: str) -> None:
    client, flight = client_of(rig)
    greeting = Greeting(rig)
    assert greeting.feed(hello.records(flight[5:], 1)).status == "OK"
    got, server = greeting.start(rig.server_context(version=version))
    assert got.status == "OK"
    assert server is not None
    assert server.handshake().status == "WANT_READ"
    assert carry(server, client)
    assert client.handshake().status == "WANT_READ"  # it was given a ServerHello, no alert


def test_a_client_without_a_name(rig: Rig) -> None:
    greeting = Greeting(rig)
    assert greeting.feed(hello.real_hello(None)).status == "OK"
    assert greeting.server_name is None
    assert greeting.start(rig.server_context())[0].status == "OK"


@pytest.mark.parametrize(
    ("wire", "limit", "status", "alert"),
    [
        (b"GET / HTTP/1.1\r\n", 0, "PROTOCOL", 10),
        (hello.real_hello(), 100, "HELLO_TOO_LARGE", 47),
        (b"\x15\x03\x01\x00\x02\x02\x28", 0, "ALERT", 40),
        (hello.records(hello.message(tail=b"\0")), 0, "PROTOCOL", 50),
    ],
)
def test_what_is_no_hello_is_refused_for_good(
    rig: Rig, wire: bytes, limit: int, status: str, alert: int
) -> None:
    greeting = Greeting(rig, limit)
    first = greeting.feed(wire)
    assert (first.status, first.alert) == (status, alert)
    assert greeting.feed(hello.real_hello()) == first
    assert greeting.server_name is None
    assert greeting.start(rig.server_context())[0].status == "INTERNAL"


def test_nothing_starts_before_the_hello_is_whole(rig: Rig) -> None:
    _, flight = client_of(rig)
    greeting = Greeting(rig)
    assert greeting.feed(flight[:-1]).status == "WANT_READ"
    assert greeting.start(rig.server_context())[0].status == "INTERNAL"


def test_nothing_starts_in_a_client_context(rig: Rig) -> None:
    _, flight = client_of(rig)
    greeting = Greeting(rig)
    assert greeting.feed(flight).status == "OK"
    assert greeting.start(rig.client_context(), is_server=False)[0].status == "INTERNAL"


def test_a_client_that_speaks_no_version_of_the_domain(rig: Rig) -> None:
    _, flight = client_of(rig, version="1.2")
    greeting = Greeting(rig)
    assert greeting.feed(flight).status == "OK"
    ctx = rig.server_context(version="1.3")
    got, _ = greeting.start(ctx, lowest_version=0x0304, highest_version=0x0304)
    assert (got.status, got.alert) == ("PROTOCOL", 70)


@pytest.mark.parametrize("size", [1, 1 << 14])
def test_every_allocation_may_fail(rig: Rig, size: int) -> None:
    """In one record, and in records of one byte each, which are put together again."""
    _, flight = client_of(rig)
    wire = hello.records(flight[5:], size)
    ctx = rig.server_context()
    refused: set[str] = set()
    for allowed in range(1000):
        greeting = Greeting(rig)
        rig.c.lib.tlsmgm_test_fail_after(allowed)
        fed = greeting.feed(wire)
        got = greeting.start(ctx)[0] if fed.status == "OK" else fed
        rig.c.lib.tlsmgm_test_fail_after(-1)
        if got.status == "OK":
            assert refused == {"NO_MEMORY"}
            return
        assert got.alert == 80
        refused.add(got.status)
    raise AssertionError("it never ended")


def test_what_comes_behind_the_hello_is_kept(rig: Rig) -> None:
    """Also what is fed while the program still asks for the context."""
    _, flight = client_of(rig)
    greeting = Greeting(rig)
    assert greeting.feed(flight).status == "OK"
    assert greeting.feed(b"\x15\x03\x01\x00\x02\x02\x28").status == "OK"
    assert greeting.server_name == NAME.encode()
    got, server = greeting.start(rig.server_context())
    assert got.status == "OK"
    assert server is not None
    assert server.handshake().status in {"ALERT", "PROTOCOL"}


def test_more_than_there_is_room_for_is_refused(rig: Rig) -> None:
    _, flight = client_of(rig)
    greeting = Greeting(rig, limit=len(flight))
    assert greeting.feed(flight).status == "OK"
    got = greeting.feed(bytes(8 * len(flight)))
    assert (got.status, got.alert) == ("NO_MEMORY", 80)
    assert greeting.server_name is None
    assert greeting.start(rig.server_context())[0].status == "INTERNAL"


@pytest.mark.parametrize("limit", [1 << 24, 1 << 61, (1 << 64) - 1])
def test_a_limit_beyond_what_a_hello_can_be(rig: Rig, limit: int) -> None:
    _, flight = client_of(rig)
    assert Greeting(rig, limit).feed(flight).status == "OK"


def test_a_greeting_without_memory(rig: Rig) -> None:
    table, out = rig.c.lib.tlsmgm_greetings, rig.c.ffi.new("struct tlsmgm_greeting **")
    rig.c.lib.tlsmgm_test_fail_after(0)
    got = rig.call(lambda error: table.greeting_new(0, out, error))
    rig.c.lib.tlsmgm_test_fail_after(-1)
    assert got.status == "NO_MEMORY"
    assert out[0] == rig.c.ffi.NULL
    table.greeting_free(rig.c.ffi.NULL)


def test_every_slot_is_filled_and_of_our_contract(rig: Rig) -> None:
    table = rig.c.lib.tlsmgm_greetings
    for slot in dict(rig.c.ffi.typeof("struct tlsmgm_greeting_table").fields):
        assert getattr(table, slot), slot
    assert table.contract_version == rig.c.lib.TLSMGM_CONTRACT_VERSION
    record = rig.c.ffi.new("uint8_t[]", rig.c.lib.TLSMGM_ALERT_RECORD_SIZE)
    table.alert_record(rig.c.lib.TLSMGM_ALERT_UNRECOGNIZED_NAME, record)
    assert bytes(record) == b"\x15\x03\x03\x00\x02\x02\x70"
