"""A worker without memory: those for whom there is no slot are reset, counted and recorded."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.contract import Rig
from tests.support.worker import (
    ANY,
    Engine,
    Upstream,
    is_cut,
    plain_client,
    tls_client,
    until,
    who,
)

PLAIN = (("127.0.0.1", True),)
TLS = (("127.0.0.1", False),)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    found = Upstream("up")
    yield found
    found.close()


@contextlib.contextmanager
def working(rig: Rig, upstream: Upstream, **options: Any) -> Iterator[Engine]:
    engine = Engine(rig, {ANY: [upstream.place]}, **options)
    try:
        yield engine
    finally:
        engine.close()


def is_turned_away(port: int) -> bool:
    try:
        with plain_client(port) as client:
            return is_cut(client)
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("listeners", [PLAIN, TLS], ids=["plain", "tls"])
@pytest.mark.parametrize("number", [1, 2], ids=["no slots", "no channel"])
def test_no_memory_for_a_client(rig: Rig, upstream: Upstream, listeners: Any, number: int) -> None:
    """The first one also needs the slots themselves; whoever comes behind is served."""
    with working(rig, upstream, listeners=listeners) as engine:
        engine.start()
        visit = plain_client if listeners is PLAIN else tls_client
        for _ in range(1, number):
            with visit(engine.port) as client:
                assert who(client) == "up"
        engine.records(number - 1)
        rig.c.lib.tlsmgm_test_fail_after(0)
        assert is_turned_away(engine.port)
        [record] = engine.records()
        assert (record.status, record.error) == ("internal-error", errno.ENOMEM)
        assert (record.client_port > 0, record.listener, record.bytes_in) == (True, 7, 0)
        with visit(engine.port) as client:
            assert who(client) == "up"
        engine.records()
        counts = engine.counts()
        assert (counts.accepted, counts.connections) == (number + 1, 0)
        handshakes = 0 if listeners is PLAIN else number + 1
        assert counts.handshakes_started == handshakes
        assert sum(counts.failed) == min(handshakes, 1)
        assert sum(counts.ended) == number + 1
        assert engine.inside() == (0, 0)


class Adoption:
    """A client's connection that comes back from the program.

    Args:
        engine: a worker that does not run yet.
        has_tls: with a TLS connection, as far as memory goes.
    """

    def __init__(self, engine: Engine, *, has_tls: bool) -> None:
        rig, ffi, lib = engine.rig, engine.ffi, engine.lib
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.client = plain_client(server.getsockname()[1])
            far, _ = server.accept()
        far.setblocking(False)
        self.fd = far.detach()
        handover = ffi.new("struct tlsmgm_handover *")
        handover.fd = self.fd
        handover.plan = engine.plan(("dom1.test",), 5, {})
        handover.client_port = self.client.getsockname()[1]
        if has_tls:
            outcome, conn = rig.conn_new(rig.server_context())
            assert outcome.status == "OK"
            handover.tls = {"backend": ffi.addressof(rig.table), "conn": conn}
        lib.tlsmgm_buffer_init(ffi.addressof(handover, "unsent"), 1000)
        lib.tlsmgm_buffer_append(ffi.addressof(handover, "unsent"), b"rest", 4)
        assert lib.tlsmgm_admission_enter(engine.admission, ffi.NULL, False) == 0
        routes = engine.routes({ANY: []})
        error = rig.c.error()
        assert lib.tlsmgm_worker_adopt(engine.worker, handover, routes, error) == 0
        lib.tlsmgm_routes_free(routes)
        assert handover.fd == -1


@pytest.mark.parametrize("keeps_tls", [False, True])
@pytest.mark.parametrize("has_tls", [False, True])
def test_no_memory_for_one_that_comes_back(
    rig: Rig, upstream: Upstream, has_tls: bool, keeps_tls: bool
) -> None:
    with working(rig, upstream, listeners=TLS, keeps_tls=keeps_tls) as engine:
        back = Adoption(engine, has_tls=has_tls)
        rig.c.lib.tlsmgm_test_fail_after(0)
        engine.start()
        with back.client:
            assert is_cut(back.client)
            [record] = engine.records()
            assert (record.status, record.error, record.plan) == (
                "internal-error",
                errno.ENOMEM,
                5,
            )
            assert record.client_port == back.client.getsockname()[1]
        until(lambda: engine.inside() == (0, 0))
        counts = engine.counts()
        assert (sum(counts.ended), sum(counts.failed), counts.connections) == (1, 0, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
def test_a_forked_child_has_none_that_come_back(rig: Rig, upstream: Upstream) -> None:
    """Its copies are closed with those of all others, though they lie in the mailbox."""
    with working(rig, upstream, listeners=TLS) as engine:
        back = Adoption(engine, has_tls=False)
        engine.lib.tlsmgm_worker_hold(engine.worker)
        child = os.fork()
        if child == 0:
            engine.lib.tlsmgm_worker_forget(engine.worker)
            try:
                os.fstat(back.fd)
            except OSError as error:
                os._exit(error.errno or 0)
            os._exit(0)
        engine.lib.tlsmgm_worker_release(engine.worker)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == errno.EBADF
        engine.start()
        with back.client:
            assert is_cut(back.client)  # the parent's went on, to where no upstream is
        assert engine.records()[0].status == "upstream-failed"
