"""A running ``tlsmgm proxy`` with what tests put before and behind it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.cases import cases_path
from tests.support.tls_sockets import wrap

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 20.0


def pki(name: str) -> str:
    """Return the path of a file of the recorded PKI."""
    return str(cases_path() / "pki" / name)


def server_domain(name: str, **values: str | int) -> list[str]:
    """Write a server domain that asks for no certificate, with keys of the recorded PKI."""
    settings = {
        "match_ip_address": "*",
        "match_sip_domain": "*",
        "certificate": pki(f"{name}.pem"),
        "private_key": pki(f"{name}.key"),
        "verify_cert": 0,
        "require_cert": 0,
    }
    return _domain("server", name, {**settings, **values})


def client_domain(name: str, **values: str | int) -> list[str]:
    """Write a client domain that trusts the recorded root."""
    settings = {
        "match_ip_address": "*",
        "match_sip_domain": "*",
        "ca_list": pki("root.pem"),
    }
    return _domain("client", name, {**settings, **values})


def _domain(kind: str, name: str, settings: Mapping[str, object]) -> list[str]:
    lines = [f'modparam("tls_mgm", "{kind}_domain", "{name}")']
    for key, value in settings.items():
        lines.append(f'modparam("tls_mgm", "{key}", "[{name}]{value}")')
    return lines


def write_script(path: Path, *parts: Sequence[str]) -> str:
    """Write a script of these lines; both libraries are loaded, so a test must choose one."""
    lines = ['loadmodule "tls_openssl.so"', 'loadmodule "tls_wolfssl.so"']
    lines += [line for part in parts for line in part]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look until it is so, where nobody tells, such as the thread that writes a log."""
    pause = threading.Event()
    deadline = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < deadline
        pause.wait(0.01)


class Program:
    """A process of the command line, whose standard error can be waited for.

    Args:
        arguments: of the command line.
        descriptors: that it has, too.
        module: that is run.
        file: that is run instead.
    """

    def __init__(
        self,
        *arguments: str,
        descriptors: Sequence[int] = (),
        module: str = "tlsmgm",
        file: Path | None = None,
    ) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *(["-m", module] if file is None else [str(file)]), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            errors="replace",
            pass_fds=tuple(descriptors),
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()

    def _collect(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str, count: int = 1) -> list[re.Match[str]]:
        """Wait until so many lines have the pattern; return the matches."""
        deadline = time.monotonic() + TIMEOUT
        with self._news:
            while True:
                found = [match for line in self.lines if (match := re.search(pattern, line))]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(self.lines))
                self._news.wait(left)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the end."""
        code = self.process.wait(TIMEOUT)
        self._thread.join(TIMEOUT)
        return code

    def memory(self) -> int:
        """Return the resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)
        self._thread.join(TIMEOUT)
        assert self.process.stderr is not None
        self.process.stderr.close()
        if kind is None:
            assert not [line for line in self.lines if "Traceback" in line], self.lines


class Proxy(Program):
    """A running proxy.

    Args:
        script: path of the configuration.
        library: TLS library.
        upstream: ``tcp:...`` or ``tls:...``.
        more: further arguments.
        listen: where to listen.
        descriptors: that it has, too.
    """

    def __init__(
        self,
        script: str,
        library: str,
        upstream: str,
        *more: str,
        listen: Sequence[str] = ("tls:127.0.0.1:0",),
        descriptors: Sequence[int] = (),
    ) -> None:
        listening = [word for address in listen for word in ("--listen", address)]
        super().__init__(
            "proxy", "--config", script, "--library", library, "--upstream", upstream,
            *listening, *more, descriptors=descriptors,
        )  # fmt: skip
        try:
            found = self.wait_for(r"listening on (?:tls|tcp):.*:(\d+)$", len(listen))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.ports = [int(match[1]) for match in found]

    @property
    def port(self) -> int:
        """The first listening port."""
        return self.ports[0]

    def log_line(self, number: int = 1) -> str:
        """Wait for a line of the access log (on standard error), and return it."""
        return self.wait_for(r"^.*\bstatus=.*$", number)[number - 1][0]


class Upstream:
    """A listening socket whose connections the test takes by hand."""

    def __init__(self, *, receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(16)
        self.sock.settimeout(TIMEOUT)
        self.port: int = self.sock.getsockname()[1]

    @property
    def address(self) -> str:
        """As the command line takes it."""
        return f"tcp:127.0.0.1:{self.port}"

    def accept(self) -> socket.socket:
        """Take the next connection."""
        sock, _ = self.sock.accept()
        sock.settimeout(TIMEOUT)
        return sock

    def accept_tls(self, name: str = "dom2", **options: Any) -> ssl.SSLSocket:
        """Take the next connection and do its handshake."""
        return wrap(server_context(name, **options), self.accept(), server_side=True)

    def __enter__(self) -> Upstream:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()


def server_context(name: str = "dom2", alpn: Sequence[str] = ()) -> ssl.SSLContext:
    """Return a context of Python's ssl for a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki(f"{name}.pem"), pki(f"{name}.key"))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def client_context(
    certificate: tuple[str, str] | None = None,
    version: ssl.TLSVersion | None = None,
    alpn: Sequence[str] = (),
) -> ssl.SSLContext:
    """Return a context of Python's ssl for a client that trusts the recorded root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the recorded root is an X.509 v1 one
    context.load_verify_locations(pki("root.pem"))
    if certificate:
        context.load_cert_chain(*certificate)
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def connect(
    port: int,
    name: str | None = "dom1.test",
    *,
    receive_buffer: int = 0,
    source: str = "127.0.0.1",
    **options: Any,
) -> ssl.SSLSocket:
    """Connect to the proxy with Python's ssl, from an address of choice."""
    context = client_context(**options)
    context.check_hostname = name is not None
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(TIMEOUT)
    try:
        if source != "127.0.0.1":
            sock.bind((source, 0))
        sock.connect(("127.0.0.1", port))
        return wrap(context, sock, server_hostname=name, suppress_ragged_eofs=False)
    except BaseException:
        sock.close()
        raise


@contextlib.contextmanager
def linked(proxy: Proxy, upstream: Upstream, **options: Any) -> Iterator[tuple[Any, socket.socket]]:
    """Give a TLS client and the upstream's end of its connection."""
    with connect(proxy.port, **options) as client, upstream.accept() as server:
        yield client, server


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """Read so many bytes."""
    pieces = bytearray()
    while len(pieces) < size:
        piece = sock.recv(size - len(pieces))
        assert piece, f"end after {len(pieces)} of {size} bytes"
        pieces += piece
    return bytes(pieces)


def read_to_end(sock: socket.socket) -> bytes:
    """Read until a clean end."""
    pieces = bytearray()
    while piece := sock.recv(65536):
        pieces += piece
    return bytes(pieces)


def ends_uncleanly(sock: socket.socket) -> bool:
    """Read to the end, and say whether it is none that could be taken for a clean one."""
    try:
        read_to_end(sock)
    except (ConnectionResetError, ssl.SSLEOFError):
        return True
    return False


def send_until_stuck(sock: socket.socket, limit: int, patience: float = 0.7) -> int:
    """Send until nobody takes anything for a while; return how much was taken."""
    sock.setblocking(False)
    block = bytes(65536)
    sent = 0
    while sent < limit:
        _, writable, _ = select.select([], [sock], [], patience)
        if not writable:
            break
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError):
            sent += sock.send(block)
    sock.settimeout(TIMEOUT)
    return sent


def exchange(sock: socket.socket, payload: bytes) -> bytes:
    """Send and receive as many bytes at the same time, in one thread: Python's ssl is no good
    at two on one connection.
    """
    sock.setblocking(False)
    deadline = time.monotonic() + TIMEOUT
    received = bytearray()
    rest = memoryview(payload)
    while len(received) < len(payload):
        assert time.monotonic() < deadline
        moved = False
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            if rest:
                rest = rest[sock.send(rest[:65536]) :]
                moved = True
        with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            piece = sock.recv(65536)
            assert piece, "end before the end"
            received += piece
            moved = True
        if not moved:
            select.select([sock], [sock] if rest else [], [], TIMEOUT)
    sock.settimeout(TIMEOUT)
    return bytes(received)


def reset(sock: socket.socket) -> None:
    """Close with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
