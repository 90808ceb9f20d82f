"""The servers that are judged: our proxy on each library, and nginx beside it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.support.pki import Authority, Identity, certificate_pem, key_pem
from tests.support.ports import is_listening
from tests.support.proxy import Proxy, server_domain, write_script

__all__ = [
    "HOST",
    "Files",
    "echo_upstream",
    "free_port",
    "http_upstream",
    "make_identities",
    "nginx",
    "running",
    "tlsmgm_proxy",
    "write_dh_group",
]

#: The name in the certificates. It must resolve to 127.0.0.1.
HOST = "localhost"

#: Certificate chain and private key.
Files = tuple[Path, Path]

_READY_TIME = 20.0

_NGINX_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")

#: https://ssl-config.mozilla.org, intermediate, guidelines 5.7.
_NGINX = """\
{load}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        proxy_pass 127.0.0.1:{upstream};
        {certificates}
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ecdh_curve X25519:prime256v1:secp384r1;
        ssl_ciphers {ciphers};
        ssl_prefer_server_ciphers off;
        ssl_dhparam {folder}/dhparam.pem;
        ssl_session_timeout 1d;
        ssl_session_cache shared:MozSSL:10m;
    }}
}}
"""

_MOZILLA_CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-CHACHA20-POLY1305",
    )
)


def make_identities(folder: Path) -> tuple[Path, dict[str, Files]]:
    """Write a certificate for each kind of key, and their authorities.

    Returns:
        The file of the authorities, and certificates by kind: RSA, EC and Ed25519. Each is below
        an intermediate, and all keys of the first two chains are of one kind, because some clients
        can verify only that.
    """
    found: dict[str, Files] = {}
    trusted = b""
    for kind in ("rsa", "ec"):
        root = Authority(f"judges {kind} root", kind=kind)
        middle = Authority(f"judges {kind} intermediate", root, kind=kind)
        found[kind] = _write(folder, kind, middle.issue(kind, names=[HOST], kind=kind))
        trusted += root.pem + middle.pem
    found["ed25519"] = _write(folder, "ed25519", middle.issue(names=[HOST], kind="ed25519"))
    path = folder / "authorities.pem"
    path.write_bytes(trusted)
    return path, found


def _write(folder: Path, name: str, identity: Identity) -> Files:
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(certificate_pem(identity.leaf, *identity.issuers))
    key.touch(mode=0o600)
    key.write_bytes(key_pem(identity.key))
    return certificate, key


class _Answer(BaseHTTPRequestHandler):
    """One short page, whatever is asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, in one piece: tlsfuzzer waits for one record."""
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nHello!\n"
        )

    def do_HEAD(self) -> None:
        """Answer the same: no judge looks at it."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        """Do so until the other end has no more."""
        while data := self.request.recv(65536):
            self.request.sendall(data)


class _Upstream(socketserver.ThreadingTCPServer):
    """A judge that hangs up in the middle is no news."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _upstream(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with _Upstream(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def http_upstream() -> contextlib.AbstractContextManager[int]:
    """Run a plain web server; give its port."""
    return _upstream(_Answer)


def echo_upstream() -> contextlib.AbstractContextManager[int]:
    """Run a plain server that sends back what comes; give its port."""
    return _upstream(_Echo)


@contextlib.contextmanager
def tlsmgm_proxy(
    library: str,
    identities: Sequence[Files],
    upstream: int,
    folder: Path,
    settings: Mapping[str, str | int] | None = None,
    command_line: Sequence[str] = (),
) -> Iterator[int]:
    """Run our proxy with default settings; give its port.

    The one thing that is not a default is ``verify_cert``: judges show no certificates.

    Args:
        library: TLS library.
        identities: one, or two of different kinds.
        upstream: port of a plain server.
        folder: for its files.
        settings: more parameters of the domain.
        command_line: more arguments of the proxy.
    """
    values: dict[str, str | int] = {}
    for suffix, (certificate, key) in zip(("", "2"), identities, strict=False):
        values |= {f"certificate{suffix}": str(certificate), f"private_key{suffix}": str(key)}
    script = write_script(
        folder / f"{library}-{len(identities)}.cfg",
        server_domain("judged", **(values | dict(settings or {}))),
    )
    with Proxy(script, library, f"tcp:127.0.0.1:{upstream}", *command_line) as proxy:
        yield proxy.port


@contextlib.contextmanager
def nginx(identities: Sequence[Files], upstream: int, folder: Path) -> Iterator[int]:
    """Run nginx with Mozilla's intermediate profile; give its port."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        raise SystemExit("nginx is missing; make judges installs it")
    port = free_port()
    lines = [f"ssl_certificate {cert}; ssl_certificate_key {key};" for cert, key in identities]
    text = _NGINX.format(
        load=f"load_module {_NGINX_MODULE};" if _NGINX_MODULE.exists() else "",
        folder=folder,
        port=port,
        upstream=upstream,
        certificates="\n        ".join(lines),
        ciphers=_MOZILLA_CIPHERS,
    )
    write_dh_group(folder / "dhparam.pem")
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    with running([program, "-p", str(folder), "-c", str(path), "-e", "stderr"], port):
        yield port


def write_dh_group(path: Path) -> None:
    """Write the group that Mozilla recommends, ffdhe2048 of RFC 7919."""
    command = ["openssl", "genpkey", "-genparam", "-algorithm", "DH"]
    command += ["-pkeyopt", "group:ffdhe2048", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, silently, until the block ends; it must listen on the port."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            deadline = time.monotonic() + _READY_TIME
            while not is_listening(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{command[0]} does not start")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait()
