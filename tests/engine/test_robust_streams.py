"""Streams in the smallest pieces, readers that dawdle, and many that do nothing."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.listeners import Greeter, ask, greeting, leave, listening, port_of
from tests.support.managers import manager_of, method_of, server_domain
from tests.support.proxy import (
    TIMEOUT,
    Upstream,
    client_context,
    connect,
    read_exactly,
    read_to_end,
    server_context,
    wait_until,
)
from tests.support.sanitizers import IS_SANITIZED
from tlsmgm import Domain, Limits, TLSManager


class Dripping:
    """A TLS client whose every byte is a segment of its own.

    Args:
        port: where it connects.
        version: that it speaks.
    """

    def __init__(self, port: int, version: ssl.TLSVersion) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = client_context(version=version).wrap_bio(
            self._incoming, self._outgoing, server_hostname="dom1.test"
        )
        self._until(self._tls.do_handshake)

    def _until(self, call: Callable[[], object]) -> bytes:
        while True:
            try:
                found = call()
                return found if isinstance(found, bytes) else b""
            except ssl.SSLWantReadError:
                self._flush()
                piece = self._sock.recv(1)
                self._incoming.write(piece) if piece else self._incoming.write_eof()
            finally:
                self._flush()

    def _flush(self) -> None:
        for byte in self._outgoing.read():
            self._sock.sendall(bytes([byte]))

    def send(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def receive(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += self._until(functools.partial(self._tls.read, size - len(found)))
        return found

    def close(self) -> None:
        self._until(self._tls.unwrap)
        self._sock.close()


@pytest.mark.parametrize("upstream_speaks_tls", [False, True])
def test_every_byte_is_a_segment(library: str, version: str, upstream_speaks_tls: bool) -> None:
    only = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[version]
    tls = server_context("dom2") if upstream_speaks_tls else None
    manager = manager_of(
        library,
        server_domain("dom1", method=method_of(version)),
        Domain(name="out", kind="client", match_ip_address="*", verify_cert=False),
    )
    with (
        Greeter(b"how do you do", tls=tls) as greeter,
        listening(manager, greeter.address) as (listener, ends),
    ):
        client = Dripping(port_of(listener), only)
        assert client.receive(13) == b"how do you do"
        client.send(b"very well, thank you" * 10)
        assert client.receive(200) == b"very well, thank you" * 10
        client.close()
        ended = ends.one()
    assert (ended.status, ended.bytes_in, ended.bytes_out) == ("ok", 200, 213)


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_one_direction_ends_long_before_the_other(
    manager: TLSManager, version: str, first: str
) -> None:
    """After its end a peer is still served, for as much as the other one has to say."""
    only = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}[version]
    much = bytes(range(256)) * 4096
    with Upstream() as upstream, listening(manager, upstream.address) as (listener, ends):
        with connect(port_of(listener), version=only) as client, upstream.accept() as server:
            if first == "upstream":
                server.sendall(b"only this")
                server.shutdown(socket.SHUT_WR)
                assert read_to_end(client) == b"only this"
                sending = threading.Thread(target=client.sendall, args=[much])
                sending.start()
                assert read_exactly(server, len(much)) == much
                sending.join(TIMEOUT)
                leave(client)
                assert server.recv(1) == b""
            else:
                client.sendall(b"only this")
                client.setblocking(False)
                with contextlib.suppress(ssl.SSLWantReadError):
                    client.unwrap()  # the other half follows below
                assert read_to_end(server) == b"only this"
                sending = threading.Thread(target=_say, args=[server, much])
                sending.start()
                plain = read_wire(client)
                sending.join(TIMEOUT)
                assert plain > len(much)
                server.close()
        ended = ends.one()
    counts = (ended.bytes_in, ended.bytes_out)
    assert counts == ((9, len(much)) if first == "client" else (len(much), 9))


def _say(server: socket.socket, data: bytes) -> None:
    server.sendall(data)
    server.shutdown(socket.SHUT_WR)


def _send_often(sock: socket.socket, block: bytes, count: int) -> None:
    for _ in range(count):
        sock.sendall(block)


def read_wire(client: ssl.SSLSocket) -> int:
    """Count the bytes until the end, as they are: Python's ssl reads no data after unwrap()."""
    size = 0
    with socket.socket(fileno=client.detach()) as raw:
        raw.settimeout(TIMEOUT)
        while piece := raw.recv(65536):
            size += len(piece)
    return size


def memory() -> int:
    with contextlib.suppress(FileNotFoundError):
        for line in Path("/proc/self/status").read_text("ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    pytest.skip("there is no /proc here")


@pytest.mark.parametrize("towards", ["client", "upstream"])
def test_much_through_one_connection(manager: TLSManager, towards: str) -> None:
    """Far more than may wait anywhere: 256 MB, of which nothing stays."""
    block, count = os.urandom(1 << 20), 256
    with Upstream() as upstream, listening(manager, upstream.address) as (listener, ends):
        with connect(port_of(listener)) as client, upstream.accept() as server:
            source, target = (server, client) if towards == "client" else (client, server)
            sending = threading.Thread(target=_send_often, args=[source, block, count])
            before = memory()
            sending.start()
            room = bytearray(1 << 20)
            left = count << 20
            while left:
                got = target.recv_into(room)
                assert got
                left -= got
            sending.join(TIMEOUT)
            assert memory() - before < 32 << 20 or IS_SANITIZED  # which keeps what was freed
        ended = ends.one()
    assert max(ended.bytes_in, ended.bytes_out) == count << 20


def test_hundreds_that_do_nothing(manager: TLSManager, greeter: Greeter) -> None:
    """They cost nothing but their place, which they give back."""
    limits = Limits(max_handshakes_per_network=0, idle_timeout=0)
    with listening(manager, greeter.address, limits=limits, workers=2) as (listener, ends):
        clients = [connect(port_of(listener)) for _ in range(300)]
        for client in clients:
            greeting(client)
        assert listener.statistics()["connections_open"] == 300
        assert listener.statistics()["handshakes_open"] == 0
        for client in clients[::2]:
            leave(client)
        for client in clients[1::2]:
            client.close()
        statuses = {ended.status for ended in ends.wait_for(300)}
        assert statuses == {"ok", "client-closed"}
        wait_until(lambda: listener.statistics()["connections_open"] == 0)
        assert ask(listener) == b"hello"


def test_reloads_in_a_storm_of_handshakes(library: str, greeter: Greeter) -> None:
    """Nobody notices one: neither who is in the midst of a handshake, nor who comes next."""
    manager = manager_of(library, server_domain("dom1"))
    over = threading.Event()
    answers: list[bytes] = []
    errors: list[Exception] = []

    def come() -> None:
        try:
            while not over.is_set():
                answers.append(ask(listener))
        except Exception as error:
            errors.append(error)

    with listening(manager, greeter.address, workers=2) as (listener, ends):
        threads = [threading.Thread(target=come) for _ in range(4)]
        for thread in threads:
            thread.start()
        reloads = 0
        while len(answers) < 300 and not errors:
            reloads += 1
            manager.replace_domain(server_domain("dom1", cipher_list=[None, "HIGH"][reloads % 2]))
        over.set()
        for thread in threads:
            thread.join(TIMEOUT)
        ended = ends.wait_for(len(answers))
    assert not errors
    assert set(answers) == {b"hello"}
    assert {one.status for one in ended} == {"ok"}
    assert reloads > 10
