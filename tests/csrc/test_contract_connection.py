"""A connection's life: handshake, data, close, and what it tells about itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support import hello
from tests.support.contract import (
    VERSIONS,
    Connection,
    Outcome,
    Rig,
    carry,
    exchange,
    pki,
    settle,
    shake,
)

CLOSE_NOTIFY = bytes.fromhex("15 0303 0002 01 00")
CLOSE_NOTIFY_SIZE_MAX = 60
INPUT_MAX, HIGH_WATER = 4 << 20, 256 << 10


def pair(
    client_rig: Rig, server_rig: Rig, version: str, name: bytes | None = None
) -> tuple[Connection, Connection]:
    server = server_rig.server_context(version=version)
    client = client_rig.client_context()
    return (
        client_rig.connection(client, server_name=name),
        server_rig.connection(server, server_name=name),
    )


# The handshake.


@pytest.mark.parametrize("name", [None, b"dom1.test"])
def test_two_connections_shake_hands(rig: Rig, peer: Rig, version: str, name: bytes | None) -> None:
    client, server = pair(rig, peer, version, name)
    settle(client, server)
    exchange(client, server)
    for conn in (client, server):
        assert conn.handshake().status == "OK"
        assert conn.info().version == VERSIONS[version]


def test_the_wire_may_come_byte_by_byte(rig: Rig, peer: Rig, version: str) -> None:
    client, server = pair(rig, peer, version)
    done = False
    for _ in range(10):
        done = client.handshake().status == server.handshake().status == "OK"
        if done and not client.output() and not server.output():
            break
        for source, target in ((client, server), (server, client)):
            for byte in source.drain():
                target.feed(bytes([byte]))
                assert target.handshake().status in {"OK", "WANT_READ"}
    assert done
    exchange(client, server)


def test_a_client_speaks_first_and_only_when_asked(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    assert (client.output(), server.output()) == (b"", b"")
    assert server.handshake().status == "WANT_READ"
    assert server.output() == b""
    assert client.handshake().status == "WANT_READ"
    flight = client.output()
    assert flight[:2] == b"\x16\x03"
    assert client.handshake().status == "WANT_READ"
    assert client.output() == flight


def test_output_stays_until_it_is_consumed(rig: Rig, version: str) -> None:
    client, _ = pair(rig, rig, version)
    client.handshake()
    whole = client.output()
    rig.table.output_consume(client.handle, 0)
    assert client.output() == whole
    rig.table.output_consume(client.handle, 5)
    assert client.output() == whole[5:]
    rig.table.output_consume(client.handle, len(whole) * 2)
    assert client.output() == b""


def test_read_and_write_drive_the_handshake(rig: Rig, peer: Rig, version: str) -> None:
    client, server = pair(rig, peer, version)
    for _ in range(10):
        wrote, got = client.write(b"early"), server.read()
        if wrote.count or got.data:
            break
        assert (wrote.status, got.status) == ("WANT_READ", "WANT_READ")
        carry(client, server)
        carry(server, client)
    carry(client, server)
    assert (wrote.status, wrote.count) == ("OK", 5)
    assert (got.data or server.read().data) == b"early"


# Data.


def test_nothing_can_be_read_or_written_as_nothing(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    for conn in (client, server):
        assert conn.read(0).status == "OK"
        assert conn.write(b"").status == "OK"
        assert conn.output() == b""
    client.write(b"hello")
    carry(client, server)
    assert server.read(0).data == b""
    assert server.read(2).data == b"he"
    assert server.read(0).data == b""
    assert server.read().data == b"llo"


def test_no_bytes_may_be_fed(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    assert server.feed(b"").status == "OK"
    assert (
        rig.table.feed(server.handle, rig.c.ffi.NULL, 0, rig.c.ffi.NULL)
        == rig.c.lib.TLSMGM_STATUS_OK
    )
    settle(client, server)


@pytest.mark.parametrize("size", [1, 16384, 16385, 100_000])
def test_data_arrives_whole(rig: Rig, peer: Rig, version: str, size: int) -> None:
    client, server = pair(rig, peer, version)
    settle(client, server)
    message = bytes(i * 7 & 0xFF for i in range(size))
    for source, target in ((client, server), (server, client)):
        assert source.write(message).count == size
        carry(source, target)
        assert target.read(size).data == message
        assert target.read().status == "WANT_READ"


def test_write_stops_at_the_high_water_mark(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    message = bytes(1 << 20)
    first = client.write(message)
    assert first.status == "OK"
    assert 0 < first.count < len(message)
    assert HIGH_WATER <= len(client.output()) < HIGH_WATER + 20_000
    full = client.write(message)
    assert (full.status, full.count) == ("WANT_WRITE", 0)
    assert client.write(b"").status == "OK"
    received = 0
    while carry(client, server):
        received += len(server.read(1 << 20).data)
    assert received == first.count
    assert client.write(b"more").count == 4


def test_input_has_a_bound_and_survives_it(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    client.write(b"hello")
    record = client.drain()
    assert server.feed(record).status == "OK"
    assert server.feed(bytes(INPUT_MAX)).status == "NO_MEMORY"
    assert server.feed(bytes(INPUT_MAX - len(record) + 1)).status == "NO_MEMORY"
    assert server.read().data == b"hello"
    exchange(client, server)


# The end.


def closing(conn: Connection, target: Connection) -> None:
    assert conn.shutdown().status == "WANT_READ"
    assert 0 < len(conn.output()) < CLOSE_NOTIFY_SIZE_MAX
    once = conn.output()
    assert conn.shutdown().status == "WANT_READ"
    assert conn.output() == once
    carry(conn, target)


@pytest.mark.parametrize("first", ["client", "server"])
def test_a_clean_close_is_told_again_and_again(
    rig: Rig, peer: Rig, version: str, first: str
) -> None:
    client, server = pair(rig, peer, version)
    settle(client, server)
    source, target = (client, server) if first == "client" else (server, client)
    source.write(b"last")
    carry(source, target)
    closing(source, target)
    assert target.read(2).data == b"la"
    assert target.read().data == b"st"
    for _ in range(3):
        assert target.read().status == "CLOSED"
    target.feed_eof()
    assert target.read().status == "CLOSED"
    assert target.handshake().status == "OK"
    assert target.shutdown().status == "OK"
    carry(target, source)
    assert source.read().status == "CLOSED"
    assert source.shutdown().status == "OK"
    assert target.shutdown().status == "OK"
    assert (source.output(), target.output()) == (b"", b"")


def test_what_is_fed_behind_a_close_is_not_read(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    closing(client, server)
    assert server.read().status == "CLOSED"
    server.feed(b"\x17\x03\x03\x00\x05hello")
    assert server.read().status == "CLOSED"


def test_a_closed_peer_may_still_be_written_to(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    closing(client, server)
    assert server.read().status == "CLOSED"
    assert server.write(b"answer").count == 6
    carry(server, client)
    assert client.read().data == b"answer"


def test_nothing_is_written_behind_our_own_close(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    closing(client, server)
    got = client.write(b"more")
    assert got.status not in {"OK", "WANT_READ", "WANT_WRITE"}
    assert client.output() == b""


@pytest.mark.parametrize("begun", [False, True])
def test_shutdown_before_the_handshake_says_nothing(rig: Rig, version: str, begun: bool) -> None:
    client, server = pair(rig, rig, version)
    if begun:
        client.handshake()
    before = client.output()
    assert client.shutdown().status == "OK"
    assert server.shutdown().status == "OK"
    assert (client.output(), server.output()) == (before, b"")
    settle(client, server)


def test_the_end_of_the_transport_is_not_a_close(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    client.write(b"last")
    carry(client, server)
    server.feed_eof()
    server.feed_eof()
    assert server.write(b"x").count == 1
    assert server.read().data == b"last"
    got = server.read()
    assert got.status == "TRUNCATED"
    assert "close_notify" in got.text


@pytest.mark.parametrize("size", [0, 1, 5, 100])
@pytest.mark.parametrize("call", ["handshake", "read", "write"])
def test_a_handshake_may_be_cut_off(rig: Rig, version: str, size: int, call: str) -> None:
    client, server = pair(rig, rig, version)
    client.handshake()
    server.feed(client.drain()[:size])
    server.feed_eof()
    calls: dict[str, Callable[[], Outcome]] = {
        "handshake": server.handshake,
        "read": server.read,
        "write": lambda: server.write(b"x"),
    }
    got = calls[call]()
    assert got.status == "TRUNCATED"
    assert "handshake" in got.text


@pytest.mark.parametrize("call", ["handshake", "read", "write"])
@pytest.mark.parametrize("where", ["client", "server before the hello", "server after it"])
def test_a_close_during_the_handshake_is_no_end(
    rig: Rig, version: str, call: str, where: str
) -> None:
    """Anybody on the line can send one, so it must not look like the end of the data."""
    client, server = pair(rig, rig, version)
    client.handshake()
    if where == "server after it":
        carry(client, server)
        server.handshake()
    conn = client if where == "client" else server
    calls: dict[str, Callable[[], Outcome]] = {
        "handshake": conn.handshake,
        "read": conn.read,
        "write": lambda: conn.write(b"x"),
    }
    conn.feed(CLOSE_NOTIFY)
    got = calls[call]()
    if got.status == "ALERT":
        assert got.alert == 0
        assert "close_notify during the handshake" in got.text
    else:  # a server may find an alert in clear text out of place
        assert (got.status, where == "client") == ("PROTOCOL", False)
    assert {attempt().status for attempt in calls.values()} == {got.status}


def test_the_last_flight_counts_when_the_transport_has_ended(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    for _ in range(5):
        client.handshake()
        carry(client, server)
        if server.handshake().status == "OK":
            break
        carry(server, client)
    carry(server, client)
    client.feed_eof()
    assert client.handshake().status == "OK"
    assert client.read().status == "TRUNCATED"


def test_a_connection_may_be_freed_at_any_time(rig: Rig, version: str) -> None:
    server_ctx, client_ctx = rig.server_context(version=version), rig.client_context()
    for steps in range(6):
        client, server = rig.connection(client_ctx), rig.connection(server_ctx)
        for _ in range(steps):
            client.handshake()
            server.handshake()
            carry(client, server)
            carry(server, client)
        client.free()
        server.free()


# The name that the client sent and the name for which the context was chosen.


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"dom1.test", b"dom2.test"),
        (b"dom1.test", b"dom1.tes"),
        (b"dom1.test", b"dom1.test2"),
        (b"dom1.test", b"Dom1.test"),
        (b"dom1.test", b""),
        (b"dom1.test", None),
        (None, b"dom1.test"),
    ],
)
def test_the_library_must_read_the_same_name(
    rig: Rig, peer: Rig, version: str, sent: bytes | None, expected: bytes | None
) -> None:
    server = rig.connection(rig.server_context(version=version), server_name=expected)
    client = peer.connection(peer.client_context(), server_name=sent)
    client.handshake()
    carry(client, server)
    got = server.handshake()
    assert got.status == "PROTOCOL"
    assert got.alert > 0
    assert server.output()[0] == 21
    assert server.output()[5:] == bytes([2, got.alert])
    carry(server, client)
    told = client.handshake()
    assert (told.status, told.alert) == ("ALERT", got.alert)


def test_a_name_hidden_in_two_entries_is_refused(rig: Rig) -> None:
    names = hello.server_name(b"dom1.test", b"dom2.test")
    message = hello.message(
        names,
        hello.extension(hello.GROUPS, hello.vector(2, b"\0\x17")),
        hello.extension(hello.SIGNATURES, hello.vector(2, b"\x04\x03")),
        suites=b"\xc0\x2b",
    )
    for expected in (b"dom2.test", None):
        server = rig.connection(rig.server_context(version="1.2"), server_name=expected)
        server.feed(hello.records(message))
        assert server.handshake().status == "PROTOCOL"


@pytest.mark.parametrize("name", [b"", b"a\0b", b"n" * 256])
def test_a_client_cannot_send_every_name(rig: Rig, name: bytes) -> None:
    before = rig.live()
    ctx = rig.client_context()
    inside = rig.live()
    got, _ = rig.conn_new(ctx, server_name=name)
    assert (got.status, got.parameter) == ("CONFIG", "server_name")
    assert rig.live() == inside > before


def test_a_server_expects_no_name_that_is_too_long(rig: Rig) -> None:
    got, _ = rig.conn_new(rig.server_context(), server_name=b"n" * 256)
    assert (got.status, got.parameter) == ("CONFIG", "server_name")


def test_an_empty_name_cannot_be_verified(rig: Rig) -> None:
    got, _ = rig.conn_new(rig.client_context(), verify_name="")
    assert (got.status, got.parameter) == ("CONFIG", "verify_name")


@pytest.mark.parametrize(
    ("name", "good"), [("dom1.test", True), ("DOM1.test", True), ("dom2.test", False)]
)
def test_the_certificate_must_carry_the_name(rig: Rig, version: str, name: str, good: bool) -> None:
    server = rig.connection(rig.server_context(version=version))
    client = rig.connection(rig.client_context(), verify_name=name)
    got, _ = shake(client, server)
    assert (got.status, got.reason) == (("OK", "ok") if good else ("VERIFY", "name_mismatch"))


# What it tells.


def test_a_fresh_connection_knows_nothing(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version, b"dom1.test")
    client.handshake()
    for conn in (client, server):
        info = conn.info()
        assert (info.version, info.cipher_bits, info.alpn.size) == (0, 0, 0)
        assert info.cipher == info.group == rig.c.ffi.NULL
        assert not info.session_reused
        assert not info.has_peer_certificate
        assert info.verify_reason == rig.c.lib.TLSMGM_VERIFY_MISSING
        assert conn.cipher_description() == b""
        assert conn.peer_certificate() == b""


def test_what_was_negotiated_is_told(rig: Rig, peer: Rig, version: str) -> None:
    cipher = {"1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "1.3": "TLS_AES_128_GCM_SHA256"}[version]
    wanted = {"cipher_list": cipher, "groups": "P-256", "alpn": b"\x02h2\x05sip/2"}
    client = rig.connection(rig.client_context(version=version, **wanted))
    server = peer.connection(peer.server_context(version=version, **wanted))
    settle(client, server)
    infos = []
    for conn, side in ((client, rig), (server, peer)):
        info, text = conn.info(), side.c.ffi.string
        described = conn.cipher_description()
        infos.append((text(info.cipher), text(info.group), described.split()))
        assert (info.version, info.cipher_bits) == (VERSIONS[version], 128)
        assert text(info.cipher).decode() == cipher
        assert described.endswith(b"\n")
        assert side.c.bytes_out(info.alpn) == b"h2"
        assert not info.session_reused
    assert infos[0] == infos[1]
    assert client.info().has_peer_certificate
    assert client.info().verify_reason == rig.c.lib.TLSMGM_VERIFY_NONE
    assert not server.info().has_peer_certificate
    assert server.info().verify_reason == peer.c.lib.TLSMGM_VERIFY_MISSING


def test_protocols_without_a_common_one_are_an_alert(rig: Rig, peer: Rig, version: str) -> None:
    client = rig.connection(rig.client_context(version=version, alpn=b"\x02h2"))
    server = peer.connection(peer.server_context(alpn=b"\x05sip/2\x03xyz"))
    ours, theirs = shake(client, server)
    assert theirs.status == "PROTOCOL"
    assert (ours.status, ours.alert) == ("ALERT", 120)


def test_a_server_shows_the_chain_of_its_client(rig: Rig, peer: Rig, version: str) -> None:
    identity = {"certificate": pki("viainter.pem"), "private_key": pki("viainter.key")}
    trust = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    client = peer.connection(peer.client_context(version=version, **identity))
    server = rig.connection(rig.server_context(**trust))
    settle(client, server)
    leaf, inter = server.peer_certificate(0), server.peer_certificate(1)
    assert leaf == peer.c.bytes_out(peer.table.ctx_certificate(peer.client_context(**identity)))
    assert inter
    assert inter != leaf
    assert server.peer_certificate(2) == server.peer_certificate(2**64 - 1) == b""
    assert server.info().verify_reason == rig.c.lib.TLSMGM_VERIFY_NONE


def test_the_peer_of_the_last_data_is_known_when_something_fatal_came_behind_it(
    rig: Rig, version: str
) -> None:
    identity = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
    trust = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    client_ctx = rig.client_context(version=version, **identity)
    client, server = rig.connection(client_ctx), rig.connection(rig.server_context(**trust))
    settle(client, server)
    client.write(b"last")
    carry(client, server)
    server.feed(b"no record")
    assert server.read().data == b"last"
    assert server.handshake().status == "PROTOCOL"
    assert server.info().has_peer_certificate
    assert server.peer_certificate() == rig.c.bytes_out(rig.table.ctx_certificate(client_ctx))


def test_certificates_and_texts_stay_where_they_are(rig: Rig, version: str) -> None:
    client, server = pair(rig, rig, version)
    settle(client, server)
    before = rig.table.peer_certificate(client.handle, 0)
    cipher = rig.c.ffi.string(client.info().cipher)
    exchange(client, server)
    closing(server, client)
    assert client.read().status == "CLOSED"
    after = rig.table.peer_certificate(client.handle, 0)
    assert (before.data, before.size) == (after.data, after.size)
    assert rig.c.ffi.string(client.info().cipher) == cipher
