"""Servers and clients of ``tlsmgm.aio`` in one loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar, cast

import pytest

from tests.support.managers import client_domain, manager_of, method_of, server_domain
from tlsmgm import TLSManager, aio

T = TypeVar("T")

#: Seconds after which a test has failed.
TIMEOUT = 30.0

LOOPS = ("asyncio", "uvloop")
HOST = "127.0.0.1"


def run(main: Awaitable[T], loop: str = "asyncio") -> T:
    """Run a coroutine in a new loop; nothing may be left open behind it.

    Args:
        main: the coroutine.
        loop: whose: ``asyncio`` or ``uvloop``.
    """

    async def within_time() -> T:
        return await asyncio.wait_for(main, TIMEOUT)

    if loop == "asyncio":
        found = asyncio.run(within_time())
    else:
        uvloop = pytest.importorskip("uvloop")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(within_time())
    gc.collect()  # what is open tells so now
    return found


def versioned(library: str, version: str, **values: Any) -> TLSManager:
    """Return a manager of ``dom1``, ``dom2`` and ``client`` that speaks one version alone."""
    method = method_of(version)
    return manager_of(
        library,
        *(server_domain(name, method=method, **values) for name in ("dom1", "dom2")),
        client_domain(method=method),
    )


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back whatever comes, and end when the client does."""
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    manager: TLSManager, handler: Callable[..., Any] = echo, **options: Any
) -> AsyncIterator[aio.Server]:
    """Serve streams as long as the block lasts; no connection is left behind."""
    server = await aio.start_server(handler, HOST, 0, tls=manager, **options)
    try:
        yield server
    finally:
        server.close()
        server.abort_clients()
        await server.wait_closed()


def port_of(server: aio.Server) -> int:
    """The port that the system has chosen."""
    return int(server.sockets[0].getsockname()[1])


async def connect(
    server: aio.Server, manager: TLSManager, name: str = "dom1.test", **options: Any
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection to a server."""
    return await aio.open_connection(
        HOST, port_of(server), tls=manager, domain="client", server_name=name, **options
    )


async def leave(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait for its end."""
    writer.close()
    await writer.wait_closed()


class Note(asyncio.Protocol):
    """Notes what a protocol hears.

    Attributes:
        data: all of it.
        events: names of what was called, without repetition of data.
        error: of ``connection_lost()``.
        keeps_open: what ``eof_received()`` returns.
    """

    def __init__(self, keeps_open: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.data = b""
        self.events: list[str] = []
        self.error: Exception | None = None
        self.keeps_open = keeps_open
        self.lost: asyncio.Future[None] = loop.create_future()
        self.made: asyncio.Future[asyncio.Transport] = loop.create_future()
        self._news = asyncio.Event()

    def _note(self, event: str) -> None:
        if self.events[-1:] != [event]:
            self.events.append(event)
        self._news.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's has another base
        self._note("made")
        self.made.set_result(self.transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._note("data")

    def eof_received(self) -> bool:
        self._note("eof")
        return self.keeps_open

    def pause_writing(self) -> None:
        self._note("pause")

    def resume_writing(self) -> None:
        self._note("resume")

    def connection_lost(self, error: Exception | None) -> None:
        self.error = error
        self._note("lost")
        self.lost.set_result(None)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is as it should be; it is looked at whenever anything was heard."""
        while not is_so():
            self._news.clear()
            await self._news.wait()
