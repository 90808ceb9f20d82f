"""Servers under asyncio and uvloop that echo, without any upstream."""

from __future__ import annotations

import importlib.metadata
import platform
import ssl
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import tlsmgm
from benchmarks.cohort.loopback import LoopbackServer, Place
from benchmarks.cohort.setting import Absent, Setting
from benchmarks.identity import SERVER_NAME

__all__ = ["EchoServer"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_PROGRAM: Final = Path(__file__).with_name("programs") / "echo_server.py"


class EchoServer(LoopbackServer):
    """The server of programs/echo_server.py.

    Args:
        library: ``openssl`` or ``wolfssl`` for ``tlsmgm.aio``, ``ssl`` for ``ssl=``.
        loop: ``asyncio`` or ``uvloop``.
        upstream: of no use here.
        cpus: processors that it may run on.
    """

    name = "echo server"

    def __init__(
        self, library: str, loop: str, upstream: int = 0, *, cpus: Iterable[int] | None = None
    ) -> None:
        self._library = library
        self._loop = loop
        title = f"{loop} ssl=" if library == "ssl" else f"tlsmgm.aio, {library}, {loop}"
        self.name = title  # type: ignore[misc]  # one class for all
        super().__init__(upstream, cpus=cpus)

    def find(self) -> tuple[str, str]:
        """Loop and library; either may be missing."""
        program = f"asyncio of Python {platform.python_version()}"
        if self._loop == "uvloop":
            try:
                program = f"uvloop {importlib.metadata.version('uvloop')}"
            except importlib.metadata.PackageNotFoundError:
                raise Absent("uvloop: pip install uvloop") from None
        if self._library == "ssl":
            return program, ssl.OPENSSL_VERSION
        info = tlsmgm.libraries().get(self._library)
        if info is None:
            raise Absent(f"{self.name}: this backend is not built; run make")
        return program, f"{self._library} {info.version}"

    def check(self, setting: Setting) -> None:
        """It verifies nobody."""
        super().check(setting)
        if setting.mutual:
            raise Absent(f"{self.name}: does not verify clients")

    def environment(self) -> Mapping[str, str]:
        """Find the package in the checkout."""
        return {"PYTHONPATH": ":".join([str(_ROOT), *filter(None, sys.path)])}

    def command(self, place: Place) -> Sequence[str]:
        """Everything is an argument."""
        identity, setting = place.identity, place.setting
        return [
            sys.executable, str(_PROGRAM),
            "--loop", self._loop,
            "--library", self._library,
            "--port", str(place.port),
            "--server-name", SERVER_NAME,
            "--certificate", identity.certificate,
            "--key", identity.key,
            "--version", setting.version,
            "--cipher", setting.cipher,
            "--groups", setting.groups,
            "--tickets", str(int(setting.tickets)),
            "--backlog", str(setting.backlog),
        ]  # fmt: skip
