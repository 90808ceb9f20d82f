"""Whose turn it is: pauses, full buffers, ends that are said at odd times, and descriptors."""

from __future__ import annotations

import asyncio
import socket
import struct
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.aio.test_protocols import pair
from tests.support.aio import HOST, Note, connect, leave, port_of, run, serving
from tests.support.flooding import FloodingServer
from tests.support.sockets import TIMEOUT
from tlsmgm import TLSManager, TruncatedError, aio
from tlsmgm._aio.sockets import SocketTransport

MUCH = 8_000_000


async def some_turns() -> None:
    """Let others do what they would do, were they allowed to."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_slow_client_that_has_said_goodbye_is_nobody_elses_trouble(
    manager: TLSManager, loop: str, engine: bool
) -> None:
    """The descriptor of a transport that ends while it waits for room is watched no more."""

    class Generous(Note):
        def eof_received(self) -> bool:
            self.transport.write(bytes(MUCH))
            self.transport.close()
            return True

    async def main() -> None:
        server = await aio.create_server(Generous, HOST, 0, tls=manager, engine=engine)
        for _ in range(3):  # they have the same descriptor, one after the other
            reader, writer = await connect(server, manager, limit=1 << 12)
            writer.write(b"much")
            writer.write_eof()
            got = 0
            while data := await reader.read(1 << 16):
                got += len(data)
            assert got == MUCH
            await leave(writer)
        server.close()
        await server.wait_closed()

    run(main(), loop)


@pytest.mark.parametrize("end", ["abort", "close"])
def test_an_end_while_writing_goes_on(
    manager: TLSManager, loop: str, engine: bool, end: str
) -> None:
    """Said in resume_writing(), when the socket has just taken everything."""

    class Hasty(Note):
        def resume_writing(self) -> None:
            super().resume_writing()
            getattr(self.transport, end)()

    async def main() -> None:
        async with pair(manager, Hasty, engine=engine) as (here, there):
            there.transport.pause_reading()
            here.transport.set_write_buffer_limits(high=0)
            while "pause" not in here.events:
                here.transport.write(bytes(1 << 20))
            there.transport.resume_reading()
            await here.lost
            assert here.error is None
        async with pair(manager, engine=engine) as (here, there):  # has its descriptor
            there.transport.write(b"x")
            await here.until(lambda: here.data == b"x")

    run(main(), loop)


def test_pausing_in_connection_made(manager: TLSManager, loop: str, engine: bool) -> None:
    class Careful(Note):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.transport.pause_reading()
            assert not self.transport.is_reading()

    async def main() -> None:
        async with pair(manager, Careful, engine=engine) as (here, there):
            there.transport.write(b"early")
            await some_turns()
            assert here.events == ["made"]
            here.transport.resume_reading()
            await here.until(lambda: here.data == b"early")

    run(main(), loop)


class Ring(Note, asyncio.BufferedProtocol):
    """Has room for a thousand bytes, and does something when it is full."""

    def when_full(self) -> None:
        """Each test has its own."""

    def __init__(self) -> None:
        super().__init__()
        self._room = memoryview(bytearray(1000)).cast("H")  # items of two bytes
        self._is_full = False

    def get_buffer(self, sizehint: int) -> Any:
        assert not self._is_full
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        self._is_full = True
        self.data_received(bytes(self._room)[:nbytes])
        self.when_full()

    def drain(self) -> None:
        """Has room again."""
        self._is_full = False
        self.transport.resume_reading()


def _has(note: Note, size: int) -> bool:
    return len(note.data) == size


def test_a_buffer_that_is_full(manager: TLSManager, loop: str, engine: bool) -> None:
    """What it has no room for waits, and the end behind it."""

    class Patient(Ring):
        def when_full(self) -> None:
            self.transport.pause_reading()

    data = bytes(range(250)) * 18

    async def main() -> None:
        async with pair(manager, Patient, engine=engine) as (here, there):
            there.transport.write(data)
            there.transport.close()
            for size in (1000, 2000, 3000, 4000, 4500):
                await here.until(partial(_has, here, size))
                await some_turns()
                assert len(here.data) == size
                here.drain()
            await here.lost
            assert (here.data, here.error) == (data, None)

    run(main(), loop)


@pytest.mark.parametrize("end", ["abort", "close"])
def test_an_end_while_a_buffer_is_filled(manager: TLSManager, engine: bool, end: str) -> None:
    class Ending(Ring):
        def when_full(self) -> None:
            getattr(self.transport, end)()

    async def main() -> None:
        async with pair(manager, Ending, engine=engine) as (here, there):
            there.transport.write(bytes(5000))
            await here.lost
            assert len(here.data) == 1000

    run(main())


def test_another_protocol_gets_what_a_buffer_has_no_room_for(
    manager: TLSManager, engine: bool
) -> None:
    class Leaving(Ring):
        def when_full(self) -> None:
            self.other = Note()
            self.transport.set_protocol(self.other)

    async def main() -> None:
        async with pair(manager, Leaving, engine=engine) as (here, there):
            data = bytes(range(250)) * 20
            there.transport.write(data)
            await here.until(lambda: len(here.data) == 1000)
            await here.other.until(lambda: len(here.other.data) == 4000)
            assert here.data + here.other.data == data
            here.transport.abort()
            await here.other.lost

    run(main())


@pytest.mark.parametrize("end", ["abort", "close"])
def test_an_end_in_connection_made_is_no_failure(manager: TLSManager, loop: str, end: str) -> None:
    """Who has called it gets both, as from asyncio, and the protocol hears of the end."""

    class Leaving(Note):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            getattr(self.transport, end)()

    async def main() -> None:
        async with serving(manager) as server:
            transport, protocol = await aio.create_connection(
                Leaving,
                HOST,
                port_of(server),
                tls=manager,
                domain="client",
                server_name="dom1.test",
            )
            assert transport.is_closing()
            await protocol.lost
            assert (protocol.events, protocol.error) == (["made", "lost"], None)

    run(main(), loop)


@pytest.mark.parametrize("where", ["connection_made", "data_received"])
def test_write_eof_within_a_callback(
    one_version: TLSManager, loop: str, engine: bool, where: str
) -> None:
    """Also where nothing is written before it."""

    class Silent(Note):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if where == "connection_made":
                self.transport.write_eof()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if where == "data_received":
                self.transport.write_eof()

    async def main() -> None:
        async with pair(one_version, Silent, lambda: Note(keeps_open=True), engine=engine) as (
            here,
            there,
        ):
            there.transport.write(b"x")
            await there.until(lambda: "eof" in there.events)
            there.transport.close()
            await here.lost
            assert (here.data, here.error) == (b"x", None)

    run(main(), loop)


def test_a_reset_behind_write_eof_is_no_end(one_version: TLSManager, loop: str) -> None:
    """The answer may have been longer."""

    class Resetting(Note):
        def eof_received(self) -> bool:
            self.transport.write(b"first half")
            return True

        def reset(self) -> None:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    async def main() -> None:
        async with pair(one_version, Resetting, lambda: Note(keeps_open=True)) as (here, there):
            there.transport.write_eof()
            await there.until(lambda: there.data == b"first half")
            here.reset()
            await there.lost
            assert isinstance(there.error, ConnectionResetError)

    run(main(), loop)


def test_new_keys_behind_write_eof(manager: TLSManager, tmp_path: Path, loop: str) -> None:
    """A server asks for them: the answer has nowhere to go, and the data is read all the same."""
    server = FloodingServer(tmp_path)

    def ask(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        server.ask_and_say(sock, b"the answer")

    async def main() -> None:
        with socket.create_server((HOST, 0)) as listener:
            asking = asyncio.create_task(asyncio.to_thread(ask, listener))
            reader, writer = await aio.open_connection(
                *listener.getsockname(), tls=manager, domain="client", server_name="dom1.test"
            )
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), TIMEOUT) == b"the answer"
            await leave(writer)
            await asking

    run(main(), loop)


def test_sendfile(manager: TLSManager, tmp_path: Path, engine: bool) -> None:
    """As aiohttp has it send files; uvloop has no such call."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)

    async def give(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with path.open("rb") as file:
            await asyncio.get_running_loop().sendfile(writer.transport, file, offset=1)
        await leave(writer)

    async def main() -> None:
        async with serving(manager, give, engine=engine) as server:
            reader, writer = await connect(server, manager)
            assert await reader.read() == path.read_bytes()[1:]
            await leave(writer)

    run(main())


def test_one_that_cannot_be_let_in(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told of, and those who came with it are served."""
    said: list[dict[str, Any]] = []
    begin = SocketTransport.begin_established
    lame = [True]

    def begin_once(transport: SocketTransport) -> None:
        if lame:
            lame.pop()
            raise ZeroDivisionError
        begin(transport)

    monkeypatch.setattr(SocketTransport, "begin_established", begin_once)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))
        async with serving(manager) as server:
            for is_served in (False, True):
                reader, writer = await connect(server, manager)
                writer.write(b"hello")
                writer.write_eof()
                if is_served:
                    assert await reader.read() == b"hello"
                else:
                    with pytest.raises((ConnectionError, TruncatedError)):
                        await reader.read()
                writer.close()

    run(main())
    assert [type(what["exception"]) for what in said] == [ZeroDivisionError]
