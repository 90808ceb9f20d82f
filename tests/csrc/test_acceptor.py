"""The acceptor and its selector: who answers a ClientHello, and what a connection begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support import hello
from tests.support.c_code import hash_key, match_entries
from tests.support.contract import Connection, Rig, exchange, shake

ADDRESS = bytes(10) + b"\xff\xff\x7f\0\0\1"
PORT = 5061
LISTENER = 3


class Acceptor:
    """An acceptor with a selector of some contexts, the first for the first pattern and so on."""

    def __init__(self, rig: Rig, contexts: Sequence[Any], patterns: Sequence[bytes | None]) -> None:
        self.rig, ffi, lib = rig, rig.c.ffi, rig.c.lib
        rows = [(None, 0, pattern, number) for number, pattern in enumerate(patterns)]
        entries, _keep = match_entries(rig.c, rows)
        index = ffi.new("struct tlsmgm_match_index **")
        error = rig.c.error()
        assert lib.tlsmgm_match_index_new(entries, len(rows), hash_key(rig.c), index, error) == 0
        handles = ffi.new("struct tlsmgm_ctx_handle[]", len(contexts))
        for handle, ctx in zip(handles, contexts, strict=True):
            handle.backend, handle.ctx = ffi.addressof(rig.table), ctx
            handle.is_server = True
        out = ffi.new("struct tlsmgm_selector **")
        assert lib.tlsmgm_selector_new(index[0], handles, len(contexts), 0, 7, out, error) == 0
        lib.tlsmgm_match_index_free(index[0])
        self.acceptor = ffi.new("struct tlsmgm_acceptor *")
        local = ffi.new("struct tlsmgm_local *", (ADDRESS, PORT, LISTENER))
        lib.tlsmgm_acceptor_init(self.acceptor, out[0], local, 0)
        lib.tlsmgm_selector_free(out[0])  # as a reload does it, while somebody is being chosen for
        rig.own(self.acceptor, lib.tlsmgm_acceptor_free)

    def answer(self, other: Acceptor | None) -> Any:
        """Answer with the selector of another one, or with none."""
        lib, null = self.rig.c.lib, self.rig.c.ffi.NULL
        selector = null if other is None else other.acceptor.selector
        return self.rig.call(
            lambda error: lib.tlsmgm_acceptor_answer(self.acceptor, selector, error)
        )

    def read(self, data: bytes) -> Any:
        taken = self.rig.c.ffi.new("size_t *")
        lib = self.rig.c.lib
        assert lib.tlsmgm_acceptor_hold(self.acceptor, data, len(data), taken) == 0
        return self.rig.call(lambda error: lib.tlsmgm_acceptor_read(self.acceptor, error))

    def start(self) -> tuple[Any, Connection | None]:
        """Start a connection in the context that the selector has chosen."""
        ffi, lib = self.rig.c.ffi, self.rig.c.lib
        out = ffi.new("struct tlsmgm_conn **")
        got = self.rig.call(
            lambda error: lib.tlsmgm_acceptor_start(self.acceptor, ffi.NULL, out, error)
        )
        if got.status != "OK":
            assert out[0] == ffi.NULL
            return got, None
        return got, Connection(self.rig, self.rig.own(out[0], self.rig.table.conn_free))


def client_of(rig: Rig, name: str) -> tuple[Connection, bytes]:
    client = rig.connection(rig.client_context(), server_name=name.encode())
    assert client.handshake().status == "WANT_READ"
    return client, client.drain()


def test_the_domain_that_answers_is_handed_out(rig: Rig) -> None:
    contexts = [rig.server_context(), rig.server_context()]
    acceptor = Acceptor(rig, contexts, [b"other.test", b"dom1.test"])
    client, flight = client_of(rig, "dom1.test")
    assert acceptor.read(flight[:20]).status == "WANT_READ"
    assert acceptor.acceptor.state == rig.c.lib.TLSMGM_ACCEPTOR_READING
    assert acceptor.read(flight[20:]).status == "OK"
    assert acceptor.acceptor.state == rig.c.lib.TLSMGM_ACCEPTOR_PARKED
    assert (acceptor.acceptor.domain, acceptor.acceptor.generation) == (1, 7)
    assert rig.c.bytes_out(acceptor.acceptor.flight.hello.server_name) == b"dom1.test"
    assert (acceptor.acceptor.local.port, acceptor.acceptor.local.listener) == (PORT, LISTENER)
    got, server = acceptor.start()
    assert (got.status, acceptor.start()[0].status) == ("OK", "INTERNAL")
    assert server is not None
    assert [end.status for end in shake(client, server)] == ["OK", "OK"]
    exchange(client, server)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("else.test", "for the name 'else.test'"),
        ("a'b\\c\x01.test", r"for the name 'a\x27b\x5cc\x01.test'"),
        (None, "for clients that send no name"),
    ],
)
def test_nobody_answers(rig: Rig, name: str | None, words: str) -> None:
    acceptor = Acceptor(rig, [rig.server_context()], [b"dom1.test"])
    names = () if name is None else (hello.server_name(name.encode()),)
    got = acceptor.read(hello.records(hello.message(*names)))
    assert (got.status, got.alert) == ("NO_DOMAIN", 112)
    assert words in got.text
    assert acceptor.acceptor.state == rig.c.lib.TLSMGM_ACCEPTOR_ENDED
    assert acceptor.start()[0].status == "INTERNAL"


def test_one_that_asks_is_answered_by_another_selector(rig: Rig) -> None:
    acceptor = Acceptor(rig, [rig.server_context()], [b"other.test"])
    acceptor.acceptor.asks = True
    client, flight = client_of(rig, "dom1.test")
    got = acceptor.read(flight)
    assert (got.status, got.alert) == ("NO_DOMAIN", 112)
    assert acceptor.acceptor.state == rig.c.lib.TLSMGM_ACCEPTOR_ASKING
    assert acceptor.acceptor.selector == rig.c.ffi.NULL  # which may go meanwhile
    assert acceptor.answer(Acceptor(rig, [rig.server_context()], [b"dom1.test"])).status == "OK"
    got, server = acceptor.start()
    assert server is not None
    assert [end.status for end in shake(client, server)] == ["OK", "OK"]
    exchange(client, server)


@pytest.mark.parametrize("knows_others", [False, True])
def test_one_that_asks_in_vain(rig: Rig, knows_others: bool) -> None:
    acceptor = Acceptor(rig, [rig.server_context()], [b"other.test"])
    acceptor.acceptor.asks = True
    assert acceptor.read(client_of(rig, "dom1.test")[1]).status == "NO_DOMAIN"
    got = acceptor.answer(
        Acceptor(rig, [rig.server_context()], [b"else.test"]) if knows_others else None
    )
    assert (got.status, got.alert) == ("NO_DOMAIN", 112)
    assert "'dom1.test'" in got.text
    assert acceptor.acceptor.state == rig.c.lib.TLSMGM_ACCEPTOR_ENDED


def test_a_context_may_come_later(rig: Rig) -> None:
    """Parked, it waits for whoever looks the context up."""
    acceptor = Acceptor(rig, [rig.c.ffi.NULL], [b"*"])
    assert acceptor.acceptor.domain == rig.c.lib.TLSMGM_MATCH_NONE
    client, flight = client_of(rig, "dom1.test")
    assert acceptor.read(flight).status == "OK"
    handle = rig.c.ffi.new("struct tlsmgm_ctx_handle *")
    handle.backend, handle.ctx = rig.c.ffi.addressof(rig.table), rig.server_context()
    handle.is_server = True
    out = rig.c.ffi.new("struct tlsmgm_conn **")
    lib = rig.c.lib
    got = rig.call(lambda error: lib.tlsmgm_acceptor_start(acceptor.acceptor, handle, out, error))
    assert got.status == "OK"
    server = Connection(rig, rig.own(out[0], rig.table.conn_free))
    assert [end.status for end in shake(client, server)] == ["OK", "OK"]


def test_a_client_context_cannot_answer(rig: Rig) -> None:
    ffi, lib = rig.c.ffi, rig.c.lib
    index, out = ffi.new("struct tlsmgm_match_index **"), ffi.new("struct tlsmgm_selector **")
    error = rig.c.error()
    assert lib.tlsmgm_match_index_new(ffi.NULL, 0, hash_key(rig.c), index, error) == 0
    handle = ffi.new("struct tlsmgm_ctx_handle *")
    handle.backend, handle.ctx = ffi.addressof(rig.table), rig.client_context()
    status = lib.tlsmgm_selector_new(index[0], handle, 1, 0, 0, out, error)
    lib.tlsmgm_match_index_free(index[0])
    assert rig.c.status_name(status) == "CONFIG"
    assert out[0] == ffi.NULL
