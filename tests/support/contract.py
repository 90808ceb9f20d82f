"""Drives a backend through the C contract alone: contexts, connections, and bytes between them.

Connections of different backends live in different extension modules; only bytes pass between
them, so any two can talk to each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import cases
from tests.support.c_code import Backend

VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}
VALUES = {"OK", "WANT_READ", "WANT_WRITE", "CLOSED"}


def pki(name: str) -> Path:
    """Return the path of a certificate or key of the recorded cases."""
    return cases.cases_path() / "pki" / name


@dataclass(frozen=True)
class Outcome:
    """What a call gave back; the error's part is empty when it did not fail."""

    status: str
    text: str = ""
    parameter: str | None = None
    alert: int = -1
    reason: str = "ok"
    count: int = 0
    data: bytes = b""


class Connection:
    """A connection of one backend.

    Attributes:
        handle: the C object.
    """

    def __init__(self, rig: Rig, handle: Any) -> None:
        self._rig, self._table, self._c = rig, rig.table, rig.c
        self.handle = handle

    def feed(self, data: bytes) -> Outcome:
        view, _keep = self._c.bytes_in(data)
        return self._rig.call(
            lambda error: self._table.feed(self.handle, view.data, view.size, error)
        )

    def feed_eof(self) -> None:
        self._table.feed_eof(self.handle)

    def output(self) -> bytes:
        return self._c.bytes_out(self._table.output(self.handle))

    def drain(self) -> bytes:
        data = self.output()
        self._table.output_consume(self.handle, len(data))
        return data

    def handshake(self) -> Outcome:
        return self._rig.call(lambda error: self._table.handshake(self.handle, error))

    def shutdown(self) -> Outcome:
        return self._rig.call(lambda error: self._table.shutdown(self.handle, error))

    def read(self, size: int = 65536) -> Outcome:
        room = self._c.ffi.new("uint8_t[]", size or 1)
        count = self._c.ffi.new("size_t *", 12345)
        got = self._rig.call(lambda error: self._table.read(self.handle, room, size, count, error))
        assert count[0] <= size
        assert got.status == "OK" or count[0] == 0
        return Outcome(**{**vars(got), "data": bytes(self._c.ffi.buffer(room, count[0]))})

    def write(self, data: bytes) -> Outcome:
        view, _keep = self._c.bytes_in(data)
        count = self._c.ffi.new("size_t *", 12345)
        got = self._rig.call(
            lambda error: self._table.write(self.handle, view.data, view.size, count, error)
        )
        assert count[0] <= len(data)
        assert got.status == "OK" or count[0] == 0
        return Outcome(**{**vars(got), "count": count[0]})

    def export(self, label: bytes, size: int, context: bytes | None = None) -> Outcome:
        out = self._c.ffi.new("uint8_t[]", size)
        view, _keep = self._c.bytes_in(context or b"")
        if context is None:
            view.data = self._c.ffi.NULL
        got = self._rig.call(
            lambda error: self._table.export_keying_material(
                self.handle, self._c.ffi.from_buffer(label + b"\0"), view, out, size, error
            )
        )
        return Outcome(**{**vars(got), "data": bytes(self._c.ffi.buffer(out, size))})

    def info(self) -> Any:
        out = self._c.ffi.new("struct tlsmgm_conn_info *")
        self._table.conn_info(self.handle, out)
        return out

    def cipher_description(self) -> bytes:
        out = self._c.ffi.new("char[]", self._c.lib.TLSMGM_DESCRIPTION_SIZE)
        self._table.cipher_description(self.handle, out)
        return bytes(self._c.ffi.string(out))

    def peer_certificate(self, index: int = 0) -> bytes:
        return self._c.bytes_out(self._table.peer_certificate(self.handle, index))

    def free(self) -> None:
        self._rig.free(self.handle)


class Rig:
    """One backend with everything made from it; ``close`` frees what the test did not.

    Args:
        backend: the table and the C code.

    Attributes:
        takes_errors: False calls everything without an error to fill in.
    """

    def __init__(self, backend: Backend) -> None:
        self.name, self.table, self.c = backend.name, backend.table, backend.c
        self.takes_errors = True
        self._owned: list[tuple[Any, Callable[[Any], None]]] = []
        assert self.table.init(self.c.ffi.NULL) == self.c.lib.TLSMGM_STATUS_OK

    def close(self) -> None:
        """Free everything, connections before what they were made from."""
        self.c.lib.tlsmgm_test_fail_after(-1)
        self.c.lib.tlsmgm_test_refuse_library(False)
        while self._owned:
            handle, free = self._owned.pop()
            free(handle)

    def own(self, handle: Any, free: Callable[[Any], None]) -> Any:
        """Note who frees a handle, and return it."""
        self._owned.append((handle, free))
        return handle

    def free(self, handle: Any) -> None:
        """Free a handle now."""
        at = next(i for i, (known, _) in enumerate(self._owned) if known is handle)
        _, free = self._owned.pop(at)
        free(handle)

    def live(self) -> int:
        """Return how many blocks of our own code are in use."""
        return int(self.c.lib.tlsmgm_test_live())

    def call(self, function: Callable[[Any], int]) -> Outcome:
        """Call a function with an error to fill in, and check that it tells the status given."""
        if not self.takes_errors:
            return Outcome(self.c.status_name(function(self.c.ffi.NULL)))
        error = self.c.error()
        status = self.c.status_name(function(error))
        if status in VALUES:
            return Outcome(status)
        assert self.c.status_name(error.status) == status
        text, ffi = self.c.text(error), self.c.ffi
        assert text
        assert not text.endswith(".")
        name = ffi.string(error.parameter).decode() if error.parameter else None
        reason = ffi.string(self.c.lib.tlsmgm_verify_reason_word(error.verify_reason)).decode()
        return Outcome(status, text, name, error.alert, reason)

    def fill(self, struct: Any, fields: dict[str, Any]) -> list[Any]:
        """Set fields of a C struct from Python values; return what must stay alive with it."""
        alive: list[Any] = []
        kinds = {name: field.type.cname for name, field in self.c.ffi.typeof(struct[0]).fields}
        for name, value in fields.items():
            if value is None:
                continue
            if kinds[name] == "char *":
                text = self.c.ffi.new("char[]", value.encode())
                alive.append(text)
                setattr(struct, name, text)
            elif kinds[name] == "struct tlsmgm_directory":
                text = self.c.ffi.new("char[]", value.encode())
                alive.append(text)
                getattr(struct, name).path = text
            elif kinds[name] == "struct tlsmgm_source" and isinstance(value, Path):
                text = self.c.ffi.new("char[]", str(value).encode())
                alive.append(text)
                getattr(struct, name).path = text
            elif isinstance(value, bytes):
                view, keep = self.c.bytes_in(value)
                alive.append(keep)
                if kinds[name] == "struct tlsmgm_source":
                    getattr(struct, name).data = view
                else:
                    setattr(struct, name, view)
            else:
                setattr(struct, name, value)
        return alive

    def ctx_new(self, **fields: Any) -> tuple[Outcome, Any]:
        """Call ctx_new() with just these fields; return the outcome and ``*out``."""
        config = self.c.ffi.new("struct tlsmgm_ctx_config *")
        _alive = self.fill(config, fields)
        out = self.c.ffi.new("struct tlsmgm_ctx **", self.c.ffi.cast("struct tlsmgm_ctx *", 1))
        got = self.call(lambda error: self.table.ctx_new(config, out, error))
        assert (out[0] == self.c.ffi.NULL) == (got.status != "OK")
        return got, out[0]

    def server_context(self, **fields: Any) -> Any:
        """Return a server's context that the rig frees; certificate dom1 unless told otherwise."""
        identity = {"certificate": pki("dom1.pem"), "private_key": pki("dom1.key")}
        return self._context({"is_server": True, "verify_depth": 3, **identity, **fields})

    def client_context(self, **fields: Any) -> Any:
        """Return a client's context that the rig frees; it trusts the root of the cases."""
        trust = {"verify_peer": True, "verify_depth": 3, "ca_list": pki("root.pem")}
        return self._context({**trust, **fields})

    def _context(self, fields: dict[str, Any]) -> Any:
        if (version := fields.pop("version", None)) is not None:
            fields["lowest_version"] = fields["highest_version"] = VERSIONS[version]
        got, ctx = self.ctx_new(**fields)
        assert got.status == "OK", got
        return self.own(ctx, self.table.ctx_free)

    def conn_new(self, ctx: Any, **fields: Any) -> tuple[Outcome, Any]:
        """Call conn_new() with just these fields; return the outcome and ``*out``."""
        config = self.c.ffi.new("struct tlsmgm_conn_config *")
        _alive = self.fill(config, fields)
        out = self.c.ffi.new("struct tlsmgm_conn **", self.c.ffi.cast("struct tlsmgm_conn *", 1))
        got = self.call(lambda error: self.table.conn_new(ctx, config, out, error))
        assert (out[0] == self.c.ffi.NULL) == (got.status != "OK")
        return got, out[0]

    def connection(self, ctx: Any, **fields: Any) -> Connection:
        """Return a connection that the rig frees."""
        got, handle = self.conn_new(ctx, **fields)
        assert got.status == "OK", got
        return Connection(self, self.own(handle, self.table.conn_free))

    def ticket_keys(self, byte: int = 7) -> Any:
        """Return a key ring that the rig frees."""
        lib, out = self.c.lib, self.c.ffi.new("struct tlsmgm_ticket_keys **")
        material = bytes([byte]) * lib.TLSMGM_TICKET_KEY_SIZE
        assert lib.tlsmgm_ticket_keys_new(out, self.c.error()) == lib.TLSMGM_STATUS_OK
        lib.tlsmgm_ticket_keys_replace(out[0], material, 1)
        return self.own(out[0], lib.tlsmgm_ticket_keys_free)

    def session_of(self, conn: Connection) -> tuple[Outcome, Any]:
        """Call conn_session(); the rig frees the session, which may be NULL."""
        out = self._session_out()
        got = self.call(lambda error: self.table.conn_session(conn.handle, out, error))
        return got, self.own(out[0], self.table.session_free)

    def export(self, session: Any, room: int | None = None) -> tuple[Outcome, int, bytes]:
        """Call session_export(); return the outcome, ``*size`` and the bytes.

        Args:
            session: what to export.
            room: bytes to offer; None asks for the size only.
        """
        data = self.c.ffi.NULL if room is None else self.c.ffi.new("uint8_t[]", room or 1)
        size = self.c.ffi.new("size_t *", room or 0)
        got = self.call(lambda error: self.table.session_export(session, data, size, error))
        filled = got.status == "OK" and room is not None
        return got, size[0], bytes(self.c.ffi.buffer(data, size[0])) if filled else b""

    def imported(self, data: bytes) -> tuple[Outcome, Any]:
        """Call session_import(); the rig frees the session, which may be NULL."""
        view, _keep = self.c.bytes_in(data)
        out = self._session_out()
        got = self.call(lambda error: self.table.session_import(view.data, view.size, out, error))
        assert (out[0] == self.c.ffi.NULL) == (got.status != "OK")
        return got, self.own(out[0], self.table.session_free)

    def _session_out(self) -> Any:
        bogus = self.c.ffi.cast("struct tlsmgm_session *", 1)
        return self.c.ffi.new("struct tlsmgm_session **", bogus)


def carry(source: Connection, target: Connection) -> bool:
    """Carry wire bytes from one connection to another; tell whether there were any."""
    data = source.drain()
    if data:
        assert target.feed(data).status == "OK"
    return bool(data)


def shake(client: Connection, server: Connection) -> tuple[Outcome, Outcome]:
    """Drive both handshakes until nothing moves; return how they stand, the client's first."""
    for _ in range(20):
        ours, theirs = client.handshake(), server.handshake()
        moved = [carry(client, server), carry(server, client)]
        if not any(moved):
            return ours, theirs
    raise AssertionError("the handshake never came to rest")


def settle(client: Connection, server: Connection) -> None:
    """Shake hands, which must go well, and let the client read its session tickets."""
    ours, theirs = shake(client, server)
    assert (ours.status, theirs.status) == ("OK", "OK"), (ours, theirs)
    assert client.read().status == "WANT_READ"


def exchange(client: Connection, server: Connection, message: bytes = b"hello") -> None:
    """Send a message each way."""
    for source, target in ((client, server), (server, client)):
        assert source.write(message).count == len(message)
        carry(source, target)
        assert target.read().data == message
