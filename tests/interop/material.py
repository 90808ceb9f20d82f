"""What a run needs: certificates, two requests, and a plain server that sends them back."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.pki import Authority, Identity, certificate_pem, key_pem

#: The name in the certificates, which clients send. It must resolve to 127.0.0.1.
HOST = "localhost"

#: What each body ends with. Peers that read "until the trailer" look for it.
TRAILER = b"interop-end\n"

SIZE = 1 << 20  # bytes of the large body


@dataclass(frozen=True)
class Material:
    """Paths of what was written.

    Attributes:
        root: the authority of everybody here.
        stranger: another one, which vouches for nobody here.
        server: certificate and key.
        client: certificate and key.
        large: a request whose body has a megabyte.
        small: the same with a few bytes.
    """

    root: Path
    stranger: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]
    large: Path
    small: Path


def make_material(folder: Path) -> Material:
    """Write certificates and requests."""
    root = Authority("interop root")
    stranger = Authority("interop stranger")
    files = {"root.pem": root.pem, "stranger.pem": stranger.pem}
    files["large"] = request(_lines(SIZE), "close")
    files["small"] = request(b"hello " + TRAILER, "keep-alive")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return Material(
        root=folder / "root.pem",
        stranger=folder / "stranger.pem",
        server=_write(folder, "server", root.issue(HOST, names=[HOST])),
        client=_write(folder, "client", root.issue("interop client")),
        large=folder / "large",
        small=folder / "small",
    )


def _write(folder: Path, name: str, identity: Identity) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(certificate_pem(identity.leaf))
    key.touch(mode=0o600)
    key.write_bytes(key_pem(identity.key))
    return certificate, key


def _lines(size: int) -> bytes:
    """Lines of text, all different, because some peers echo line by line; the last is TRAILER."""
    lines: list[bytes] = []
    length = 0
    while length < size - len(TRAILER):
        line = hashlib.sha256(b"%d" % len(lines)).hexdigest().encode() + b"\n"
        lines.append(line)
        length += len(line)
    filled = b"".join(lines)[: size - len(TRAILER) - 1] + b"\n"
    return filled + TRAILER


def request(body: bytes, then: str) -> bytes:
    """Return an HTTP request; all peers send it, but only some know what it is."""
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nConnection: {then}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def body_of(message: bytes) -> bytes:
    """Return what stands behind the head of a request or an answer."""
    return message.partition(b"\r\n\r\n")[2]


class _Echo(socketserver.StreamRequestHandler):
    """Answers each request with its body, and closes where that is asked for."""

    def handle(self) -> None:
        while head := self._head():
            length = re.search(rb"(?mi)^content-length: *(\d+)", head)
            body = self.rfile.read(int(length[1])) if length else b""
            closes = re.search(rb"(?mi)^connection: *close", head) is not None
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
            answer += b"Connection: close\r\n" if closes else b""
            self.wfile.write(answer % len(body) + b"\r\n" + body)
            if closes:
                return

    def _head(self) -> bytes:
        lines = []
        while (line := self.rfile.readline(65536)) not in (b"", b"\r\n"):
            lines.append(line)
        return b"".join(lines)


class _Upstream(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a peer that hangs up is what we want to see in the log of the proxy."""


@contextlib.contextmanager
def upstream() -> Iterator[int]:
    """Run the plain server; give its port."""
    with _Upstream(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
