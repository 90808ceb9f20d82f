"""Other people's TLS, and other people's protocols, at the other end or on top."""

from __future__ import annotations

import http.client
import http.server
import socket
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import tlsmgm
from tests.sockets.talk import (
    NAME,
    Running,
    facing_client,
    facing_server,
    manager_for,
    other_context,
    read_all,
)
from tests.support.programs import needs, s_client, s_server, version_flag
from tests.support.sockets import TIMEOUT
from tests.support.tls_sockets import wrap
from tlsmgm import TLSManager, TLSSocket

LARGE = bytes(range(256)) * 8192  # 2 MiB


def test_python_as_client(manager: TLSManager, version: str) -> None:
    with facing_client(manager, version) as (ours, peer):
        sending = Running(lambda: peer.sendall(LARGE))
        answering = Running(lambda: ours.sendall(LARGE))
        assert read_all(ours, len(LARGE)) == LARGE
        sending.result()
        assert read_all(peer, len(LARGE)) == LARGE
        answering.result()
        other = Running(peer.unwrap)
        assert ours.recv(1) == b""
        ours.unwrap().close()
        other.result().close()


def test_python_as_server(manager: TLSManager, version: str) -> None:
    with facing_server(manager, version) as (ours, peer):
        ours.sendall(LARGE[:100_000])
        assert read_all(peer, 100_000) == LARGE[:100_000]
        peer.sendall(b"answer")
        assert read_all(ours, 6) == b"answer"
        other = Running(ours.unwrap)
        assert peer.recv(1) == b""
        peer.unwrap().close()
        other.result().close()


class Handler(http.server.BaseHTTPRequestHandler):
    """Sends back what it gets."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class HTTPS(http.server.ThreadingHTTPServer):
    """A server whose handshakes are done in the threads of its connections."""

    def __init__(self, manager: TLSManager) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._manager = manager

    def get_request(self) -> tuple[Any, Any]:
        sock, address = super().get_request()
        sock.settimeout(TIMEOUT)
        return self._manager.wrap_socket(sock, server_side=True, do_handshake=False), address

    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture
def https(manager: TLSManager) -> Iterator[HTTPS]:
    with HTTPS(manager) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join(TIMEOUT)


class HTTPSConnection(http.client.HTTPConnection):
    """A client over our sockets."""

    def __init__(self, manager: TLSManager, port: int) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT)
        self._manager = manager

    def connect(self) -> None:
        super().connect()
        plain: Any = self.sock
        self.sock = self._manager.wrap_socket(plain, domain="client", server_name=NAME)


def test_http_at_both_ends(manager: TLSManager, https: HTTPS) -> None:
    client = HTTPSConnection(manager, https.server_port)
    for size in (0, 5, 1_000_000):
        client.request("POST", "/", body=bytes(size))
        assert client.getresponse().read() == bytes(size)
    client.request("POST", "/", body=b"last", headers={"Connection": "close"})
    with client.getresponse() as answer:
        assert client.sock is None or isinstance(client.sock, TLSSocket)
        assert answer.read() == b"last"  # from a file that outlives the socket
    client.close()


def test_python_asks_our_http_server(https: HTTPS, version: str) -> None:
    sock = socket.create_connection(("127.0.0.1", https.server_port), TIMEOUT)
    client = http.client.HTTPConnection(NAME)
    client.sock = wrap(other_context(version), sock, server_hostname=NAME)
    client.request("POST", "/", body=LARGE)
    assert client.getresponse().read() == LARGE
    client.close()


class Lines(socketserver.StreamRequestHandler):
    """A protocol of lines, as SMTP is one."""

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            if line == b"QUIT\r\n":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 " + line)


@pytest.fixture
def lines(manager: TLSManager) -> Iterator[int]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> tuple[Any, Any]:
            sock, address = super().get_request()
            return manager.wrap_socket(sock, server_side=True, do_handshake=False), address

    with Server(("127.0.0.1", 0), Lines) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(TIMEOUT)


@needs("openssl")
def test_s_client(lines: int, version: str) -> None:
    options = ("-servername", NAME, "-quiet", version_flag(version))
    done = s_client(lines, *options, text=b"one\r\ntwo\r\nQUIT\r\n")
    assert done.returncode == 0, done.stdout
    for line in ("220 ready", "250 one", "250 two", "221 bye"):
        assert line in done.stdout.splitlines()


@needs("openssl")
@pytest.mark.parametrize("command", [b"K\n", b"k\n"])
def test_key_updates_between_data(library: str, command: bytes) -> None:
    """Asking for ours, or not; a reader waits meanwhile, and then we write."""
    manager = manager_for(library, "TLSv1.3")
    with s_server("dom1", ["-tls1_3", "-msg"]) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
        with manager.wrap_socket(sock, domain="client", server_name=NAME) as ours:
            for number in range(1, 6):
                reading = Running(lambda: read_all(ours, 7))
                server.write(command)
                server.wait_for(">>> TLS 1.3, Handshake.*KeyUpdate", number)
                server.write(b"answer\n")
                assert reading.result() == b"answer\n"
                ours.sendall(b"question %d\n" % number)
                server.wait_for(f"question {number}$")


@needs("openssl")
@pytest.mark.parametrize("command", [b"R\n", b"r\n"])
def test_renegotiation_does_not_hang(library: str, command: bytes) -> None:
    """We take part in none; whether the server goes on without is up to it."""
    manager = manager_for(library, "TLSv1.2")
    with s_server("dom1", ["-tls1_2", "-msg"]) as server:
        sock = socket.create_connection(("127.0.0.1", server.port), TIMEOUT)
        with manager.wrap_socket(sock, domain="client", server_name=NAME) as ours:
            reading = Running(lambda: ours.recv(100))
            server.write(command)
            server.wait_for(">>> TLS 1.2, Handshake.*HelloRequest")
            server.write(b"answer\n")
            error = reading.error()
            assert isinstance(error, tlsmgm.TLSError) or reading.result() == b"answer\n"
