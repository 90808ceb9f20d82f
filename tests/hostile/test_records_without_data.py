"""Records that bring no data, which cost us more than they cost whoever sends them.

The engine's bound holds for everybody: see ``tests/engine/test_floods.py``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sockets.talk import Running
from tests.support.flooding import FloodingServer
from tests.support.managers import client_domain, manager_of, pki
from tests.support.sockets import TIMEOUT
from tlsmgm import Connection, Limits, ProtocolError, TLSManager, adapters, aio

NAME = "dom1.test"
BOUND = Limits().records_without_data
GREETING = b"go ahead\n"

Receive = Callable[[TLSManager, str, int], bytes]


def over_a_socket(manager: TLSManager, library: str, port: int) -> bytes:
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with manager.wrap_socket(sock, domain="client", server_name=NAME) as client:
        return client.recv(100)


def in_memory(manager: TLSManager, library: str, port: int) -> bytes:
    """As programs do it that carry the bytes themselves."""
    client = manager.client_connection("client", server_name=NAME)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        while (data := client.decrypt(b"")) is None:
            sock.sendall(client.drain())
            client.feed(sock.recv(65536))
        return data


async def read_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    try:
        return await reader.read(100)
    finally:
        writer.close()
        with contextlib.suppress(ProtocolError):
            await writer.wait_closed()


def by_asyncio(manager: TLSManager, library: str, port: int) -> bytes:
    async def receive() -> bytes:
        reader, writer = await aio.open_connection(
            "127.0.0.1", port, tls=manager, domain="client", server_name=NAME
        )
        return await read_and_close(reader, writer)

    return asyncio.run(receive())


def behind_starttls(manager: TLSManager, library: str, port: int) -> bytes:
    async def receive() -> bytes:
        plain, sender = await asyncio.open_connection("127.0.0.1", port)
        assert await plain.readline() == GREETING
        reader, writer = await aio.start_tls_streams(
            plain, sender, tls=manager, domain="client", server_name=NAME
        )
        return await read_and_close(reader, writer)

    return asyncio.run(receive())


def by_an_adapter(manager: TLSManager, library: str, port: int) -> bytes:
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    context.load_verify_locations(pki("root.pem"))
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    with context.wrap_socket(sock, server_hostname=NAME) as client:
        return client.recv(100)


def by_an_adapter_in_memory(manager: TLSManager, library: str, port: int) -> bytes:
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    context.load_verify_locations(pki("root.pem"))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as sock:
        while True:
            try:
                return client.read(100)
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))


@pytest.fixture(
    params=[
        over_a_socket,
        in_memory,
        by_asyncio,
        behind_starttls,
        by_an_adapter,
        by_an_adapter_in_memory,
    ]
)
def received(
    request: pytest.FixtureRequest, library: str, tmp_path: Path
) -> Callable[[int], bytes]:
    """What a client receives behind so many KeyUpdates; behind too many there is no data."""
    receive: Receive = request.param
    manager = manager_of(library, client_domain(method="TLSv1_3"))
    plain = GREETING if receive is behind_starttls else b""

    def run(key_updates: int) -> bytes:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(TIMEOUT)
            server = FloodingServer(tmp_path)
            data = b"data" if key_updates <= BOUND else b""
            serving = Running(lambda: server.serve(listener.accept()[0], key_updates, data, plain))
            try:
                return receive(manager, library, listener.getsockname()[1])
            finally:
                serving.result()

    return run


def test_key_updates_within_the_bound(received: Callable[[int], bytes]) -> None:
    assert received(BOUND) == b"data"


def test_key_updates_have_a_bound(received: Callable[[int], bytes]) -> None:
    with pytest.raises(ProtocolError, match="the peer sends records without data"):
        received(BOUND + 1)


@pytest.mark.parametrize(("bound", "key_updates"), [(0, 5 * BOUND), (3, 4)])
def test_the_bound_may_be_another_one(
    library: str, tmp_path: Path, bound: int, key_updates: int
) -> None:
    """0 is none; behind the end everything says why."""
    manager = manager_of(library, client_domain(method="TLSv1_3"))
    client = manager.client_connection("client", server_name=NAME)
    client.records_without_data = bound
    ours, theirs = socket.socketpair()
    server = FloodingServer(tmp_path)
    serving = Running(lambda: server.serve(theirs, key_updates, b"" if bound else b"data"))
    with ours:
        while not client.handshake():
            ours.sendall(client.drain())
            client.feed(ours.recv(65536))
        ours.sendall(client.drain())
        if bound == 0:
            while (data := client.read()) is None:
                client.feed(ours.recv(65536))
            assert data == b"data"
        else:
            with pytest.raises(ProtocolError, match="records without data"):
                receive_for_ever(client, ours)
            assert client.ended
            for call in (
                client.read,
                client.handshake,
                client.shutdown,
                lambda: client.write(b"x"),
            ):
                with pytest.raises(ProtocolError, match="records without data"):
                    call()
    serving.result()


def receive_for_ever(client: Connection, sock: socket.socket) -> None:
    """Feed a client with what comes."""
    while client.read() is None:
        client.feed(sock.recv(65536))
