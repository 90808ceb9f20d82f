"""The proxy behind a load balancer that tells by a PROXY header who the client is."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hello import real_hello
from tests.support.limits import WatchedProxy, ending, is_turned_away, raw_client
from tests.support.ports import free_ports
from tests.support.programs import find, running
from tests.support.proxy import (
    TIMEOUT,
    Program,
    Proxy,
    Upstream,
    client_context,
    connect,
    read_exactly,
    server_domain,
    write_script,
)
from tests.support.reference_proxy_writer import header, text_header
from tests.support.tls_sockets import wrap

TRUST = ("--proxy-header-from", "127.0.0.1")
CLIENT = ("192.0.2.7", 4711)
ADDRESS = ("198.51.100.1", 443)
HELLO = real_hello("dom1.test")
SENDS = {"v1": "send-proxy", "v2": "send-proxy-v2"}


@contextlib.contextmanager
def haproxy(folder: Path, port: int, backend: int, more: str) -> Iterator[None]:
    """Run HAProxy, which hands on what comes in at a port, headers first."""
    path = folder / "haproxy.cfg"
    path.write_text(
        f"""
defaults
    mode tcp
    timeout client 20s
    timeout server 20s
    timeout connect 20s
listen all
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{backend} {more}
""",
        encoding="ascii",
    )
    with running(port, find("haproxy"), "-db", "-f", str(path)):
        yield


@pytest.mark.parametrize("kind", SENDS)
def test_behind_haproxy(kind: str, library: str, upstream: Upstream, tmp_path: Path) -> None:
    """The client is its own, and the domain the one of HAProxy's address."""
    find("haproxy")
    (port,) = free_ports(1)
    script = write_script(
        tmp_path / "two.cfg",
        server_domain("dom2"),
        server_domain("dom1", match_ip_address=f"127.0.0.1:{port}"),
    )
    with (
        Proxy(script, library, upstream.address, *TRUST) as proxy,
        haproxy(tmp_path, port, proxy.port, SENDS[kind]),
        connect(port, source="127.0.0.9") as client,
        upstream.accept() as server,
    ):
        client.sendall(b"hello")
        assert read_exactly(server, 5) == b"hello"
        host, source = client.getsockname()
        server.close()
        client.close()
        line = proxy.wait_for(rf"^.*{re.escape(host)}:{source}.*status=.*$")[0][0]
    assert "domain=dom1" in line
    assert f"127.0.0.1:{port} " in line


def test_health_checks_of_haproxy(library: str, upstream: Upstream, tmp_path: Path) -> None:
    """It speaks for itself there (LOCAL), so that its own address is in the log."""
    find("haproxy")
    (port,) = free_ports(1)
    script = write_script(tmp_path / "opensips.cfg", server_domain("dom1"))
    checks = "send-proxy-v2 check inter 100 check-send-proxy check-ssl verify none"
    with (
        Proxy(script, library, upstream.address, *TRUST) as proxy,
        haproxy(tmp_path, port, proxy.port, checks),
    ):
        lines = [match[0] for match in proxy.wait_for(r"^.* domain=dom1 .*status=.*$", 2)]
    assert all(" 127.0.0.1:" in line for line in lines)


@pytest.mark.parametrize("between", ["tcp", "tls"])
@pytest.mark.parametrize("kind", SENDS)
def test_one_proxy_behind_another(
    kind: str, between: str, library: str, both: str, upstream: Upstream
) -> None:
    """What one writes is what the other one reads; before TLS, where it goes on with that."""
    is_tls = between == "tls"
    target = upstream.address if is_tls else f"tls:127.0.0.1:{upstream.port}"
    to_back = ["--server-name", "dom1.test"] if is_tls else []
    to_upstream = [] if is_tls else ["--server-name", "dom2.test"]
    with (
        Proxy(
            both, library, target, *TRUST, *to_upstream, listen=[f"{between}:127.0.0.1:0"]
        ) as back,
        Proxy(
            both, library, f"{between}:127.0.0.1:{back.port}", *to_back, "--proxy-protocol", kind
        ) as front,
        connect(front.port, source="127.0.0.9") as client,
        upstream.accept() if is_tls else upstream.accept_tls() as server,
    ):
        client.sendall(b"hello")
        assert read_exactly(server, 5) == b"hello"
        host, source = client.getsockname()
        server.close()
        client.close()
        line = back.wait_for(rf"^.*{re.escape(host)}:{source}.*status=.*$")[0][0]
    assert f"127.0.0.1:{front.port} " in line


def test_the_header_is_passed_on(library: str, script: str, upstream: Upstream) -> None:
    """The upstream hears of the client in front, not of the load balancer between."""
    with (
        Proxy(
            script, library, upstream.address, *TRUST, "--proxy-protocol", "v1",
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as sock,
    ):  # fmt: skip
        sock.sendall(header(CLIENT, ADDRESS))
        with (
            wrap(client_context(), sock, server_hostname="dom1.test") as client,
            upstream.accept() as server,
        ):
            client.sendall(b"hello")
            expected = text_header(CLIENT, ADDRESS) + b"hello"
            assert read_exactly(server, len(expected)) == expected


def test_handshakes_of_one_client(
    library: str, script: str, upstream: Upstream, tmp_path: Path
) -> None:
    options = (*TRUST, "--max-handshakes-per-network", "1")
    with (
        WatchedProxy(tmp_path, script, library, upstream.address, *options) as proxy,
        contextlib.ExitStack() as stack,
    ):

        def send(host: str) -> socket.socket:
            sock = stack.enter_context(raw_client(proxy.port))
            sock.sendall(header((host, 1), ADDRESS))
            return sock

        waiting = []
        for number, host in enumerate(("192.0.2.7", "192.0.2.8"), 1):
            waiting.append(send(host))
            proxy.wait_for_counts(handshakes_open=number)
        assert ending(send("192.0.2.7")) is None
        proxy.wait_for("max_handshakes_per_network is 1; more are turned away, such as 192.0.2.7$")
        for sock in waiting:
            with wrap(client_context(), sock, server_hostname="dom1.test"):
                upstream.accept().close()


def test_nobody_else_is_served(library: str, script: str, upstream: Upstream) -> None:
    options = ("--proxy-header-from", "10.0.0.0/8", "--proxy-header-from", "127.0.0.9")
    with Proxy(script, library, upstream.address, *options) as proxy:
        assert is_turned_away(proxy.port)
        proxy.wait_for("127.0.0.1 is turned away: no PROXY header is taken from there$")


def test_no_header_is_no_service(library: str, script: str, upstream: Upstream) -> None:
    with Proxy(script, library, upstream.address, *TRUST) as proxy:
        with raw_client(proxy.port) as client:
            client.sendall(HELLO)
            assert ending(client) is None
        line = proxy.log_line()
    assert "status=bad-proxy-header" in line
    assert "PROXY protocol" in line


@pytest.mark.parametrize("network", ["10.0.0.1/8", "nobody", ""])
def test_bad_networks(library: str, script: str, network: str) -> None:
    with Program(
        "proxy", "--config", script, "--library", library, "--upstream", "tcp:127.0.0.1:1",
        "--listen", "tls:127.0.0.1:0", "--proxy-header-from", network,
    ) as program:  # fmt: skip
        assert program.exit_code() == 2
        assert "--proxy-header-from" in program.lines[-1]
        assert "bad network" in program.lines[-1]
