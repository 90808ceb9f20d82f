"""Connections that are handed over, where something goes wrong: nothing is lost, nobody waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import os
import socket
import struct
import threading
import warnings
from typing import Any

import pytest

from tests.engine.test_handover import finish, open_now, take, wait_until, write
from tests.support.listeners import ANYWHERE, Ends, Greeter, greeting, leave, port_of
from tests.support.proxy import TIMEOUT, connect, ends_uncleanly, read_exactly
from tlsmgm import AcceptedConnection, ConfigError, TLSManager


def is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def test_one_that_cannot_be_sent_on_is_closed(manager: TLSManager, greeter: Greeter) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        assert connection.sock is not None
        connection.shutdown()
        with pytest.raises(ValueError, match="has ended"):
            connection.relay_now(greeter.address)
        assert ends_uncleanly(client)
        assert connection.sock is None
        assert open_now(listener) == 0


def test_one_whose_socket_was_closed(manager: TLSManager, greeter: Greeter) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)):
        connection = take(listener)
        assert connection.sock is not None
        connection.sock.close()
        with pytest.raises(ValueError, match="closed"):
            connection.relay_now(greeter.address)
        assert open_now(listener) == 0


@pytest.mark.parametrize("upstream", [None, 5, [], ["tcp:127.0.0.1:9"], {}, b"x", "nonsense"])
def test_what_is_no_upstream(manager: TLSManager, upstream: Any) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        with pytest.raises(ConfigError):
            connection.relay_now(upstream)
        with pytest.raises(ConfigError):
            asyncio.run(connection.relay(upstream))
        write(connection, b"still here")
        assert read_exactly(client, 10) == b"still here"
        connection.close()


def test_threads_share_them(manager: TLSManager) -> None:
    """Whoever has nothing to do gets the next one, and all of them learn that it is over."""
    served: list[int] = []

    def work(number: int) -> None:
        while (connection := listener.accept()) is not None:
            with connection:
                write(connection, b"%d" % number)
                served.append(number)
                finish(connection)

    with manager.listen(ANYWHERE, workers=2) as listener:
        threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            with connect(port_of(listener)) as client:
                assert read_exactly(client, 1) in b"0123"
        listener.drain(10)
        for thread in threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
    assert len(served) == 20


def test_forgotten_by_a_callback(manager: TLSManager) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with (
            manager.listen(ANYWHERE, on_connection=lambda connection: None) as listener,
            connect(port_of(listener)) as client,
        ):
            assert ends_uncleanly(client)
            wait_until(lambda: open_now(listener) == 0)
    assert any(item.category is ResourceWarning for item in seen)


def test_a_drain_waits_for_the_program(manager: TLSManager, greeter: Greeter) -> None:
    ends = Ends()
    with manager.listen(ANYWHERE, on_end=ends) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        listener.drain(TIMEOUT)
        assert not listener.wait(0.2)
        connection.relay_now(greeter.address)
        assert greeting(client) == b"hello"
        leave(client)
        assert listener.wait(TIMEOUT)
        assert ends.one().status == "ok"


def test_a_drain_waits_no_longer_than_it_may(manager: TLSManager) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        listener.drain(0.2)
        assert listener.wait(TIMEOUT)
        write(connection, b"mine")
        assert read_exactly(client, 4) == b"mine"
        connection.close()


def test_a_drain_by_something_else_does_nothing(manager: TLSManager, greeter: Greeter) -> None:
    wrong: list[Any] = ["x", None]
    with manager.listen(ANYWHERE, greeter.address) as listener:
        for seconds in wrong:
            with pytest.raises(TypeError):
                listener.drain(seconds)
        manager.remove_domain("dom2", "server")
        with connect(port_of(listener)) as client:
            assert greeting(client) == b"hello"
            leave(client)
        with pytest.raises(OSError, match=r"(?i)unrecognized"):
            connect(port_of(listener), "dom2.test")


def test_relaying_needs_no_thread_where_there_is_no_name(
    manager: TLSManager, greeter: Greeter
) -> None:
    """All threads of the loop are busy with clients that wait for this."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(1))
        with manager.listen(ANYWHERE) as listener:
            client = asyncio.ensure_future(asyncio.to_thread(visit, port_of(listener)))
            await (await anext(listener)).relay(greeter.address)
            return await client

    def visit(port: int) -> bytes:
        with connect(port) as client:
            found = greeting(client)
            leave(client)
        return found

    assert asyncio.run(run()) == b"hello"


@pytest.mark.parametrize("part", [0, 100])
def test_how_it_ended_is_known_whatever_was_read(
    manager: TLSManager, greeter: Greeter, part: int
) -> None:
    """The program may have read a part of a record, or none of it."""
    ends = Ends()
    with manager.listen(ANYWHERE, on_end=ends) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        assert connection.sock is not None
        connection.sock.settimeout(TIMEOUT)
        client.sendall(bytes(1000))
        if part:
            connection.feed(connection.sock.recv(part, socket.MSG_WAITALL))
        connection.relay_now(greeter.address)
        assert read_exactly(client, 1005) == b"hello" + bytes(1000)
        with socket.socket(fileno=client.detach()):
            pass  # without close_notify, behind whole records
        assert ends.one().status == "client-closed"


def test_a_forked_child_leaves_them_alone(manager: TLSManager) -> None:
    with (
        manager.listen(ANYWHERE) as listener,
        connect(port_of(listener)) as client,
        connect(port_of(listener)),
    ):
        connection: AcceptedConnection | None = take(listener)
        assert connection is not None
        sock = connection.sock
        assert sock is not None
        wait_until(lambda: listener.statistics()["connections_handed_over_total"] == 2)
        child = os.fork()
        if child == 0:
            connection = None
            gc.collect()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        linger = struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
        assert linger[0] == 0
        write(connection, b"whole")
        finish(connection)
        assert read_exactly(client, 5) == b"whole"
        take(listener).close()


def test_plain_clients_are_never_handed_over(manager: TLSManager, greeter: Greeter) -> None:
    routes: list[Any] = [None, {"dom1": greeter.address}, {"dom1": greeter.address, "*": None}]
    with manager.listen("tcp:127.0.0.1:0", greeter.address) as listener:
        for wrong in routes:
            with pytest.raises(ConfigError, match="plain TCP need an upstream"):
                listener.set_routes(wrong)
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client:
            assert read_exactly(client, 5) == b"hello"


async def _callback(_: object) -> None:
    """A coroutine function, which nobody would await."""


@pytest.mark.parametrize("name", ["on_end", "on_connection"])
@pytest.mark.parametrize("callback", [5, "x", _callback])
def test_what_cannot_be_called(manager: TLSManager, name: str, callback: Any) -> None:
    options: dict[str, Any] = {name: callback}
    with pytest.raises(TypeError, match=name):
        manager.listen(ANYWHERE, "tcp:127.0.0.1:9", **options)


@pytest.mark.parametrize("addresses", [None, 5, [None], [b"tls:127.0.0.1:0"], []])
def test_what_is_no_address(manager: TLSManager, addresses: Any) -> None:
    with pytest.raises(ConfigError):
        manager.listen(addresses, "tcp:127.0.0.1:9")
