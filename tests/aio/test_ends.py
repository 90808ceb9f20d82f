"""What is left behind: nothing, whenever somebody gives up, is slow, or forgets."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import weakref
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.aio import HOST, Note, connect, leave, port_of, run, serving
from tests.support.flooding import FloodingServer
from tests.support.managers import LOCAL, client_domain, manager_of, server_domain
from tlsmgm import HandshakeError, ProtocolError, TLSError, TLSManager, aio
from tlsmgm._aio import dialing
from tlsmgm._aio.sockets import SocketTransport


def sockets_open() -> int:
    """How many sockets this process has."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except OSError:
            continue
    return found


async def cancelled(main: Coroutine[Any, Any, Any], turns: int) -> None:
    """Cancel a coroutine after so many turns of the loop; it may have ended by then."""
    task = asyncio.ensure_future(main)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    try:
        _, writer = await task
    except (asyncio.CancelledError, TLSError, OSError):
        return
    writer.transport.abort()


@pytest.mark.parametrize("peer", ["tls", "silent"])
def test_a_cancelled_connect_leaves_nothing(manager: TLSManager, loop: str, peer: str) -> None:
    """At whatever point it is: while it connects, in the handshake, or just behind it."""

    async def main() -> None:
        silent = socket.create_server((HOST, 0))
        async with serving(manager) as server:
            port = port_of(server) if peer == "tls" else silent.getsockname()[1]
            await cancelled(open_one(port), 200)
            await asyncio.sleep(0.01)
            before = sockets_open()
            for turns in range(12):
                await cancelled(open_one(port), turns)
            server.abort_clients()
            for _ in range(200):
                if sockets_open() <= before:
                    break
                await asyncio.sleep(0.01)
                server.abort_clients()
            assert sockets_open() <= before
        silent.close()

    async def open_one(port: int) -> Any:
        return await aio.open_connection(
            HOST, port, tls=manager, domain="client", server_name="dom1.test"
        )

    run(main(), loop)


def test_a_cancelled_read_and_drain_leave_the_connection(manager: TLSManager, loop: str) -> None:
    async def main() -> None:
        async with serving(manager) as server:
            reader, writer = await connect(server, manager)
            reading = asyncio.ensure_future(reader.readexactly(5))
            await asyncio.sleep(0)
            reading.cancel()
            writer.transport.set_write_buffer_limits(high=0)
            writer.write(bytes(100))
            draining = asyncio.ensure_future(writer.drain())
            await asyncio.sleep(0)
            draining.cancel()
            assert len(await reader.readexactly(100)) == 100
            await leave(writer)

    run(main(), loop)


@pytest.mark.parametrize("side", ["client", "server"])
def test_handshakes_have_a_deadline(library: str, loop: str, side: str) -> None:
    manager = manager_of(library, server_domain(), client_domain())

    async def client() -> None:
        options: dict[str, Any] = {"domain": "client", "server_name": "dom1.test"}
        with (
            socket.create_server((HOST, 0)) as silent,
            pytest.raises(HandshakeError, match=r"not complete within 0\.05 seconds"),
        ):
            await aio.open_connection(
                *silent.getsockname(), tls=manager, handshake_timeout=0.05, **options
            )

    async def server() -> None:
        manager.handshake_timeout = 0.05
        async with serving(manager, engine=False) as serving_one:
            reader, writer = await asyncio.open_connection(HOST, port_of(serving_one))
            assert await reader.read() == b""
            writer.close()

    run(client() if side == "client" else server(), loop)


def test_closing_has_a_deadline(manager: TLSManager, loop: str, engine: bool) -> None:
    """A peer that neither reads nor ends holds nobody for long."""

    async def main() -> None:
        made: asyncio.Future[Note] = asyncio.get_running_loop().create_future()

        def make() -> Note:
            made.set_result(Note())
            return made.result()

        server = await aio.create_server(
            make, HOST, 0, tls=manager, engine=engine, shutdown_timeout=0.05
        )
        _, writer = await connect(server, manager)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        here = await made
        await here.made
        here.transport.write(bytes(20_000_000))
        here.transport.close()
        await here.lost
        assert isinstance(here.error, TimeoutError)
        writer.transport.abort()
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_who_does_not_say_goodbye_is_not_waited_for(manager: TLSManager, engine: bool) -> None:
    """It was given its time, and all that was written; so it is no error of the server's."""

    async def main() -> None:
        here = Note()
        server = await aio.create_server(
            lambda: here, HOST, 0, tls=manager, shutdown_timeout=0.05, engine=engine
        )
        _, writer = await connect(server, manager)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"x")
        await here.until(lambda: here.data == b"x")
        server.close()
        server.close_clients()
        assert here.transport.is_closing()
        assert not here.lost.done()
        await server.wait_closed()
        await here.lost
        assert here.error is None
        assert here.events == ["made", "data", "lost"]
        assert not writer.transport.is_closing()  # it has heard nothing, so it said nothing
        writer.transport.abort()

    run(main())


def test_a_reset_is_told(manager: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        made: asyncio.Future[Note] = asyncio.get_running_loop().create_future()

        def make() -> Note:
            made.set_result(Note())
            return made.result()

        server = await aio.create_server(make, HOST, 0, tls=manager, engine=engine)
        _, writer = await connect(server, manager)
        here = await made
        await here.made
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        await here.lost
        assert isinstance(here.error, ConnectionResetError)
        server.close()
        await server.wait_closed()

    run(main(), loop)


def test_answers_that_nobody_takes_have_a_bound(library: str, loop: str, tmp_path: Path) -> None:
    """A peer that asks for new keys on and on, and reads nothing, must not cost memory forever."""
    flooding = FloodingServer(tmp_path)

    async def main() -> None:
        ours, theirs = socket.socketpair()
        asking = asyncio.create_task(asyncio.to_thread(flooding.ask, theirs, 5000))
        domain = manager_of(library).find_client_domain("192.0.2.1", 443)
        assert domain is not None
        transport, note = await aio.create_connection(
            Note, tls=domain, sock=ours, server_name="dom1.test"
        )
        transport.write(bytes(10_000_000))
        await note.lost
        assert isinstance(note.error, ProtocolError)
        assert "does not take our answers" in str(note.error)
        await asking
        theirs.close()

    run(main(), loop)


def test_a_forgotten_transport_warns(manager: TLSManager) -> None:
    ours, theirs = socket.socketpair()
    own = asyncio.new_event_loop()
    connection = manager.server_connection(LOCAL)
    protocol = asyncio.Protocol()
    transport = SocketTransport(own, protocol, connection, ours, shutdown_timeout=1)
    kept = [transport]
    del transport
    with pytest.warns(ResourceWarning, match="unclosed transport <SocketTransport handshake"):
        kept.clear()
    assert ours.fileno() == -1
    theirs.close()
    own.close()


def test_what_is_over_goes_without_the_collector(manager: TLSManager, engine: bool) -> None:
    """A transport that is lost and its protocol do not hold each other."""
    known: list[weakref.ref[Any]] = []

    def make() -> Note:
        protocol = Note()
        known.append(weakref.ref(protocol))
        return protocol

    async def main() -> None:
        server = await aio.create_server(make, HOST, 0, tls=manager, engine=engine)
        _, writer = await connect(server, manager)
        await leave(writer)
        server.close()
        await server.wait_closed()
        for _ in range(10):  # who waits for the end is told first
            await asyncio.sleep(0)
        assert [ref() for ref in known] == [None]

    gc.disable()
    try:
        run(main())
    finally:
        gc.enable()


def _refused() -> tuple[str, int]:
    """An address where nobody listens."""
    with socket.create_server((HOST, 0)) as sock:
        host, port = sock.getsockname()
        return str(host), int(port)


def test_all_addresses_are_tried(
    manager: TLSManager, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    refused = _refused()

    def infos(*addresses: tuple[str, int]) -> Callable[..., Any]:
        async def look_up(*_: object) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one) for one in addresses]

        return look_up

    async def main() -> None:
        async with serving(manager) as server:
            for delay in (None, 0.01):
                good = (HOST, port_of(server))
                monkeypatch.setattr(dialing, "_look_up", infos(refused, good, refused))
                _, writer = await connect(server, manager, happy_eyeballs_delay=delay)
                assert writer.get_extra_info("peername") == good
                await leave(writer)
                monkeypatch.setattr(dialing, "_look_up", infos(refused))
                with pytest.raises(ConnectionRefusedError):
                    await connect(server, manager, happy_eyeballs_delay=delay)
                monkeypatch.setattr(dialing, "_look_up", infos(refused, _refused()))
                with pytest.raises(OSError, match="Multiple exceptions"):
                    await connect(server, manager, happy_eyeballs_delay=delay)

    run(main(), loop)


def test_a_slow_address_is_overtaken(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with serving(manager) as server:
            attempt = dialing._attempt

            async def slow(own: Any, info: Any, local: Any) -> socket.socket:
                if info[4] == ("192.0.2.1", 1):
                    await asyncio.sleep(60)
                return await attempt(own, info, local)

            async def look_up(*_: object) -> list[Any]:
                slow_one, good = ("192.0.2.1", 1), (HOST, port_of(server))
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", a) for a in (slow_one, good)]

            monkeypatch.setattr(dialing, "_attempt", slow)
            monkeypatch.setattr(dialing, "_look_up", look_up)
            _, writer = await connect(server, manager, happy_eyeballs_delay=0.01)
            await leave(writer)

    run(main())


def test_families_take_turns() -> None:
    infos = [(family, 0, 0, "", number) for number, family in enumerate([10, 10, 10, 2, 2])]
    order = [info[4] for info in dialing._interleaved(infos, 1)]
    assert order == [0, 3, 1, 4, 2]
    assert [info[4] for info in dialing._interleaved(infos, 2)] == [0, 1, 3, 2, 4]


def test_the_local_address_is_chosen(manager: TLSManager) -> None:
    async def main() -> str:
        async with serving(manager) as server:
            _, writer = await connect(server, manager, local_addr=("127.0.0.2", 0))
            found: str = writer.get_extra_info("sockname")[0]
            await leave(writer)
            return found

    assert run(main()) == "127.0.0.2"
