"""What a listener says of connections that are over, and what its numbers add up to."""

from __future__ import annotations

import contextlib
import datetime
import gc
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.listeners import (
    ANYWHERE,
    Ends,
    Greeter,
    ask,
    greeting,
    leave,
    listening,
    port_of,
)
from tests.support.managers import manager_of, mutual_domain, pki, server_domain
from tests.support.proxy import TIMEOUT, Upstream, connect, read_exactly, reset, wait_until
from tlsmgm import Connection, Ended, TLSError, TLSManager, TruncatedError, VerificationError
from tlsmgm._engine.ended import reason_of


def test_everything_of_a_good_one(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, mutual_domain("dom1"))
    shown = (pki("good.pem"), pki("good.key"))
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    with listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener), certificate=shown) as client:
            greeting(client)
            mine = client.getsockname()
            leave(client)
        ended = ends.one()
        port = port_of(listener)
    after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    assert (ended.status, ended.reason, ended.failure) == ("ok", None, None)
    assert (ended.client, ended.local) == (mine, ("127.0.0.1", port))
    assert before <= ended.accepted <= after
    assert 0 <= ended.duration < (after - before).total_seconds()
    assert ended.server_name == "dom1.test"
    assert (ended.bytes_in, ended.bytes_out) == (4, 9)
    assert ended.upstream == greeter.address.removeprefix("tcp:")
    assert ended.upstream_connection is None
    connection = ended.connection
    assert connection is not None
    assert connection.domain is ended.domain is manager.domains[0]
    assert connection.peer_certificate is not None
    assert connection.peer_certificate.subject_cn == "good client"
    variables = connection.variables
    assert variables["tls_peer_verified"] == "1"
    assert variables["tls_version"] == connection.version
    assert repr(ended) == f"<Ended ok dom1 127.0.0.1:{mine[1]}>"


def test_its_connection_is_over(manager: TLSManager, greeter: Greeter) -> None:
    """The engine has carried its bytes. Whoever goes on with it gets an answer, and no crash."""
    with listening(manager, greeter.address) as (listener, ends):
        ask(listener)
        connection = ends.one().connection
    assert connection is not None
    assert connection.ended
    uses: list[Callable[[], object]] = [
        connection.handshake, connection.read, connection.drain, lambda: connection.write(b"x"),
        lambda: connection.feed(b"x"), connection.read, connection.shutdown, connection.drain,
    ]  # fmt: skip
    for use in uses:
        with contextlib.suppress(TLSError, ValueError):
            use()
    assert connection.ended


def test_it_outlives_listener_and_manager(library: str, greeter: Greeter) -> None:
    manager = manager_of(library)
    with listening(manager, greeter.address) as (listener, ends):
        ask(listener)
        ended = ends.one()
    del manager, listener
    gc.collect()
    assert ended.connection is not None
    assert ended.connection.variables["tls_version"] == "TLSv1.3"
    assert ended.domain is not None
    assert ended.domain.name == "dom1"


def connections() -> int:
    return sum(isinstance(item, Connection) for item in gc.get_objects())


def test_it_is_freed_without_the_collector(manager: TLSManager, greeter: Greeter) -> None:
    """Programs may freeze their objects, and then a ring of them would stay for ever."""
    seen: list[int] = []
    gc.collect()
    before = connections()
    gc.disable()
    try:
        with manager.listen(
            ANYWHERE,
            greeter.address,
            on_end=lambda ended: seen.append(connections() if ended.connection else 0),
        ) as listener:
            ask(listener)
            wait_until(lambda: bool(seen))
            wait_until(lambda: connections() == before)
    finally:
        gc.enable()
    assert seen == [before + 1]


def test_every_connection_is_told_once(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address, workers=2) as (listener, ends):
        ports = []
        for _ in range(60):
            with connect(port_of(listener)) as client:
                greeting(client)
                ports.append(client.getsockname()[1])
                leave(client)
        listener.drain(TIMEOUT)
        assert listener.wait(TIMEOUT)
        told = [ended.client and ended.client[1] for ended in ends.all]
    assert sorted(told, key=str) == sorted(ports, key=str)


def test_in_the_order_of_their_ends(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        clients = [connect(port_of(listener)) for _ in range(4)]
        for number in (2, 0, 3, 1):
            with clients[number] as client:
                greeting(client)
                port = client.getsockname()[1]
                leave(client)
            assert ends.wait_for(len(ends.all) or 1)
            wait_until(lambda port=port: ends.all[-1].client == ("127.0.0.1", port))  # type: ignore[misc]


@pytest.mark.parametrize("end", ["fin", "reset", "part"])
def test_unclean_ends(manager: TLSManager, greeter: Greeter, end: str) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        client = connect(port_of(listener))
        greeting(client)
        if end == "reset":
            reset(client)
        else:
            with socket.socket(fileno=client.detach()) as raw:
                raw.sendall(b"\x17\x03\x03\x01\x00 no more" if end == "part" else b"")
        ended = ends.one()
    expected = {
        "fin": ("client-closed", "closed without close_notify"),
        "reset": ("client-error", "Connection reset by peer"),
        "part": ("client-truncated", "closed without close_notify"),
    }
    assert (ended.status, ended.reason) == expected[end]


def test_garbage_and_silence(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            garbage = ends.wait_for(1)[0]
        with socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT):
            pass
        silent = ends.wait_for(2)[1]
        numbers = listener.statistics()
    assert garbage.status == silent.status == "handshake-failed"
    assert garbage.reason
    assert silent.reason
    assert (garbage.domain, garbage.server_name, garbage.connection) == (None, None, None)
    assert numbers["handshakes_failed_total"] == 2


def test_the_upstream_ends(manager: TLSManager) -> None:
    with Upstream() as upstream, listening(manager, upstream.address) as (listener, ends):
        with connect(port_of(listener)) as client, upstream.accept() as server:
            client.sendall(b"data")
            assert read_exactly(server, 4) == b"data"
            reset(server)
            with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):
                client.recv(1)
        ended = ends.one()
    assert ended.status == "upstream-error"
    assert ended.reason == "Connection reset by peer"
    assert (ended.bytes_in, ended.bytes_out) == (4, 0)


def test_a_callback_that_fails_disturbs_nothing(
    manager: TLSManager, greeter: Greeter, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Ends()

    def fail(ended: Ended) -> None:
        seen(ended)
        raise ZeroDivisionError(f"number {len(seen.all)}")

    with manager.listen(ANYWHERE, greeter.address, on_end=fail) as listener:
        for number in range(1, 4):
            assert ask(listener) == b"hello"
            seen.wait_for(number)
        numbers = listener.statistics()
    assert numbers["connections_ended_ok_total"] == 3
    told = [record for record in caplog.records if record.exc_info]
    assert [str(record.exc_info[1]) for record in told if record.exc_info] == [
        "number 1", "number 2", "number 3",
    ]  # fmt: skip
    assert {record.name for record in told} == {"tlsmgm"}


def test_a_callback_may_change_the_manager(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"))

    def add(ended: Ended) -> None:
        if len(manager.domains) == 1:
            manager.add_domain(server_domain("dom2"))

    with manager.listen(ANYWHERE, greeter.address, on_end=add) as listener:
        assert ask(listener) == b"hello"
        wait_until(lambda: len(manager.domains) == 2)
        assert ask(listener, "dom2.test") == b"hello"


def test_a_callback_may_drain(manager: TLSManager, greeter: Greeter) -> None:
    listener = manager.listen(
        ANYWHERE, greeter.address, on_end=lambda ended: listener.drain(TIMEOUT)
    )
    assert ask(listener) == b"hello"
    assert listener.wait(TIMEOUT)
    with pytest.raises(ConnectionRefusedError):
        ask(listener)
    listener.close()


def test_without_a_callback_everything_is_counted(manager: TLSManager, greeter: Greeter) -> None:
    with manager.listen(ANYWHERE, greeter.address) as listener:
        assert ask(listener) == b"hello"
        wait_until(lambda: listener.statistics()["connections_ended_ok_total"] == 1)


def test_numbers_add_up(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"), mutual_domain("dom2"))
    with listening(manager, greeter.address, workers=2) as (listener, ends):
        for _ in range(3):
            assert ask(listener) == b"hello"
        for name in ("dom2.test", "dom3.test"):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(listener, name)
        ends.wait_for(5)
        with connect(port_of(listener)) as client:
            greeting(client)
            now = dict(listener.statistics())
            leave(client)
        ends.wait_for(6)
        then = dict(listener.statistics())
        told = list(ends.all)
    assert (now["connections_open"], then["connections_open"]) == (1, 0)
    assert now["connections_accepted_total"] == then["connections_accepted_total"] == 6
    assert then["handshakes_started_total"] == 6
    assert then["handshakes_completed_total"] == 4
    assert then["handshakes_failed_total"] == 2
    assert then["handshakes_failed_no_domain_total"] == 1
    assert then["handshakes_failed_certificate_total"] == 1
    assert then["handshakes_open"] == 0
    assert then["records_lost_total"] == then["accept_errors_total"] == 0
    assert then["connections_ended_total"] == len(told) == 6
    assert then["bytes_from_clients_total"] == sum(ended.bytes_in for ended in told) == 16
    assert then["bytes_to_clients_total"] == sum(ended.bytes_out for ended in told) == 36
    for kind in ("connections_ended", "handshakes_failed"):
        parts = [
            value
            for name, value in then.items()
            if name.startswith(f"{kind}_") and name != f"{kind}_total"
        ]
        assert sum(parts) == then[f"{kind}_total"]
    for ended in told:
        assert then[f"connections_ended_{ended.status.replace('-', '_')}_total"]


# Reasons alone.


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, None),
        ({"note": "words of C"}, "words of C"),
        ({"error": 111, "note": "words of C"}, "Connection refused"),
        ({"trouble": TruncatedError("words")}, "words"),
        ({"trouble": TruncatedError("words"), "is_established": True},
         "closed without close_notify"),
        ({"trouble": TruncatedError("")}, "TruncatedError"),
        ({"trouble": VerificationError("long words", reason="expired")}, "long words"),
    ],
)  # fmt: skip
def test_reasons(parts: dict[str, Any], reason: str | None) -> None:
    usual: dict[str, Any] = {"trouble": None, "error": 0, "note": None, "is_established": False}
    assert reason_of(**usual | parts) == reason
