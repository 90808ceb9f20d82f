"""What the access log says of peers that end without close_notify, the same with both libraries."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.support.proxy import (
    Proxy,
    Upstream,
    client_domain,
    connect,
    linked,
    pki,
    read_exactly,
    read_to_end,
    reset,
    server_domain,
    write_script,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ENDED = 'status={} reason="closed without close_notify"'


def raw(client: ssl.SSLSocket) -> socket.socket:
    """The socket below, so that nobody sends close_notify."""
    return socket.socket(fileno=client.detach())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("part", [b"", b"\x17\x03\x03\x01\x00 and no more", b"\x17\x03"])
def test_a_client_that_closes(
    library: str, version: ssl.TLSVersion, part: bytes, script: str, upstream: Upstream
) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream, version=version) as (client, server),
    ):
        client.sendall(b"data")
        assert read_exactly(server, 4) == b"data"
        server.sendall(b"data")  # and tickets before it: unread, they would make this a reset
        assert read_exactly(client, 4) == b"data"
        with raw(client) as sock:
            sock.sendall(part)
        status = "client-truncated" if part else "client-closed"
        assert ENDED.format(status) in proxy.log_line()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("end", ["fin", "reset"])
def test_a_client_that_closes_after_our_end(
    library: str, version: ssl.TLSVersion, end: str, script: str, upstream: Upstream
) -> None:
    """Mail clients do so after QUIT; they may not even read our close_notify."""
    with (
        Proxy(script, library, upstream.address) as proxy,
        linked(proxy, upstream, version=version) as (client, server),
    ):
        server.sendall(b"bye")
        server.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b"bye"
        if end == "reset":
            reset(client)
        else:
            raw(client).close()
        assert "status=ok reason=-" in proxy.log_line()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upstream_that_closes_after_the_clients_end(
    library: str, version: ssl.TLSVersion, tmp_path: Path, upstream: Upstream
) -> None:
    script = write_script(tmp_path / "c", client_domain("out"))
    with (
        Proxy(
            script, library, f"tls:127.0.0.1:{upstream.port}", "--server-name", "dom2.test",
            listen=["tcp:127.0.0.1:0"],
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
        upstream.accept_tls("dom2") as server,
    ):  # fmt: skip
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(server) == b""
        raw(server).close()
        assert "status=ok reason=-" in proxy.log_line()


def test_reasons_are_equal(library: str, tmp_path: Path, upstream: Upstream) -> None:
    domain = server_domain("dom1", verify_cert=1, require_cert=1, ca_list=pki("root.pem"))
    script = write_script(tmp_path / "c", domain)
    shown = (pki("selfsigned.pem"), pki("selfsigned.key"))
    with Proxy(script, library, upstream.address) as proxy:
        with (
            pytest.raises((ssl.SSLError, ConnectionError)),
            connect(proxy.port, certificate=shown) as client,
        ):
            client.recv(1)
        why = "'/O=Self/CN=selfsigned' is signed by itself, and is no CA of domain 'dom1'"
        words = f"the peer's certificate is refused: self_signed: {why}"
        assert f'reason="{words}"' in proxy.log_line()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with (
            socket.create_connection(("127.0.0.1", proxy.port)) as sock,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(sock)
        assert 'reason="the peer sent alert 48 (unknown_ca)"' in proxy.log_line(2)
