"""A proxy that the system gives no descriptors."""

from __future__ import annotations

import asyncio
import concurrent.futures
import errno
import logging
import os
import resource
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.support.proxy import TIMEOUT, Proxy, Upstream, linked, read_exactly
from tlsmgm._serving import acceptor
from tlsmgm._serving.acceptor import Acceptor, Shortage
from tlsmgm.mi._endpoints import HTTPEndpoint, parse_endpoint
from tlsmgm.mi.client import call

WARNING = "no connection can be taken"


class Starved:
    """Leaves a proxy few descriptors, and takes more than these.

    Args:
        proxy: which one.
        port: of it, where the crowd connects.
    """

    def __init__(self, proxy: Proxy, port: int) -> None:
        self._pid = proxy.process.pid
        highest = max(map(int, os.listdir(f"/proc/{self._pid}/fd")))
        self._before = resource.prlimit(self._pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self._pid, resource.RLIMIT_NOFILE, (highest + 5, self._before[1]))
        self._crowd = [socket.create_connection(("127.0.0.1", port), TIMEOUT) for _ in range(20)]
        proxy.wait_for(f"{WARNING}: Too many open files")

    def leave(self) -> None:
        """Let the crowd go; the limit stays."""
        for client in self._crowd:
            client.close()
        self._crowd.clear()


def check_log(proxy: Proxy) -> None:
    """The log has a line about it, and no traceback: the end of the proxy looks for one."""
    assert len([line for line in proxy.lines if WARNING in line]) == 1
    assert not [line for line in proxy.lines if "socket.accept()" in line]


def test_clients_wait_and_are_served_later(library: str, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address) as proxy:
        Starved(proxy, proxy.port).leave()
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        check_log(proxy)
        proxy.signal(signal.SIGUSR1)
        proxy.wait_for(r"statistics: .*accept_errors_total=[1-9]")


@pytest.mark.parametrize("crowd_comes_to", ["clients", "management"])
def test_management_waits_and_answers_later(
    crowd_comes_to: str, library: str, script: str, upstream: Upstream
) -> None:
    """Both take from the same descriptors, and the shortage is told once."""
    with Proxy(script, library, upstream.address, "--mi", "http:127.0.0.1:0") as proxy:
        endpoint = parse_endpoint(proxy.wait_for(r"management interface on (http:.*)")[0][1])
        assert isinstance(endpoint, HTTPEndpoint)
        starved = Starved(proxy, proxy.port if crowd_comes_to == "clients" else endpoint.port)
        asking = concurrent.futures.ThreadPoolExecutor(1)
        with asking:
            answer = asking.submit(call, endpoint, "get_statistics", timeout=TIMEOUT)
            starved.leave()
            assert answer.result(TIMEOUT)["tlsmgm:accept_errors_total"] > 0
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        check_log(proxy)


def test_the_log_counts(caplog: pytest.LogCaptureFixture) -> None:
    times: Iterator[float] = iter([100.0, 100.5, 109.9, 110.0, 110.1, 200.0])
    counted: list[None] = []
    shortage = Shortage(lambda: counted.append(None), lambda: next(times))
    with caplog.at_level(logging.WARNING, "tlsmgm"):
        for _ in range(6):
            shortage.note(OSError(errno.ENFILE, "none left"))
    assert [record.args for record in caplog.records] == [
        ("none left", 1),
        ("none left", 3),
        ("none left", 2),
    ]
    assert len(counted) == 6


class Failing(socket.socket):
    """A listening socket whose accept() fails some times."""

    failures: list[int]

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            raise OSError(self.failures.pop(0), "not now")
        return super().accept()


@pytest.mark.parametrize(
    ("number", "is_shortage"),
    [
        *((number, True) for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)),
        *((number, False) for number in (errno.ECONNABORTED, errno.EPROTO, errno.EHOSTUNREACH)),
        (errno.EAGAIN, False),
    ],
)
def test_each_error_of_the_system(
    number: int,
    is_shortage: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(acceptor, "_PAUSE", 0.001)

    async def run() -> object:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[object] = loop.create_future()

        def make(address: object) -> asyncio.Protocol:
            found.set_result(address)
            return asyncio.Protocol()

        with Failing() as listener:
            listener.failures = [number] * 3
            listener.setblocking(False)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            # By a clock of its own: that of the process may have told of another shortage just now.
            taking = Acceptor(listener, make, Shortage(now=lambda: 0.0))
            with socket.socket() as client:
                client.setblocking(False)
                await loop.sock_connect(client, listener.getsockname())
                address = await asyncio.wait_for(found, TIMEOUT)
                assert address == client.getsockname()
            taking.close()
            taking.close()
            return listener.fileno()

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == -1
    assert len(caplog.records) == is_shortage
