"""The load generator, against a small server in this process."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks.native.build import build
from benchmarks.native.worker import NativeError, run_load, words_of
from tests.benchmarks.native.conftest import SERVER_NAME, Files
from tests.support.tls_sockets import wrap

TIMEOUT = 60


class EchoServer:
    """Echoes over TLS, each connection in a thread of its own.

    Args:
        contexts: asked for the context of each connection.

    Attributes:
        negotiated: what Python's ssl says of each handshake: version, cipher, whether a session was
            resumed, whether the client showed a certificate.
    """

    def __init__(self, contexts: Callable[[], ssl.SSLContext]) -> None:
        self.negotiated: list[tuple[str | None, str, bool, bool]] = []
        self._contexts = contexts
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._run)]

    def __enter__(self) -> EchoServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(TIMEOUT)

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # closed: the end
            while True:
                sock, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(TIMEOUT)
        # What goes wrong is for the client to report.
        with (
            contextlib.suppress(OSError),
            sock,
            wrap(self._contexts(), sock, server_side=True) as tls,
        ):
            cipher = tls.cipher()
            assert cipher is not None
            shown = tls.getpeercert(binary_form=True) is not None
            self.negotiated.append((tls.version(), cipher[0], bool(tls.session_reused), shown))
            while data := tls.recv(65536):
                tls.sendall(data)


def server_context(files: Files, **settings: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.path("ec.pem"), files.path("ec.key"))
    context.load_verify_locations(files.path("ca.pem"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = settings.get("num_tickets", 1)
    if not context.num_tickets:
        context.options |= ssl.OP_NO_TICKET
    return context


@pytest.fixture
def server(files: Files) -> Iterator[EchoServer]:
    context = server_context(files)
    with EchoServer(lambda: context) as running:
        yield running


def load(library: str, port: int, files: Files, **words: Any) -> dict[str, Any]:
    base = {"server_name": SERVER_NAME, "ca": files.path("ca.pem"), "connections": 3}
    return run_load(library, timeout=TIMEOUT, target=f"127.0.0.1:{port}", **{**base, **words})


CIPHERS = {"1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "1.3": "TLS_AES_128_GCM_SHA256"}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("shows_certificate", [False, True])
def test_full_handshakes(
    library: str, server: EchoServer, files: Files, version: str, shows_certificate: bool
) -> None:
    words = files.client() if shows_certificate else {}
    report = load(library, server.port, files, version=version, count=8, warmup=2, **words)
    assert report["operations"] == 8
    assert report["failures"] == 0
    assert report["bytes_received"] >= 8
    assert report["wall_ns"] > 0
    assert report["cpu_ns"] > 0
    assert 0 < report["latency_p50_ns"] <= report["latency_p99_ns"] <= report["latency_max_ns"]
    assert report["client_certificate"] is shows_certificate
    wanted = (f"TLSv{version}", CIPHERS[version], False, shows_certificate)
    assert len(server.negotiated) >= 10
    assert set(server.negotiated) == {wanted}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_resumed_handshakes(library: str, server: EchoServer, files: Files, version: str) -> None:
    words: dict[str, Any] = {"version": version, "resume": True, "tickets": True}
    report = load(library, server.port, files, count=8, **words)
    assert report["resumed"] is True
    assert report["operations"] == 8
    full = [reused for _, _, reused, _ in server.negotiated].count(False)
    assert full == 3  # the first of each connection; they do not count
    assert len(server.negotiated) - full >= 8


@pytest.mark.parametrize("size", [1, 1024, 300_000])
def test_messages(library: str, server: EchoServer, files: Files, size: int) -> None:
    report = load(library, server.port, files, mode="echo", bytes=size, count=7, warmup=3)
    assert report["operations"] == 7
    # Of each connection the first echo may have begun before the clock.
    assert report["bytes_received"] >= (7 - report["connections"]) * size
    assert report["handshakes"] == 0  # they were over before the clock started
    assert 1 <= len(server.negotiated) <= 3  # the last may come when all is done
    assert report["latency_p50_ns"] > 0


def test_bulk_to_the_server(library: str, server: EchoServer, files: Files) -> None:
    report = load(library, server.port, files, mode="up", bytes=50_000, count=20)
    assert report["operations"] >= 20
    assert report["bytes_sent"] >= 19 * 50_000
    assert "latency_p50_ns" not in report  # when the server has it is not known


def test_bulk_from_the_server(library: str, server: EchoServer, files: Files) -> None:
    # An echo server streams what it was asked for: one byte, to each connection.
    report = load(library, server.port, files, mode="down", bytes=1, count=1, warmup=0)
    assert report["operations"] >= 1


def test_seconds_end_the_run_on_a_named_processor(
    library: str, server: EchoServer, files: Files
) -> None:
    report = load(library, server.port, files, seconds=1, cpu=0)
    assert report["wall_ns"] >= 1_000_000_000
    assert report["operations"] > 0
    assert report["is_bottleneck"] is (report["cpu_ns"] >= 0.9 * report["wall_ns"])


def test_nobody_listens(library: str, files: Files) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NativeError, match="onnect") as caught:
        load(library, port, files, count=5, failures=4)
    report = json.loads(caught.value.__notes__[0])
    assert (report["operations"], report["failures"]) == (0, 4)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ca": "other-ca.pem"}, "certificate was refused"),
        ({"server_name": "other.example"}, "certificate was refused"),
    ],
)
def test_the_server_is_not_whom_we_want(
    library: str, server: EchoServer, files: Files, change: dict[str, str], complaint: str
) -> None:
    if "ca" in change:
        change = {"ca": files.path(change["ca"])}
    with pytest.raises(NativeError, match=complaint):
        load(library, server.port, files, count=5, **change)


def test_nothing_in_common(library: str, server: EchoServer, files: Files) -> None:
    words = {"version": "1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256"}
    with pytest.raises(NativeError, match="handshake"):
        load(library, server.port, files, count=5, **words)


def test_a_server_without_tickets(library: str, files: Files) -> None:
    context = server_context(files, num_tickets=0)
    with EchoServer(lambda: context) as server, pytest.raises(NativeError, match="no ticket"):
        load(library, server.port, files, count=5, resume=True, tickets=True)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_session_that_is_not_resumed(library: str, files: Files, version: str) -> None:
    with (  # each connection has ticket keys of its own
        EchoServer(lambda: server_context(files)) as server,
        pytest.raises(NativeError, match="full instead of resumed"),
    ):
        load(library, server.port, files, version=version, count=5, resume=True, tickets=True)


def test_a_server_that_closes(library: str, files: Files) -> None:
    context = server_context(files)

    class Hasty(EchoServer):
        def _serve(self, sock: socket.socket) -> None:
            with contextlib.suppress(OSError), sock:
                wrap(context, sock, server_side=True).close()

    with Hasty(lambda: context) as server, pytest.raises(NativeError):
        load(library, server.port, files, count=5)


def test_a_silent_server(library: str, files: Files) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(NativeError, match="nothing happened for 1 seconds"),
    ):
        load(library, listener.getsockname()[1], files, count=5, patience=1)


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"count": 1, "seconds": 1},
        {"count": 0},
        {"count": 1, "target": "nowhere"},
        {"count": 1, "target": "127.0.0.1:0"},
        {"count": 1, "target": "127.0.0.1:99999"},
        {"count": 1, "mode": "sideways"},
        {"count": 1, "mode": "echo", "resume": True, "tickets": True},
        {"count": 1, "connections": 0},
        {"count": 1, "cpu": 1023},
        {"count": 1, "surprise": 1},
        {"count": 1, "ca": "/nowhere.pem"},
    ],
)
def test_options_that_make_no_sense(library: str, words: dict[str, Any]) -> None:
    command = [str(build(library, "load")), *words_of({"target": "127.0.0.1:1", **words})]
    done = subprocess.run(command, capture_output=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 1
    assert done.stderr == b""
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert answer["error"]
