"""asyncio's own ``ssl=`` paths, under its loop and uvloop, and trio."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.adapters.ecosystem import Contexts

HOST = "127.0.0.1"


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a coroutine under a loop."""
    if request.param == "uvloop":
        uvloop = pytest.importorskip("uvloop")

        def run_uvloop(main: Any) -> Any:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(main)

        return run_uvloop
    return asyncio.run


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


async def ask(port: int, context: Any, name: str) -> tuple[bytes, Any]:
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=name)
    line = b"x" * 50_000 + b"\n"
    writer.write(line)
    answer = await reader.readline()
    shown = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return answer, shown


def test_streams(run: Any, both: Contexts) -> None:
    async def main() -> None:
        async with await asyncio.start_server(
            shout, HOST, 0, ssl=both.server, limit=1 << 20
        ) as server:
            port = server.sockets[0].getsockname()[1]
            found = await asyncio.gather(*(ask(port, both.client, name) for name in both.names * 3))
        for name, (answer, shown) in zip(both.names * 3, found, strict=True):
            assert answer == b"X" * 50_000 + b"\n"
            assert ("DNS", name) in shown["subjectAltName"]

    run(main())


class Upgrading(asyncio.Protocol):
    """A server that goes over to TLS when it is told so."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data == b"STARTTLS\n":
            self._transport.pause_reading()  # what comes next is the ClientHello
            self._transport.write(b"OK\n")
            self._upgrade = asyncio.get_running_loop().create_task(self._go_over())
        else:
            self._answer = asyncio.get_running_loop().create_task(self._shout(data))

    async def _go_over(self) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.start_tls(self._transport, self, self._context, server_side=True)

    async def _shout(self, data: bytes) -> None:
        secured = await self._upgrade  # data may be here before its transport is
        secured.write(data.upper())


class Asking(asyncio.Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    def data_received(self, data: bytes) -> None:
        self.came.put_nowait(data)


def test_start_tls(run: Any, both: Contexts) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Upgrading(both.server), HOST, 0)
        address = server.sockets[0].getsockname()[:2]
        transport, protocol = await loop.create_connection(Asking, *address)
        transport.write(b"STARTTLS\n")
        assert await protocol.came.get() == b"OK\n"
        secured = await loop.start_tls(
            transport, protocol, both.client, server_hostname=both.names[0]
        )
        assert secured is not None
        secured.write(b"hello\n")
        assert await protocol.came.get() == b"HELLO\n"
        secured.close()
        server.close()
        await server.wait_closed()

    run(main())


def test_trio(both: Contexts) -> None:
    trio = pytest.importorskip("trio")

    async def serve(stream: Any) -> None:
        async with stream:
            async for data in stream:
                await stream.send_all(data.upper())

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(
                lambda task_status: trio.serve_ssl_over_tcp(
                    serve, 0, both.server, host=HOST, task_status=task_status
                )
            )
            port = listeners[0].transport_listener.socket.getsockname()[1]
            for name in both.names:
                plain = await trio.open_tcp_stream(HOST, port)
                stream = trio.SSLStream(plain, both.client, server_hostname=name)
                await stream.send_all(b"hello")
                assert await stream.receive_some() == b"HELLO"
                await stream.aclose()
            nursery.cancel_scope.cancel()

    trio.run(main)
