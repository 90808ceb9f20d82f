"""Listeners behind a load balancer: PROXY headers as a program sees them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.limits import is_turned_away
from tests.support.listeners import Greeter, greeting, leave, listening, port_of
from tests.support.managers import manager_of, server_domain
from tests.support.programs import curl, needs
from tests.support.proxy import TIMEOUT, client_context, ends_uncleanly
from tests.support.reference_proxy_writer import header, local_header, text_header
from tests.support.tls_sockets import wrap
from tlsmgm import ConfigError, Listener, TLSManager

HERE = "127.0.0.1"
CLIENT = ("192.0.2.7", 4711)
ADDRESS = ("198.51.100.1", 5061)
HEADERS = {"v1": text_header, "v2": header}


def visit(listener: Listener, start: bytes, name: str = "dom1.test") -> tuple[bytes, Any]:
    """Connect with a header first; return what the server behind says, and who connected."""
    sock = socket.create_connection((HERE, port_of(listener)), TIMEOUT)
    sock.sendall(start)
    with wrap(client_context(), sock, server_hostname=name, suppress_ragged_eofs=False) as client:
        sender = client.getsockname()
        found = greeting(client)
        leave(client)
    return found, sender


@pytest.mark.parametrize("kind", HEADERS)
def test_who_the_client_is(manager: TLSManager, greeter: Greeter, kind: str) -> None:
    with listening(manager, greeter.address, proxy_header_from=[HERE]) as (listener, ends):
        found, sender = visit(listener, HEADERS[kind](CLIENT, ADDRESS))
        ended = ends.one()
    assert (found, ended.status) == (b"hello", "ok")
    assert (ended.client, ended.local, ended.peer) == (CLIENT, ADDRESS, sender)


def test_a_sender_for_itself(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address, proxy_header_from=HERE) as (listener, ends):
        _, sender = visit(listener, local_header())
        ended = ends.one()
    assert ended.client == ended.peer == sender
    assert ended.local == (HERE, port_of(listener))


def test_without_headers(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        _, sender = visit(listener, b"")
        ended = ends.one()
    assert ended.client == ended.peer == sender


@pytest.mark.parametrize("kind", HEADERS)
def test_connections_for_the_program(manager: TLSManager, greeter: Greeter, kind: str) -> None:
    """They know their client, too, and when one goes on nothing of that is lost."""

    async def answer(listener: Listener) -> Any:
        connection = await anext(listener)
        assert connection.sock is not None
        found = connection.client, connection.local, connection.sock.getpeername()
        await connection.relay(greeter.address)
        return found

    with listening(manager, None, proxy_header_from=[HERE]) as (listener, ends):
        with ThreadPoolExecutor(1) as pool:
            visitor = pool.submit(visit, listener, HEADERS[kind](CLIENT, ADDRESS))
            found = asyncio.run(answer(listener))
            greeted, sender = visitor.result(TIMEOUT)
        ended = ends.one()
    assert greeted == b"hello"
    assert found == (CLIENT, ADDRESS, sender)
    assert (ended.client, ended.local, ended.peer) == found


def test_all_addresses_and_workers(manager: TLSManager, greeter: Greeter) -> None:
    addresses = ["tls:127.0.0.1:0", "tls:*:0", "tcp:127.0.0.1:0"]
    options = {"proxy_header_from": [HERE], "workers": 2}
    with listening(manager, greeter.address, addresses, **options) as (listener, ends):
        for number in range(2):
            for _ in range(4):
                sock = socket.create_connection((HERE, port_of(listener, number)), TIMEOUT)
                sock.sendall(header(CLIENT, ADDRESS))
                with wrap(client_context(), sock, server_hostname="dom1.test") as client:
                    assert greeting(client) == b"hello"
        with socket.create_connection((HERE, port_of(listener, 2)), TIMEOUT) as plain:
            plain.sendall(header(CLIENT, ADDRESS))
            assert greeting(plain) == b"hello"
        assert {(ended.client, ended.local) for ended in ends.wait_for(9)} == {(CLIENT, ADDRESS)}


@needs("curl")
def test_curl(manager: TLSManager) -> None:
    answer = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    with (
        Greeter(answer) as server,
        listening(manager, server.address, proxy_header_from=[HERE]) as (listener, ends),
    ):
        done = curl(port_of(listener), "dom1.test", "--haproxy-protocol")
        assert done.returncode == 0, done.stderr
        assert done.stdout == b"hello"
        ended = ends.one()
        assert ended.client == ended.peer
        without = curl(port_of(listener), "dom1.test")
        assert without.returncode != 0
        assert ends.wait_for(2)[1].status == "bad-proxy-header"


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"PROXY "])
def test_no_header(manager: TLSManager, greeter: Greeter, sent: bytes) -> None:
    """It is no failure of TLS, for none has begun."""
    with listening(manager, greeter.address, proxy_header_from=[HERE]) as (listener, ends):
        with socket.create_connection((HERE, port_of(listener)), TIMEOUT) as sock:
            sock.sendall(sent)
            with contextlib.suppress(OSError):  # it may be over by then
                sock.shutdown(socket.SHUT_WR)
            assert ends_uncleanly(sock)
        ended = ends.one()
        statistics = listener.statistics()
    assert (ended.status, ended.failure, ended.domain) == ("bad-proxy-header", None, None)
    assert ended.reason is not None
    assert "PROXY protocol" in ended.reason
    assert statistics["connections_ended_bad_proxy_header_total"] == 1
    assert statistics["handshakes_started_total"] == 0
    assert statistics["handshakes_failed_total"] == 0


def test_whom_nobody_trusts(
    manager: TLSManager, greeter: Greeter, caplog: pytest.LogCaptureFixture
) -> None:
    """It never gets to speak, and the log names it once in a while."""
    caplog.set_level(logging.WARNING, logger="tlsmgm")
    networks = ["10.0.0.0/8", "::/0"]
    with listening(manager, greeter.address, proxy_header_from=networks) as (listener, ends):
        for _ in range(3):
            assert is_turned_away(port_of(listener))
        listener.drain(0)
        assert listener.wait(TIMEOUT)
        statistics = listener.statistics()
    assert ends.all == []
    assert statistics["connections_untrusted_total"] == 3
    assert statistics["connections_accepted_total"] == 3
    assert statistics["connections_refused_total"] == 0
    told = [record.message for record in caplog.records]
    assert told == ["127.0.0.1 is turned away: no PROXY header is taken from there"]


def test_the_destination_chooses_the_domain(library: str, greeter: Greeter) -> None:
    """Two domains for the same name differ by the address in front of the load balancer."""
    anything = {"match_sip_domain": "*"}
    manager = manager_of(
        library,
        server_domain("dom1", match_ip_address="198.51.100.1:5061", **anything),
        server_domain("dom2", match_ip_address="198.51.100.2:5061", **anything),
    )
    with listening(manager, greeter.address, proxy_header_from=[HERE]) as (listener, ends):
        for kind in HEADERS.values():
            visit(listener, kind(CLIENT, ("198.51.100.1", 5061)), "dom1.test")
            visit(listener, kind(CLIENT, ("198.51.100.2", 5061)), "dom2.test")
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            visit(listener, header(CLIENT, ("198.51.100.3", 5061)))
        found = [ended.domain.name for ended in ends.wait_for(5) if ended.domain]
    assert found == ["dom1", "dom2"] * 2


@pytest.mark.parametrize("networks", [[], "", ["10.0.0.1/8"], ["localhost"]])
def test_networks_that_are_none(manager: TLSManager, networks: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        manager.listen("tls:127.0.0.1:0", "tcp:127.0.0.1:1", proxy_header_from=networks)
    assert caught.value.parameter == "proxy_header_from"
