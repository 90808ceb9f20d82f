"""The relay: a client and its upstream over real sockets, from accept to the end of both."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

import pytest

from tests.support.contract import Rig
from tests.support.relay import (
    CLIENT,
    TIMES,
    UPSTREAM,
    Relay,
    Setup,
    TLSWire,
    Wire,
    client_of,
)


@pytest.fixture
def setup(rig: Rig, peer: Rig) -> Setup:
    return Setup(rig, peer)


def test_data_goes_both_ways(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    client.write(b"question")
    relay.run()
    assert upstream.received == b"question"
    upstream.send(b"answer")
    relay.run()
    assert client.data == b"answer"
    assert relay.relay.client.bytes_received == 8
    assert relay.relay.upstream.bytes_received == 6
    assert (relay.relay.client.domain, relay.relay.client.generation) == (0, 9)


def test_both_say_goodbye(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    client.write(b"last")
    client.close()
    relay.run()
    assert (upstream.received, upstream.end) == (b"last", "fin")
    assert relay.phase == "RELAYING"
    upstream.send(b"late answer")
    upstream.sock.shutdown(socket.SHUT_WR)
    relay.run()
    assert (client.data, client.status, client.end) == (b"late answer", "CLOSED", "fin")
    assert (relay.phase, relay.status) == ("OVER", "ok")


def test_a_client_that_breaks_off_in_a_record(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    client.tls.write(b"half")
    client.send(client.tls.drain()[:-3])
    client.sock.shutdown(socket.SHUT_WR)
    relay.run()
    assert (upstream.received, upstream.end) == (b"", "reset")
    assert (relay.phase, relay.status) == ("OVER", "client-truncated")


def test_a_client_that_goes_without_a_word(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    client.sock.shutdown(socket.SHUT_WR)
    relay.run()
    assert upstream.end == "reset"
    assert (relay.phase, relay.status) == ("OVER", "client-closed")


def test_an_upstream_that_resets(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    upstream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    upstream.sock.close()
    relay.peers.remove(upstream)
    relay.run()
    assert (client.status, client.end) == ("WANT_READ", "reset")
    assert (relay.phase, relay.status) == ("OVER", "upstream-error")
    assert relay.relay.error > 0


def test_a_broken_record_is_answered_with_an_alert(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    client.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    relay.run()
    assert (client.status, client.end) == ("ALERT", "fin")
    assert upstream.end == "reset"
    assert (relay.phase, relay.status) == ("CLOSING", "client-error")
    relay.wait(TIMES["linger_timeout"])
    assert relay.phase == "OVER"


def test_a_plain_neighbour_may_be_told_nothing(rig: Rig, peer: Rig) -> None:
    setup = Setup(rig, peer, ends_plain_with_fin=True)
    setup.client.sock.shutdown(socket.SHUT_WR)
    setup.relay.run()
    assert setup.upstream.end == "fin"
    assert (setup.relay.phase, setup.relay.status) == ("CLOSING", "client-closed")
    setup.upstream.sock.shutdown(socket.SHUT_WR)
    setup.relay.run()
    assert setup.relay.phase == "OVER"


@pytest.mark.parametrize("way", ["down", "up"])
def test_much_data_goes_through_a_small_space(setup: Setup, way: str) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    data = bytes(range(256)) * 40_000
    if way == "down":
        rest = memoryview(data)
        while len(client.data) < len(data):
            rest = rest[upstream.send(rest[:1_000_000]) :]
            relay.run(1)
            assert relay.relay.client.pending.end <= 2 << 20
        assert client.data == data
    else:
        for start in range(0, len(data), 65536):
            client.tls.write(data[start : start + 65536])
            output = client.tls.drain()
            while output:
                output = output[client.send(output) :]
                relay.run(1)
        relay.run()
        assert upstream.received == data
    assert relay.phase == "RELAYING"


def test_who_takes_nothing_is_cut(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    relay.peers.clear()
    for _ in range(2000):
        upstream.send(bytes(1 << 16))
        while relay.ready(UPSTREAM):
            pass
    assert relay.relay.client.paused
    assert relay.relay.upstream.holds != 0
    held = relay.relay.upstream.bytes_received
    assert relay.relay.client.pending.end < 1 << 20
    relay.wait(TIMES["send_timeout"] - 1)
    assert (relay.phase, relay.relay.upstream.bytes_received) == ("RELAYING", held)
    relay.wait(1)
    assert (relay.phase, relay.status) == ("OVER", "send-timeout")
    assert client.read() or client.end is not None


def test_it_goes_on_when_the_peer_takes_again(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    relay.peers.remove(client)
    sent = 0
    for _ in range(300):
        sent += upstream.send(bytes(1 << 16))
        relay.ready(UPSTREAM)
    assert relay.relay.client.paused
    relay.peers.append(client)
    while len(client.data) < sent:
        relay.run(2)
    assert not relay.relay.client.paused
    assert relay.relay.upstream.holds == 0


def test_nothing_moves(setup: Setup) -> None:
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    relay.wait(TIMES["idle_timeout"] - 1)
    client.write(b"x")
    relay.run()
    relay.wait(TIMES["idle_timeout"] - 1)
    assert relay.phase == "RELAYING"
    relay.wait(1)
    relay.run()
    assert (relay.phase, relay.status) == ("OVER", "idle-timeout")
    assert (client.end, client.status, upstream.end) == ("reset", "WANT_READ", "reset")


@pytest.mark.parametrize(
    ("first", "wait", "status"),
    [
        (b"", TIMES["first_byte_timeout"], "first-byte-timeout"),
        (b"\x16", TIMES["handshake_timeout"], "handshake-timeout"),
    ],
)
def test_a_client_takes_its_time(rig: Rig, first: bytes, wait: int, status: str) -> None:
    relay, client = Relay(rig), Wire()
    relay.accept(client)
    client.send(first)
    relay.run()
    relay.wait(wait - 1)
    assert relay.phase == "HANDSHAKE"
    relay.wait(1)
    relay.run()
    assert (relay.phase, relay.status, client.end) == ("OVER", status, "reset")


def test_garbage_instead_of_a_hello(rig: Rig) -> None:
    relay, client = Relay(rig), Wire()
    relay.accept(client)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    relay.run()
    assert (client.received[:1], client.end) == (b"\x15", "fin")
    assert (relay.phase, relay.status) == ("CLOSING", "handshake-failed")
    client.sock.close()
    relay.peers.clear()
    relay.run()
    assert relay.phase == "OVER"


def test_an_alert_arrives_though_the_client_goes_on_sending(rig: Rig) -> None:
    relay, client = Relay(rig), Wire()
    relay.accept(client)
    for _ in range(40):
        with contextlib.suppress(ConnectionError):
            client.send(bytes(1 << 16))
        while relay.ready(CLIENT):
            pass
    assert relay.relay.client.discarded > 0
    assert (relay.phase, relay.status) == ("OVER", "handshake-failed")


def test_no_upstream(rig: Rig, peer: Rig) -> None:
    relay, client = Relay(rig), client_of(peer)
    relay.accept(client)
    relay.run()
    text = rig.own(relay.ffi.new("char[]", b"nobody there"), lambda _: None)
    failed = relay.lib.TLSMGM_RELAY_UPSTREAM_FAILED
    relay.lib.tlsmgm_relay_no_upstream(relay.relay, failed, text, 111, relay.now)
    relay.run()
    assert (relay.phase, relay.status, relay.relay.error) == ("OVER", "upstream-failed", 111)
    assert (client.end, client.status) == ("reset", "WANT_READ")


def test_an_upstream_that_comes_too_late(rig: Rig, peer: Rig) -> None:
    relay, client = Relay(rig), client_of(peer)
    relay.accept(client)
    relay.run()
    relay.wait(TIMES["connect_timeout"])
    assert (relay.phase, relay.status) == ("OVER", "upstream-timeout")
    late = Wire()
    relay.attach(late)
    late.read()
    assert late.end == "reset"


def test_data_that_comes_before_the_upstream_waits(rig: Rig, peer: Rig) -> None:
    relay, client, upstream = Relay(rig), client_of(peer), Wire()
    relay.accept(client)
    relay.run()
    client.write(b"early")
    relay.run()
    assert relay.relay.client.bytes_received == 0
    relay.attach(upstream, b"PROXY UNKNOWN\r\n")
    relay.run()
    assert upstream.received == b"PROXY UNKNOWN\r\nearly"


def test_a_tls_upstream(rig: Rig, peer: Rig) -> None:
    relay, client = Relay(rig, tls=False), Wire()
    upstream = TLSWire(peer.connection(peer.server_context(), server_name=b"dom1.test"))
    relay.accept(client)
    assert relay.phase == "CONNECTING"
    context = rig.client_context()
    got, conn = rig.conn_new(context, server_name=b"dom1.test", verify_name="dom1.test")
    assert got.status == "OK"
    client.send(b"plain")
    relay.attach(upstream, b"", conn)
    relay.run()
    assert (relay.phase, upstream.data) == ("RELAYING", b"plain")
    upstream.write(b"secret")
    upstream.close()
    relay.run()
    assert (client.received, client.end) == (b"secret", "fin")
    client.sock.shutdown(socket.SHUT_WR)
    relay.run()
    assert (upstream.status, upstream.end) == ("CLOSED", "fin")
    assert (relay.phase, relay.status) == ("OVER", "ok")


def test_an_upstream_whose_certificate_is_refused(rig: Rig, peer: Rig) -> None:
    relay, client = Relay(rig, tls=False), Wire()
    upstream = TLSWire(peer.connection(peer.server_context(), server_name=b"dom1.test"))
    relay.accept(client)
    names = {"server_name": b"dom1.test", "verify_name": "other.test"}
    got, conn = rig.conn_new(rig.client_context(), **names)
    assert got.status == "OK"
    relay.attach(upstream, b"", conn)
    relay.run()
    assert (relay.status, client.end) == ("upstream-failed", "reset")
    assert relay.relay.failure.status == relay.lib.TLSMGM_STATUS_VERIFY
    assert upstream.status == "ALERT"


@pytest.mark.parametrize("how", ["stop", "abort"])
@pytest.mark.parametrize("phase", ["HANDSHAKE", "CONNECTING", "RELAYING"])
def test_the_engine_stops(rig: Rig, peer: Rig, phase: str, how: str) -> None:
    relay, client, upstream = Relay(rig), client_of(peer), Wire()
    relay.accept(client)
    if phase != "HANDSHAKE":
        relay.run()
    if phase == "RELAYING":
        relay.attach(upstream)
        client.close()
        relay.run()
    assert relay.phase == phase
    getattr(relay.lib, f"tlsmgm_relay_{how}")(relay.relay, relay.now)
    relay.run()
    if phase == "RELAYING" and how == "stop":  # the client has sent all that it wanted to send
        upstream.sock.close()
        relay.peers.remove(upstream)
        relay.run()
        assert upstream.end == "fin"
    assert (relay.phase, relay.status, client.end) == ("OVER", "drained", "reset")


def test_what_is_ready_once_is_not_told_twice(setup: Setup) -> None:
    """As with edges: a short read says that there is no more, but for an end that was told."""
    relay, client, upstream = setup.relay, setup.client, setup.upstream
    relay.peers.clear()
    upstream.send(b"one")
    relay.ready(UPSTREAM, readable=True)
    assert not relay.relay.upstream.readable
    upstream.send(b"two")
    upstream.sock.shutdown(socket.SHUT_WR)
    relay.ready(UPSTREAM, readable=True, ended=True)
    assert relay.relay.upstream.input_ended
    client.go_on()
    assert (client.data, client.status) == (b"onetwo", "CLOSED")


#: Milliseconds after which any deadline would have passed, if it were counted from 0.
LATE = 1_000_000_000


def test_more_than_a_turn_waits_for_the_upstream(rig: Rig) -> None:
    """No event says it again once the upstream is there, so the owner must be told."""
    relay, client, upstream = Relay(rig, tls=False, high_water=64 << 20), Wire(), Wire()
    relay.accept(client)
    sent = sum(client.send(bytes(1 << 16)) for _ in range(200))
    relay.ready(CLIENT)
    assert relay.relay.client.bytes_received == 0
    relay.attach(upstream)
    assert sent > relay.relay.client.bytes_received > 0
    assert relay.relay.has_more
    for _ in range(100):
        relay.ready(CLIENT, readable=False)
        upstream.read()
    relay.run()
    assert not relay.relay.has_more
    assert len(upstream.received) == sent


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_a_plain_neighbour_lingers_when_a_deadline_has_struck(rig: Rig, side: str) -> None:
    """What it has sent is thrown away, so that it gets a FIN and no reset."""
    relay, client, upstream = Relay(rig, tls=False, ends_plain_with_fin=True), Wire(), Wire()
    relay.now += LATE
    relay.accept(client)
    client.send(b"unread")
    if side == "client":
        relay.wait(TIMES["connect_timeout"])
        ends, status = client, "upstream-timeout"
    else:
        relay.attach(upstream)
        relay.peers.clear()
        for _ in range(300):
            upstream.send(bytes(1 << 16))
            relay.ready(UPSTREAM)
        relay.wait(TIMES["send_timeout"])
        ends, status = upstream, "send-timeout"
        relay.peers.append(upstream)
    relay.run()
    assert (relay.phase, relay.status, ends.end) == ("CLOSING", status, "fin")
    relay.wait(TIMES["linger_timeout"])
    assert relay.phase == "OVER"


def test_who_was_held_back_is_heard_to_the_end(rig: Rig) -> None:
    """The end that waits behind unread bytes is not told again; nobody need wait for it."""
    relay, client = Relay(rig, tls=False, ends_plain_with_fin=True), Wire()
    relay.accept(client)
    client.send(b"unread")
    client.sock.shutdown(socket.SHUT_WR)
    relay.run()
    relay.lib.tlsmgm_relay_stop(relay.relay, relay.now)
    assert (relay.phase, relay.status) == ("OVER", "drained")
    relay.run()
    assert client.end == "fin"


def test_the_last_words_of_who_takes_no_more(rig: Rig) -> None:
    """An upstream answers and hangs up while much of the question still waits for it."""
    relay, client, upstream = Relay(rig, tls=False), Wire(), Wire()
    relay.accept(client)
    relay.attach(upstream)
    relay.peers.clear()
    for _ in range(300):
        client.send(bytes(1 << 16))
        relay.ready(CLIENT)
    assert relay.relay.upstream.pending.end > 0
    upstream.send(b"too large")
    upstream.sock.close()  # with unread bytes: the system sends a reset
    for _ in range(3):
        relay.ready(UPSTREAM)
        client.read()
    assert client.received == b"too large"
    relay.run()
    assert (relay.phase, relay.status) == ("OVER", "upstream-error")


@pytest.mark.parametrize("ends_plain_with_fin", [False, True])
def test_a_killed_process_ends_nothing_cleanly(rig: Rig, *, ends_plain_with_fin: bool) -> None:
    """The system closes what is left with a FIN, unless it was told otherwise."""
    relay = Relay(rig, tls=False, ends_plain_with_fin=ends_plain_with_fin)
    client, upstream = Wire(), Wire()
    relay.accept(client)
    relay.attach(upstream)
    for wire in (client, upstream):
        with socket.socket(fileno=os.dup(wire.far)) as far:
            linger = far.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", linger)[0] == (not ends_plain_with_fin)


def test_a_plain_client_has_no_domain(rig: Rig) -> None:
    relay, client = Relay(rig, tls=False), Wire()
    relay.accept(client)
    assert relay.relay.client.domain == relay.lib.TLSMGM_MATCH_NONE
