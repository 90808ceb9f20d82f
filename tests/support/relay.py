"""A relay of C between real sockets, and the two whom it serves.

Clients and TLS upstreams are connections of the other library.  Nobody waits: the relay is told
that everything may be ready, again and again, and the clock stands still unless a test moves it.
"""

from __future__ import annotations

import contextlib
import select
import socket
from typing import Any

from tests.support.c_code import hash_key, match_entries
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

#: Sockets that a test leaves behind.
OPEN: list[socket.socket] = []


def close_all() -> None:
    """Close the sockets that a test has left behind."""
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
