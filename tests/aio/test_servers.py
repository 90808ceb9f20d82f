"""Servers: how they begin and end, where they listen, and what programs run on them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.aio import HOST, Note, connect, echo, leave, port_of, run, serving
from tests.support.listeners import Ends
from tests.support.managers import client_domain, manager_of, pem, server_domain
from tests.support.proxy import client_context, reset
from tlsmgm import (
    AlertError,
    ClientHello,
    Domain,
    Limits,
    TLSError,
    TLSManager,
    UnsupportedError,
    aio,
)
from tlsmgm._aio import server as server_module


async def ask(server: aio.Server, manager: TLSManager, name: str = "dom1.test") -> str:
    """Exchange a word, and tell the name in the server's certificate."""
    reader, writer = await connect(server, manager, name)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    found = writer.get_extra_info("tls_connection").peer_certificate.subject_cn
    await leave(writer)
    return str(found)


def test_as_a_server_of_asyncio(manager: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        own = asyncio.get_running_loop()
        server = await aio.start_server(
            echo, HOST, 0, tls=manager, engine=engine, start_serving=False
        )
        assert not server.is_serving()
        assert server.get_loop() is own
        await server.start_serving()
        await server.start_serving()
        assert server.is_serving()
        assert (server.listener is not None) == engine
        assert server.sockets[0].family == socket.AF_INET
        async with server:
            assert await ask(server, manager) == "dom1"
        assert not server.is_serving()
        assert server.sockets == ()
        server.close()
        with pytest.raises(RuntimeError, match="is closed"):
            await server.start_serving()

    run(main(), loop)


def test_one_that_never_began(manager: TLSManager, engine: bool) -> None:
    async def main() -> None:
        server = await aio.start_server(
            echo, HOST, 0, tls=manager, engine=engine, start_serving=False
        )
        server.close()
        await server.wait_closed()

    run(main())


def test_its_port_is_free_behind_it(manager: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        server = await aio.start_server(echo, HOST, 0, tls=manager, engine=engine)
        port = port_of(server)
        with pytest.raises(OSError, match="address already in use"):
            await aio.start_server(echo, HOST, port, tls=manager, engine=engine)
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(HOST, port)
        server = await aio.start_server(echo, HOST, port, tls=manager, engine=engine)
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_serving_for_ever_ends_when_cancelled(manager: TLSManager, loop: str, engine: bool) -> None:
    """Connections that are there get a clean end."""

    async def main() -> None:
        server = await aio.create_server(Note, HOST, 0, tls=manager, engine=engine)
        task = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already being awaited"):
            await server.serve_forever()
        reader, writer = await connect(server, manager)
        while not server._transports:  # the handover may still be on its way
            await asyncio.sleep(0)
        task.cancel()
        assert await reader.read() == b""
        await leave(writer)
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main(), loop)


async def with_a_deaf_client(
    manager: TLSManager, engine: bool
) -> tuple[aio.Server, asyncio.Task[None], asyncio.StreamWriter]:
    """Return a server that serves forever, its task, and a client that hears no goodbye."""
    server = await aio.create_server(
        Note, HOST, 0, tls=manager, engine=engine, shutdown_timeout=3600
    )
    task = asyncio.create_task(server.serve_forever())
    _, writer = await connect(server, manager)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(b"x")
    while not any(one._core.is_established for one in server._transports):
        await asyncio.sleep(0)
    return server, task, writer


def test_who_hears_no_goodbye_is_cut(
    manager: TLSManager, loop: str, engine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that Ctrl-C ends a server soon; ``async with`` around it has nothing left to wait for."""
    monkeypatch.setattr(server_module, "_GOODBYE", 0.01)

    async def main() -> None:
        server, task, writer = await with_a_deaf_client(manager, engine)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with server:
                await task
        writer.transport.abort()

    run(main(), loop)


def test_a_second_cancel_cuts_at_once(
    manager: TLSManager, loop: str, engine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_GOODBYE", 3600)

    async def main() -> None:
        server, task, writer = await with_a_deaf_client(manager, engine)
        transport = next(iter(server._transports))
        task.cancel()
        while not transport.is_closing():
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.wait_closed()
        writer.transport.abort()

    run(main(), loop)


def test_who_comes_behind_the_end_is_reset(manager: TLSManager, engine: bool) -> None:
    """The engine may have accepted him before it was told to stop."""

    async def main() -> None:
        server = await aio.start_server(echo, HOST, 0, tls=manager, engine=engine)
        task = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ours, theirs = socket.socketpair()
        with ours, theirs:
            if engine:
                server._welcome(cast("Any", Rejectable(ours)))
            else:
                server._welcome_socket(ours)
            assert theirs.recv(1) == b""

    run(main())


class Rejectable:
    """A connection of the engine, as far as a server without use for it looks at it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.reject = sock.close


def test_close_leaves_clients_their_time_to_say_goodbye(
    manager: TLSManager, engine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who cancels is in a hurry."""
    monkeypatch.setattr(server_module, "_GOODBYE", 0.01)

    async def main() -> None:
        server, task, writer = await with_a_deaf_client(manager, engine)
        server.close()
        await asyncio.wait([task], timeout=0.1)
        assert not task.done()
        server.abort_clients()
        with pytest.raises(asyncio.CancelledError):
            await task
        writer.transport.abort()

    run(main())


def test_it_waits_for_its_connections(manager: TLSManager, engine: bool) -> None:
    async def main() -> None:
        server = await aio.start_server(echo, HOST, 0, tls=manager, engine=engine)
        reader, writer = await connect(server, manager)
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        server.close()
        waiting = asyncio.create_task(server.wait_closed())
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
        assert not waiting.done()
        server.close_clients()
        assert await reader.read() == b""
        await leave(writer)
        await waiting

    run(main())


def test_sockets_of_the_program(manager: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        sock = socket.create_server((HOST, 0))
        port = sock.getsockname()[1]
        async with served(aio.start_server(echo, tls=manager, sock=sock, engine=engine)) as server:
            assert port_of(server) == port
            assert await ask(server, manager) == "dom1"

    run(main(), loop)


@contextlib.asynccontextmanager
async def served(making: Awaitable[aio.Server]) -> AsyncIterator[aio.Server]:
    """Have a server for as long as the block lasts."""
    async with await making as server:
        yield server


def test_unix_sockets(manager: TLSManager, loop: str, tmp_path: Path) -> None:
    """There the loop does the handshakes; domains for all addresses answer."""

    async def main() -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(str(tmp_path / "s"))
        async with served(aio.start_server(echo, tls=manager, sock=sock)) as server:
            assert server.listener is None
            there = socket.socket(socket.AF_UNIX)
            there.connect(str(tmp_path / "s"))
            reader, writer = await aio.open_connection(
                tls=manager, sock=there, domain="client", server_name="dom2.test"
            )
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            await leave(writer)

    run(main(), loop)


def test_several_hosts(manager: TLSManager, engine: bool) -> None:
    async def main() -> None:
        hosts = [HOST, "127.0.0.2"]
        async with served(aio.start_server(echo, hosts, 0, tls=manager, engine=engine)) as server:
            assert [sock.getsockname()[0] for sock in server.sockets] == hosts

    run(main())


def test_certificates_are_renewed_without_a_restart(library: str, engine: bool) -> None:
    manager = TLSManager(library)
    domain = server_domain()
    manager.add_domain(domain)

    def new_client() -> TLSManager:  # one that resumes no session
        return manager_of(library, client_domain(danger_skip_hostname_check=True))

    async def main() -> None:
        async with serving(manager, engine=engine) as server:
            assert await ask(server, new_client()) == "dom1"
            new = domain.replace(certificate=pem("dom2.pem"), private_key=pem("dom2.key"))
            manager.replace_domain(new)
            assert await ask(server, new_client()) == "dom2"

    run(main())


def test_handshakes_that_fail_disturb_nobody(manager: TLSManager, engine: bool) -> None:
    ends = Ends()
    options: dict[str, Any] = {"on_end": ends} if engine else {"engine": False}

    async def main() -> None:
        async with serving(manager, **options) as server:
            reader, writer = await asyncio.open_connection(HOST, port_of(server))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await reader.read()
            writer.close()
            assert await ask(server, manager) == "dom1"

    run(main())
    if engine:
        assert ends.one().status == "handshake-failed"


def test_limits_hold(manager: TLSManager) -> None:
    async def main() -> None:
        async with serving(manager, limits=Limits(max_connections=1)) as server:
            _, writer = await connect(server, manager)
            with pytest.raises((TLSError, ConnectionError)):
                await connect(server, manager)
            await leave(writer)
            assert server.listener is not None
            assert server.listener.statistics()["limit_max_connections_total"] == 1

    run(main())


def test_a_connection_that_has_a_transport_is_not_closed_under_it(
    manager: TLSManager, loop: str
) -> None:
    left: list[int] = []

    async def meddle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with writer.get_extra_info("tls_connection") as connection:
            connection.reject()
            connection.close()
            with pytest.raises(ValueError, match="has a transport, and cannot be sent on"):
                connection.relay_now((HOST, 1))
        await echo(reader, writer)
        left.append(connection.fileno())

    async def main() -> None:
        async with serving(manager, meddle) as server:
            for count in (1, 2):
                assert await ask(server, manager) == "dom1"
                while len(left) < count:
                    await asyncio.sleep(0)
            assert left == [-1, -1]
            assert server.listener is not None
            assert server.listener.statistics()["connections_open"] == 0

    run(main(), loop)


def test_a_peer_that_has_reset_already(manager: TLSManager) -> None:
    async def main() -> None:
        with socket.create_server((HOST, 0)) as server:
            client = socket.create_connection(server.getsockname())
            reset(server.accept()[0])
        with client:
            while not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                await asyncio.sleep(0)
            client.setblocking(False)
            with pytest.raises(ConnectionResetError):
                await aio.open_connection(sock=client, tls=manager, server_name="dom1.test")

    run(main())


def test_a_factory_that_fails_costs_its_client_alone(manager: TLSManager, engine: bool) -> None:
    said: list[str] = []
    turns = iter([False, True])

    def make() -> Note:
        if not next(turns):
            raise ZeroDivisionError
        return Note()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(str(what)))
        server = await aio.create_server(make, HOST, 0, tls=manager, engine=engine)
        with pytest.raises((TLSError, ConnectionError)):
            await read_one(server)
        _, writer = await connect(server, manager)
        await leave(writer)
        server.close()
        await server.wait_closed()

    async def read_one(server: aio.Server) -> None:
        reader, _ = await connect(server, manager)
        await reader.read()

    run(main())
    assert "ZeroDivisionError" in said[0]


def test_aiohttp(manager: TLSManager, loop: str, engine: bool) -> None:
    """Its server is a factory of protocols, so it takes three lines."""
    aiohttp = pytest.importorskip("aiohttp")
    from aiohttp import web

    async def hello(request: web.Request) -> web.Response:
        assert request.transport is not None
        domain = request.transport.get_extra_info("tls_domain")
        body = await request.text()
        return web.Response(text=f"{request.scheme} {domain.name} {len(body)}")

    async def main() -> None:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        server = await aio.create_server(
            cast("Any", runner.server), HOST, 0, tls=manager, engine=engine
        )
        async with aiohttp.ClientSession() as session:
            for name, size in (("dom1", 10), ("dom2", 1_000_000), ("dom1", 0)):
                url = f"https://{HOST}:{port_of(server)}/"
                async with session.post(
                    url, data=bytes(size), ssl=client_context(), server_hostname=f"{name}.test"
                ) as response:
                    assert await response.text() == f"https {name} {size}"
        server.close()
        await runner.cleanup()
        await server.wait_closed()

    run(main(), loop)


def test_without_a_library_nobody_is_served(engine: bool) -> None:
    async def main() -> None:
        with pytest.raises(UnsupportedError, match="no TLS library"):
            await aio.start_server(echo, HOST, 0, tls=TLSManager("none"), engine=engine)

    run(main())


def test_several_loops_at_once(manager: TLSManager) -> None:
    """Each in its own thread, all over one manager."""
    found: list[str] = []

    async def main() -> None:
        async with serving(manager) as server:
            for _ in range(3):
                found.append(await ask(server, manager))

    threads = [threading.Thread(target=run, args=[main()]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["dom1"] * 9


def test_domains_on_demand(manager: TLSManager, library: str, loop: str) -> None:
    """What finds them runs in the loop, which goes on meanwhile."""

    async def main() -> None:
        own, asked = asyncio.get_running_loop(), []

        async def load(hello: ClientHello) -> Domain | None:
            assert asyncio.get_running_loop() is own
            asked.append(hello.server_name)
            await asyncio.sleep(0)
            return server_domain("dom1") if hello.server_name == "dom1.test" else None

        server = await aio.start_server(
            echo, HOST, 0, tls=manager_of(library, server_domain("dom2")), on_client_hello=load
        )
        async with server:
            answers = await asyncio.gather(*(ask(server, manager) for _ in range(3)))
            assert answers == ["dom1"] * 3
            with pytest.raises(AlertError):
                await ask(server, manager, "dom3.test")
        assert asked == ["dom1.test", "dom3.test"]

    run(main(), loop)


def test_what_only_the_engine_can_do(manager: TLSManager, tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(tmp_path / "sock"))
            words = "^limits, on_end belong to the engine, which this server is without"
            with pytest.raises(TypeError, match=words):
                await aio.start_server(echo, sock=sock, tls=manager, limits=Limits(), on_end=print)

    run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="each thread has its own nice value there")
def test_handshakes_yield_to_the_loop(manager: TLSManager) -> None:
    async def main() -> None:
        async with serving(manager) as server:
            assert await ask(server, manager) == "dom1"
            workers = [one for one in threading.enumerate() if one.name.startswith("tlsmgm-worker")]
            found = [os.getpriority(os.PRIO_PROCESS, one.native_id or 0) for one in workers]
            own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            assert found == [max(10, own)]

    run(main())


def test_nice_threads_run_no_python(manager: TLSManager) -> None:
    """One that has the interpreter lock and gets no processor would keep the loop waiting."""
    heard: list[str] = []

    def note(*_: Any) -> None:
        heard.append(threading.current_thread().name)

    def of_workers() -> int:
        return sum(name.startswith("tlsmgm-worker") for name in heard)

    async def main() -> None:
        async with serving(manager, on_end=lambda _: None) as server:
            assert await ask(server, manager) == "dom1"
            before = of_workers()
            assert before > 0
            for _ in range(10):
                assert await ask(server, manager, "dom2.test") == "dom2"
            with pytest.raises(TLSError):
                await ask(server, manager, "nobody.test")
            assert of_workers() == before

    threading.setprofile(note)
    try:
        run(main())
    finally:
        threading.setprofile(None)
