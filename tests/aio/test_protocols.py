"""Protocols and transports: how data is delivered, how much waits, and what is heard of ends."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.aio import HOST, Note, port_of, run
from tests.support.managers import LOCAL, client_domain, manager_of, server_domain
from tlsmgm import TLSManager, TruncatedError, aio

PYTHONS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


@asynccontextmanager
async def pair(
    manager: TLSManager,
    server_side: Callable[[], Any] = Note,
    client_side: Callable[[], Any] = Note,
    **options: Any,
) -> AsyncIterator[tuple[Any, Any]]:
    """Both ends of a connection, the server's first, once both have heard of it."""
    made: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def make() -> Any:
        protocol = server_side()
        made.set_result(protocol)
        return protocol

    server = await aio.create_server(make, HOST, 0, tls=manager, **options)
    _, there = await aio.create_connection(
        client_side, HOST, port_of(server), tls=manager, domain="client", server_name="dom1.test"
    )
    here = await made
    await here.made
    try:
        yield here, there
    finally:
        server.close()
        for each in (here, there):
            each.transport.abort()
        await server.wait_closed()


class Buffered(Note, asyncio.BufferedProtocol):
    """Takes data in a buffer of seven bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._room = bytearray(7)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(self._room[:nbytes]))


def test_a_protocol_with_a_buffer(manager: TLSManager, loop: str, engine: bool) -> None:
    data = bytes(range(256)) * 20

    async def main() -> None:
        async with pair(manager, Buffered, Buffered, engine=engine) as (here, there):
            there.transport.write(data)
            here.transport.writelines([data[:1000], bytearray(data[1000:])])
            await here.until(lambda: len(here.data) == len(data))
            await there.until(lambda: len(there.data) == len(data))
            assert here.data == there.data == data

    run(main(), loop)


def test_a_clean_end_on_both_sides(one_version: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        async with pair(one_version, engine=engine) as (here, there):
            there.transport.write(b"goodbye")
            there.transport.close()
            assert there.transport.is_closing()
            there.transport.write(b"nobody hears this")
            await there.lost
            await here.lost
            assert (here.data, here.events) == (b"goodbye", ["made", "data", "eof", "lost"])
            assert (here.error, there.error) == (None, None)
            assert there.events == ["made", "lost"]

    run(main(), loop)


def test_an_end_without_close_notify_is_an_error(
    one_version: TLSManager, loop: str, engine: bool
) -> None:
    async def main() -> None:
        async with pair(one_version, engine=engine) as (here, there):
            there.transport.write(b"half a mess")
            await here.until(lambda: len(here.data) == 11)
            there.transport.abort()
            await here.lost
            assert isinstance(here.error, TruncatedError)
            assert here.events == ["made", "data", "lost"]
            await there.lost
            assert there.error is None

    run(main(), loop)


def test_one_direction_at_a_time(one_version: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        async with pair(one_version, lambda: Note(keeps_open=True), engine=engine) as (here, there):
            assert there.transport.can_write_eof()
            there.transport.write_eof()
            await here.until(lambda: "eof" in here.events)
            here.transport.write(b"still here")
            await there.until(lambda: there.data == b"still here")
            here.transport.close()
            await here.lost
            await there.lost
            assert (here.error, there.error) == (None, None)

    run(main(), loop)


def test_writing_pauses_and_goes_on(manager: TLSManager, loop: str, engine: bool) -> None:
    """Whoever waits for resume_writing() has little in memory, however slow the peer is."""
    piece = bytes(100_000)

    async def main() -> None:
        async with pair(manager, engine=engine) as (here, there):
            here.transport.pause_reading()
            assert not here.transport.is_reading()
            transport = there.transport
            transport.set_write_buffer_limits(high=200_000, low=50_000)
            assert transport.get_write_buffer_limits() == (50_000, 200_000)
            sent = 0
            while "pause" not in there.events:
                transport.write(piece)
                sent += len(piece)
                await asyncio.sleep(0)
            assert 200_000 < transport.get_write_buffer_size() <= 400_000
            here.transport.resume_reading()
            assert here.transport.is_reading()
            await there.until(lambda: "resume" in there.events)
            await here.until(lambda: len(here.data) == sent)
            assert transport.get_write_buffer_size() == 0
            with pytest.raises(ValueError, match="high"):
                transport.set_write_buffer_limits(high=1, low=2)

    run(main(), loop)


def test_nothing_comes_while_reading_is_paused(manager: TLSManager, engine: bool) -> None:
    class Careful(Note):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    async def main() -> None:
        async with pair(manager, Careful, engine=engine) as (here, there):
            there.transport.write(b"one")
            await here.until(lambda: here.data == b"one")
            there.transport.write(b"two")
            there.transport.close()
            for _ in range(20):
                await asyncio.sleep(0)
            assert (here.data, here.events) == (b"one", ["made", "data"])
            here.transport.resume_reading()
            await here.until(lambda: here.data == b"onetwo")
            here.transport.resume_reading()
            await here.lost
            assert here.error is None

    run(main())


def test_what_is_written_on_receiving_leaves_in_one_piece(manager: TLSManager) -> None:
    class Chatty(Note):
        def data_received(self, data: bytes) -> None:
            for _ in range(10):
                self.transport.write(b"0123456789")
            self.transport.write_eof()

    pieces = []

    class Listening(Note):
        def data_received(self, data: bytes) -> None:
            pieces.append(data)

    async def main() -> None:
        async with pair(manager, Chatty, Listening) as (_, there):
            there.transport.write(b"x")
            await there.until(lambda: "eof" in there.events)

    run(main())
    assert pieces == [b"0123456789" * 10]


def test_another_protocol_takes_over(manager: TLSManager, engine: bool) -> None:
    async def main() -> None:
        async with pair(manager, engine=engine) as (here, there):
            other = Note()
            other.connection_made(here.transport)
            here.transport.set_protocol(other)
            assert here.transport.get_protocol() is other
            there.transport.write(b"x")
            await other.until(lambda: other.data == b"x")
            assert here.data == b""

    run(main())


@pytest.mark.parametrize("where", ["connection_made", "data_received", "eof_received"])
def test_a_protocol_that_fails_loses_its_connection(
    manager: TLSManager, engine: bool, where: str
) -> None:
    said: list[dict[str, Any]] = []

    def fail(self: Note, *_: object) -> None:
        self._note("data")
        raise ZeroDivisionError(where)

    class Broken(Note):
        pass

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))
        made: list[Broken] = []

        def make() -> Broken:
            made.append(Broken())
            return made[-1]

        server = await aio.create_server(make, HOST, 0, tls=manager, engine=engine)
        _, there = await aio.create_connection(
            Note, HOST, port_of(server), tls=manager, domain="client", server_name="dom1.test"
        )
        there.transport.write(b"x")
        there.transport.write_eof()
        await there.lost
        await made[0].lost
        assert isinstance(made[0].error, ZeroDivisionError)
        server.close()
        await server.wait_closed()

    setattr(Broken, where, fail)
    run(main())
    assert [str(what["exception"]) for what in said] == [where]
    assert where in said[0]["message"] or "take data" in said[0]["message"]


def test_what_comes_with_the_last_flight_is_delivered(
    one_version: TLSManager, version: str, loop: str, engine: bool
) -> None:
    """The client's Finished, its first data and its end are sent as one piece."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = PYTHONS_VERSIONS[version]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="dom1.test")

    async def main() -> Note:
        made: asyncio.Future[Note] = asyncio.get_running_loop().create_future()

        def make() -> Note:
            made.set_result(Note())
            return made.result()

        server = await aio.create_server(make, HOST, 0, tls=one_version, engine=engine)
        reader, writer = await asyncio.open_connection(HOST, port_of(server))
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65536))
        tls.write(b"early" * 1000)
        with pytest.raises(ssl.SSLWantReadError):
            tls.unwrap()
        writer.write(outgoing.read())
        here = await made
        await here.lost
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return here

    here = run(main(), loop)
    assert (here.data, here.events) == (b"early" * 1000, ["made", "data", "eof", "lost"])


def test_arguments_are_looked_at(manager: TLSManager) -> None:
    async def main() -> None:
        async with pair(manager) as (here, _):
            with pytest.raises(TypeError, match="bytes-like object, not 'str'"):
                here.transport.write("text")
            here.transport.write(b"")
            assert "open" in repr(here.transport)
        with socket.socket() as sock:
            with pytest.raises(TypeError, match="give host and port, or sock"):
                await aio.create_connection(Note, HOST, 1, tls=manager, sock=sock)
            with pytest.raises(TypeError, match="give host and port, or sock"):
                await aio.create_server(Note, HOST, 1, tls=manager, sock=sock)
            with pytest.raises(ValueError, match="server_name is needed"):
                await aio.create_connection(Note, tls=manager, sock=sock)
        with pytest.raises(TypeError, match=r"^on_end belongs to the engine"):
            await aio.create_server(Note, HOST, 0, tls=manager, engine=False, on_end=print)

    run(main())


def test_a_socket_that_is_connected_already(library: str) -> None:
    """Sockets of the program, such as those of a pair; their names are everybody's."""
    manager = manager_of(library, server_domain(), client_domain())

    async def main() -> None:
        ours, theirs = socket.socketpair()
        server = manager.server_connection(LOCAL)
        serving = asyncio.create_task(asyncio.to_thread(_serve_once, server, ours))
        _, note = await aio.create_connection(
            Note, tls=manager, sock=theirs, domain="client", server_name="dom1.test"
        )
        await note.until(lambda: note.data == b"hello")
        note.transport.abort()
        await note.lost
        await serving

    run(main())


def _serve_once(server: Any, sock: socket.socket) -> None:
    with sock:
        sock.settimeout(10)
        while not server.handshake():
            sock.sendall(server.drain())
            server.feed(sock.recv(65536))
        sock.sendall(server.encrypt(b"hello"))
        sock.recv(1)
