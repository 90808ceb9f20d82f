"""Connections that are handed over: the program answers them, rejects them, or sends them on."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.listeners import ANYWHERE, Ends, Greeter, greeting, leave, listening, port_of
from tests.support.managers import client_domain, manager_of, server_domain
from tests.support.proxy import (
    TIMEOUT,
    connect,
    ends_uncleanly,
    read_exactly,
    read_to_end,
    server_context,
)
from tlsmgm import AcceptedConnection, ConfigError, Limits, Listener, TLSManager, Upstream, errors
from tlsmgm._engine import arrivals

PYTHONS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def take(listener: Listener) -> AcceptedConnection:
    """Wait for the next connection."""
    found = listener.accept(TIMEOUT)
    assert found is not None
    return found


def read(connection: AcceptedConnection) -> bytes:
    """Read data from the client, waiting for it."""
    assert connection.sock is not None
    connection.sock.settimeout(TIMEOUT)
    while (data := connection.read()) is None:
        if wire := connection.sock.recv(65536):
            connection.feed(wire)
        else:
            connection.feed_eof()
    return data


def write(connection: AcceptedConnection, data: bytes) -> None:
    """Send data to the client."""
    assert connection.sock is not None
    connection.sock.settimeout(TIMEOUT)
    connection.sock.sendall(connection.drain() + connection.encrypt(data))


def finish(connection: AcceptedConnection) -> None:
    """Say goodbye, and close."""
    assert connection.sock is not None
    connection.shutdown()
    connection.sock.sendall(connection.drain())
    connection.close()


def open_now(listener: Listener) -> int:
    return listener.statistics()["connections_open"]


def wait_until(is_so: Callable[[], bool]) -> None:
    end, pause = time.monotonic() + TIMEOUT, threading.Event()
    while not is_so():
        assert time.monotonic() < end
        pause.wait(0.005)


def test_the_program_answers(manager: TLSManager, version: str) -> None:
    with (
        manager.listen(ANYWHERE) as listener,
        connect(port_of(listener), version=PYTHONS_VERSIONS[version]) as client,
        take(listener) as connection,
    ):
        assert connection.client == client.getsockname()
        assert connection.local == client.getpeername()
        assert connection.domain is not None
        assert (connection.domain.name, connection.server_name) == ("dom1", "dom1.test")
        assert connection.version == version
        client.sendall(b"question")
        assert read(connection) == b"question"
        write(connection, b"answer")
        assert read_exactly(client, 6) == b"answer"
        finish(connection)
        assert read_to_end(client) == b""
        assert listener.statistics()["connections_handed_over_total"] == 1


def test_the_bound_on_records_without_data_stays(manager: TLSManager) -> None:
    with (
        manager.listen(ANYWHERE, limits=Limits(records_without_data=7)) as listener,
        connect(port_of(listener)),
        take(listener) as connection,
    ):
        assert connection.records_without_data == 7


def test_what_comes_with_the_last_flight_waits_to_be_read(
    manager: TLSManager, version: str
) -> None:
    """The client's Finished and its first data are sent as one piece."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = PYTHONS_VERSIONS[version]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="dom1.test")
    with (
        manager.listen(ANYWHERE) as listener,
        socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as sock,
    ):
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(b"early" * 1000)
        sock.sendall(outgoing.read())
        with take(listener) as connection:
            found = b""
            while len(found) < 5000:
                found += read(connection)
        assert found == b"early" * 1000


def test_tickets_leave_with_the_first_answer(manager: TLSManager, version: str) -> None:
    """In TLS 1.2 the client waits for our Finished, behind which nothing is left."""
    with (
        manager.listen(ANYWHERE) as listener,
        connect(port_of(listener), version=PYTHONS_VERSIONS[version]),
        take(listener) as connection,
    ):
        assert (connection.output_pending > 0) == (version == "TLSv1.3")
        assert connection.fileno() >= 0
        assert connection.sock is not None
        assert connection.fileno() == connection.sock.fileno()


def test_who_is_relayed_has_tickets_at_once(manager: TLSManager) -> None:
    """Though others are handed over, and the upstream says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="dom1.test")
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        listening(manager, {"dom2": None, "*": f"tcp:127.0.0.1:{silent.getsockname()[1]}"}) as (
            listener,
            _,
        ),
        socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as sock,
    ):
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        sock.sendall(outgoing.read())
        assert not incoming.pending
        incoming.write(sock.recv(65536))
        with pytest.raises(ssl.SSLWantReadError):
            tls.read(1)
        assert tls.session is not None
        assert tls.session.has_ticket


def test_it_is_sent_on_with_all_that_has_come(
    manager: TLSManager, greeter: Greeter, version: str
) -> None:
    ends = Ends()
    with (
        manager.listen(ANYWHERE, on_end=ends) as listener,
        connect(port_of(listener), version=PYTHONS_VERSIONS[version]) as client,
    ):
        client.sendall(b"read by the program|")
        connection = take(listener)
        assert read(connection) == b"read by the program|"
        write(connection, b"and answered|")
        assert read_exactly(client, 13) == b"and answered|"
        client.sendall(b"left")
        assert connection.sock is not None
        connection.feed(connection.sock.recv(65536))
        connection.relay_now(greeter.address)
        assert read_exactly(client, 9) == b"helloleft"
        client.sendall(b"more")
        assert read_exactly(client, 4) == b"more"
        leave(client)
        ended = ends.one()
        assert (ended.status, ended.bytes_in) == ("ok", 8)
        assert ended.upstream == f"127.0.0.1:{greeter.port}"
        assert ended.client == client.getsockname() if client.fileno() >= 0 else True
        assert ended.connection is not None
        assert ended.connection.version == version
        assert connection.sock is None
        with pytest.raises(errors.ProtocolError, match="given away"):
            connection.read()
        with pytest.raises(ValueError, match="sent on"):
            connection.relay_now(greeter.address)
        assert open_now(listener) == 0


def test_what_was_not_drained_is_sent_on(manager: TLSManager, greeter: Greeter) -> None:
    """The program has written, and left the wire bytes in the connection."""
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        connection.write(b"first|")
        connection.relay_now(greeter.address)
        assert read_exactly(client, 11) == b"first|hello"
        leave(client)


def test_tasks(manager: TLSManager, greeter: Greeter) -> None:
    """Each of many is sent on by one task, from two workers."""
    answers: list[bytes] = []

    def visit(port: int) -> None:
        with connect(port) as client:
            answers.append(greeting(client))
            leave(client)

    async def run() -> int:
        seen = 0
        with manager.listen(ANYWHERE, workers=2) as listener:
            threads = [threading.Thread(target=visit, args=[port_of(listener)]) for _ in range(20)]
            for thread in threads:
                thread.start()
            async for connection in listener:
                await connection.relay(greeter.address)
                seen += 1
                if seen == len(threads):
                    break
            for thread in threads:
                await asyncio.to_thread(thread.join, TIMEOUT)
        return seen

    assert asyncio.run(run()) == 20
    assert answers == [b"hello"] * 20


def test_only_one_task_waits(manager: TLSManager) -> None:
    async def run() -> None:
        with manager.listen(ANYWHERE) as listener:
            first = asyncio.ensure_future(anext(listener))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task"):
                await anext(listener)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            with connect(port_of(listener)):
                (await anext(listener)).close()

    asyncio.run(run())


def test_the_end_of_the_listener_ends_the_waiting(manager: TLSManager) -> None:
    async def run() -> list[AcceptedConnection]:
        listener = manager.listen(ANYWHERE)
        waiting = asyncio.ensure_future(_all(listener))
        await asyncio.sleep(0)
        await asyncio.to_thread(listener.close)
        return await waiting

    assert asyncio.run(run()) == []
    listener = manager.listen(ANYWHERE)
    listener.drain(0)
    assert listener.accept() is None
    listener.close()


async def _all(listener: Listener) -> list[AcceptedConnection]:
    return [connection async for connection in listener]


def test_a_callback_gets_them(manager: TLSManager, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str | None] = []

    def answer(connection: AcceptedConnection) -> None:
        seen.append(connection.server_name)
        if connection.server_name == "dom2.test":
            raise LookupError("no such thing")
        write(connection, b"here")
        finish(connection)

    with manager.listen(ANYWHERE, on_connection=answer) as listener:
        with caplog.at_level(logging.ERROR), connect(port_of(listener), "dom2.test") as client:
            assert ends_uncleanly(client)
        with connect(port_of(listener)) as client:
            assert read_to_end(client) == b"here"
        assert seen == ["dom2.test", "dom1.test"]
        wait_until(lambda: open_now(listener) == 0)
    assert "a callback for connections failed" in caplog.text


def test_some_domains_need_no_program(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, {"dom1": None, "*": greeter.address}) as (listener, _):
        with connect(port_of(listener), "dom2.test") as client:
            assert greeting(client) == b"hello"
            leave(client)
        with connect(port_of(listener), "dom1.test") as client, take(listener) as connection:
            write(connection, b"me")
            assert read_exactly(client, 2) == b"me"
        listener.set_routes({"dom2": None, "*": greeter.address})
        with connect(port_of(listener), "dom1.test") as client:
            assert greeting(client) == b"hello"
            leave(client)
        with connect(port_of(listener), "dom2.test"):
            take(listener).close()


def test_a_connection_has_its_place_until_it_is_closed(manager: TLSManager) -> None:
    with manager.listen(ANYWHERE, limits=Limits(max_connections=1)) as listener:
        with connect(port_of(listener)):
            connection = take(listener)
            with pytest.raises((ssl.SSLError, OSError)):
                connect(port_of(listener))
            assert open_now(listener) == 1
            connection.close()
            connection.close()
        assert open_now(listener) == 0
        with connect(port_of(listener)) as client:
            take(listener).reject()
            assert ends_uncleanly(client)
        with connect(port_of(listener)), take(listener):
            assert open_now(listener) == 1


def test_one_that_is_forgotten(manager: TLSManager) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        with pytest.warns(ResourceWarning, match="unclosed"):
            _forget(listener)
        assert ends_uncleanly(client)
        assert open_now(listener) == 0


def _forget(listener: Listener) -> None:
    take(listener)
    gc.collect()


def test_nobody_takes_them(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "_PATIENCE", 0.0)
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        assert ends_uncleanly(client)
        wait_until(lambda: open_now(listener) == 0)
        assert listener.statistics()["handovers_late_total"] == 1


def test_more_than_may_wait(manager: TLSManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the ring has no room for are reset, and recorded; the others are still there."""
    monkeypatch.setattr(arrivals, "_CAPACITY", 2)
    monkeypatch.setattr(arrivals.Arrivals, "sweep", lambda self: None)
    with listening(manager, None) as (listener, ends):
        clients = [connect(port_of(listener)) for _ in range(3)]
        ended = ends.one()
        assert (ended.status, ended.bytes_in) == ("not-taken", 0)
        assert ended.reason is not None
        assert "does not take connections" in ended.reason
        for _ in range(2):
            take(listener).close()
        for client in clients:
            client.close()
        assert listener.statistics()["connections_ended_not_taken_total"] == 1


def test_upstreams_that_cannot_be_used_leave_the_connection(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"))
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)) as client:
        connection = take(listener)
        for wrong, words in (
            ("tcp:no-such-host.invalid:9", "cannot resolve"),
            ("nonsense", "bad address"),
            ("tls:127.0.0.1:9", "no client domain"),
        ):
            with pytest.raises(ConfigError, match=words):
                connection.relay_now(wrong)
        connection.relay_now(greeter.address)
        assert greeting(client) == b"hello"
        leave(client)


def test_upstreams_are_forgotten_where_nobody_hears_of_ends(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"))
    with manager.listen(ANYWHERE) as listener:
        with connect(port_of(listener)) as client:
            take(listener).relay_now(greeter.address)
            assert greeting(client) == b"hello"
            adopted = listener._inside.engine._adopted
            assert len(adopted) == 1
            leave(client)
        wait_until(lambda: not adopted)


def test_an_upstream_that_does_not_answer(manager: TLSManager) -> None:
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        address = f"tcp:127.0.0.1:{gone.getsockname()[1]}"
        with listening(manager, None) as (listener, ends), connect(port_of(listener)) as client:
            take(listener).relay_now(address)
            assert ends_uncleanly(client)
            assert ends.one().status == "upstream-failed"


def test_one_that_has_ended_is_not_sent_on(manager: TLSManager, greeter: Greeter) -> None:
    with manager.listen(ANYWHERE) as listener, connect(port_of(listener)):
        connection = take(listener)
        connection.shutdown()
        with pytest.raises(ValueError, match="has ended"):
            connection.relay_now(greeter.address)
        assert open_now(listener) == 0


def test_it_is_sent_on_to_a_tls_upstream(library: str) -> None:
    """Client domain, server name and verification are those of the listener's manager."""
    manager = manager_of(library, server_domain("dom1"), client_domain("out"))
    with (
        Greeter(tls=server_context("dom2")) as secure,
        listening(manager, None) as (listener, ends),
        connect(port_of(listener)) as client,
    ):
        take(listener).relay_now(Upstream(secure.address, server_name="dom2.test"))
        assert greeting(client) == b"hello"
        leave(client)
        ended = ends.one()
        assert ended.upstream_connection is not None
        assert ended.upstream_connection.domain is not None
        assert ended.upstream_connection.domain.name == "out"


def test_connections_outlive_their_listener(manager: TLSManager) -> None:
    """Those that the program has are its own."""
    listener = manager.listen(ANYWHERE)
    with connect(port_of(listener)) as client, take(listener) as connection:
        listener.close()
        write(connection, b"still here")
        assert read_exactly(client, 10) == b"still here"
        with pytest.raises(RuntimeError, match="the listener is closed"):
            connection.relay_now("tcp:127.0.0.1:9")
        write(connection, b" and here")
        assert read_exactly(client, 9) == b" and here"


def test_those_that_wait_when_it_is_closed_are_reset(manager: TLSManager) -> None:
    listener = manager.listen(ANYWHERE)
    with connect(port_of(listener)) as client:
        wait_until(lambda: listener.statistics()["connections_handed_over_total"] == 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            listener.close()
        assert ends_uncleanly(client)


def test_plain_clients_are_not_handed_over(manager: TLSManager) -> None:
    wrong: list[Any] = [None, {"dom1": "tcp:127.0.0.1:9"}]
    for routes in wrong:
        with pytest.raises(ConfigError, match="plain TCP need an upstream"):
            manager.listen("tcp:127.0.0.1:0", routes)
