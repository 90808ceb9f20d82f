"""A small proxy over asyncio's ``ssl=``: what one would write without us."""

from __future__ import annotations

import platform
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cohort.loopback import LoopbackServer, Place

__all__ = ["AsyncioProxy"]

_PROGRAM = Path(__file__).with_name("programs") / "asyncio_proxy.py"


class AsyncioProxy(LoopbackServer):
    """The proxy of programs/asyncio_proxy.py under asyncio's own loop."""

    name = "asyncio ssl="
    loop = "asyncio"

    def find(self) -> tuple[str, str]:
        """It needs nothing."""
        return f"asyncio of Python {platform.python_version()}", ssl.OPENSSL_VERSION

    def command(self, place: Place) -> Sequence[str]:
        """Everything is an argument."""
        identity, setting = place.identity, place.setting
        command = [
            sys.executable, str(_PROGRAM),
            "--loop", self.loop,
            "--port", str(place.port),
            "--upstream", str(place.upstream),
            "--certificate", identity.certificate,
            "--key", identity.key,
            "--version", setting.version,
            "--cipher", setting.cipher,
            "--tickets", str(int(setting.tickets)),
            "--backlog", str(setting.backlog),
        ]  # fmt: skip
        return [*command, "--client-ca", identity.ca] if setting.mutual else command
