"""What stands behind the demo's clients: the real proxy as a process, and a tiny upstream."""

from __future__ import annotations

import ast
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

TIMEOUT = 30.0
HOST = "127.0.0.1"

ACCESS_LOG_FORMAT = (
    "access client=$client domain=$domain version=$tls_version cipher=$tls_cipher_info"
    " verified=$tls_peer_verified subject=$tls_peer_subject status=$status reason=$reason"
)
_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')


def read_fields(line: str) -> dict[str, str | None]:
    """Take a line of the access log apart.

    Args:
        line: ``name=value`` pairs; a value may stand in double quotes.

    Returns:
        Values by name; None where the proxy wrote ``-``.
    """
    found: dict[str, str | None] = {}
    for name, text in _FIELD.findall(line):
        value = ast.literal_eval(text) if text.startswith('"') else text
        found[name] = None if value == "-" else value
    return found


def free_ports(count: int) -> list[int]:
    """Ask the system for ports that nobody uses.

    Args:
        count: how many.
    """
    with ExitStack() as stack:
        socks = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for sock in socks:
            sock.bind((HOST, 0))
        return [sock.getsockname()[1] for sock in socks]


class _Answer(socketserver.StreamRequestHandler):
    """Says hello to whoever says something."""

    def handle(self) -> None:
        """Answer each line, until the proxy hangs up."""
        with suppress(ConnectionError):
            for line in self.rfile:
                self.wfile.write(b"upstream heard: " + line)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def upstream() -> Iterator[int]:
    """Run a plain TCP server; gives its port."""
    with _Server((HOST, 0), _Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


class Proxy:
    """``tlsmgm proxy``, running.

    Args:
        script: its configuration.
        library: TLS library to use.
        upstream_port: where it forwards connections to.
        sockets: how many it listens on.

    Raises:
        OSError: it did not start; the message has its last words.
    """

    def __init__(self, script: Path, library: str, upstream_port: int, sockets: int) -> None:
        self.log: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        command = [sys.executable, "-m", "tlsmgm", "proxy", "--config", str(script)]
        command += ["--library", library, "--upstream", f"tcp:{HOST}:{upstream_port}"]
        command += ["--access-log-format", ACCESS_LOG_FORMAT, "--drain-timeout", "1"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            self._wait_for("listening on", sockets)
        except OSError:
            self._end()
            raise

    def access(self, client: str) -> dict[str, str | None]:
        """Wait for the line that the proxy logs when a connection has ended, and take it out.

        Another connection may come from the same address, to another socket of the proxy.

        Args:
            client: the client's address.
        """
        line = self._wait_for(f"access client={client} ", 1)[0]
        with self._news:
            self.log.remove(line)
        return read_fields(line)

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                self.log.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _wait_for(self, text: str, count: int) -> list[str]:
        def found() -> list[str]:
            return [line for line in self.log if text in line]

        with self._news:
            self._news.wait_for(lambda: len(found()) >= count or self._ended, TIMEOUT)
            if len(found()) >= count:
                return found()
            raise OSError(f"no {text!r} from the proxy, but:\n" + "\n".join(self.log[-20:]))

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
