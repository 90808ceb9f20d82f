"""Limits of one listener, as given to ``listen()``."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.limits import is_served, is_turned_away, raw_client
from tests.support.listeners import Ends, Greeter, ask, greeting, listening, port_of
from tests.support.proxy import TIMEOUT, connect, send_until_stuck, wait_until
from tlsmgm import Limit, Limits, Listener, TLSManager


def count(listener: Listener, limit: Limit) -> int:
    return listener.statistics()[f"limit_{limit}_total"]


def warnings_of(caplog: pytest.LogCaptureFixture, limit: Limit) -> list[str]:
    return [text for text in caplog.messages if re.match(rf"{limit} is ", text)]


@contextlib.contextmanager
def connected(listener: Listener) -> Iterator[ssl.SSLSocket]:
    with connect(port_of(listener)) as client:
        greeting(client)
        yield client


@pytest.mark.parametrize("workers", [1, 2])
def test_connections(
    manager: TLSManager, greeter: Greeter, workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all workers together; the log tells the first of many."""
    limits = Limits(max_connections=2)
    with listening(manager, greeter.address, limits=limits, workers=workers) as (listener, ends):
        with connected(listener), connected(listener):
            for _ in range(3):
                assert is_turned_away(port_of(listener))
            numbers = listener.statistics()
            assert numbers["limit_max_connections_total"] == 3
            assert numbers["connections_refused_total"] == 3
            assert numbers["connections_open"] == 2
        ends.wait_for(2)
        assert ask(listener) == b"hello"
        told = ends.wait_for(3)
    assert len(told) == 3, "who was turned away was never in"
    assert warnings_of(caplog, Limit.MAX_CONNECTIONS) == [
        "max_connections is 2; more are turned away, such as 127.0.0.1"
    ]


def test_handshakes(
    manager: TLSManager, greeter: Greeter, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(max_handshakes=2)
    with listening(manager, greeter.address, limits=limits) as (listener, ends):
        with connected(listener), raw_client(port_of(listener)), raw_client(port_of(listener)):
            wait_until(lambda: listener.statistics()["handshakes_open"] == 2)
            assert is_turned_away(port_of(listener))
            assert count(listener, Limit.MAX_HANDSHAKES) == 1
        ends.wait_for(3)
        assert ask(listener) == b"hello"
    assert len(warnings_of(caplog, Limit.MAX_HANDSHAKES)) == 1


def test_handshakes_of_a_network(manager: TLSManager, greeter: Greeter) -> None:
    limits = Limits(max_handshakes_per_network=1, ipv4_prefix=32)
    with listening(manager, greeter.address, limits=limits) as (listener, _):
        port = port_of(listener)
        with raw_client(port, "127.0.0.2"):
            wait_until(lambda: listener.statistics()["handshakes_open"] == 1)
            assert is_turned_away(port, "127.0.0.2")
            with connect(port, source="127.0.0.3") as client:
                greeting(client)
        assert count(listener, Limit.MAX_HANDSHAKES_PER_NETWORK) == 1


@pytest.mark.parametrize(
    ("limits", "status", "data"),
    [
        (Limits(first_byte_timeout=0.05), "first-byte-timeout", b""),
        (Limits(handshake_timeout=0.05, first_byte_timeout=0), "handshake-timeout", b""),
        (Limits(handshake_timeout=0.05), "handshake-timeout", b"\x16\x03\x01\x02"),
    ],
)
def test_clients_that_do_not_begin(
    manager: TLSManager, greeter: Greeter, limits: Limits, status: str, data: bytes
) -> None:
    with listening(manager, greeter.address, limits=limits) as (listener, ends):
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client:
            client.sendall(data)
            ended = ends.one()
        numbers = listener.statistics()
    assert ended.status == status
    name = status.replace("-", "_")
    assert numbers[f"limit_{name}_total"] == numbers[f"handshakes_failed_{name}_total"] == 1


def test_the_hello(manager: TLSManager, greeter: Greeter) -> None:
    """The listener's word stands above the manager's, and other listeners have their own."""
    large: dict[str, Any] = {"alpn": ["x" * 200, "y" * 200, "z" * 200]}
    limits = Limits(hello_size=600)
    with (
        listening(manager, greeter.address, limits=limits) as (strict, ends),
        listening(manager, greeter.address) as (usual, _),
    ):
        assert ask(strict) == ask(usual, **large) == b"hello"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(strict, **large)
        assert ends.wait_for(2)[1].status == "hello-too-large"
        assert count(strict, Limit.HELLO_SIZE) == 1
        assert count(usual, Limit.HELLO_SIZE) == 0


def test_silence(manager: TLSManager, greeter: Greeter) -> None:
    limits = Limits(idle_timeout=0.05)
    with listening(manager, greeter.address, limits=limits) as (listener, ends):
        with connected(listener):
            assert ends.one().status == "idle-timeout"
        assert count(listener, Limit.IDLE_TIMEOUT) == 1


def test_a_client_that_takes_nothing(manager: TLSManager) -> None:
    limits = Limits(send_timeout=0.1, buffered_bytes=16384)
    ends: Ends
    with (
        Greeter(bytes(32 << 20)) as upstream,
        listening(manager, upstream.address, limits=limits) as (listener, ends),
        connect(port_of(listener), receive_buffer=4096),
    ):
        assert ends.one().status == "send-timeout"
        assert count(listener, Limit.SEND_TIMEOUT) == 1
        assert count(listener, Limit.BUFFERED_BYTES) >= 1


def test_how_much_waits(manager: TLSManager) -> None:
    """A sender whose receiver takes nothing is not read any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        route = f"tcp:127.0.0.1:{server.getsockname()[1]}"
        limits = Limits(buffered_bytes=16384)
        with (
            listening(manager, route, limits=limits) as (listener, _),
            connect(port_of(listener)) as client,
        ):
            much = 64 << 20
            assert send_until_stuck(client, much) < much
            assert count(listener, Limit.BUFFERED_BYTES) >= 1
            listener.drain(0)


def test_one_listeners_clients_are_no_others(manager: TLSManager, greeter: Greeter) -> None:
    limits = Limits(max_connections=1)
    with (
        listening(manager, greeter.address, limits=limits) as (first, _),
        listening(manager, greeter.address, limits=limits) as (second, _),
        connected(first),
    ):
        assert is_turned_away(port_of(first))
        assert ask(second) == b"hello"


def test_the_default_has_room(manager: TLSManager) -> None:
    with Greeter(b"") as upstream, listening(manager, upstream.address) as (listener, _):
        assert all(is_served(port_of(listener)) for _ in range(20))
