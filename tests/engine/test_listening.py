"""Clients of all kinds at a listener, and addresses of all kinds."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
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
from tests.support.managers import NAMES, manager_of, method_of, mutual_domain, pki, server_domain
from tests.support.programs import curl, needs, s_client, version_flag
from tests.support.proxy import TIMEOUT, client_context, connect, exchange
from tests.support.tls_sockets import wrap
from tlsmgm import ConfigError, TLSManager, UnsupportedError
from tlsmgm._serving.listening import bind
from tlsmgm._serving.targets import Target, parse_target

PYTHONS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def connect_to(host: str, port: int, name: str = "dom1.test") -> ssl.SSLSocket:
    """Connect with TLS to any address."""
    return wrap(
        client_context(), socket.create_connection((host, port), TIMEOUT), server_hostname=name
    )


@pytest.mark.parametrize("name", NAMES)
def test_clients_of_python(manager: TLSManager, greeter: Greeter, version: str, name: str) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        found = ask(listener, f"{name}.test", version=PYTHONS_VERSIONS[version])
        ended = ends.one()
    assert found == b"hello"
    assert (ended.status, ended.reason) == ("ok", None)
    assert ended.domain is not None
    assert ended.domain.name == name
    assert ended.connection is not None
    assert ended.connection.version == version


@needs("openssl")
def test_s_client(manager: TLSManager, greeter: Greeter, version: str) -> None:
    with listening(manager, greeter.address) as (listener, ends):
        options = ("-servername", "dom2.test", "-verify_hostname", "dom2.test", "-brief")
        done = s_client(port_of(listener), *options, version_flag(version), text=b"a word\n")
        ended = ends.one()
    assert done.returncode == 0, done.stdout
    assert f"Protocol version: {version}" in done.stdout
    assert ended.bytes_in == len(b"a word\n")
    assert ended.domain is not None
    assert ended.domain.name == "dom2"


@needs("curl")
def test_curl(manager: TLSManager, version: str) -> None:
    answer = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    flags = {"TLSv1.2": ("--tls-max", "1.2"), "TLSv1.3": ("--tlsv1.3",)}[version]
    with Greeter(answer) as server, listening(manager, server.address) as (listener, ends):
        done = curl(port_of(listener), "dom1.test", *flags)
        assert done.returncode == 0, done.stderr
        assert done.stdout == b"hello"
        connection = ends.one().connection
    assert connection is not None
    assert connection.version == version


def test_a_client_certificate(library: str, greeter: Greeter, version: str) -> None:
    manager = manager_of(library, mutual_domain("dom1", method=method_of(version)))
    shown = (pki("good.pem"), pki("good.key"))
    with listening(manager, greeter.address) as (listener, ends):
        assert ask(listener, certificate=shown) == b"hello"
        connection = ends.one().connection
        assert connection is not None
        assert connection.peer_certificate is not None
        assert connection.variables["tls_peer_subject_cn"] == "good client"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(listener)
        refused = ends.wait_for(2)[1]
    assert refused.status == "handshake-failed"
    assert refused.reason == (
        "the peer's certificate is refused: missing: the client has sent none, and domain 'dom1' "
        "requires one"
    )
    assert refused.upstream is not None, "where it would have gone"
    assert (refused.bytes_in, refused.bytes_out) == (0, 0)


def test_much_data_both_ways(manager: TLSManager, greeter: Greeter, version: str) -> None:
    payload = bytes(range(256)) * 8192
    with listening(manager, greeter.address) as (listener, ends):
        with connect(port_of(listener), version=PYTHONS_VERSIONS[version]) as client:
            greeting(client)
            assert exchange(client, payload) == payload
            leave(client)
        ended = ends.one()
    assert (ended.bytes_in, ended.bytes_out) == (len(payload) + 4, len(payload) + 9)


def test_several_addresses_and_both_kinds(manager: TLSManager, greeter: Greeter) -> None:
    addresses = [ANYWHERE, "tls:[::1]:0", "tcp:127.0.0.1:0"]
    with listening(manager, greeter.address, addresses) as (listener, ends):
        assert [(target.is_tls, target.host) for target in listener.addresses] == [
            (True, "127.0.0.1"), (True, "::1"), (False, "127.0.0.1"),
        ]  # fmt: skip
        assert repr(listener) == f"<Listener {', '.join(map(str, listener.addresses))}>"
        with connect_to("127.0.0.1", port_of(listener, 0)) as client:
            assert greeting(client) == b"hello"
        ends.wait_for(1)
        with connect_to("::1", port_of(listener, 1)) as client:
            assert greeting(client) == b"hello"
            mine = client.getsockname()[:2]
        ends.wait_for(2)
        with socket.create_connection(("127.0.0.1", port_of(listener, 2)), TIMEOUT) as plain:
            assert greeting(plain) == b"hello"
        over_4, over_6, over_plain = ends.wait_for(3)
    assert [one.listener for one in (over_4, over_6, over_plain)] == [0, 1, 2]
    assert over_6.client == mine
    assert over_6.local == ("::1", port_of(listener, 1))
    assert over_4.local == ("127.0.0.1", port_of(listener, 0))
    assert over_plain.connection is None
    assert (over_plain.domain, over_plain.server_name) == (None, None)
    assert over_plain.status == "ok"


def test_all_addresses(manager: TLSManager, greeter: Greeter) -> None:
    """An IPv4 client is told as one, though the socket is of IPv6."""
    with listening(manager, greeter.address, "tls:*:0") as (listener, ends):
        port = port_of(listener)
        hosts = ["127.0.0.1", "127.0.0.2"]
        hosts += ["::1"] if socket.has_dualstack_ipv6() else []
        for number, host in enumerate(hosts, 1):
            with connect_to(host, port) as client:
                assert greeting(client) == b"hello"
                mine = client.getsockname()[:2]
            ended = ends.wait_for(number)[-1]
            assert (ended.client, ended.local) == (mine, (host, port))


def test_domains_by_local_address(library: str, greeter: Greeter) -> None:
    """Also where the socket is open for all addresses."""
    manager = TLSManager(library)
    with listening(manager, greeter.address, "tls:*:0") as (listener, ends):
        port = port_of(listener)
        places = {"dom1": "127.0.0.1", "dom2": "127.0.0.2"}
        for name, host in places.items():
            manager.add_domain(
                server_domain(name, match_ip_address=f"{host}:{port}", match_sip_domain="*")
            )
        for number, (name, host) in enumerate(places.items(), 1):
            with connect_to(host, port, f"{name}.test") as client:
                greeting(client)
            domain = ends.wait_for(number)[-1].domain
            assert domain is not None
            assert domain.name == name


def test_workers_share_clients(manager: TLSManager, greeter: Greeter) -> None:
    """With sockets that the caller has bound, so that each worker's can be counted."""
    bound = bind([parse_target(ANYWHERE, listening=True)], 2)
    assert len(bound[0].socks) == 2
    with listening(manager, greeter.address, bound, workers=2) as (listener, ends):
        seen = [worker.counts for worker in listener._inside.engine._workers]
        while not all(counts()["accepted"] for counts in seen):
            assert ask(listener) == b"hello"
        accepted = sum(counts()["accepted"] for counts in seen)
        assert len(ends.wait_for(accepted)) == accepted
        assert listener.statistics()["connections_ended_ok_total"] == accepted


def test_sockets_for_another_number_of_workers(manager: TLSManager) -> None:
    bound = bind([parse_target(ANYWHERE, listening=True)], 2)
    with pytest.raises(ConfigError, match="a socket for every worker"):
        manager.listen(bound, "tcp:127.0.0.1:9", workers=3)
    for sock in bound[0].socks:
        sock.close()


# What does not listen.


@pytest.fixture
def ends() -> Iterator[Ends]:
    found = Ends()
    yield found
    assert found.all == []


def test_an_address_that_is_taken(manager: TLSManager, ends: Ends) -> None:
    """Nothing listens then, not even where it could."""
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = free.getsockname()[1]
        free.close()
        port = taken.getsockname()[1]
        wanted = [f"tls:127.0.0.1:{other}", f"tls:127.0.0.1:{port}"]
        for workers in (1, 2):
            with pytest.raises(ConfigError) as caught:
                manager.listen(wanted, "tcp:127.0.0.1:9", workers=workers, on_end=ends)
            assert str(caught.value) == (
                f"cannot listen on tls:127.0.0.1:{port}: Address already in use"
            )
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", other), TIMEOUT)


def test_a_listeners_own_address_is_taken_too(manager: TLSManager, greeter: Greeter) -> None:
    """SO_REUSEPORT, by which workers share it, would let it in."""
    with (
        listening(manager, greeter.address, workers=2) as (listener, _),
        pytest.raises(ConfigError, match="Address already in use"),
    ):
        manager.listen(str(listener.addresses[0]), greeter.address, workers=2)


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ([], "there is no address to listen on"),
        ("127.0.0.1:5061", "bad address"),
        ("unix:/run/a", "bad address"),
        ("tls:no-such-host.invalid:0", r"cannot listen on tls:no-such-host\.invalid:0"),
        ("tls:192.0.2.1:0", r"cannot listen on tls:192\.0\.2\.1:0"),
    ],
)
def test_bad_addresses(manager: TLSManager, addresses: str | list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        manager.listen(addresses, "tcp:127.0.0.1:9")


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers(manager: TLSManager, workers: int) -> None:
    with pytest.raises(ConfigError, match="'workers'"):
        manager.listen(ANYWHERE, "tcp:127.0.0.1:9", workers=workers)


@pytest.mark.parametrize("nice", [-1, 20, 1.5])
def test_nobody_is_nicer_than_the_system_allows(manager: TLSManager, nice: Any) -> None:
    with pytest.raises(ConfigError, match=r"'nice': cannot be .* \(0 to 19\)"):
        manager.listen(ANYWHERE, "tcp:127.0.0.1:9", nice=nice)


def test_tls_needs_a_library_and_plain_tcp_does_not(greeter: Greeter) -> None:
    manager = TLSManager("none")
    with pytest.raises(UnsupportedError, match="no TLS library"):
        manager.listen([ANYWHERE, "tcp:127.0.0.1:0"], greeter.address)
    with (
        listening(manager, greeter.address, "tcp:127.0.0.1:0") as (listener, _),
        socket.create_connection(("127.0.0.1", port_of(listener)), TIMEOUT) as client,
    ):
        assert greeting(client) == b"hello"


def test_without_a_server_domain_nobody_is_served(library: str, greeter: Greeter) -> None:
    """Domains may come later, so it listens; clients are told that none has their name."""
    manager = TLSManager(library)
    with listening(manager, greeter.address) as (listener, ends):
        with pytest.raises(ssl.SSLError, match=r"unrecognized name|UNRECOGNIZED_NAME"):
            ask(listener)
        ended = ends.one()
        assert (ended.status, ended.domain, ended.server_name) == ("no-domain", None, "dom1.test")
        manager.add_domain(server_domain("dom1"))
        assert ask(listener) == b"hello"


def test_a_target_instead_of_its_text(manager: TLSManager, greeter: Greeter) -> None:
    with listening(manager, parse_target(greeter.address), Target(True, "127.0.0.1")) as (it, _):
        assert ask(it) == b"hello"
