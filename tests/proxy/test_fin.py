"""close_notify is followed by FIN at once, and the peer's direction stays open."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from tests.support.proxy import (
    TIMEOUT,
    Proxy,
    Upstream,
    client_context,
    client_domain,
    read_exactly,
    read_to_end,
    server_context,
    write_script,
)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


class MemoryPeer:
    """A TLS end of a connection that tells FIN from close_notify, and answers neither by itself."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str | None) -> None:
        sock.settimeout(TIMEOUT)
        self.sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._in, self._out, server_side=name is None, server_hostname=name
        )
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.flush()
                self._in.write(sock.recv(65536))
            else:
                self.flush()
                return

    def flush(self) -> None:
        """Send what TLS has to send."""
        self.sock.sendall(self._out.read())

    def read_wire_to_end(self) -> None:
        """Take all bytes up to FIN."""
        while data := self.sock.recv(65536):
            self._in.write(data)

    def send(self, data: bytes) -> None:
        """Send data."""
        self.tls.write(data)
        self.flush()

    def announce_end(self) -> None:
        """Send close_notify alone; the peer's must have been read."""
        self.tls.unwrap()
        self.flush()


@pytest.mark.parametrize("version", VERSIONS)
def test_towards_a_client(
    library: str, version: ssl.TLSVersion, script: str, upstream: Upstream
) -> None:
    with (
        Proxy(script, library, upstream.address) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as sock,
    ):
        client = MemoryPeer(sock, client_context(version=version), "dom1.test")
        with upstream.accept() as server:
            server.sendall(b"answer")
            server.shutdown(socket.SHUT_WR)
            client.read_wire_to_end()
            assert client.tls.read(100) == b"answer"
            client.send(b"still here")
            assert read_exactly(server, 10) == b"still here"
            assert client.tls.read(100) == b""  # close_notify
            client.announce_end()
            assert read_to_end(server) == b""
        assert "status=ok" in proxy.log_line()


@pytest.mark.parametrize("version", VERSIONS)
def test_towards_an_upstream(
    library: str, version: ssl.TLSVersion, tmp_path: Path, upstream: Upstream
) -> None:
    script = write_script(tmp_path / "c", client_domain("out"))
    context = server_context("dom2")
    context.minimum_version = context.maximum_version = version
    with (
        Proxy(
            script, library, f"tls:127.0.0.1:{upstream.port}", "--server-name", "dom2.test",
            listen=["tcp:127.0.0.1:0"],
        ) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT) as client,
        upstream.accept() as sock,
    ):  # fmt: skip
        server = MemoryPeer(sock, context, None)
        client.sendall(b"request")
        client.shutdown(socket.SHUT_WR)
        server.read_wire_to_end()
        assert server.tls.read(100) == b"request"
        server.send(b"answer")
        assert read_exactly(client, 6) == b"answer"
        assert server.tls.read(100) == b""  # close_notify
        server.announce_end()
        assert read_to_end(client) == b""
        assert "status=ok" in proxy.log_line()
