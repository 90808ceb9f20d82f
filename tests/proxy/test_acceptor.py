"""A proxy that the system gives no descriptors."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from tests.support.proxy import TIMEOUT, Proxy, Upstream, linked, read_exactly
from tlsmgm.proxy import acceptor
from tlsmgm.proxy.acceptor import Acceptor, Shortage

WARNING = "no connection can be taken"


def test_clients_wait_and_are_served_later(library: str, script: str, upstream: Upstream) -> None:
    """The log has a line about it, and no traceback: the end of the block looks for one."""
    with Proxy(script, library, upstream.address) as proxy:
        pid = proxy.process.pid
        highest = max(map(int, os.listdir(f"/proc/{pid}/fd")))
        hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 5, hard))
        crowd = [socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) for _ in range(20)]
        proxy.wait_for(f"{WARNING}: Too many open files")
        for client in crowd:
            client.close()
        with linked(proxy, upstream) as (client, server):
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
        assert len([line for line in proxy.lines if WARNING in line]) == 1
        assert not [line for line in proxy.lines if "socket.accept()" in line]


def test_the_log_counts(caplog: pytest.LogCaptureFixture) -> None:
    times: Iterator[float] = iter([100.0, 100.5, 109.9, 110.0, 110.1, 200.0])
    shortage = Shortage(lambda: next(times))
    with caplog.at_level(logging.WARNING, "tlsmgm.proxy"):
        for _ in range(6):
            shortage.note(OSError(errno.ENFILE, "none left"))
    assert [record.args for record in caplog.records] == [
        ("none left", 1),
        ("none left", 3),
        ("none left", 2),
    ]


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
            taking = Acceptor(listener, make, Shortage(loop.time))
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
