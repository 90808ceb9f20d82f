"""Data, lines and files, as with a socket of TCP."""

from __future__ import annotations

import array
import functools
import socket
from typing import IO, Any

import pytest

from tests.sockets.talk import NAME, Pair, Running, manager_for, read_all, sockets, wrap_both
from tests.support.managers import client_domain, manager_of, server_domain
from tlsmgm import NoDomainError, TLSManager

LARGE = bytes(range(256)) * 4096  # 1 MiB


def test_both_libraries_talk(library: str, client_library: str, version: str) -> None:
    made = wrap_both(manager_for(library, version), manager_for(client_library, version))
    with made.client as client, made.server as server:
        assert (client.connection.backend, server.connection.backend) == (client_library, library)
        for here, there in made.both_ways():
            assert here.connection.version == version
            sending = Running(functools.partial(here.sendall, LARGE))
            assert read_all(there, len(LARGE)) == LARGE
            sending.result()


def test_domain_and_name(pair: Pair) -> None:
    domain = pair.server.connection.domain
    assert domain is not None
    assert domain.name == "dom1"
    assert pair.server.connection.server_name == NAME
    with pair.server.hold() as connection:
        assert connection.expand("$tls_version") == connection.version


def test_the_client_domain_is_found_by_the_destination(manager: TLSManager) -> None:
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    with manager.wrap_socket(called, server_name="dom2.test") as client:
        assert client.connection.domain == manager.find_client_domain_by_name("client")
    with server.result() as ours:
        assert ours.connection.server_name == "dom2.test"


def test_the_domain_depends_on_the_local_address(library: str) -> None:
    manager = manager_of(
        library,
        server_domain("dom1", match_sip_domain="*", match_ip_address="127.0.0.1:5061"),
        server_domain("dom2", match_sip_domain="*", match_ip_address="192.0.2.9:5061"),
        client_domain(),
    )
    called, accepted = sockets()
    server = Running(
        lambda: manager.wrap_socket(accepted, server_side=True, local=("192.0.2.9", 5061))
    )
    manager.wrap_socket(called, domain="client", server_name="dom2.test").close()
    with server.result() as ours:
        assert ours.connection.domain is manager.domains[1]


def test_nobody_answers(manager: TLSManager) -> None:
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    with pytest.raises(Exception, match="unrecognized"):
        manager.wrap_socket(called, domain="client", server_name="other.test")
    assert isinstance(server.error(), NoDomainError)


def test_recv(pair: Pair) -> None:
    pair.client.sendall(b"one two three")
    assert pair.server.recv(3) == b"one"
    assert pair.server.recv(0) == b""
    buffer = bytearray(6)
    assert pair.server.recv_into(buffer, 4) == 4
    assert bytes(buffer) == b" two\0\0"
    assert pair.server.recv_into(memoryview(buffer)[1:]) == 5
    assert bytes(buffer) == b"  thre"
    assert pair.server.read(10) == b"e"


def test_recv_into_any_buffer(pair: Pair) -> None:
    numbers = array.array("I", [0, 0])
    pair.client.sendall(array.array("I", [7, 8]))
    assert pair.server.recv_into(numbers) == 8
    assert list(numbers) == [7, 8]
    assert pair.server.recv_into(bytearray()) == 0


def test_send(pair: Pair) -> None:
    assert pair.client.send(b"") == 0
    pair.client.sendall(b"")
    assert pair.client.send(b"data") == 4
    assert pair.client.write(memoryview(b" more")) == 5
    assert read_all(pair.server, 9) == b"data more"


def test_pending(pair: Pair) -> None:
    assert pair.server.pending() == 0
    pair.client.sendall(b"0123456789")
    assert pair.server.recv(1) == b"0"
    assert pair.server.pending() == 9
    assert pair.server.recv(4) == b"1234"
    assert pair.server.pending() == 5
    buffer = bytearray(20)
    assert pair.server.recv_into(buffer) == 5
    assert pair.server.pending() == 0


@pytest.mark.parametrize("buffering", [None, 0, 7])
def test_a_binary_file(pair: Pair, buffering: int | None) -> None:
    reading: IO[Any] = pair.server.makefile("rb", buffering)
    writing: IO[Any] = pair.client.makefile("wb", buffering)
    writing.write(b"line 1\nline 2\nrest")
    writing.flush()
    assert [reading.readline(), reading.readline()] == [b"line 1\n", b"line 2\n"]
    writing.close()
    pair.client.close()
    assert reading.read() == b"rest"
    reading.close()


def test_a_file_for_both_directions(pair: Pair) -> None:
    def answer() -> None:
        with pair.server.makefile("rwb") as file:
            for line in file:
                file.write(line.replace(b"?", b"!"))
                file.flush()

    answering = Running(answer)
    with pair.client.makefile("rw", encoding="utf-8", newline="\n") as text:
        for word in ("grüße", "über"):
            text.write(word + "?\n")
            text.flush()
            assert text.readline() == word + "!\n"
    pair.client.close()
    answering.result()


def test_a_file_outlives_the_socket(pair: Pair) -> None:
    file = pair.client.makefile("rb")
    pair.client.close()
    assert pair.client.fileno() == -1
    pair.server.sendall(b"still here")
    pair.server.close()
    assert file.read() == b"still here"
    file.close()
    assert file.closed


def test_files_have_one_direction(pair: Pair) -> None:
    with pair.client.makefile("rb", 0) as reading, pair.client.makefile("wb", 0) as writing:
        assert (reading.readable(), reading.writable()) == (True, False)
        assert (writing.readable(), writing.writable()) == (False, True)
        assert reading.fileno() == pair.client.fileno()
        with pytest.raises(OSError, match="readable"):
            writing.read(1)
        with pytest.raises(OSError, match="writable"):
            reading.write(b"x")
    for mode, buffering in (("x", None), ("a", None), ("r", 0)):
        with pytest.raises(ValueError, match=r"mode|binary"):
            pair.client.makefile(mode, buffering)


def test_it_is_a_socket(pair: Pair) -> None:
    client = pair.client
    assert client.getpeername() == pair.server.getsockname()
    assert (client.family, client.type, client.proto) == (
        socket.AF_INET,
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,
    )
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 4)[0]
    assert f"fd={client.fileno()} " in repr(client)
    assert "established" in repr(client)
    client.close()
    assert "fd=-1" in repr(client)


def test_sessions_are_resumed(manager: TLSManager, version: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> bool:
            sock, _ = listener.accept()
            with manager.wrap_socket(sock, server_side=True) as ours:
                ours.sendall(b"hello")
                assert ours.recv(1) == b""
                return ours.connection.session_reused

        for expected in (False, True):
            serving = Running(serve)
            called = socket.create_connection(listener.getsockname())
            with manager.wrap_socket(called, domain="client", server_name=NAME) as client:
                assert client.recv(5) == b"hello"
                assert client.connection.session_reused is expected
            assert serving.result() is expected
