"""The example against a real HTTP server behind our proxy."""

from __future__ import annotations

import http.server
import importlib.util
import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import client_domain, manager_of
from tests.support.managers import server_domain as incoming
from tests.support.proxy import ROOT, TIMEOUT, Proxy, pki, server_domain, write_script
from tests.support.sockets import Server


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers and keeps the connection."""

    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def do_GET(self) -> None:
        assert isinstance(self.server, Counter)
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", "5")
        if self.server.closes:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_: Any) -> None:
        pass


class Counter(http.server.ThreadingHTTPServer):
    """An HTTP server that counts connections and requests."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        self.requests = 0
        self.closes = False

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


@pytest.fixture
def upstream() -> Iterator[Counter]:
    with Counter() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(tmp_path: Path, library: str, upstream: Counter) -> Iterator[Proxy]:
    domains = [server_domain(name, match_sip_domain=f"{name}.test") for name in ("dom1", "dom2")]
    script = write_script(tmp_path / "opensips.cfg", *domains)
    with Proxy(script, library, f"tcp:127.0.0.1:{upstream.server_port}") as running:
        yield running


def run(library: str, port: int, *names: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "examples" / "pooled_client.py"), "--library", library]
    return subprocess.run(
        [sys.executable, *command, pki("root.pem"), "127.0.0.1", str(port), *names],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_handshake_for_each_name(proxy: Proxy, upstream: Counter, client_library: str) -> None:
    names = ("dom1.test", "dom1.test", "dom2.test", "dom1.test", "dom2.test")
    done = run(client_library, proxy.port, *names)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "dom1.test: 200, new connection",
        "dom1.test: 200, reused connection",
        "dom2.test: 200, new connection",
        "dom1.test: 200, reused connection",
        "dom2.test: 200, reused connection",
    ]
    proxy.wait_for(r"\bstatus=", 2)
    handshakes = [line for line in proxy.lines if re.search(r"\bstatus=", line)]
    assert len(handshakes) == 2
    assert (upstream.connections, upstream.requests) == (2, 5)


def test_a_server_that_closes(proxy: Proxy, upstream: Counter, client_library: str) -> None:
    upstream.closes = True
    done = run(client_library, proxy.port, "dom1.test", "dom1.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["dom1.test: 200, new connection"] * 2
    assert (upstream.connections, upstream.requests) == (2, 2)


def test_a_server_that_has_another_name(proxy: Proxy, client_library: str) -> None:
    done = run(client_library, proxy.port, "dom1.test", "dom3.test")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["dom1.test: 200, new connection"]
    assert "AlertError" in done.stderr


def load_example() -> Any:
    spec = importlib.util.spec_from_file_location(
        "pooled_client", ROOT / "examples" / "pooled_client.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def answer_and_close(request: bytes) -> tuple[bytes, bool] | None:
    """Promise to keep the connection, and close it all the same."""
    if not request.endswith(b"\r\n\r\n"):
        return None
    return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True


def test_a_server_that_closes_while_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, library: str, client_library: str
) -> None:
    example = load_example()
    look = example.is_usable

    def wait_and_look(tls: Any) -> Any:
        assert select.select([tls], [], [], TIMEOUT)[0]
        return look(tls)

    monkeypatch.setattr(example, "is_usable", wait_and_look)
    client = example.Client(manager_of(client_library, client_domain()))
    with Server(manager_of(library, incoming()), answer_and_close) as server, client.pool:
        for _ in range(3):
            assert client.get(("127.0.0.1", server.port), "dom1.test") == (200, False)
    assert [outcome.clean for outcome in server.outcomes] == [True] * 3
