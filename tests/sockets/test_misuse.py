"""What is refused, and that a refused socket is as it was."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.sockets.talk import NAME, Running, facing_server, manager_for, other_context, sockets
from tests.support.managers import client_domain, manager_of, method_of, server_domain
from tests.support.tls_sockets import wrap
from tlsmgm import ConfigError, TLSManager, UnsupportedError, VerificationError


def assert_as_it_was(sock: socket.socket, other: socket.socket) -> None:
    """Prove that a socket still carries plain bytes."""
    sock.sendall(b"plain")
    assert other.recv(10) == b"plain"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"server_side": True, "domain": "client"}, ValueError, "client side"),
        ({"server_side": True, "server_name": NAME}, ValueError, "client side"),
        ({"local": ("127.0.0.1", 1)}, ValueError, "server side"),
        ({"server_side": True, "local": ("127.0.0.1", -1)}, ValueError, "local"),
        ({"domain": "nobody", "server_name": NAME}, ConfigError, "nobody"),
        ({}, ValueError, "server_name is needed, to be compared with the certificate"),
        ({"domain": "client", "server_name": None}, ValueError, '"" for none'),
        ({"server_name": b"a"}, TypeError, "server_name must be str or None, not bytes"),
        ({"server_name": b""}, TypeError, "not bytes"),
        ({"server_name": 5}, TypeError, "not int"),
        ({"server_name": "a" * 300}, ConfigError, "name"),
    ],
)
def test_bad_arguments(
    library: str, options: dict[str, object], error: type[Exception], words: str
) -> None:
    manager = manager_of(library)
    client, server = sockets()
    with client, server:
        with pytest.raises(error, match=words):
            manager.wrap_socket(client, **options)  # type: ignore[arg-type]
        assert_as_it_was(client, server)


def test_bad_sockets(library: str) -> None:
    manager = manager_of(library)
    with socket.socket() as lonely, pytest.raises(OSError, match="connect"):
        manager.wrap_socket(lonely, domain="client")
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        pytest.raises(ValueError, match="stream"),
    ):
        manager.wrap_socket(datagrams, domain="client")
    with pytest.raises(OSError, match="descriptor"):
        manager.wrap_socket(lonely, domain="client")
    with pytest.raises(TypeError, match="object"):
        manager.wrap_socket(object(), domain="client")  # type: ignore[arg-type]


def test_tls_in_tls(library: str, version: str) -> None:
    manager = manager_for(library, version)
    with facing_server(manager, version) as (ours, peer):
        for sock in (ours, peer):
            with pytest.raises(TypeError, match="plain"):
                manager.wrap_socket(sock, domain="client")  # type: ignore[arg-type]


def test_a_socket_that_does_not_block(library: str) -> None:
    client, server = sockets()
    client.setblocking(False)
    with client, server:
        with pytest.raises(ValueError, match="do_handshake=False"):
            manager_of(library).wrap_socket(client, domain="client")
        assert_as_it_was(client, server)


def test_unix_sockets_have_no_address(library: str) -> None:
    manager = manager_of(library)
    client, server = socket.socketpair()
    with client, server:
        with pytest.raises(ValueError, match="local="):
            manager.wrap_socket(server, server_side=True)
        with pytest.raises(ConfigError, match="domain="):
            manager.wrap_socket(client, server_name=NAME)
        serving = Running(
            lambda: manager.wrap_socket(server, server_side=True, local=("127.0.0.1", 5061))
        )
        with manager.wrap_socket(client, domain="client", server_name=NAME) as ours:
            ours.sendall(b"hello")
            with serving.result() as there:
                assert there.recv(10) == b"hello"


def test_no_domain_for_this_address(library: str) -> None:
    manager = manager_of(library, server_domain(), client_domain(match_ip_address="192.0.2.7:5061"))
    client, server = sockets()
    with client, server:
        port = client.getpeername()[1]
        with pytest.raises(ConfigError, match=rf"no client domain for 127\.0\.0\.1:{port}"):
            manager.wrap_socket(client, server_name=NAME)
        assert_as_it_was(client, server)


def test_a_server_without_a_name_is_asked_for_in_words(library: str, version: str) -> None:
    """``""`` sends and compares none."""
    method = method_of(version)
    server = server_domain(method=method, match_sip_domain="*")
    manager = manager_of(library, server, client_domain(method=method))
    called, accepted = sockets()
    serving = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    with (
        manager.wrap_socket(called, domain="client", server_name="") as client,
        serving.result() as there,
    ):
        assert there.connection.server_name is None
        client.sendall(b"hello")
        assert there.recv(10) == b"hello"


def test_no_library() -> None:
    client, server = sockets()
    with client, server, pytest.raises(UnsupportedError):
        TLSManager("none").wrap_socket(server, server_side=True)


def test_a_certificate_that_is_refused(library: str, version: str) -> None:
    """The peer is told, and no socket stays open."""
    manager = manager_for(library, version)
    called, accepted = sockets()
    context = other_context(version, "dom2")
    serving = Running(lambda: wrap(context, accepted, server_side=True).recv(1))
    words = f"'{NAME}' was expected, and it is for 'dom2.test'"
    with pytest.raises(VerificationError, match=words):
        manager.wrap_socket(called, domain="client", server_name=NAME)
    error = serving.error()
    assert isinstance(error, OSError)
    assert "alert" in str(error)


def test_arguments_of_recv(library: str, version: str) -> None:
    manager = manager_for(library, version)
    with contextlib.ExitStack() as stack:
        ours, _ = stack.enter_context(facing_server(manager, version))
        with pytest.raises(ValueError, match="negative"):
            ours.recv(-1)
        for size in (-1, 9):
            with pytest.raises(ValueError, match="buffer"):
                ours.recv_into(bytearray(8), size)
        with pytest.raises(TypeError):
            ours.sendall("text")  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            ours.recv_into(b"constant")
