"""Upstreams that speak TLS: by client domain, with names, sessions and headers before TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support import reference_proxy_reader as reader
from tests.support.listeners import Ends, Greeter, ask, greeting, listening, port_of
from tests.support.managers import client_domain, manager_of, method_of, pki, server_domain
from tests.support.proxy import TIMEOUT, connect, server_context
from tests.support.scripts import Site, client, server
from tlsmgm import Listener, TLSManager, Upstream, VerificationError


def dom2_only(library: str, version: str, **values: Any) -> TLSManager:
    """A manager whose client domain speaks one version alone."""
    return manager_of(
        library, server_domain("dom1"), client_domain(method=method_of(version), **values)
    )


def refused(listener: Listener, ends: Ends, count: int = 1) -> Any:
    """How a connection ended whose upstream was not taken."""
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        ask(listener)
    return ends.wait_for(count)[-1]


def mismatch(wanted: str) -> str:
    """What is said where the upstream of ``dom2`` should have had another name."""
    return (
        f"the peer's certificate is refused: name_mismatch: {wanted!r} was expected, and it is for "
        "'dom2.test'"
    )


def size_of_header(data: bytes) -> int | None:
    found = reader.read(data)
    return None if found is None else found.size


def test_a_verified_name(library: str, version: str) -> None:
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, server_name="dom2.test")
        with listening(dom2_only(library, version), route) as (listener, ends):
            assert ask(listener) == b"hello"
            ended = ends.one()
    assert (ended.status, ended.reason) == ("ok", None)
    assert ended.upstream == f"127.0.0.1:{upstream.port}"
    inner = ended.upstream_connection
    assert inner is not None
    assert inner.version == version
    assert inner.domain is not None
    assert inner.domain.name == "client"
    assert inner.peer_certificate is not None
    assert ended.connection is not None
    assert ended.connection.domain is not inner.domain


def test_a_wrong_name_is_refused(library: str, version: str) -> None:
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, server_name="dom1.test")
        with listening(dom2_only(library, version), route) as (listener, ends):
            ended = refused(listener, ends)
    assert ended.status == "upstream-failed"
    assert ended.reason == str(ended.failure) == mismatch("dom1.test")
    assert isinstance(ended.failure, VerificationError)
    assert ended.upstream_connection is not None
    assert ended.upstream_connection.server_name == "dom1.test"
    assert ended.upstream_connection.verify_name == "dom1.test"
    assert (ended.bytes_in, ended.bytes_out) == (0, 0)


def test_the_host_is_the_name_where_none_is_given(library: str, version: str) -> None:
    """And 127.0.0.1 does not stand in the certificate."""
    with (
        Greeter(tls=server_context("dom2")) as upstream,
        listening(dom2_only(library, version), upstream.address) as (listener, ends),
    ):
        ended = refused(listener, ends)
    assert ended.reason == mismatch("127.0.0.1")


def test_a_domain_that_does_not_verify(library: str, version: str) -> None:
    manager = dom2_only(library, version, verify_cert=False)
    with (
        Greeter(tls=server_context("dom2")) as upstream,
        listening(manager, upstream.address) as (listener, _),
    ):
        assert ask(listener) == b"hello"


def test_the_domain_of_a_name(library: str) -> None:
    """The one that is named is taken, though another matches."""
    trusting = client_domain("trusting", ca_list=pki("selfsigned.pem"), verify_cert=False)
    manager = manager_of(library, server_domain("dom1"), client_domain("strict"), trusting)
    with Greeter(tls=server_context("selfsigned")) as upstream:
        names = {"trusting": b"hello", "strict": None}
        for name, expected in names.items():
            route = Upstream(upstream.address, domain=name, server_name="dom2.test")
            with listening(manager, route) as (listener, ends):
                if expected is None:
                    assert refused(listener, ends).status == "upstream-failed"
                else:
                    assert ask(listener) == expected


def test_a_client_certificate_is_shown(library: str, version: str) -> None:
    context = server_context("dom2")
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki("root.pem"))
    values = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
    with Greeter(tls=context) as upstream:
        route = Upstream(upstream.address, server_name="dom2.test")
        with listening(dom2_only(library, version, **values), route) as (listener, _):
            assert ask(listener) == b"hello"
        with listening(dom2_only(library, version), route) as (listener, ends):
            ended = refused(listener, ends)
    assert ended.status in {"upstream-failed", "upstream-error"}


def test_the_second_connection_resumes(library: str, version: str) -> None:
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, server_name="dom2.test")
        with listening(dom2_only(library, version), route) as (listener, ends):
            for count in (1, 2, 3):
                assert ask(listener) == b"hello"
                ends.wait_for(count)
            told = [
                ended.upstream_connection and ended.upstream_connection.session_reused
                for ended in ends.all
            ]
    assert upstream.resumed == told == [False, True, True]


def test_plain_clients_and_tls_upstreams(library: str, version: str) -> None:
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, server_name="dom2.test")
        manager = dom2_only(library, version)
        with listening(manager, route, "tcp:127.0.0.1:0") as (listener, ends):
            address = ("127.0.0.1", port_of(listener))
            with socket.create_connection(address, TIMEOUT) as plain:
                assert greeting(plain) == b"hello"
                plain.shutdown(socket.SHUT_WR)
                assert plain.recv(1) == b""
            ended = ends.one()
    assert (ended.status, ended.connection) == ("ok", None)
    assert ended.upstream_connection is not None


@pytest.mark.parametrize("kind", ["v1", "v2"])
@pytest.mark.parametrize("over_tls", [False, True])
def test_the_header_comes_before_everything(library: str, kind: str, over_tls: bool) -> None:
    context = server_context("dom2") if over_tls else None
    name = "dom2.test" if over_tls else None
    with Greeter(tls=context, header=size_of_header) as upstream:
        route = Upstream(upstream.address, server_name=name)
        with listening(manager_of(library), route, proxy_protocol=kind) as (listener, ends):
            with connect(port_of(listener)) as sock:
                assert greeting(sock) == b"hello"
                mine = sock.getsockname()
            ends.one()
        [header] = upstream.headers
        found = reader.read(header)
    assert found is not None
    assert header.startswith(b"PROXY TCP4 " if kind == "v1" else b"\r\n\r\n\x00\r\nQUIT\n")
    mapped = bytes(10) + b"\xff\xff" + ipaddress.IPv4Address("127.0.0.1").packed
    assert found.source == (mapped, mine[1])
    assert found.destination == (mapped, port_of(listener))


def test_the_header_says_as_much_as_is_wished(library: str) -> None:
    sizes = []
    for much in ("none", "tls", "all"):
        with (
            Greeter(header=size_of_header) as upstream,
            listening(
                manager_of(library),
                upstream.address,
                proxy_protocol="v2",
                proxy_protocol_tlvs=much,
            ) as (listener, _),
        ):
            assert ask(listener) == b"hello"
            [header] = upstream.headers
        sizes.append(len(header))
        assert (b"dom1.test" in header) is (much == "all")
        assert (b"TLSv1.3" in header) is (much != "none")
    assert sizes == sorted(sizes)
    assert sizes[0] == 28


def test_an_upstream_that_speaks_no_tls(library: str) -> None:
    with Greeter(b"x" * 64) as upstream:
        route = Upstream(f"tls:127.0.0.1:{upstream.port}", server_name="dom2.test")
        with listening(manager_of(library), route) as (listener, ends):
            ended = refused(listener, ends)
    assert ended.status == "upstream-failed"
    assert ended.reason


def test_a_client_domain_that_changes_holds_for_the_next_connection(
    tmp_path: Path, library: str
) -> None:
    site = Site(tmp_path, library)
    site.write(server("dom1"), client())
    manager = site.load()
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, server_name="dom2.test")
        with listening(manager, route) as (listener, ends):
            assert ask(listener) == b"hello"
            ends.wait_for(1)
            site.write(server("dom1"), client(ca_list="selfsigned.pem"))
            manager.reload()
            assert refused(listener, ends, 2).status == "upstream-failed"
            site.write(server("dom1"), client())
            manager.reload()
            assert ask(listener) == b"hello"


def test_a_client_domain_that_goes(library: str, caplog: pytest.LogCaptureFixture) -> None:
    manager = manager_of(library)
    with Greeter(tls=server_context("dom2")) as upstream:
        route = Upstream(upstream.address, "client", server_name="dom2.test")
        with listening(manager, route) as (listener, ends):
            assert ask(listener) == b"hello"
            ends.wait_for(1)
            manager.remove_domain("client", "client")
            assert "cannot be used: there is no client domain called 'client'" in caplog.text
            ended = refused(listener, ends, 2)
            assert ended.status == "upstream-failed"
            manager.add_domain(client_domain())
            assert ask(listener) == b"hello"
