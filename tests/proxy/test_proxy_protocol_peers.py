"""PROXY protocol headers as HAProxy and nginx of the distribution read them."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.programs import find, running
from tests.support.proxy import (
    TIMEOUT,
    Proxy,
    client_context,
    connect,
    pki,
)
from tests.support.tls_sockets import wrap

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
ANSWER = re.compile(rb"source=(\S*) port=(\d+) authority=(\S*)")


def pair(folder: Path) -> str:
    """Write certificate and key into one file, as HAProxy wants them."""
    path = folder / "pair.pem"
    path.write_bytes(Path(pki("dom2.pem")).read_bytes() + Path(pki("dom2.key")).read_bytes())
    return str(path)


@contextlib.contextmanager
def haproxy(folder: Path, is_tls: bool) -> Iterator[int]:
    """Run an HTTP server that tells what a header said; give its port."""
    program = find("haproxy")
    (port,) = free_ports(1)
    tls = f"ssl crt {pair(folder)} " if is_tls else ""
    path = folder / "haproxy.cfg"
    path.write_text(
        f"""
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 20s
frontend all
    bind 127.0.0.1:{port} {tls}accept-proxy
    http-request return status 200 content-type text/plain lf-string \
        "source=%[src] port=%[src_port] authority=%[fc_pp_authority]"
""",
        encoding="ascii",
    )
    with running(port, program, "-db", "-f", str(path)):
        yield port


@contextlib.contextmanager
def nginx(folder: Path, is_tls: bool, *, kind: str) -> Iterator[int]:
    """Run a server that tells what a header said, over HTTP or a bare stream; give its port."""
    program = find("nginx")
    if kind == "stream" and not STREAM_MODULE.exists():
        pytest.skip("nginx has no stream module here")
    (port,) = free_ports(1)
    tls = f"ssl_certificate {pki('dom2.pem')}; ssl_certificate_key {pki('dom2.key')};"
    listen = f"listen 127.0.0.1:{port} {'ssl ' if is_tls else ''}proxy_protocol;"
    answer = "source=$proxy_protocol_addr port=$proxy_protocol_port authority=-"
    answer = f"'{answer}'" if kind == "stream" else f"200 '{answer}'"
    temporary = [
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        if kind == "http"
    ]
    path = folder / "nginx.conf"
    path.write_text(
        f"""
{f"load_module {STREAM_MODULE};" if kind == "stream" else ""}
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
{kind} {{
    {"access_log off;" if kind == "http" else ""}
    {" ".join(temporary)}
    server {{ {listen} {tls if is_tls else ""} return {answer}; }}
}}
""",
        encoding="ascii",
    )
    with running(port, program, "-p", str(folder), "-c", str(path), "-e", "stderr"):
        yield port


SERVERS: dict[str, Callable[[Path, bool], AbstractContextManager[int]]] = {
    "haproxy": haproxy,
    "nginx-http": lambda folder, is_tls: nginx(folder, is_tls, kind="http"),
    "nginx-stream": lambda folder, is_tls: nginx(folder, is_tls, kind="stream"),
}


def ask(client: socket.socket) -> tuple[str, int, str]:
    """Send a request and return what the server has read in the header."""
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    text = b""
    while not (found := ANSWER.search(text)):
        piece = client.recv(65536)
        assert piece, text
        text += piece
    return found[1].decode(), int(found[2]), found[3].decode()


@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("header", ["v1", "v2"])
@pytest.mark.parametrize("server", SERVERS)
def test_who_the_client_is(
    server: str, header: str, is_tls: bool, library: str, both: str, tmp_path: Path
) -> None:
    with SERVERS[server](tmp_path, is_tls) as port:
        upstream = f"{'tls' if is_tls else 'tcp'}:127.0.0.1:{port}"
        name = ["--server-name", "dom2.test"] if is_tls else []
        with (
            Proxy(both, library, upstream, *name, "--proxy-protocol", header) as proxy,
            connect(proxy.port, source="127.0.0.9") as client,
        ):
            found = ask(client)
            assert found[:2] == client.getsockname()


def test_haproxy_reads_the_name(library: str, script: str, tmp_path: Path) -> None:
    with (
        haproxy(tmp_path, is_tls=False) as port,
        Proxy(
            script, library, f"tcp:127.0.0.1:{port}", "--proxy-protocol", "v2",
            "--proxy-protocol-tlvs", "all",
        ) as proxy,
        connect(proxy.port) as client,
    ):  # fmt: skip
        assert ask(client)[2] == "dom1.test"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_nginx_has_room_for_the_default_of_ipv6(
    library: str, version: ssl.TLSVersion, script: str, tmp_path: Path
) -> None:
    """Its stream module reads 107 bytes; with the server's name it would hang up."""
    if not has_ipv6():
        pytest.skip("there is no IPv6 here")
    with (
        nginx(tmp_path, is_tls=False, kind="stream") as port,
        Proxy(
            script, library, f"tcp:127.0.0.1:{port}", "--proxy-protocol", "v2",
            listen=["tls:[::1]:0"],
        ) as proxy,
        wrap(
            client_context(version=version),
            socket.create_connection(("::1", proxy.port), TIMEOUT),
            server_hostname="dom1.test",
        ) as client,
    ):  # fmt: skip
        assert ask(client)[:2] == client.getsockname()[:2]


def has_ipv6() -> bool:
    """Whether the loopback has an IPv6 address."""
    with contextlib.closing(socket.socket(socket.AF_INET6)) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True
