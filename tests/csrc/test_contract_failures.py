"""Failures: every status is reached on every backend, and a fatal one stays for good."""

from __future__ import annotations

import re
from collections.abc import Callable

import c_core
import pytest

from tests.support.contract import Connection, Outcome, Rig, carry, pki, settle, shake

Way = Callable[[Rig, str], tuple[Outcome, Connection | None]]

ALERT_RECORD = b"\x15\x03\x03\x00\x02\x02\x28"  # fatal handshake_failure


def pair(rig: Rig, version: str) -> tuple[Connection, Connection]:
    server = rig.connection(rig.server_context(version=version))
    return rig.connection(rig.client_context()), server


def settled(rig: Rig, version: str) -> tuple[Connection, Connection]:
    client, server = pair(rig, version)
    settle(client, server)
    return client, server


def complete_handshake(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, _ = settled(rig, version)
    return client.handshake(), client


def silent_peer(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, _ = settled(rig, version)
    return client.read(), client


def full_output(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, _ = settled(rig, version)
    client.write(bytes(1 << 20))
    return client.write(b"x"), client


def close_notify(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, server = settled(rig, version)
    client.shutdown()
    carry(client, server)
    return server.read(), server


def cut_data(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, server = settled(rig, version)
    client.write(b"hello")
    server.feed(client.drain()[:-1])
    server.feed_eof()
    return server.read(), server


def cut_handshake(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, server = pair(rig, version)
    client.handshake()
    server.feed(client.drain()[:-1])
    server.feed_eof()
    return server.handshake(), server


def received_alert(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, _ = pair(rig, version)
    client.handshake()
    client.drain()
    client.feed(ALERT_RECORD)
    return client.handshake(), client


def unwanted_client(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    """Let the server refuse a client that has no certificate; the client reads the alert."""
    rules = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    server = rig.connection(rig.server_context(version=version, **rules))
    client = rig.connection(rig.client_context())
    shake(client, server)
    return client.read(), client


def certificate_missing(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    rules = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    server = rig.connection(rig.server_context(version=version, **rules))
    return shake(rig.connection(rig.client_context()), server)[1], server


def certificate_expired(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    identity = {"certificate": pki("expired.pem"), "private_key": pki("expired.key")}
    server = rig.connection(rig.server_context(version=version, **identity))
    client = rig.connection(rig.client_context())
    return shake(client, server)[0], client


def no_hello(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    _, server = pair(rig, version)
    server.feed(b"\x17\x03\x03\x00\x05hello")
    return server.handshake(), server


def tampered_hello(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, server = pair(rig, version)
    client.handshake()
    wire = bytearray(client.drain())
    wire[5 + 4 + 2 + 32] = 200  # a session ID of 200 bytes
    server.feed(bytes(wire))
    return server.handshake(), server


def tampered_data(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, server = settled(rig, version)
    client.write(b"hello")
    wire = bytearray(client.drain())
    wire[-1] ^= 1
    server.feed(bytes(wire))
    return server.read(), server


def no_common_version(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    server = rig.connection(rig.server_context(version="1.3"))
    client = rig.connection(rig.client_context(version="1.2"))
    client.handshake()
    carry(client, server)
    return server.handshake(), server


def bad_parameter(rig: Rig, version: str) -> tuple[Outcome, None]:
    return rig.ctx_new(groups="nonsense")[0], None


def no_block(rig: Rig, version: str) -> tuple[Outcome, None]:
    ctx = rig.client_context(version=version)
    rig.c.lib.tlsmgm_test_fail_after(0)
    return rig.conn_new(ctx)[0], None


def no_output_block(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client = rig.connection(rig.client_context(version=version))
    rig.c.lib.tlsmgm_test_fail_after(0)
    return client.handshake(), client


def forbidden_label(rig: Rig, version: str) -> tuple[Outcome, Connection]:
    client, _ = settled(rig, version)
    return client.export(b"client finished", 20_000), client


# How each status is reached. A fatal one on a connection is also tried for being latched.
WAYS: dict[str, list[Way]] = {
    "OK": [complete_handshake],
    "WANT_READ": [silent_peer],
    "WANT_WRITE": [full_output],
    "CLOSED": [close_notify],
    "TRUNCATED": [cut_data, cut_handshake],
    "ALERT": [received_alert, unwanted_client],
    "PROTOCOL": [no_hello, tampered_hello, tampered_data, no_common_version],
    "VERIFY": [certificate_missing, certificate_expired],
    "CONFIG": [bad_parameter],
    "UNSUPPORTED": [forbidden_label],
    "NO_MEMORY": [no_block, no_output_block],
}
# Statuses that no backend gives, and why.
UNREACHED = {
    "INTERNAL": "only where a library breaks its own promises",
    "HELLO_TOO_LARGE": "our reader of the ClientHello gives it, before there is a backend",
    "NO_DOMAIN": "the acceptor gives it, before there is a backend",
}
ROWS = [(status, way) for status, ways in WAYS.items() for way in ways]
FATAL = {"TRUNCATED", "ALERT", "PROTOCOL", "VERIFY", "NO_MEMORY"}
LATCHED = [way for status, way in ROWS if status in FATAL and way is not no_block]
WITH_ALERT = [tampered_hello, tampered_data, no_common_version]
WITH_ALERT += [certificate_missing, certificate_expired]


def test_every_status_has_a_way_or_a_reason() -> None:
    table = (c_core.PUBLIC / "status.def").read_text()
    names = re.findall(r"^TLSMGM_STATUS\((\w+),", table, re.MULTILINE)
    assert len(names) == 14
    assert set(names) == WAYS.keys() | UNREACHED.keys()
    assert not WAYS.keys() & UNREACHED.keys()


@pytest.mark.parametrize("takes_errors", [True, False])
@pytest.mark.parametrize(("status", "way"), ROWS)
def test_every_status_is_reached(
    rig: Rig, version: str, status: str, way: Way, takes_errors: bool
) -> None:
    rig.takes_errors = takes_errors
    got, _ = way(rig, version)
    assert got.status == status
    if takes_errors:
        assert bool(got.text) == (status not in {"OK", "WANT_READ", "WANT_WRITE", "CLOSED"})
        assert (got.reason != "ok") == (status == "VERIFY")
        assert (got.parameter is not None) == (status == "CONFIG")


@pytest.mark.parametrize("way", LATCHED)
def test_a_fatal_status_is_latched(rig: Rig, version: str, way: Way) -> None:
    first, conn = way(rig, version)
    assert conn is not None
    rig.c.lib.tlsmgm_test_fail_after(-1)
    output = conn.output()
    for _ in range(2):
        for again in (conn.read, conn.handshake, lambda: conn.write(b"x"), conn.shutdown):
            assert again() == first
    assert conn.read(0) == conn.write(b"") == first
    conn.feed(b"\x16\x03\x03\x00\x05hello")
    conn.feed_eof()
    assert conn.read() == first
    assert conn.output() == output
    conn.info()
    conn.peer_certificate()
    assert rig.session_of(conn)[0].status == "OK"
    # The errors are the same without anybody to read them.
    rig.takes_errors = False
    assert {conn.handshake().status, conn.shutdown().status} == {first.status}


@pytest.mark.parametrize("way", WITH_ALERT)
def test_the_alert_waits_in_the_output(rig: Rig, version: str, way: Way) -> None:
    got, conn = way(rig, version)
    assert conn is not None
    assert got.alert > 0
    # shake() has carried off the alert of a refused certificate; the peer has it.
    if way in {certificate_missing, certificate_expired}:
        return
    record = conn.output()
    assert record
    conn.read()
    conn.shutdown()
    assert conn.output() == record


@pytest.mark.parametrize(
    ("way", "alert"),
    [
        (tampered_data, {20}),
        (no_common_version, {70}),
        (received_alert, {40}),
        (no_hello, {-1, 10}),
    ],
)
def test_alert_numbers_are_those_of_the_rfc(
    rig: Rig, version: str, way: Way, alert: set[int]
) -> None:
    assert way(rig, version)[0].alert in alert


@pytest.mark.parametrize(("ours", "theirs"), [("1.2", "1.3"), ("1.3", "1.2")])
def test_without_a_common_version_nobody_is_done(
    rig: Rig, peer: Rig, ours: str, theirs: str
) -> None:
    """A wolfSSL server without TLS 1.3 answers with TLS 1.2, and the client ends it."""
    server = peer.connection(peer.server_context(version=theirs))
    outcomes = shake(rig.connection(rig.client_context(version=ours)), server)
    assert sorted(got.status for got in outcomes) == ["ALERT", "PROTOCOL"]
    assert {got.alert for got in outcomes} <= {40, 70}


def test_a_refused_certificate_is_told_to_both(rig: Rig, peer: Rig, version: str) -> None:
    identity = {"certificate": pki("expired.pem"), "private_key": pki("expired.key")}
    server = peer.connection(peer.server_context(version=version, **identity))
    client = rig.connection(rig.client_context())
    ours, theirs = shake(client, server)
    assert (ours.status, ours.reason, ours.alert) == ("VERIFY", "expired", 45)
    assert (theirs.status, theirs.alert) == ("ALERT", 45)


def test_a_missing_certificate_is_told_to_both(rig: Rig, peer: Rig, version: str) -> None:
    rules = {"verify_peer": True, "require_peer": True, "ca_list": pki("root.pem")}
    server = rig.connection(rig.server_context(version=version, **rules))
    client = peer.connection(peer.client_context())
    _, theirs = shake(client, server)
    assert (theirs.status, theirs.reason) == ("VERIFY", "missing")
    told = client.read()
    assert (told.status, told.alert) == ("ALERT", theirs.alert)
    assert told.alert in {40, 116}


def test_data_before_a_failure_is_read_first(rig: Rig, version: str) -> None:
    """What arrived whole is handed over; the failure comes with the next call."""
    client, server = settled(rig, version)
    client.write(b"good")
    good = client.drain()
    client.write(b"bad")
    bad = bytearray(client.drain())
    bad[-1] ^= 1
    server.feed(good + bytes(bad))
    assert server.read().data == b"good"
    assert server.read().status == "PROTOCOL"


def test_a_refused_peer_is_not_shown_as_verified(rig: Rig, version: str) -> None:
    _, client = certificate_expired(rig, version)
    assert client is not None
    info = client.info()
    assert info.verify_reason != rig.c.lib.TLSMGM_VERIFY_NONE
    assert not rig.session_of(client)[1]
