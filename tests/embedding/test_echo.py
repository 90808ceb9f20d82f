"""The example of an embedder: connections carried in C, with real clients at the other end."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import (
    NAMES,
    client_domain,
    manager_of,
    method_of,
    mutual_domain,
    pki,
    server_domain,
)
from tests.support.programs import needs, s_client, version_flag
from tests.support.sanitizers import ENVIRONMENT, SANITIZER
from tests.support.sockets import TIMEOUT, close, do_handshake, receive, send
from tlsmgm import AlertError, Connection, NoDomainError, TLSManager

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """Serves clients with the example, one after the other, until the block ends.

    Attributes:
        echoes: what served them.
        failures: what each of them was refused for, or lost by.
    """

    def __init__(self, example: Any, manager: TLSManager) -> None:
        self.echoes: list[Any] = []
        self.failures: list[Exception] = []
        self._example, self._manager = example, manager
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.create_connection(self.address) as last:
            last.sendall(b"end")
            self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()
        self._listener.close()
        assert "first byte 0x65" in str(self.failures.pop())
        self.echoes.pop()

    def _serve(self) -> None:
        is_last = False
        while not is_last:
            client, _ = self._listener.accept()
            with client:
                is_last = client.recv(3, socket.MSG_PEEK) == b"end"
                echo = self._example.Echo(self._manager, client.fileno(), self.address)
                self.echoes.append(echo)
                try:
                    echo.run()
                except (NoDomainError, ConnectionError) as error:
                    self.failures.append(error)


def servers(library: str, version: str, make: Any = server_domain) -> TLSManager:
    return manager_of(library, *(make(name, method=method_of(version)) for name in NAMES))


@contextlib.contextmanager
def connected(server: Server, conn: Connection) -> Iterator[socket.socket]:
    """A client of ours after its handshake."""
    with socket.create_connection(server.address, TIMEOUT) as sock:
        do_handshake(conn, sock)
        yield sock


@needs("openssl")
@pytest.mark.parametrize("name", NAMES)
def test_openssl_gets_its_lines_back(example: Any, library: str, version: str, name: str) -> None:
    host = f"{name}.test"
    with Server(example, servers(library, version)) as server:
        options = ("-servername", host, "-verify_hostname", host, "-brief")
        done = s_client(server.address[1], *options, text=b"first\nsecond\n")
    assert done.returncode == 0, done.stdout
    assert "Verification: OK" in done.stdout
    assert f"Protocol version: {version}" in done.stdout
    assert server.failures == []
    [echo] = server.echoes
    assert (echo.version, echo.echoed) == (version.removeprefix("TLSv"), len(b"first\nsecond\n"))


@needs("openssl")
def test_a_name_that_nobody_serves(example: Any, library: str, version: str) -> None:
    with Server(example, servers(library, version)) as server:
        done = s_client(server.address[1], "-servername", "nobody.test", version_flag(version))
    assert done.returncode == 1
    assert "alert number 112" in done.stdout
    [failure] = server.failures
    assert isinstance(failure, NoDomainError)


def test_much_data_comes_back_and_close_notify_is_answered(
    example: Any, library: str, client_library: str, version: str
) -> None:
    data = os.urandom(300_000)
    client = manager_of(client_library, client_domain())
    conn = client.client_connection("client", server_name="dom1.test")
    with Server(example, servers(library, version)) as server, connected(server, conn) as sock:
        got = b""
        for at in range(0, len(data), 10_000):
            send(conn, sock, data[at : at + 10_000])
            while len(got) < at + 10_000:
                got += receive(conn, sock)
        close(conn, sock)
        assert receive(conn, sock) == b""
    assert got == data
    assert server.failures == []


def test_sessions_are_resumed(example: Any, library: str, version: str) -> None:
    client = manager_of(library, client_domain())
    reused = []
    with Server(example, servers(library, version)) as server:
        for _ in range(2):
            conn = client.client_connection("client", "dom1.test", address=server.address)
            with connected(server, conn) as sock:
                send(conn, sock, b"hello")
                assert receive(conn, sock) == b"hello"
                reused.append(conn.session_reused)
                close(conn, sock)
    assert reused == [False, True]


def test_a_client_without_the_certificate_that_is_demanded(
    example: Any, library: str, version: str
) -> None:
    conn = manager_of(library, client_domain()).client_connection("client", "dom1.test")
    manager = servers(library, version, mutual_domain)
    with (
        Server(example, manager) as server,
        pytest.raises(AlertError),
        connected(server, conn) as sock,
    ):
        receive(conn, sock)
    [failure] = server.failures
    assert isinstance(failure, ConnectionError)
    assert server.echoes[0].echoed == 0


def test_an_end_without_close_notify_is_told_apart(
    example: Any, library: str, version: str
) -> None:
    conn = manager_of(library, client_domain()).client_connection("client", "dom1.test")
    with Server(example, servers(library, version)) as server, connected(server, conn) as sock:
        send(conn, sock, b"hello")
        assert receive(conn, sock) == b"hello"
    assert ["without close_notify" in str(failure) for failure in server.failures] == [True]


@pytest.mark.parametrize(
    ("wire", "answer", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x0a", "does not speak TLS"),
        (b"\x15\x03\x01\x00\x02\x02\x28", b"", "alert"),  # the client's own is not sent back
    ],
)
def test_what_is_no_hello(
    example: Any, library: str, wire: bytes, answer: bytes, reason: str
) -> None:
    with (
        Server(example, servers(library, "TLSv1.3")) as server,
        socket.create_connection(server.address, TIMEOUT) as sock,
    ):
        sock.sendall(wire)
        assert sock.recv(100) == answer
    assert reason in str(server.failures[0])


def test_a_connection_outlives_its_manager(example: Any, library: str, version: str) -> None:
    here, there = socket.socketpair()
    manager = servers(library, version)
    conn = manager_of(library, client_domain()).client_connection("client", "dom1.test")
    echo = example.Echo(manager, there.fileno(), ("127.0.0.1", 5061))
    thread = threading.Thread(target=echo.run)
    with here, there:
        here.settimeout(TIMEOUT)
        thread.start()
        do_handshake(conn, here)
        manager.add_domain(server_domain("dom4"))  # a new snapshot
        del manager
        gc.collect()
        send(conn, here, b"still here")
        assert receive(conn, here) == b"still here"
        close(conn, here)
        thread.join(TIMEOUT)
    assert not thread.is_alive()
    assert echo.echoed == len(b"still here")


def test_one_thread_serves_a_client_once(example: Any, library: str, version: str) -> None:
    here, there = socket.socketpair()
    conn = manager_of(library, client_domain()).client_connection("client", "dom1.test")
    echo = example.Echo(servers(library, version), there.fileno(), ("127.0.0.1", 5061))
    thread = threading.Thread(target=echo.run)
    with here, there:
        here.settimeout(TIMEOUT)
        thread.start()
        do_handshake(conn, here)
        with pytest.raises(ValueError, match="serves this client"):
            echo.run()
        close(conn, here)
        thread.join(TIMEOUT)
    assert not thread.is_alive()
    with pytest.raises(ValueError, match="has served it"):
        echo.run()


@needs("openssl")
def test_the_program_beside_it(example_file: Path, library: str, tmp_path: Path) -> None:
    script = tmp_path / "tlsmgm.toml"
    script.write_text(
        "[server.web]\n"
        'match_sip_domain = ["dom1.test"]\n'
        f'certificate = "{pki("dom1.pem")}"\n'
        f'private_key = "{pki("dom1.key")}"\n'
        "verify_cert = false\n"
    )
    command = [sys.executable, str(example_file.parent / "serve.py"), str(script)]
    with subprocess.Popen(
        [*command, "127.0.0.1", "0", library],
        env=ENVIRONMENT | SANITIZER | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            port = int(line.rstrip(")\n").rpartition(" ")[2])
            done = s_client(port, "-servername", "dom1.test", "-brief", text=b"hello\n")
            assert done.returncode == 0, done.stdout
            assert process.stdout.readline() == "6 bytes over TLS 1.3\n"
        finally:
            process.terminate()
