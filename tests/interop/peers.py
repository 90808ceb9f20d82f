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
_BOTH = ("1.3", "1.2")


@dataclass(frozen=True)
class Peer:
    """A TLS stack, and how to run it.

    Attributes:
        name: for the command line.
        title: for people.
        needs: a program or a file without which it is not here.
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

    def missing(self) -> str | None:
        """Say what is not here; None if all is."""
        there = shutil.which(self.needs) is not None or Path(self.needs).exists()
        return None if there else self.needs

    def found_version(self) -> str:
        """Return the version, as the program says it."""
        done = subprocess.run(
            self.version, capture_output=True, text=True, timeout=30, check=False
        )
        found = re.search(self.pattern, done.stdout + done.stderr)
        if not found:
            raise RuntimeError(f"{self.name}: no version in {done.stdout + done.stderr!r}")
        return " ".join(part for part in found.groups() if part)


def _python(module: str, version: str) -> tuple[Command, Command]:
    """Return how a Python package is run, and how its version is found."""
    return (_PYTHON, str(HERE / f"{module}_peer.py")), (_PYTHON, "-c", version)


def _package(name: str) -> str:
    return f"from importlib.metadata import version; print(version({name!r}))"


_TLSLITE, _TLSLITE_VERSION = _python("tlslite", _package("tlslite-ng"))
_PYOPENSSL, _PYOPENSSL_VERSION = _python(
    "pyopenssl",
    _package("pyOpenSSL") + "; from OpenSSL import SSL; print(SSL.SSLeay_version(0).decode())",
)
_RTLS, _RTLS_VERSION = _python("rtls", _package("rtls"))
_UTLS, _UTLS_VERSION = _python("utls", _package("utls"))
_AWSCRT, _AWSCRT_VERSION = _python("awscrt", _package("awscrt"))
_MBEDTLS, _MBEDTLS_VERSION = _python(
    "mbedtls", _package("python-mbedtls") + "; from mbedtls.version import version; print(version)"
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
        _TLSLITE_VERSION,
        r"(\S+)",
        client=(*_TLSLITE, "client"),
        server=(*_TLSLITE, "server"),
        verifies=False,
        asks_certificate=False,
    ),
    Peer(
        "openssl4",
        "pyOpenSSL",
        _PYTHON,
        _PYOPENSSL_VERSION,
        r"(\S+)\s+(OpenSSL \S+)",
        client=(*_PYOPENSSL, "client"),
        server=(*_PYOPENSSL, "server"),
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
)
