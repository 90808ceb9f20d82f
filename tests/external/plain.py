"""Plain servers on a TLS library: a few lines of C, and OpenSSL's own program."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterator
from os import environ
from pathlib import Path

from tests.external.targets import Files, free_port, running

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheels"))

import native_link  # noqa: E402 - found through the line above

__all__ = ["OLD_CIPHERS", "OpenSSLProgram", "PlainServer"]

#: What OpenSSL needs to talk to a client that names no signature algorithms, as many scripts do.
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"

_LIBRARIES = {"openssl": native_link.OPENSSL, "wolfssl": native_link.WOLFSSL}


class PlainServer:
    """plain_server.c on a library; the same one that our backend is linked with.

    Args:
        library: its name.
    """

    def __init__(self, library: str) -> None:
        self._library = library

    def _build(self, folder: Path) -> Path:
        link = native_link.find_library(_LIBRARIES[self._library])
        program = folder / f"plain-{self._library}"
        command = [*shlex.split(environ.get("CC", "cc")), "-O1", "-Wall", "-Wextra"]
        command += [f"-DWITH_{self._library.upper()}", *link.compile_args]
        command += [str(Path(__file__).with_name("plain_server.c")), *link.link_args]
        subprocess.run([*command, "-lpthread", "-lm", "-o", str(program)], check=True)
        return program

    @contextlib.contextmanager
    def running(self, identity: Files, root: Path | None, folder: Path) -> Iterator[int]:
        """Run it; give its port.

        Args:
            identity: certificate and key.
            root: whose client certificates it accepts; None asks for none.
            folder: for its program.
        """
        port = free_port()
        names = [str(path) for path in identity]
        ciphers = OLD_CIPHERS if self._library == "openssl" else "-"
        command = [str(self._build(folder)), str(port), *names, ciphers, "-"]
        with running([*command, "-" if root is None else str(root)], port):
            yield port


class OpenSSLProgram:
    """The system's ``openssl s_server``."""

    @contextlib.contextmanager
    def running(self, identity: Files, root: Path | None, folder: Path) -> Iterator[int]:
        """Run it; give its port."""
        port = free_port()
        chain, key = identity
        command = [
            "openssl",
            "s_server",
            "-accept",
            f"127.0.0.1:{port}",
            "-www",
            "-quiet",
            "-no_dhe",
        ]
        command += ["-cipher", OLD_CIPHERS]
        command += ["-cert", str(chain), "-cert_chain", str(chain), "-key", str(key)]
        if root is not None:
            command += ["-verify", "5", "-verify_return_error", "-CAfile", str(root)]
        with running(command, port):
            yield port
