"""The relay: a client and its upstream over real sockets, from accept to the end of both.

Clients and TLS upstreams are connections of the other library.  Nobody waits: the relay is told
that everything may be ready, again and again, and the clock stands still unless a test moves it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import hello
from tests.support.c_code import Backend, hash_key, match_entries
from tests.support.contract import Connection, Rig

ADDRESS = bytes(10) + b"\xff\xff\x7f\0\0\1"
ALL = {"readable": True, "writable": True, "ended": True}
CLIENT, UPSTREAM = 0, 1

TIMES = {
    "first_byte_timeout": 5_000,
    "handshake_timeout": 10_000,
    "connect_timeout": 7_000,
    "idle_timeout": 300_000,
    "send_timeout": 60_000,
    "linger_timeout": 2_000,
    "high_water": 100_000,
}


@pytest.fixture
def peer(peer_backend: Backend) -> Iterator[Rig]:
    rig = Rig(peer_backend)
    yield rig
    rig.close()


#: Sockets that a test leaves behind.
OPEN: list[socket.socket] = []


@pytest.fixture(autouse=True)
def all_are_closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


class Wire:
    """Our end of a TCP connection whose other end the relay has."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.sock = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        OPEN.append(self.sock)
        for sock in (self.sock, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        self.far = far.detach()
        self.received = b""
        self.end: str | None = None  # "fin" or "reset"

    def send(self, data: bytes | memoryview) -> int:
        with contextlib.suppress(BlockingIOError):
            return self.sock.send(data)
        return 0

    def read(self) -> bytes:
        """Return what has come since the last call; note how it ended."""
        data = b""
        while self.end is None:
            try:
                piece = self.sock.recv(1 << 20)
            except BlockingIOError:
                break
            except ConnectionError:
                self.end = "reset"
                break
            data += piece
            if not piece:
                self.end = "fin"
        self.received += data
        return data


class TLSWire(Wire):
    """The same, with TLS above it.

    Args:
        tls: a connection of either kind.
    """

    def __init__(self, tls: Connection) -> None:
        super().__init__()
        self.tls = tls
        self.data = b""
        self.status = ""  # of the last read
        self.alert = -1

    def go_on(self) -> None:
        """Carry bytes, and do what can be done with them."""
        wire = self.read()
        for start in range(0, len(wire), 1 << 20):  # it takes some megabytes at a time, no more
            self.tls.feed(wire[start : start + (1 << 20)])
            self._take()
        self._take()
        self.carry()

    def _take(self) -> None:
        got = self.tls.handshake()
        if got.status == "OK":
            while (got := self.tls.read()).status == "OK":
                self.data += got.data
        self.status, self.alert = got.status, got.alert

    def carry(self) -> None:
        output = self.tls.drain()
        with contextlib.suppress(ConnectionError):
            while output:
                select.select([], [self.sock], [], 5)
                output = output[self.send(output) :]

    def write(self, data: bytes) -> None:
        assert self.tls.write(data).count == len(data)
        self.carry()

    def close(self) -> None:
        """Say close_notify; the connection stays open."""
        self.tls.shutdown()
        self.carry()


class Relay:
    """A relay with one server context, or none for plain clients."""

    def __init__(self, rig: Rig, *, tls: bool = True, name: bytes = b"*", **settings: Any) -> None:
        self.rig, self.ffi, self.lib = rig, rig.c.ffi, rig.c.lib
        self.now = 1_000
        self.settings = self.ffi.new("struct tlsmgm_relay_settings *", {**TIMES, **settings})
        self.room = self.ffi.new("struct tlsmgm_room *")
        self.relay = self.ffi.new("struct tlsmgm_relay *")
        self.transport = self.lib.tlsmgm_socket_transport()
        self.selector = self.selector_for(name) if tls else self.ffi.NULL
        self.peers: list[Wire] = []
        self.news = ALL

    def selector_for(self, name: bytes) -> Any:
        """One context, which answers for a name."""
        rig, ffi, lib = self.rig, self.ffi, self.lib
        entries, _keep = match_entries(rig.c, [(None, 0, name, 0)])
        index, error = ffi.new("struct tlsmgm_match_index **"), rig.c.error()
        assert lib.tlsmgm_match_index_new(entries, 1, hash_key(rig.c), index, error) == 0
        handle = ffi.new("struct tlsmgm_ctx_handle *")
        handle.backend, handle.ctx = ffi.addressof(rig.table), rig.server_context()
        handle.is_server = True
        out = ffi.new("struct tlsmgm_selector **")
        assert lib.tlsmgm_selector_new(index[0], handle, 1, 0, 9, out, error) == 0
        lib.tlsmgm_match_index_free(index[0])
        return rig.own(out[0], lib.tlsmgm_selector_free)

    def accept(self, wire: Wire, hello_limit: int = 0) -> None:
        self.peers.append(wire)
        self.lib.tlsmgm_relay_init(
            self.relay, self.settings, self.transport, self.room, wire.far, self.now
        )
        self.rig.own(self.relay, self.lib.tlsmgm_relay_free)
        local = self.ffi.new("struct tlsmgm_local *", (ADDRESS, 443, 1))
        self.lib.tlsmgm_relay_begin(self.relay, self.selector, local, hello_limit, self.now)

    def attach(self, wire: Wire, preface: bytes = b"", conn: Any = None) -> None:
        self.peers.append(wire)
        view, _keep = self.rig.c.bytes_in(preface)
        null = self.ffi.NULL
        table = null if conn is None else self.ffi.addressof(self.rig.table)
        self.lib.tlsmgm_relay_attach(
            self.relay, wire.far, view, table, null if conn is None else conn, self.now
        )

    def answer(self, selector: Any) -> None:
        """Say who answers the client; NULL: nobody does."""
        self.lib.tlsmgm_relay_answer(self.relay, self.settings, selector, self.now)

    def ready(self, side: int, **what: bool) -> bool:
        flags = self.ffi.new("struct tlsmgm_ready *", what or self.news)
        return bool(self.lib.tlsmgm_relay_ready(self.relay, side, flags, self.now))

    def run(self, rounds: int = 1000) -> None:
        """Let everybody do what can be done until nothing moves any more."""
        quiet = 0
        while rounds and quiet < 3:
            for side in (CLIENT, UPSTREAM):
                while self.ready(side):
                    pass
            for wire in self.peers:
                wire.go_on() if isinstance(wire, TLSWire) else wire.read()
            rounds -= 1
            quiet = 0 if self._something_comes() else quiet + 1

    def _something_comes(self) -> bool:
        """Wait for a moment: the system may take one to deliver."""
        ours = [self.relay.client.fd]
        if self.relay.has_upstream:
            ours.append(self.relay.upstream.fd)
        theirs = [wire.sock.fileno() for wire in self.peers if wire.end is None]
        return bool(select.select([fd for fd in ours + theirs if fd >= 0], [], [], 0.005)[0])

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now += milliseconds
        if self.relay.deadline <= self.now:
            self.lib.tlsmgm_relay_expire(self.relay, self.now)

    @property
    def phase(self) -> str:
        name = self.ffi.string(self.ffi.cast("enum tlsmgm_relay_phase", self.relay.phase))
        return str(name).removeprefix("TLSMGM_RELAY_")

    @property
    def status(self) -> str:
        word = self.lib.tlsmgm_relay_status_word(self.relay.status)
        return bytes(self.ffi.string(word)).decode()


class Setup:
    """A relay between a TLS client and a plain upstream, established."""

    def __init__(self, rig: Rig, peer: Rig, **settings: Any) -> None:
        self.relay = Relay(rig, **settings)
        self.client = client_of(peer)
        self.upstream = Wire()
        self.relay.accept(self.client)
        self.relay.run()
        assert (self.relay.phase, self.relay.relay.is_waiting) == ("CONNECTING", True)
        self.relay.attach(self.upstream)
        assert self.relay.phase == "RELAYING"


def client_of(peer: Rig) -> TLSWire:
    return TLSWire(peer.connection(peer.client_context(), server_name=b"dom1.test"))


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


class Asking:
    """A relay whose client asks for a name that nobody has, and who may know of one."""

    def __init__(self, rig: Rig, peer: Rig) -> None:
        self.relay = Relay(rig, name=b"dom2.test", asks=True)
        self.relay.news = {"readable": True, "writable": True}  # nobody ends
        self.client = client_of(peer)
        self.relay.accept(self.client)
        self.relay.run()
        assert (self.relay.phase, self.relay.relay.is_asking) == ("HANDSHAKE", True)


def test_a_domain_that_was_looked_for(rig: Rig, peer: Rig) -> None:
    asking = Asking(rig, peer)
    relay, client, upstream = asking.relay, asking.client, Wire()
    relay.answer(relay.selector_for(b"dom1.test"))
    relay.run()
    relay.attach(upstream)
    client.write(b"ping")
    relay.run()
    assert (relay.phase, upstream.received) == ("RELAYING", b"ping")
    assert relay.ffi.string(relay.relay.client.server_name.data) == b"dom1.test"


@pytest.mark.parametrize("other", [None, b"else.test"])
def test_nobody_knows_the_domain(rig: Rig, peer: Rig, other: bytes | None) -> None:
    """Neither does an answer that does not match the name."""
    asking = Asking(rig, peer)
    relay, client = asking.relay, asking.client
    relay.answer(relay.ffi.NULL if other is None else relay.selector_for(other))
    assert (relay.phase, relay.status) == ("CLOSING", "no-domain")
    relay.run()
    assert client.received[:7] == bytes.fromhex("15 03 03 00 02 02 70")  # alert 112
    relay.wait(TIMES["linger_timeout"])
    assert relay.phase == "OVER"


def test_an_answer_that_comes_too_late(rig: Rig, peer: Rig) -> None:
    relay = Asking(rig, peer).relay
    relay.wait(TIMES["handshake_timeout"])
    assert (relay.phase, relay.status) == ("OVER", "handshake-timeout")
    relay.answer(relay.selector_for(b"dom1.test"))
    assert (relay.phase, relay.status) == ("OVER", "handshake-timeout")


def test_a_client_that_goes_while_it_waits(rig: Rig, peer: Rig) -> None:
    """It keeps no place from others."""
    asking = Asking(rig, peer)
    asking.client.sock.close()
    asking.relay.peers.clear()
    asking.relay.news = ALL
    asking.relay.run()
    assert (asking.relay.phase, asking.relay.status) == ("OVER", "handshake-failed")
    asking.relay.answer(asking.relay.ffi.NULL)
    assert asking.relay.status == "handshake-failed"


def test_a_second_answer(rig: Rig, peer: Rig) -> None:
    asking = Asking(rig, peer)
    asking.relay.answer(asking.relay.selector_for(b"dom1.test"))
    asking.relay.answer(asking.relay.ffi.NULL)
    asking.relay.run()
    assert (asking.relay.phase, asking.relay.relay.is_waiting) == ("CONNECTING", True)


def test_the_engine_stops_while_it_asks(rig: Rig, peer: Rig) -> None:
    relay = Asking(rig, peer).relay
    relay.lib.tlsmgm_relay_stop(relay.relay, relay.now)
    assert (relay.phase, relay.status, relay.relay.is_asking) == ("OVER", "drained", False)


def test_too_much_behind_a_hello_that_waits(rig: Rig) -> None:
    """What cannot be kept for the domain would be missing there."""
    relay, client = Relay(rig, name=b"dom2.test", asks=True), Wire()
    relay.accept(client, hello_limit=1000)
    client.send(hello.records(hello.message(hello.server_name(b"dom1.test"))) + bytes(8000))
    relay.run()
    assert (relay.status, relay.relay.is_asking) == ("handshake-failed", False)
    assert client.received[:7] == bytes.fromhex("15 03 03 00 02 02 0a")  # unexpected_message


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
