"""Whatever is done with two ends, plain sockets are the model: the same bytes, the same ends."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.sockets.talk import manager_for, sockets, wrap_both

ENDS = st.sampled_from((0, 1))

#: Small enough that nobody ever has to wait for room.
SIZES = st.sampled_from((0, 1, 100, 16384, 16385, 30_000))
PLENTY = bytes(range(256)) * 120


class Talk(RuleBasedStateMachine):
    """Two TLS sockets, and two plain ones with which the same is done."""

    library = ""
    version = ""

    @initialize()
    def connect(self) -> None:
        """Make both pairs."""
        manager = manager_for(self.library, self.version)
        made = wrap_both(manager, manager)
        self.tls: tuple[Any, ...] = (made.client, made.server)
        self.plain: tuple[Any, ...] = sockets()
        self.on_the_way = [0, 0]  # bytes that each end can still read
        self.shut = [False, False]
        for sock in (*self.tls, *self.plain):
            sock.settimeout(20)

    def both(self, end: int, call: Callable[[Any], Any]) -> Any:
        """Do the same with both; whatever it is, it comes to the same."""
        results: list[Any] = []
        for sock in (self.plain[end], self.tls[end]):
            try:
                results.append(call(sock))
            except OSError as error:
                results.append(type(error))
        assert results[0] == results[1]
        return results[0]

    @rule(end=ENDS, size=SIZES)
    def send(self, end: int, size: int) -> None:
        """Send something."""
        if self.on_the_way[1 - end] > 200_000:
            return
        if self.both(end, lambda sock: sock.sendall(PLENTY[:size])) is None:
            self.on_the_way[1 - end] += size

    @rule(end=ENDS, size=SIZES)
    def receive(self, end: int, size: int) -> None:
        """Receive what is there, or the end."""
        size = min(size, self.on_the_way[end])
        if size:
            data = self.both(end, lambda sock: _exactly(sock, size))
            assert len(data) == size
            self.on_the_way[end] -= size
        elif self.on_the_way[end] == 0 and self.shut[1 - end]:
            assert self.both(end, lambda sock: sock.recv(10)) == b""

    @rule(end=ENDS, size=SIZES)
    def receive_into(self, end: int, size: int) -> None:
        """The same, into a buffer."""
        size = min(size, self.on_the_way[end])
        if size:
            self.both(end, lambda sock: _exactly_into(sock, size))
            self.on_the_way[end] -= size

    @rule(end=ENDS)
    def look(self, end: int) -> None:
        """What is there already is no more than what is on its way."""
        assert self.tls[end].pending() <= self.on_the_way[end]

    @rule(end=ENDS)
    def nothing_is_there(self, end: int) -> None:
        """Nobody gets what was not sent."""
        if self.on_the_way[end] or self.shut[1 - end]:
            return
        for sock in (self.tls[end], self.plain[end]):
            sock.settimeout(0)
        assert issubclass(self.both(end, _blocks), BlockingIOError)
        for sock in (self.tls[end], self.plain[end]):
            sock.settimeout(20)

    @rule(end=ENDS)
    def shut_down(self, end: int) -> None:
        """End one direction."""
        self.both(end, lambda sock: sock.shutdown(socket.SHUT_WR))
        self.shut[end] = True

    def teardown(self) -> None:
        """Close everything."""
        for sock in (*getattr(self, "tls", ()), *getattr(self, "plain", ())):
            sock.close()


def _blocks(sock: Any) -> Any:
    try:
        return sock.recv(1)
    except BlockingIOError:
        return BlockingIOError


def _exactly(sock: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += sock.recv(size - len(data))
    return data


def _exactly_into(sock: Any, size: int) -> bytes:
    buffer = bytearray(size)
    view = memoryview(buffer)
    while view:
        view = view[sock.recv_into(view) :]
    return bytes(buffer)


def test_like_plain_sockets(library: str, version: str) -> None:
    class Case(Talk):
        pass

    Case.library, Case.version = library, version
    run_state_machine_as_test(
        Case, settings=settings(max_examples=15, stateful_step_count=40, deadline=None)
    )
