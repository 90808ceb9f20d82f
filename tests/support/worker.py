"""A worker of the engine, driven through C alone, and upstreams that say who they are."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.c_code import hash_key, match_entries
from tests.support.contract import Rig, pki
from tests.support.tls_sockets import wrap
from tlsmgm._serving.networks import pack_network

#: Seconds after which a test gives up.
PATIENCE = 30
ANY = 0xFFFFFFFF
RESET = struct.pack("ii", 1, 0)

SETTINGS = {
    "first_byte_timeout": 20_000,
    "handshake_timeout": 20_000,
    "connect_timeout": 20_000,
    "idle_timeout": 60_000,
    "send_timeout": 60_000,
    "linger_timeout": 2_000,
    "high_water": 100_000,
}

#: Of struct tlsmgm_record: the connection has ended; somebody was kept out.
ENDED = 0
TURNED_AWAY, UNTRUSTED = 1, 3

#: Where connections go: a port of this machine, or the path of a unix socket.
Place = int | str


def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds, and return what it says."""
    end = time.monotonic() + PATIENCE
    while not (said := condition()):
        assert time.monotonic() < end, "it never came"
        select.select([], [], [], 0.005)
    return said


class Upstream:
    """Answers each piece with its name, a colon and that piece; hangs up at its end, or on "quit".

    Args:
        name: as in the answers.
        path: of a unix socket; None: it listens on a port.
    """

    def __init__(self, name: str, path: str | None = None) -> None:
        self.name = name.encode()
        self.connections = 0
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.place: Place = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(PATIENCE)

    def _run(self) -> None:
        self._loop.run_until_complete(self._open())
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._shut())
        self._loop.close()

    async def _open(self) -> None:
        if self._path is not None:
            self._server = await asyncio.start_unix_server(self._serve, self._path, backlog=1000)
            self.place = self._path
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self.place = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                writer.write(self.name + b":" + data)
                await writer.drain()
                if data.endswith(b"quit\n"):
                    break
            writer.close()
            await writer.wait_closed()
        self._writers.discard(writer)

    def close(self) -> None:
        """Hang up on everybody."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@dataclass(frozen=True)
class Record:
    """What remains of a connection."""

    status: str
    domain: int
    plan: int
    bytes_in: int
    bytes_out: int
    error: int
    client_port: int
    listener: int
    client: bytes = field(default=b"", compare=False)
    local: tuple[bytes, int] = field(default=(b"", 0), compare=False)
    sender: tuple[bytes, int] | None = field(default=None, compare=False)
    reason: str = field(default="", compare=False)


def sockaddr(place: Place) -> bytes:
    """Return an address as the system wants it."""
    if isinstance(place, str):
        return struct.pack("=H", socket.AF_UNIX) + place.encode() + b"\0"
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", place, b"\x7f\0\0\1")


class Engine:
    """A worker in a thread of its own.

    Args:
        rig: of the library that the server uses; it has a domain for each of ``names``.
        routes: domain number, or ANY, to places.
        names: filters, one for each domain.
        listeners: for each an address and whether clients speak plain TCP there.
        settings: other than SETTINGS.
        limits: of admission.
        number: of the first plan, and of its selector.
        versions: the only one of TLS that the domains allow.
        before: is called before the worker is made.
        senders: networks that PROXY headers are taken from; None: there are none.
        keeps_tls: records have the TLS connections.
        tells_ends: all that is over leaves a record.
        asks: clients whom no domain answers wait for :meth:`answer`.
    """

    def __init__(
        self,
        rig: Rig,
        routes: dict[int, Sequence[Place]],
        *,
        names: Sequence[str] = ("dom1.test", "dom2.test"),
        listeners: Sequence[tuple[str, bool]] = (("127.0.0.1", False),),
        settings: dict[str, Any] | None = None,
        limits: dict[str, int] | None = None,
        number: int = 1,
        versions: str | None = None,
        before: Callable[[], Any] | None = None,
        senders: Sequence[str] | None = None,
        keeps_tls: bool = False,
        tells_ends: bool = True,
        asks: bool = False,
    ) -> None:
        self.rig, self.ffi, self.lib = rig, rig.c.ffi, rig.c.lib
        self._versions = versions
        self._keeps_tls = keeps_tls
        self._tells_ends = tells_ends
        self._ended = False
        self._contexts: dict[str, Any] = {}
        self._settings = {**SETTINGS, "asks": asks, **(settings or {})}
        self.admission = self._new_admission(limits or {})
        self._ring = self._new_ring("record")
        self._questions = self._new_ring("question")
        plan = self.plan(names, number, routes)
        self.ports: list[int] = []
        sockets = self._listen(listeners)
        self._expect_headers(senders)
        if before is not None:
            before()
        try:
            self.worker = self._new_worker(sockets, plan)
        except AssertionError:
            self._free_parts()
            raise
        finally:
            self.lib.tlsmgm_plan_free(plan)
        self._thread = threading.Thread(target=self.lib.tlsmgm_worker_run, args=(self.worker,))

    def start(self) -> Engine:
        """Begin to work."""
        self._thread.start()
        return self

    @property
    def port(self) -> int:
        """Of the first listener."""
        return self.ports[0]

    # What it is made of.

    def _new_admission(self, limits: dict[str, int]) -> Any:
        bounds = self.ffi.new(
            "struct tlsmgm_admission_limits *", {"ipv4_prefix": 32, "ipv6_prefix": 64, **limits}
        )
        out, error = self.ffi.new("struct tlsmgm_admission **"), self.rig.c.error()
        assert self.lib.tlsmgm_admission_new(bounds, hash_key(self.rig.c), out, error) == 0
        return out[0]

    def _new_ring(self, what: str) -> Any:
        out, error = self.ffi.new("struct tlsmgm_record_ring **"), self.rig.c.error()
        size = self.ffi.sizeof(f"struct tlsmgm_{what}")
        assert self.lib.tlsmgm_record_ring_new(size, 4096, out, error) == 0
        return out[0]

    def _listen(self, listeners: Sequence[tuple[str, bool]]) -> Any:
        array = self.ffi.new("struct tlsmgm_worker_listener[]", len(listeners))
        for number, (address, is_plain) in enumerate(listeners):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.create_server((address, 0), family=family, backlog=1000)
            sock.setblocking(False)
            self.ports.append(sock.getsockname()[1])
            array[number].fd = sock.detach()
            array[number].number = number + 7
            array[number].is_plain = is_plain
            array[number].has_wildcard = address in {"0.0.0.0", "::"}
            array[number].local.port = self.ports[-1]
            mapped = bytes(10) + b"\xff\xff\x7f\0\0\1"
            self.ffi.buffer(array[number].local.address)[:] = mapped
        self._listeners = array
        return array

    def _expect_headers(self, senders: Sequence[str] | None) -> None:
        if senders is None:
            return
        self._senders = self.ffi.new("struct tlsmgm_network[]", len(senders) or 1)
        for slot, text in zip(self._senders, senders, strict=False):
            address, slot.prefix = pack_network(ipaddress.ip_network(text))
            self.ffi.buffer(slot.address)[:] = address
        for listener in self._listeners:
            listener.expects_header = True
            listener.senders, listener.sender_count = self._senders, len(senders)

    def _new_worker(self, listeners: Any, plan: Any) -> Any:
        config = self.ffi.new("struct tlsmgm_worker_config *")
        config.listeners, config.listener_count = listeners, len(listeners)
        config.admission, config.records, config.plan = self.admission, self._ring, plan
        config.questions, config.question_bell = self._questions, -1
        config.bell, config.keeps_tls, config.tells_ends = -1, self._keeps_tls, self._tells_ends
        out, error = self.ffi.new("struct tlsmgm_worker **"), self.rig.c.error()
        assert self.lib.tlsmgm_worker_new(config, out, error) == 0, self.rig.c.text(error)
        return out[0]

    def _context(self, certificate: str) -> Any:
        if certificate not in self._contexts:
            identity = {
                "certificate": pki(f"{certificate}.pem"),
                "private_key": pki(f"{certificate}.key"),
            }
            version = {"version": self._versions} if self._versions else {}
            self._contexts[certificate] = self.rig.server_context(**identity, **version)
        return self._contexts[certificate]

    def selector(
        self, names: Sequence[str], generation: int, address: bytes | None = None, port: int = 0
    ) -> Any:
        """Return a selector, which the caller frees, with one domain for each filter.

        Args:
            names: ``domN.test`` gets the certificate domN, any other dom1.
            generation: is in the records.
            address: the only local one that it answers on; None: any.
            port: beside that address.
        """
        rig, ffi, lib = self.rig, self.ffi, self.lib
        rows = [(address, port, name.encode(), number) for number, name in enumerate(names)]
        entries, _keep = match_entries(rig.c, rows)
        index, error = ffi.new("struct tlsmgm_match_index **"), rig.c.error()
        made = lib.tlsmgm_match_index_new(entries, len(rows), hash_key(rig.c), index, error)
        assert made == 0
        handles = ffi.new("struct tlsmgm_ctx_handle[]", len(names))
        for handle, name in zip(handles, names, strict=True):
            certificate = name.removesuffix(".test") if name.startswith("dom") else "dom1"
            handle.backend = ffi.addressof(rig.table)
            handle.ctx = self._context(certificate)
            handle.is_server = True
        out = ffi.new("struct tlsmgm_selector **")
        assert (
            lib.tlsmgm_selector_new(index[0], handles, len(names), 0, generation, out, error) == 0
        )
        lib.tlsmgm_match_index_free(index[0])
        return out[0]

    def routes(self, routes: dict[int, Sequence[Place]]) -> Any:
        """Return a table of routes, which the caller frees."""
        table = self.ffi.new("struct tlsmgm_route[]", len(routes) or 1)
        keep = []
        for row, (domain, places) in zip(table, routes.items(), strict=False):
            addresses = self.ffi.new("struct tlsmgm_route_address[]", len(places))
            for slot, place in zip(addresses, places, strict=True):
                raw = sockaddr(place)
                self.ffi.buffer(slot.sockaddr)[: len(raw)] = raw
                slot.size = len(raw)
            keep.append(addresses)
            row.domain, row.addresses, row.count = domain, addresses, len(places)
        out, error = self.ffi.new("struct tlsmgm_routes **"), self.rig.c.error()
        assert self.lib.tlsmgm_routes_new(table, len(routes), out, error) == 0
        return out[0]

    def plan(
        self,
        names: Sequence[str],
        number: int,
        routes: dict[int, Sequence[Place]],
        address: bytes | None = None,
        port: int = 0,
    ) -> Any:
        """Return a plan, which the caller frees."""
        parts = self.ffi.new("struct tlsmgm_plan *")
        parts.number, parts.settings = number, self._settings
        parts.selector = self.selector(names, number, address, port)
        parts.routes = self.routes(routes)
        out, error = self.ffi.new("struct tlsmgm_plan **"), self.rig.c.error()
        made = self.lib.tlsmgm_plan_new(parts, out, error)
        self.lib.tlsmgm_selector_free(parts.selector)
        self.lib.tlsmgm_routes_free(parts.routes)
        assert made == 0
        return out[0]

    # What is asked of it.

    def post(self, plan: Any) -> None:
        """Post a plan, and free it."""
        self.lib.tlsmgm_worker_post(self.worker, plan)
        self.lib.tlsmgm_plan_free(plan)

    def free_plan(self, plan: Any) -> None:
        """Give back what :meth:`plan` has returned."""
        self.lib.tlsmgm_plan_free(plan)

    def add_context(self, certificate: str, context: Any) -> None:
        """Have a context of the rig for a certificate, such as ``dom9``."""
        self._contexts[certificate] = context

    def questions(self) -> list[Any]:
        """Take the questions that are there."""
        room = self.ffi.new("struct tlsmgm_question[]", 64)
        count = self.lib.tlsmgm_record_ring_take(self._questions, room, 64)
        # Copies, for the room goes.
        return [self.ffi.new("struct tlsmgm_question *", room[i]) for i in range(count)]

    def answer(self, token: int, plan: Any) -> None:
        """Answer a question."""
        error = self.rig.c.error()
        assert self.lib.tlsmgm_worker_answer(self.worker, token, plan, error) == 0

    def pause(self) -> None:
        """Let the worker stand still between two rounds; others still reach it."""
        self.lib.tlsmgm_test_pause_worker(self.worker)

    def resume(self) -> None:
        """Let it go on."""
        self.lib.tlsmgm_test_resume_worker(self.worker)

    def drain(self, timeout: int) -> None:
        self.lib.tlsmgm_worker_drain(self.worker, timeout)

    def stop(self) -> None:
        self.lib.tlsmgm_worker_stop(self.worker)

    def join(self) -> None:
        """Wait until run() has returned."""
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def counts(self) -> Any:
        out = self.ffi.new("struct tlsmgm_worker_counts *")
        self.lib.tlsmgm_worker_count(self.worker, out)
        return out

    def refused(self) -> tuple[int, int, int]:
        """Return how often each limit has struck."""
        out = self.ffi.new("struct tlsmgm_admission_counts *")
        self.lib.tlsmgm_admission_count(self.admission, out)
        return (
            out.refused_max_connections,
            out.refused_max_handshakes,
            out.refused_max_handshakes_per_network,
        )

    def inside(self) -> tuple[int, int]:
        """Return how many connections and handshakes admission knows of."""
        out = self.ffi.new("struct tlsmgm_admission_counts *")
        self.lib.tlsmgm_admission_count(self.admission, out)
        return (out.connections, out.handshakes)

    def taken(self, kind: int = ENDED) -> list[Record]:
        """Take the records that are there, and return those of a kind."""
        room = self.ffi.new("struct tlsmgm_record[]", 4096)
        count = self.lib.tlsmgm_record_ring_take(self._ring, room, 4096)
        self._free_connections(room, count)
        return [self._record(room[i]) for i in range(count) if room[i].kind == kind]

    @staticmethod
    def _free_connections(room: Any, count: int) -> None:
        for row in (room[i] for i in range(count)):
            for kept in (row.client_tls, row.upstream_tls):
                if kept.conn:
                    kept.backend.conn_free(kept.conn)

    def records(self, count: int = 1) -> list[Record]:
        """Wait for so many records, and return them."""
        found: list[Record] = []

        def has_all() -> bool:
            found.extend(self.taken())
            return len(found) >= count

        until(has_all)
        assert len(found) == count
        return found

    def _record(self, row: Any) -> Record:
        word = self.lib.tlsmgm_relay_status_word(row.status)
        return Record(
            bytes(self.ffi.string(word)).decode(),
            row.domain,
            row.plan,
            row.bytes_in,
            row.bytes_out,
            row.error,
            row.client_port,
            row.listener,
            bytes(row.client),
            (bytes(row.local), row.local_port),
            (bytes(row.sender), row.sender_port) if row.has_sender else None,
            self._reason(row),
        )

    def _reason(self, row: Any) -> str:
        if row.reason != self.ffi.NULL:
            return bytes(self.ffi.string(row.reason)).decode()
        return bytes(self.ffi.string(row.failure.text)).decode()

    def _free_parts(self) -> None:
        self.lib.tlsmgm_record_ring_free(self._ring)
        self.lib.tlsmgm_record_ring_free(self._questions)
        self.lib.tlsmgm_admission_free(self.admission)

    def close(self) -> None:
        """Stop and free it; everything that was let in has left by then."""
        if self._ended:
            return
        self._ended = True
        self.stop()
        if self._thread.ident is not None:
            self.join()
        inside = self.inside()
        self.lib.tlsmgm_worker_free(self.worker)
        self._free_parts()
        assert inside == (0, 0)


def client_context() -> ssl.SSLContext:
    """Return the context of a client that trusts the root of the cases."""
    return ssl.create_default_context(cafile=pki("root.pem"))


def plain_client(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=PATIENCE)


def tls_client(
    port: int, name: str = "dom1.test", context: ssl.SSLContext | None = None
) -> ssl.SSLSocket:
    """Connect and shake hands."""
    return wrap(
        context or client_context(),
        plain_client(port),
        server_hostname=name,
        suppress_ragged_eofs=False,
    )


def ask(sock: socket.socket, question: bytes = b"question") -> bytes:
    """Send something to an upstream and return its answer."""
    sock.sendall(question)
    answer = b""
    while not answer.endswith(b":" + question):
        piece = sock.recv(65536)
        assert piece, answer
        answer += piece
    return answer


def who(sock: socket.socket) -> str:
    """Return the name of the upstream that answers."""
    return ask(sock, b"?").split(b":")[0].decode()


def goodbye(sock: ssl.SSLSocket) -> None:
    """End both directions by close_notify, and close."""
    sock.unwrap().close()


def is_cut(sock: socket.socket) -> bool:
    """Wait for the end of a connection; tell whether nobody can take it for a clean one.

    Python's ``ssl`` calls a reset an end without close_notify.
    """
    try:
        while sock.recv(65536):
            pass
    except (ConnectionResetError, ssl.SSLEOFError):
        return True
    return False
