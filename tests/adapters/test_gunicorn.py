"""gunicorn, which asks for the context anew for each connection, in processes that it forks."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.ecosystem import Contexts, contexts
from tests.support.managers import pki
from tests.support.sanitizers import SANITIZER

HOST = "127.0.0.1"

# The context is made before the workers are; gunicorn wants the files, too, but does not read them.
CONFIG = """
from tests.adapters.ecosystem import contexts

serving = contexts({library!r}, {way!r}).server
certfile, keyfile = {certificate!r}, {key!r}


def ssl_context(config, default_ssl_context_factory):
    return serving
"""

APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [environ["wsgi.url_scheme"].encode()]
"""


@pytest.fixture(params=["sync", "gthread"])
def worker(request: pytest.FixtureRequest) -> str:
    """Which kind of worker takes connections."""
    kind: str = request.param
    return kind


@contextlib.contextmanager
def serving(folder: Path, library: str, way: str, worker: str) -> Iterator[int]:
    """Run gunicorn on one of our contexts; its port."""
    pytest.importorskip("gunicorn")
    config = CONFIG.format(
        library=library, way=way, certificate=pki("dom1.pem"), key=pki("dom1.key")
    )
    (folder / "conf.py").write_text(config)
    (folder / "hello.py").write_text(APPLICATION)
    with socket.create_server((HOST, 0)) as listener:
        number = listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "--config", str(folder / "conf.py")]
        command += ["--bind", f"fd://{number}", "--worker-class", worker, "--workers", "1"]
        command += ["--pythonpath", str(folder), "--log-level", "critical", "hello:application"]
        with subprocess.Popen(command, pass_fds=[number]) as program:
            try:
                yield listener.getsockname()[1]
            finally:
                program.terminate()
    assert program.returncode == 0


def fetch(
    both: Contexts, port: int, name: str, session: ssl.SSLSession | None
) -> tuple[str | None, bool, ssl.SSLSession | None]:
    """Ask once; the version, whether the session was taken, and the next one."""
    with (
        socket.create_connection((HOST, port), 60) as plain,
        both.client.wrap_socket(plain, server_hostname=name, session=session) as secured,
    ):
        secured.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: secured.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert answer.endswith(b"https")
        return secured.version(), bool(secured.session_reused), secured.session


@pytest.mark.parametrize(
    ("way", "version"), [("calls", "TLSv1.2"), ("calls", "TLSv1.3"), ("domains", "TLSv1.3")]
)
@pytest.mark.skipif(bool(SANITIZER), reason="a forked child waits for a lock of the sanitizer")
def test_tickets_are_good_for_the_next_connection(
    tmp_path: Path, library: str, way: str, version: str, worker: str
) -> None:
    both = contexts(library, way)
    if version == "TLSv1.2":
        both.client.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(tmp_path, library, way, worker) as port:
        for name in both.names:
            found, is_reused, session = fetch(both, port, name, None)
            assert (found, is_reused) == (version, False)
            found, is_reused, _ = fetch(both, port, name, session)
            assert (found, is_reused) == (version, True)
