"""What changes in a manager holds for the next connection, and for no earlier one."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.support.listeners import Greeter, ask, greeting, leave, listening, port_of
from tests.support.managers import manager_of, mutual_domain, pki, server_domain
from tests.support.proxy import TIMEOUT, connect, read_exactly
from tests.support.scripts import Site, server
from tests.support.tls_sockets import wrap
from tlsmgm import ConfigError, Listener, TLSManager


def serial_of(listener: Listener, name: str = "dom1.test") -> str:
    """The certificate that a new client is shown."""
    with connect(port_of(listener), name) as client:
        greeting(client)
        shown = client.getpeercert()
        leave(client)
    assert shown is not None
    return str(shown["serialNumber"])


def test_a_reload(tmp_path: Path, library: str, greeter: Greeter) -> None:
    site = Site(tmp_path, library)
    site.write(server("dom1", match_sip_domain="*"))
    manager = site.load()
    with listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener), "dom1.test") as old:
            greeting(old)
            before = serial_of(listener)
            site.replace("dom1.pem", "dom2.pem")
            site.replace("dom1.key", "dom2.key")
            assert manager.reload().changed == ("dom1",)
            assert serial_of(listener, "dom2.test") != before
            old.sendall(b"more")
            assert read_exactly(old, 4) == b"more"
            leave(old)
        mine = [ended for ended in ends.wait_for(3) if ended.server_name == "dom1.test"]
    assert [ended.status for ended in mine] == ["ok", "ok"]


def test_a_reload_that_fails(tmp_path: Path, library: str, greeter: Greeter) -> None:
    site = Site(tmp_path, library)
    site.write(server("dom1"))
    manager = site.load()
    with listening(manager, greeter.address) as (listener, _):
        before = serial_of(listener)
        site.write(server("dom1", certificate="missing.pem"))
        with pytest.raises(ConfigError):
            manager.reload()
        assert serial_of(listener) == before


def test_domains_come_and_go(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"))
    with listening(manager, greeter.address) as (listener, ends):
        assert ask(listener) == b"hello"
        with pytest.raises(ssl.SSLError):
            ask(listener, "dom2.test")
        manager.add_domain(server_domain("dom2"))
        with connect(port_of(listener), "dom2.test") as stays:
            greeting(stays)
            manager.remove_domain("dom2", "server")
            with pytest.raises(ssl.SSLError):
                ask(listener, "dom2.test")
            stays.sendall(b"more")
            assert read_exactly(stays, 4) == b"more"
            leave(stays)
        found = [(ended.status, ended.domain) for ended in ends.wait_for(4)]
    assert [status for status, _ in found] == ["ok", "no-domain", "no-domain", "ok"]
    assert found[3][1] is not None
    assert found[3][1].name == "dom2", "it is gone, and still that of its connections"


def test_a_domain_is_replaced(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"))
    shown = (pki("good.pem"), pki("good.key"))
    with listening(manager, greeter.address) as (listener, ends):
        assert ask(listener) == b"hello"
        manager.replace_domain(mutual_domain("dom1"))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(listener)
        assert ask(listener, certificate=shown) == b"hello"
        manager.replace_domain(server_domain("dom1"))
        assert ask(listener) == b"hello"
        assert [ended.status for ended in ends.wait_for(4)] == [
            "ok", "handshake-failed", "ok", "ok",
        ]  # fmt: skip


def test_a_route_whose_domain_goes_comes_back_with_it(library: str, greeter: Greeter) -> None:
    manager = manager_of(library, server_domain("dom1"), server_domain("dom2"))
    with (
        Greeter(b"other") as other,
        listening(manager, {"dom2": other.address, "*": greeter.address}) as (listener, _),
    ):
        assert ask(listener, "dom2.test") == b"other"
        manager.remove_domain("dom2", "server")
        manager.add_domain(server_domain("dom2"))
        assert ask(listener, "dom2.test") == b"other"
        assert ask(listener, "dom1.test") == b"hello"


def test_hello_size_can_be_set(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        assert ask(listener) == b"hello"
        manager.hello_size = 512
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(listener, alpn=["x" * 200, "y" * 200, "z" * 200])
        assert ends.wait_for(2)[1].status == "hello-too-large"
        manager.hello_size = 32768
        assert ask(listener, alpn=["x" * 200, "y" * 200, "z" * 200]) == b"hello"
        assert listener.statistics()["limit_hello_size_total"] == 1


def test_many_changes_among_many_handshakes(manager: TLSManager, greeter: Greeter) -> None:
    """Each of them has a plan of its own, and none fails."""
    with listening(manager, greeter.address, workers=2) as (listener, ends):
        for number in range(30):
            with connect(port_of(listener)) as first:
                manager.add_domain(server_domain(f"new{number}", certificate=pki("dom2.pem"),
                                                 private_key=pki("dom2.key")))  # fmt: skip
                assert ask(listener) == b"hello"
                greeting(first)
                leave(first)
        assert {ended.status for ended in ends.wait_for(60)} == {"ok"}
        plans = listener._inside.engine._plans
        ends.all.clear()
        while len(plans) > 1:  # old ones are let go with the next connections
            ask(listener)


def test_sessions_are_resumed_across_changes(manager: TLSManager, greeter: Greeter) -> None:
    """A change of another domain leaves the tickets of this one alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    session = None
    reused = []
    with listening(manager, greeter.address, workers=2) as (listener, ends):
        for number in range(3):
            with connect_again(context, port_of(listener), session) as client:
                greeting(client)
                session = client.session
                reused.append(client.session_reused)
                leave(client)
            manager.add_domain(server_domain(f"new{number}", certificate=pki("dom2.pem"),
                                             private_key=pki("dom2.key")))  # fmt: skip
        told = [ended.connection and ended.connection.session_reused for ended in ends.wait_for(3)]
        assert listener.statistics()["handshakes_resumed_total"] == 2
    assert reused == told == [False, True, True]


def connect_again(
    context: ssl.SSLContext, port: int, session: ssl.SSLSession | None
) -> ssl.SSLSocket:
    """Connect, and offer a session."""
    sock = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    return wrap(context, sock, server_hostname="dom1.test", session=session)
