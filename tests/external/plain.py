"""Plain servers on a TLS library: a few lines of C, and OpenSSL's own program."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from os import environ
from pathlib import Path

from tests.external.targets import Files, free_port, running

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheels"))

import c_core  # noqa: E402 - found through the line above
import native_link  # noqa: E402 - found through the line above

__all__ = ["OLD_CIPHERS", "OPENSSL_GROUPS", "OpenSSLProgram", "PlainServer", "Wanted"]

#: All suites with a certificate, and what OpenSSL needs to talk to a client that names no signature
#: algorithms, as many scripts do.
OLD_CIPHERS = "ALL:!aNULL:@SECLEVEL=0"

#: All that scripts are about and OpenSSL 3.5 has. One of them wants what it offers first.
OPENSSL_GROUPS = ":".join(
    (
        "secp256r1:x25519:x448:secp384r1:secp521r1",
        "ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192",
        "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024",
        "brainpoolP256r1tls13:brainpoolP384r1tls13:brainpoolP512r1tls13",
    )
)


@dataclass(frozen=True)
class Wanted:
    """What a server has.

    Attributes:
        identity: certificate and key.
        dh_params: parameters of Diffie-Hellman.
        authorities: whose client certificates it accepts; None asks for none.
        protocol: the one that it speaks (ALPN); empty: it does not answer the extension.
        is_old: whether it has nothing newer than TLS 1.2.
        echoes: whether it sends back what comes, instead of answering a request.
    """

    identity: Files
    dh_params: Path
    authorities: Path | None = None
    protocol: str = ""
    is_old: bool = False
    echoes: bool = False


class PlainServer:
    """plain_server.c on a library; the same one that our backend is linked with.

    Args:
        library: its name.
    """

    def __init__(self, library: str) -> None:
        self._library = library

    def _build(self, folder: Path) -> Path:
        link = native_link.find_library(c_core.BACKENDS[self._library])
        program = folder / f"plain-{self._library}"
        command = [*shlex.split(environ.get("CC", "cc")), "-O1", "-Wall", "-Wextra"]
        command += [f"-DWITH_{self._library.upper()}", *link.compile_args]
        command += [str(Path(__file__).with_name("plain_server.c")), *link.link_args]
        subprocess.run([*command, "-lpthread", "-lm", "-o", str(program)], check=True)
        return program

    @contextlib.contextmanager
    def running(self, wanted: Wanted, folder: Path) -> Iterator[int]:
        """Run it; give its port.

        Args:
            wanted: what it has.
            folder: for its program.
        """
        port = free_port()
        command = [str(self._build(folder)), "-d", str(wanted.dh_params)]
        if self._library == "openssl":
            command += ["-c", OLD_CIPHERS, "-g", OPENSSL_GROUPS]
        if wanted.authorities is not None:
            command += ["-a", str(wanted.authorities)]
        if wanted.protocol:
            command += ["-p", wanted.protocol]
        if wanted.is_old:
            command.append("-o")
        if wanted.echoes:
            command.append("-e")
        with running([*command, str(port), *map(str, wanted.identity)], port):
            yield port


class OpenSSLProgram:
    """The system's ``openssl s_server``."""

    @contextlib.contextmanager
    def running(self, wanted: Wanted, folder: Path) -> Iterator[int]:
        """Run it; give its port."""
        port = free_port()
        chain, key = map(str, wanted.identity)
        command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-quiet"]
        command += ["-cipher", OLD_CIPHERS, "-serverpref", "-dhparam", str(wanted.dh_params)]
        command += ["-cert", chain, "-cert_chain", chain, "-key", key]
        if wanted.authorities is not None:
            command += ["-verify", "5", "-verify_return_error"]
            command += ["-CAfile", str(wanted.authorities)]
        if wanted.protocol:
            command += ["-alpn", wanted.protocol]
        if wanted.is_old:
            command.append("-no_tls1_3")
        with running(command, port):
            yield port
