"""Connections of a listener, answered in threads."""

from __future__ import annotations

import gc
import socket
from functools import partial

import pytest

from tests.sockets.talk import NAME, Running, manager_for, read_all
from tests.support.listeners import port_of
from tests.support.proxy import connect, wait_until
from tlsmgm import Listener, TLSManager, TLSSocket, TruncatedError


@pytest.fixture
def manager(library: str) -> TLSManager:
    return manager_for(library, "TLSv1.3")


def call(manager: TLSManager, listener: Listener) -> TLSSocket:
    """Connect to it."""
    sock = socket.create_connection(("127.0.0.1", port_of(listener)))
    return manager.wrap_socket(sock, domain="client", server_name=NAME)


def open_connections(listener: Listener) -> int:
    """How many have a place among its limits."""
    return listener.statistics()["connections_open"]


def test_one_is_answered(manager: TLSManager) -> None:
    with manager.listen("tls:127.0.0.1:0") as listener, call(manager, listener) as client:
        client.sendall(b"early")
        accepted = listener.accept()
        assert accepted is not None
        with TLSSocket.from_accepted(accepted) as ours:
            assert ours.connection is accepted
            assert ours.timeout is None
            assert ours.recv(100) == b"early"
            for data in (b"question", bytes(300_000)):
                sending = Running(partial(client.sendall, data))
                assert read_all(ours, len(data)) == data
                sending.result()
            with ours.makefile("w") as file:
                file.write("an answer\n")
            assert accepted.client == client.getsockname()
            assert open_connections(listener) == 1
        wait_until(lambda: open_connections(listener) == 0)
        with client.makefile() as answers:
            assert answers.read() == "an answer\n"
        assert accepted.sock is None


def test_pythons_client(manager: TLSManager) -> None:
    with manager.listen("tls:127.0.0.1:0") as listener:
        with connect(port_of(listener), NAME) as peer:
            accepted = listener.accept()
            assert accepted is not None
            with TLSSocket.from_accepted(accepted) as ours:
                ours.sendall(b"hello")
                assert read_all(peer, 5) == b"hello"
                other = Running(peer.unwrap)
                assert ours.recv(1) == b""
                ours.unwrap().close()
                other.result().close()
        wait_until(lambda: open_connections(listener) == 0)


def test_it_outlives_the_listener(manager: TLSManager) -> None:
    listener = manager.listen("tls:127.0.0.1:0")
    with call(manager, listener) as client:
        accepted = listener.accept()
        assert accepted is not None
        listener.close()
        with TLSSocket.from_accepted(accepted) as ours:
            ours.sendall(b"still here")
        assert client.recv(100) == b"still here"


def test_one_that_was_closed(manager: TLSManager) -> None:
    with manager.listen("tls:127.0.0.1:0") as listener, call(manager, listener):
        accepted = listener.accept()
        assert accepted is not None
        accepted.close()
        with pytest.raises(ValueError, match="closed"):
            TLSSocket.from_accepted(accepted)


def test_one_that_is_forgotten(manager: TLSManager) -> None:
    with manager.listen("tls:127.0.0.1:0") as listener, call(manager, listener) as client:
        accepted = listener.accept()
        assert accepted is not None
        kept = [TLSSocket.from_accepted(accepted)]
        del accepted
        with pytest.warns(ResourceWarning, match="unclosed <TLSSocket"):
            kept.clear()
        gc.collect()
        with pytest.raises((TruncatedError, ConnectionError)):
            client.recv(1)
        wait_until(lambda: open_connections(listener) == 0)
