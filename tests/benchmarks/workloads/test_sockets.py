"""Messages over a socket: everybody takes part, and somebody who hangs up is no result."""

from __future__ import annotations

import socket

import pytest

from benchmarks.rounds import compare
from benchmarks.workloads import sockets
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent


def test_rows(bench: Bench) -> None:
    found = []
    for plan in sockets.plans(bench):
        rows = {row.entrant: row for row in compare(plan, 1, Silent())}
        assert "ssl" in rows
        assert all(row.median > 0 and row.details["wall µs"] > 0 for row in rows.values())
        found.append(plan.topic.name)
    assert found == ["socket-message", "socket-message-timeout"]


def test_an_end_that_hangs_up_is_no_result(bench: Bench) -> None:
    talk = sockets._Talk(bench, _hang_up, lambda sock: sock, 10)
    with pytest.raises((RuntimeError, ConnectionError)):
        talk.turn(1)
    talk.close()


def _hang_up(sock: socket.socket) -> socket.socket:
    sock.shutdown(socket.SHUT_RDWR)
    return sock
