"""Clean ends and others: close_notify, truncation, half-closed connections, plain sockets again."""

from __future__ import annotations

import functools
import gc
import os
import socket
import warnings

import pytest

from tests.sockets.talk import (
    NAME,
    Pair,
    Running,
    facing_server,
    other_context,
    read_all,
    sockets,
)
from tests.support.peers import StdlibPeer
from tests.support.sockets import TIMEOUT
from tlsmgm import TLSManager, TLSSocket, TruncatedError


def test_close_says_goodbye(pair: Pair) -> None:
    pair.client.sendall(b"last words")
    pair.client.close()
    pair.client.close()
    assert pair.server.recv(100) == b"last words"
    assert [pair.server.recv(100) for _ in range(2)] == [b""] * 2
    assert pair.server.recv_into(bytearray(5)) == 0


def test_close_right_behind_the_handshake(manager: TLSManager) -> None:
    """A server's tickets that come later must not have it lose what its client has sent."""
    for _ in range(10):
        called, accepted = sockets()
        server = Running(functools.partial(manager.wrap_socket, accepted, server_side=True))
        with manager.wrap_socket(called, domain="client", server_name=NAME) as client:
            client.sendall(b"last words")
        with server.result() as ours:
            assert read_all(ours, 10) == b"last words"
            assert ours.recv(1) == b""


def test_close_says_goodbye_where_there_is_no_room_at_first(pair: Pair) -> None:
    """What ``sendall()`` has sent may fill the socket to the last byte."""
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    data = bytes(3_000_000)

    def send() -> None:
        with pair.client as client:
            client.sendall(data)

    sending = Running(send)
    assert read_all(pair.server, len(data)) == data
    assert pair.server.recv(1) == b""
    sending.result()


def test_an_exception_is_no_clean_end(pair: Pair) -> None:
    def fail() -> None:
        with pair.client as client:
            client.sendall(b"a part")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert pair.server.recv(100) == b"a part"
    for _ in range(2):
        with pytest.raises(TruncatedError):
            pair.server.recv(100)


def test_truncation(pair: Pair) -> None:
    pair.client.sendall(b"a part")
    os.close(pair.client.detach())
    assert pair.server.recv(100) == b"a part"
    with pytest.raises(TruncatedError):
        pair.server.recv(100)


def test_truncation_in_a_file(pair: Pair) -> None:
    pair.client.sendall(b"a part")
    os.close(pair.client.detach())
    with pair.server.makefile("rb") as file, pytest.raises(TruncatedError):
        file.read()


def test_closed(pair: Pair) -> None:
    pair.client.close()
    calls = [
        lambda: pair.client.recv(1),
        lambda: pair.client.recv_into(bytearray(1)),
        lambda: pair.client.send(b"x"),
        lambda: pair.client.sendall(b"x"),
        lambda: pair.client.shutdown(socket.SHUT_WR),
        lambda: pair.client.getpeername(),
        pair.client.pending,
        pair.client.unwrap,
        pair.client.detach,
        pair.client.makefile,
        pair.client.do_handshake,
    ]
    for call in calls:
        with pytest.raises(OSError, match="closed"):
            call()
    assert pair.client.connection.version is not None


def test_half_closed(pair: Pair, version: str) -> None:
    pair.client.shutdown(socket.SHUT_WR)
    pair.client.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        pair.client.send(b"x")
    assert pair.server.recv(1) == b""
    pair.server.sendall(b"an answer")
    pair.server.close()
    assert read_all(pair.client, 9) == b"an answer"
    assert pair.client.recv(1) == b""


def test_shut_for_reading(pair: Pair) -> None:
    waiting = Running(lambda: pair.client.recv(10))
    pair.client.shutdown(socket.SHUT_RD)
    assert waiting.result() == b""
    pair.client.sendall(b"still")
    assert pair.server.recv(10) == b"still"


def test_shut_both_ways(pair: Pair) -> None:
    waiting = Running(lambda: pair.client.recv(10))
    pair.client.shutdown(socket.SHUT_RDWR)
    assert waiting.result() == b""
    assert pair.server.recv(1) == b""
    with pytest.raises(OSError, match="rgument"):
        pair.client.shutdown(99)


def test_unwrap(pair: Pair) -> None:
    pair.client.settimeout(TIMEOUT / 2)
    other = Running(pair.server.unwrap)
    with pair.client.unwrap() as plain, other.result() as there:
        assert (plain.gettimeout(), there.gettimeout()) == (TIMEOUT / 2, TIMEOUT)
        assert pair.client.fileno() == -1
        plain.sendall(b"in the clear")
        assert there.recv(100) == b"in the clear"
        assert pair.client.behind == b""


def test_who_goes_on_with_the_old_socket_hears_of_the_new_one(pair: Pair) -> None:
    other = Running(pair.server.unwrap)
    with pair.client.unwrap(), other.result():
        with pytest.raises(OSError, match=r"use the socket that unwrap\(\) returned"):
            pair.client.recv(1)
        with pytest.raises(OSError, match=r"use the socket that unwrap\(\) returned"):
            pair.server.sendall(b"x")
        pair.client.close()


def test_tls_again_after_unwrap(manager: TLSManager, pair: Pair) -> None:
    other = Running(pair.server.unwrap)
    plain = pair.client.unwrap()
    accepted = other.result()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    with manager.wrap_socket(plain, domain="client", server_name="dom2.test") as client:
        client.sendall(b"once more")
        with server.result() as ours:
            assert ours.recv(100) == b"once more"
            assert ours.connection.server_name == "dom2.test"


def test_nothing_is_read_behind_close_notify(manager: TLSManager, version: str) -> None:
    """The other side answers our close_notify, and goes on in the clear in the same packet."""
    called, accepted = sockets()
    server = Running(lambda: manager.wrap_socket(accepted, server_side=True))
    peer = StdlibPeer(other_context(version), server_name=NAME)
    with called:
        while not peer.handshake():
            called.sendall(peer.drain())
            peer.feed(called.recv(65536))
        called.sendall(peer.drain())
        ours = server.result()
        unwrapping = Running(ours.unwrap)
        while peer.read() != b"":
            peer.feed(called.recv(65536))
        assert peer.shutdown()
        called.sendall(peer.drain() + b"\x16\x03\x01 plain")
        with unwrapping.result() as plain:
            assert ours.behind == b""
            assert read_all(plain, 9) == b"\x16\x03\x01 plain"


def test_what_came_along_with_close_notify_is_kept(manager: TLSManager, version: str) -> None:
    """A peer that does not wait for our close_notify."""
    with facing_server(manager, version) as (ours, peer):
        peer.sendall(b"data")
        peer.setblocking(False)
        with pytest.raises(OSError, match="did not complete"):
            peer.unwrap()
        with socket.socket(fileno=os.dup(peer.fileno())) as plain:
            plain.sendall(b"in the clear")
        assert read_all(ours, 4) == b"data"
        assert ours.recv(1) == b""
        with ours.unwrap() as plain:
            rest = ours.behind
            assert rest + read_all(plain, 12 - len(rest)) == b"in the clear"


def test_unwrap_refuses_to_lose_data(pair: Pair) -> None:
    pair.server.sendall(b"unread")
    with pytest.raises(ValueError, match="read until nothing comes"):
        pair.client.unwrap()
    assert pair.client.recv(100) == b"unread"
    other = Running(pair.server.unwrap)
    pair.client.unwrap().close()
    other.result().close()


def test_unwrap_of_a_peer_that_goes(pair: Pair) -> None:
    os.close(pair.server.detach())
    with pytest.raises(TruncatedError):
        pair.client.unwrap()


@pytest.mark.parametrize("timeout", [-1, float("-inf"), float("nan")])
def test_a_timeout_that_is_none(pair: Pair, timeout: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        pair.client.settimeout(timeout)
    assert pair.client.timeout == TIMEOUT


def test_detach(pair: Pair) -> None:
    pair.client.settimeout(None)
    number = pair.client.fileno()
    with socket.socket(fileno=pair.client.detach()) as plain:
        assert plain.fileno() == number
        assert os.get_blocking(number)


def test_a_forgotten_socket_is_told(pair: Pair) -> None:
    forgotten: list[TLSSocket] = [pair.client]
    pair.client = pair.server
    number = forgotten[0].fileno()
    with pytest.warns(ResourceWarning, match=f"unclosed <TLSSocket fd={number} "):
        forgotten.clear()
    with pytest.raises(TruncatedError):
        pair.server.recv(1)


def test_a_closed_socket_is_not_told(pair: Pair) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = pair.client.makefile("rb")
        pair.client.close()
        file.close()
        pair.client = pair.server
        del file
        gc.collect()
