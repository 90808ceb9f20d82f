"""Every call of the contract with every one of its own allocations failing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.contract import Connection, Outcome, Rig, carry, pki, settle
from tests.support.shortage import shake_short, shortages

CHAIN = {"certificate": pki("viainter.pem"), "private_key": pki("viainter.key")}
RULES = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
NAME = b"dom1.test"


@pytest.fixture(params=[True, False], ids=["error", "no error"])
def either(request: pytest.FixtureRequest, rig: Rig) -> Rig:
    rig.takes_errors = request.param
    return rig


def nothing() -> None:
    """Prepare nothing."""


class World:
    """A server and a client domain that verify each other, and a session of theirs."""

    def __init__(self, rig: Rig, version: str) -> None:
        self.rig = rig
        keys = rig.ticket_keys()
        self.server_ctx = rig.server_context(
            version=version, ticket_keys=keys, scope=b"one", **RULES
        )
        self.client_ctx = rig.client_context(scope=b"one", **CHAIN)
        client, server = self.pair()
        settle(client, server)
        self.session = rig.session_of(client)[1]
        assert self.session
        self.chain = [server.peer_certificate(0), server.peer_certificate(1)]
        assert all(self.chain)
        self.free((client, server))

    def pair(self, **client_fields: Any) -> tuple[Connection, Connection]:
        return (
            self.rig.connection(self.client_ctx, server_name=NAME, **client_fields),
            self.rig.connection(self.server_ctx, server_name=NAME),
        )

    def settled_pair(self, **client_fields: Any) -> tuple[Connection, Connection]:
        client, server = self.pair(**client_fields)
        settle(client, server)
        return client, server

    def free(self, pair: tuple[Connection, Connection]) -> None:
        for conn in pair:
            conn.free()


@pytest.fixture
def world(rig: Rig, version: str) -> World:
    return World(rig, version)


@pytest.mark.parametrize("is_server", [True, False])
@pytest.mark.parametrize("source", ["file", "memory"])
def test_ctx_new(either: Rig, tmp_path: Path, is_server: bool, source: str) -> None:
    rig = either
    for number in range(2):
        shutil.copy(pki("root.pem"), tmp_path / f"0a1b2c3d.{number}")
    fields: dict[str, Any] = {
        "is_server": is_server,
        **RULES,
        **CHAIN,
        "ca_dir": str(tmp_path),
        "crl_dir": str(pki("crls_inter")),
        "cipher_list": "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256",
        "alpn": b"\x02h2",
        "scope": b"one",
        "ticket_keys": rig.ticket_keys(),
    }
    if source == "memory":
        fields |= {k: v.read_bytes() for k, v in fields.items() if isinstance(v, Path)}

    def attempt(_: None) -> tuple[str, bool]:
        got, ctx = rig.ctx_new(**fields)
        rig.table.ctx_free(ctx)
        return got.status, bool(ctx)

    before = rig.live()
    outcomes = []
    for outcome in shortages(rig, nothing, attempt):
        outcomes.append(outcome)
        assert rig.live() == before
    assert len(outcomes) > 5
    assert set(outcomes) == {("NO_MEMORY", False)}, outcomes
    assert attempt(None) == ("OK", True)


@pytest.mark.parametrize("is_server", [True, False])
def test_conn_new(world: World, is_server: bool) -> None:
    rig = world.rig
    ctx = world.server_ctx if is_server else world.client_ctx
    fields: dict[str, Any] = {"server_name": NAME}
    if not is_server:
        fields |= {"session": world.session, "verify_name": "dom1.test"}

    def attempt(_: None) -> tuple[str, bool]:
        got, conn = rig.conn_new(ctx, **fields)
        rig.table.conn_free(conn)
        return got.status, bool(conn)

    before = rig.live()
    assert set(shortages(rig, nothing, attempt)) == {("NO_MEMORY", False)}
    assert rig.live() == before
    assert attempt(None) == ("OK", True)


@pytest.mark.parametrize("size", [1, 5000, 100_000])
def test_feed(either: Rig, size: int) -> None:
    """The shortage passes, and feeding is not what breaks a connection."""
    rig = either
    conn = rig.connection(rig.server_context())
    rig.c.lib.tlsmgm_test_fail_after(0)
    assert conn.feed(bytes(size)).status == "NO_MEMORY"
    assert conn.feed(bytes(size)).status == "OK"


@pytest.mark.parametrize("resume", [False, True])
def test_a_handshake_fails_or_is_whole(world: World, resume: bool) -> None:
    """Whoever completes knows its peer; nobody completes with half of the truth."""
    fields = {"session": world.session} if resume else {}

    def attempt(pair: tuple[Connection, Connection]) -> tuple[str, str, bytes]:
        ours, theirs = shake_short(*pair)
        shown = world.chain[0]
        if theirs.status == "OK":
            shown = pair[1].peer_certificate() or pair[1].peer_certificate()
        world.free(pair)
        return ours.status, theirs.status, shown

    before = world.rig.live()
    outcomes = []
    for ours, theirs, shown in shortages(world.rig, lambda: world.pair(**fields), attempt):
        outcomes.append((ours, theirs))
        assert outcomes[-1] == ("OK", "OK") or "NO_MEMORY" in {ours, theirs}, outcomes
        assert shown == world.chain[0], outcomes
        assert world.rig.live() == before
    assert ("NO_MEMORY", "WANT_READ") in outcomes


@pytest.mark.parametrize("side", ["client", "server"])
def test_shortage_of_the_library_is_told_from_a_fault_of_the_peer(world: World, side: str) -> None:
    """wolfSSL has the same code for both."""
    if world.rig.name != "wolfssl":
        pytest.skip("OpenSSL's memory is not ours to refuse")
    client, server = world.pair()
    assert client.handshake().status == "WANT_READ"
    assert server.feed(client.drain()).status == "OK"
    if side == "client":
        assert server.handshake().status == "WANT_READ"
        assert client.feed(server.drain()).status == "OK"
    world.rig.c.lib.tlsmgm_test_refuse_library(True)
    assert (client if side == "client" else server).handshake().status == "NO_MEMORY"


def test_no_shortage_lets_a_wrong_name_through(world: World) -> None:
    def prepare() -> tuple[Connection, Connection]:
        return world.pair(verify_name="wrong.test")

    def attempt(pair: tuple[Connection, Connection]) -> tuple[str, str]:
        ours, theirs = shake_short(*pair)
        world.free(pair)
        return ours.status, theirs.status

    for ours, theirs in shortages(world.rig, prepare, attempt):
        assert ours in {"VERIFY", "NO_MEMORY"} or (ours, theirs) == ("WANT_READ", "NO_MEMORY")


def test_the_peers_chain_is_told_in_order_or_not_at_all(world: World) -> None:
    """What cannot be told for want of memory is told when there is some again."""

    def attempt(pair: tuple[Connection, Connection]) -> tuple[bool, bool]:
        server = pair[1]
        told = [server.peer_certificate(0), server.peer_certificate(1)]
        world.rig.c.lib.tlsmgm_test_fail_after(-1)
        later = [server.peer_certificate(0), server.peer_certificate(1)]
        world.free(pair)
        in_order = all(der in (b"", whole) for der, whole in zip(told, world.chain, strict=True))
        return in_order, later == world.chain

    for allowed in range(5):
        pair = world.settled_pair()
        world.rig.c.lib.tlsmgm_test_fail_after(allowed)
        assert attempt(pair) == (True, True), allowed


Call = Callable[[Connection], Outcome]


@pytest.mark.parametrize("size", [5000, 20_000, 100_000])
def test_read_and_write(world: World, size: int) -> None:
    """A write that finds no memory breaks the connection; a read needs none."""

    def attempt(pair: tuple[Connection, Connection]) -> tuple[str, bytes]:
        client, server = pair
        wrote = client.write(bytes(size))
        data = client.drain()
        if server.feed(data).status != "OK":
            assert server.feed(data).status == "OK"
        got = server.read(size)
        assert wrote.status == "OK" or client.write(b"x") == wrote
        world.free(pair)
        return wrote.status, got.data

    before = world.rig.live()
    outcomes = list(shortages(world.rig, world.settled_pair, attempt))
    assert outcomes
    for status, data in outcomes:
        assert status in {"OK", "NO_MEMORY"}
        assert bytes(size).startswith(data)
    assert world.rig.live() == before


def test_shutdown(world: World) -> None:
    def attempt(pair: tuple[Connection, Connection]) -> tuple[str, str]:
        first, second = pair[0].shutdown().status, pair[0].shutdown().status
        world.free(pair)
        return first, second

    outcomes = set(shortages(world.rig, world.settled_pair, attempt))
    assert outcomes <= {("NO_MEMORY", "NO_MEMORY"), ("WANT_READ", "WANT_READ")}


def test_conn_session(world: World) -> None:
    def attempt(pair: tuple[Connection, Connection]) -> tuple[str, bool]:
        got, session = world.rig.session_of(pair[0])
        world.rig.free(session)
        world.free(pair)
        return got.status, bool(session)

    before = world.rig.live()
    outcomes = set(shortages(world.rig, world.settled_pair, attempt))
    assert outcomes == {("NO_MEMORY", False)}
    assert world.rig.live() == before


def test_session_export_needs_no_memory_of_ours(world: World) -> None:
    _, size, _ = world.rig.export(world.session)
    world.rig.c.lib.tlsmgm_test_fail_after(0)
    assert world.rig.export(world.session, size)[0].status == "OK"


def test_session_import(world: World) -> None:
    rig = world.rig
    size = rig.export(world.session)[1]
    data = rig.export(world.session, size)[2]

    def attempt(_: None) -> tuple[str, bool]:
        got, session = rig.imported(data)
        rig.free(session)
        return got.status, bool(session)

    before = rig.live()
    assert set(shortages(rig, nothing, attempt)) == {("NO_MEMORY", False)}
    assert rig.live() == before
    assert attempt(None) == ("OK", True)


def test_a_broken_connection_is_still_a_connection(world: World) -> None:
    """After NO_MEMORY everything may be asked, and nothing leaks."""
    client, server = world.pair()
    world.rig.c.lib.tlsmgm_test_fail_after(0)
    assert client.handshake().status == "NO_MEMORY"
    assert carry(client, server) is False
    assert client.info().version == 0
    assert client.peer_certificate() == b""
    assert world.rig.session_of(client)[0].status == "OK"
