"""The peers: which programs they are. What they do is in ``programs``, see README.md."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "build" / "interop"
HERE = Path(__file__).parent / "programs"

#: A command line.
Command = tuple[str, ...]

_PYTHON = str(TOOLS / "venv" / "bin" / "python")
_MBEDTLS = TOOLS / "mbedtls_peer"
_BOTH = ("1.3", "1.2")


@dataclass(frozen=True)
class Peer:
    """A TLS stack, and how to run it.

    Attributes:
        name: for the command line.
        title: for people.
        needs: a program without which it is not here.
        version: prints the version.
        pattern: finds the version there.
        client: runs it as a client; None: it is none.
        server: runs it as a server; None: it is none.
        versions: of TLS, that it has as a client.
        server_versions: the same as a server.
        shows_certificate: a client can have a certificate.
        asks_certificate: a server can demand one.
        resumes: a client that can keep a session, in which versions.
        verifies: a client can refuse our certificate.
        patience: seconds that it has for a connection.
    """

    name: str
    title: str
    needs: str
    version: Command
    pattern: str
    client: Command | None = None
    server: Command | None = None
    versions: tuple[str, ...] = _BOTH
    server_versions: tuple[str, ...] = _BOTH
    shows_certificate: bool = True
    asks_certificate: bool = True
    resumes: tuple[str, ...] = _BOTH
    verifies: bool = True
    patience: float = 12.0

    def found_version(self) -> str | None:
        """Return the version, as the program says it; None: it is not here, or does not run."""
        if shutil.which(self.needs) is None:
            return None
        done = subprocess.run(self.version, capture_output=True, text=True, timeout=60, check=False)
        found = re.search(self.pattern, done.stdout + done.stderr)
        if done.returncode != 0 or not found:
            return None
        return " ".join(part for part in found.groups() if part)


def _python(program: str, *arguments: str) -> Command:
    """Return how a Python program is run."""
    return (_PYTHON, str(HERE / program), *arguments)


def _package(name: str, more: str = "") -> Command:
    """Return how a Python package's version is found."""
    return (
        _PYTHON,
        "-c",
        f"from importlib.metadata import version; print(version({name!r})){more}",
    )


PEERS = (
    Peer(
        "gnutls",
        "GnuTLS",
        "gnutls-cli",
        ("gnutls-cli", "--version"),
        r"gnutls-cli (\S+)",
        client=("sh", str(HERE / "gnutls_client.sh")),
        server=("sh", str(HERE / "gnutls_server.sh")),
    ),
    Peer(
        "tlslite",
        "tlslite-ng",
        _PYTHON,
        _package("tlslite-ng"),
        r"(\S+)",
        client=_python("tlslite_peer.py", "client"),
        server=_python("tlslite_peer.py", "server"),
        verifies=False,
        asks_certificate=False,
        patience=40.0,  # it is Python, AES too
    ),
    Peer(
        "openssl4",
        "pyOpenSSL",
        _PYTHON,
        _package("pyOpenSSL", "; from OpenSSL import SSL; print(SSL.SSLeay_version(0).decode())"),
        r"(\S+)\s+(OpenSSL \S+)",
        client=_python("pyopenssl_peer.py", "client"),
        server=_python("pyopenssl_peer.py", "server"),
    ),
    Peer(
        "node",
        "Node.js",
        "node",
        ("node", "-p", "process.version + ' OpenSSL ' + process.versions.openssl"),
        r"v(\S+) (OpenSSL \S+)",
        client=("node", str(HERE / "node_peer.js"), "client"),
        server=("node", str(HERE / "node_peer.js"), "server"),
    ),
    Peer(
        "botan",
        "Botan",
        "botan",
        ("botan", "version"),
        r"(\S+)",
        client=("sh", str(HERE / "botan_client.sh")),
        server=("sh", str(HERE / "botan_server.sh")),
        versions=("1.2",),
        server_versions=("1.2",),
        shows_certificate=False,
        asks_certificate=False,
    ),
    Peer(
        "rtls",
        "rtls (rustls)",
        _PYTHON,
        _package("rtls"),
        r"(\S+)",
        client=_python("ssl_peer.py", "rtls", "client"),
        server=_python("ssl_peer.py", "rtls", "server"),
        asks_certificate=False,
    ),
    Peer(
        "utls",
        "utls (BoringSSL)",
        _PYTHON,
        _package("utls"),
        r"(\S+)",
        client=_python("ssl_peer.py", "utls", "client"),
    ),
    Peer(
        "awscrt",
        "awscrt (s2n-tls)",
        _PYTHON,
        _package("awscrt"),
        r"(\S+)",
        client=_python("awscrt_peer.py", "client"),
        versions=("1.3",),  # it has a setting for the oldest one only
        patience=30.0,
    ),
    Peer(
        "mbedtls",
        "Mbed TLS",
        str(_MBEDTLS),
        (str(_MBEDTLS), "version"),
        r"(\S+)",
        client=(str(_MBEDTLS), "client"),
        server=(str(_MBEDTLS), "server"),
    ),
    Peer(
        "mbedtls2",
        "python-mbedtls",
        _PYTHON,
        _package(
            "python-mbedtls", "; from mbedtls import version as v; print('mbedTLS', v.version)"
        ),
        r"(\S+)\s+(mbed.*)",
        client=_python("mbedtls2_peer.py", "client"),
        server=_python("mbedtls2_peer.py", "server"),
        versions=("1.2",),
        server_versions=("1.2",),
        resumes=(),
        patience=60.0,  # the megabyte is read byte by byte
    ),
    Peer(
        "erlang",
        "Erlang/OTP",
        "escript",
        (
            "erl",
            "-noshell",
            "-eval",
            "application:load(ssl), {ok, V} = application:get_key(ssl, vsn),"
            ' io:format("~s ssl-~s~n", [erlang:system_info(otp_release), V]), halt().',
        ),
        r"(\S+) (\S+)",
        client=("escript", str(HERE / "erlang_peer.erl"), "client"),
        server=("escript", str(HERE / "erlang_peer.erl"), "server"),
    ),
    Peer(
        "java",
        "Java (JSSE)",
        "java",
        ("java", "-version"),
        r'version "([^"]+)"',
        client=("java", "-cp", str(TOOLS / "classes"), "JavaPeer", "client"),
        server=("java", "-cp", str(TOOLS / "classes"), "JavaPeer", "server"),
    ),
    Peer(
        "caddy",
        "caddy (Go)",
        "caddy",
        ("caddy", "version"),
        r"(\S+)",
        client=("sh", str(HERE / "caddy_client.sh")),
        server=("sh", str(HERE / "caddy_server.sh")),
        versions=("1.3",),  # it has no setting for it
        resumes=(),
    ),
)
