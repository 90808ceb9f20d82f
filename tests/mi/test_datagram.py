"""Datagrams: UDP and unix, with clients of every kind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.management import (
    TIMEOUT,
    FakeManager,
    dispatcher,
    open_descriptors,
    request,
    run,
    until,
)
from tlsmgm.errors import ConfigError
from tlsmgm.mi import _datagram as datagram
from tlsmgm.mi._datagram import MAX_REPLY, DatagramListener
from tlsmgm.mi._endpoints import UDPEndpoint, UnixEndpoint
from tlsmgm.mi._jsonrpc import MAX_REQUEST
from tlsmgm.mi._workers import WORKERS
from tlsmgm.mi.client import call

Endpoint = UDPEndpoint | UnixEndpoint


@pytest.fixture(params=["udp", "udp6", "unix"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Endpoint:
    if request.param == "unix":
        return UnixEndpoint(str(tmp_path / "socket"))
    return UDPEndpoint("127.0.0.1" if request.param == "udp" else "::1", 0)


@pytest.fixture
def unix(tmp_path: Path) -> UnixEndpoint:
    return UnixEndpoint(str(tmp_path / "socket"))


@contextlib.asynccontextmanager
async def serving(
    endpoint: Endpoint, manager: FakeManager | None = None
) -> AsyncIterator[DatagramListener]:
    listener = DatagramListener(endpoint, dispatcher(manager))
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@contextlib.contextmanager
def client(listener: DatagramListener, name: str = "client") -> Iterator[socket.socket]:
    """A socket with an address of its own, connected."""
    endpoint = listener.endpoint
    with contextlib.ExitStack() as stack:
        if isinstance(endpoint, UnixEndpoint):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            path = f"{endpoint.path}.{name}"
            sock.bind(path)
            stack.callback(os.unlink, path)
            sock.connect(endpoint.path)
        else:
            family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
            sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            sock.connect((endpoint.host, endpoint.port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 500_000)
        sock.setblocking(False)
        yield sock


async def ask(sock: socket.socket, data: bytes) -> Any:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, data)
    return json.loads(await loop.sock_recv(sock, 100_000))


async def is_alive(listener: DatagramListener) -> None:
    with client(listener, "alive") as sock:
        assert "tls_list" in (await ask(sock, request()))["result"]


def test_request_and_reply(endpoint: Endpoint) -> None:
    async def work() -> None:
        async with serving(endpoint) as listener:
            with client(listener) as sock:
                assert (await ask(sock, request(request_id=1)))["id"] == 1
                assert (await ask(sock, b"garbage"))["error"]["code"] == -32700
                assert (await ask(sock, b""))["error"]["code"] == -32700
                assert (await ask(sock, request("no")))["error"]["code"] == -32601

    run(work())


def test_the_largest_request(endpoint: Endpoint) -> None:
    async def work() -> None:
        async with serving(endpoint) as listener:
            with client(listener) as sock:
                assert "result" in await ask(sock, request().ljust(MAX_REQUEST))
                reply = await ask(sock, request().ljust(MAX_REQUEST + 1))
                assert reply["error"]["code"] == -32600
                assert str(MAX_REQUEST) in reply["error"]["message"]

    run(work())


def test_far_too_large_a_request(unix: UnixEndpoint) -> None:
    async def work() -> None:
        async with serving(unix) as listener:
            with client(listener) as sock:
                reply = await ask(sock, request().ljust(150_000))
                assert reply["error"]["code"] == -32600

    run(work())


def test_a_reply_that_is_too_large_is_an_error(endpoint: Endpoint) -> None:
    async def work() -> None:
        async with serving(endpoint, FakeManager(domains=5000)) as listener:
            with client(listener) as sock:
                reply = await ask(sock, request("tls_list", "7"))
                assert reply["id"] == "7"
                assert reply["error"]["code"] == -32000
                assert str(MAX_REPLY) in reply["error"]["message"]

    run(work())


def test_a_large_reply(endpoint: Endpoint) -> None:
    async def work() -> None:
        async with serving(endpoint, FakeManager(domains=2500)) as listener:
            with client(listener) as sock:
                reply = await ask(sock, request("tls_list"))
                assert len(reply["result"]["Domains"]) == 2500

    run(work())


def test_many_clients_at_once(endpoint: Endpoint) -> None:
    async def one(listener: DatagramListener, number: int) -> None:
        with client(listener, str(number)) as sock:
            assert (await ask(sock, request(request_id=number)))["id"] == number

    async def work() -> None:
        async with serving(endpoint) as listener:
            before = open_descriptors()
            await asyncio.gather(*(one(listener, number) for number in range(3 * WORKERS)))
            assert open_descriptors() == before

    run(work())


def test_a_sender_without_an_address_gets_no_reply(
    unix: UnixEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    manager = FakeManager()

    async def work() -> None:
        async with serving(unix, manager) as listener:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.sendto(request("tls_list"), unix.path)
            await until(lambda: manager.calls == ["list"])
            await is_alive(listener)

    run(work())
    assert caplog.records == []


def test_a_sender_that_has_gone(unix: UnixEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        async with serving(unix) as listener:
            with client(listener) as sock:
                sock.send(request())
            await until(lambda: "cannot reply to" in caplog.text)
            await is_alive(listener)

    run(work())


def test_clients_that_never_read(
    unix: UnixEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(datagram, "_SEND_TIMEOUT", 0.2)

    async def work() -> None:
        # Replies that are not read fill the buffer of the server's socket.
        async with serving(unix, FakeManager(domains=2500)) as listener:
            loop = asyncio.get_running_loop()
            before = open_descriptors()
            with client(listener) as sock:
                for _ in range(3 * WORKERS):
                    await loop.sock_sendall(sock, request("tls_list"))
                await until(lambda: "does not take its reply" in caplog.text)
                await asyncio.to_thread(call, unix, "tls_list", timeout=TIMEOUT)
            await is_alive(listener)
            assert open_descriptors() == before

    run(work())


def test_the_file_is_for_its_owner_and_goes_away(unix: UnixEndpoint) -> None:
    async def work() -> None:
        async with serving(unix):
            found = os.lstat(unix.path)
            assert stat.S_ISSOCK(found.st_mode)
            assert stat.S_IMODE(found.st_mode) == 0o600
        assert not os.path.exists(unix.path)

    run(work())


def test_a_stale_socket_is_replaced_and_one_in_use_is_not(unix: UnixEndpoint) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(unix.path)

    async def work() -> None:
        async with serving(unix) as listener:
            with pytest.raises(ConfigError, match="in use by another program"):
                await DatagramListener(unix, dispatcher()).start()
            await is_alive(listener)

    run(work())


def test_a_socket_of_another_type_is_not_replaced(unix: UnixEndpoint) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(unix.path)
        sock.listen()
        with pytest.raises(ConfigError, match="in use by another program"):
            run(DatagramListener(unix, dispatcher()).start())
        assert os.path.exists(unix.path)


@pytest.mark.parametrize("kind", ["file", "directory", "link", "FIFO"])
def test_other_files_are_not_replaced(kind: str, unix: UnixEndpoint, tmp_path: Path) -> None:
    path = Path(unix.path)
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "target")
    else:
        os.mkfifo(path)
    before = open_descriptors()
    with pytest.raises(ConfigError, match="file of another kind"):
        run(DatagramListener(unix, dispatcher()).start())
    assert os.path.lexists(path)
    assert open_descriptors() == before


def test_what_took_the_name_is_not_removed(unix: UnixEndpoint) -> None:
    async def work() -> None:
        async with serving(unix):
            os.unlink(unix.path)
            Path(unix.path).write_text("somebody else's")

    run(work())
    assert Path(unix.path).read_text() == "somebody else's"


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long"):
        run(DatagramListener(UnixEndpoint(str(tmp_path / ("x" * 200))), dispatcher()).start())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "*"])
def test_udp_is_for_this_machine(host: str) -> None:
    before = open_descriptors()
    with pytest.raises(ConfigError, match="loopback"):
        run(DatagramListener(UDPEndpoint(host, 0), dispatcher()).start())
    assert open_descriptors() == before


def test_udp_port_in_use() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            run(DatagramListener(UDPEndpoint("127.0.0.1", port), dispatcher()).start())


def test_a_name_stands_for_all_its_addresses() -> None:
    async def work() -> None:
        async with serving(UDPEndpoint("localhost", 0)) as listener:
            assert isinstance(listener.endpoint, UDPEndpoint)
            assert listener.endpoint.port > 0
            assert len({sock.getsockname()[1] for sock in listener._sockets}) == 1

    run(work())
