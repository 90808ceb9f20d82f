"""Which sockets of a server are ready: one descriptor of the loop for all of them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.aio import HOST, Note, connect, leave, run
from tlsmgm import ConfigError, TLSManager, aio
from tlsmgm._aio.watching import Watcher

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the loop does it")

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("NAME", default="nobody")


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Three pairs of sockets that do not block."""
    found = [socket.socketpair() for _ in range(3)]
    for sock in (sock for pair in found for sock in pair):
        sock.setblocking(False)
    yield found
    for sock in (sock for pair in found for sock in pair):
        sock.close()


def watching(use: Callable[[Watcher], Any], loop: str, turns: int = 5) -> None:
    """Call this with a watcher, and let the loop go round a few times."""

    async def main() -> None:
        watcher = Watcher(asyncio.get_running_loop())
        use(watcher)
        for _ in range(turns):
            await asyncio.sleep(0)
        watcher.close()

    run(main(), loop)


def test_readers_and_writers(pairs: Any, loop: str) -> None:
    heard = []

    def use(watcher: Watcher) -> None:
        def read() -> None:
            heard.append(near.recv(10))

        def write() -> None:
            heard.append("room")
            watcher.remove_writer(near.fileno())

        near, far = pairs[0]
        watcher.add_reader(near.fileno(), read)
        watcher.add_writer(near.fileno(), write)
        far.send(b"x")

    watching(use, loop)
    assert sorted(map(str, heard)) == ["b'x'", "room"]


def test_what_was_removed_is_not_called(pairs: Any, loop: str) -> None:
    """Also where both were ready at the same moment."""
    called = []

    def use(watcher: Watcher) -> None:
        def only(number: int) -> Callable[[], None]:
            def call() -> None:
                called.append(number)
                for near, _ in pairs:
                    watcher.remove_reader(near.fileno())

            return call

        for number, (near, far) in enumerate(pairs):
            watcher.add_reader(near.fileno(), only(number))
            far.send(b"x")

    watching(use, loop)
    assert len(called) == 1


def test_a_hang_up_is_told_to_readers_and_writers(pairs: Any, loop: str) -> None:
    called = []

    def use(watcher: Watcher) -> None:
        def note(name: str, remove: Callable[[int], None]) -> Callable[[], None]:
            def call() -> None:
                called.append(name)
                remove(near.fileno())

            return call

        near, far = pairs[0]
        far.close()
        watcher.add_reader(near.fileno(), note("reader", watcher.remove_reader))
        watcher.add_writer(near.fileno(), note("writer", watcher.remove_writer))

    watching(use, loop)
    assert called == ["reader", "writer"]


def test_a_callback_that_fails_keeps_no_other_from_its_turn(pairs: Any, loop: str) -> None:
    called, said = [], []

    def use(watcher: Watcher) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: said.append(what))

        def call(number: int) -> Callable[[], None]:
            def callback() -> None:
                called.append(number)
                watcher.remove_reader(pairs[number][0].fileno())
                raise ValueError(number)

            return callback

        for number, (near, far) in enumerate(pairs):
            watcher.add_reader(near.fileno(), call(number))
            far.send(b"x")

    watching(use, loop)
    assert sorted(called) == [0, 1, 2]
    assert sorted(str(what["exception"]) for what in said) == ["0", "1", "2"]


def test_callbacks_keep_their_contexts(manager: TLSManager, loop: str, engine: bool) -> None:
    """What one protocol says of itself, another one does not hear."""
    heard: list[tuple[bytes, str]] = []

    class Named(Note):
        def data_received(self, data: bytes) -> None:
            heard.append((data, NAME.get()))
            NAME.set(data.decode())
            super().data_received(data)
            self.transport.write(data)

    async def main() -> None:
        server = await aio.create_server(Named, HOST, 0, tls=manager, engine=engine)
        streams = [await connect(server, manager) for _ in range(3)]
        for turn in range(3):
            for number, (reader, writer) in enumerate(streams):
                writer.write(f"{turn}{number}".encode())
                await reader.readexactly(2)
        for _, writer in streams:
            await leave(writer)
        server.close()
        await server.wait_closed()

    run(main(), loop)
    # What comes with the handshake is delivered before anybody watches.
    later = [(data, name) for data, name in heard if name != "nobody"]
    assert len(later) >= 3
    assert all(data[1:] == name[1:].encode() for data, name in later)


def test_nothing_is_left_of_a_server(manager: TLSManager, loop: str, engine: bool) -> None:
    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            server = await aio.create_server(Note, HOST, 0, tls=manager, engine=engine)
            _, writer = await connect(server, manager)
            await leave(writer)
            server.close()
            await server.wait_closed()
            if server.listener is not None:
                await asyncio.to_thread(server.listener.wait)
        assert len(os.listdir("/proc/self/fd")) <= before

    run(main(), loop)


def test_nothing_is_left_of_one_that_cannot_begin(manager: TLSManager, loop: str) -> None:
    async def main() -> None:
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(ConfigError):
            await aio.create_server(Note, HOST, 0, tls=manager, proxy_header_from=["nowhere"])
        assert len(os.listdir("/proc/self/fd")) <= before

    run(main(), loop)
