"""HAProxy, mode tcp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cohort.loopback import (
    LoopbackServer,
    Place,
    find_program,
    version_of,
    write_secret,
)
from benchmarks.cohort.openssl_config import linked_openssl

__all__ = ["HAProxy"]

_CONFIGURATION = """\
global
    nbthread 1
    tune.ssl.cachesize 0
defaults
    mode tcp
    timeout connect 10s
    timeout client 300s
    timeout server 300s
    option dontlognull
frontend bench
    bind 127.0.0.1:{port} backlog {backlog} {options}
    default_backend upstream
backend upstream
    server plain 127.0.0.1:{upstream}
"""


class HAProxy(LoopbackServer):
    """One process with one thread."""

    name = "HAProxy"

    def find(self) -> tuple[str, str]:
        """It is a package in Debian."""
        self._program = find_program("haproxy", "haproxy")
        version = version_of([self._program, "-v"], r"version (\S+?)[-+ ]")
        return f"HAProxy {version}", linked_openssl(self._program)

    def command(self, place: Place) -> Sequence[str]:
        """A configuration file, and certificate and key in one."""
        identity, setting = place.identity, place.setting
        both = Path(identity.certificate).read_text("ascii") + Path(identity.key).read_text("ascii")
        suites = "ciphersuites" if setting.is_tls13 else "ciphers"
        options = [
            "ssl crt",
            write_secret(place.folder / "both.pem", both),
            f"ssl-min-ver {setting.version} ssl-max-ver {setting.version}",
            f"{suites} {setting.cipher} curves {setting.groups}",
        ]
        if not setting.tickets:
            options.append("no-tls-tickets")
        if setting.mutual:
            options.append(f"ca-file {identity.ca} verify required")
        text = _CONFIGURATION.format(
            port=place.port,
            backlog=setting.backlog,
            upstream=place.upstream,
            options=" ".join(options),
        )
        path = place.folder / "haproxy.cfg"
        path.write_text(text, encoding="utf-8")
        return [self._program, "-db", "-f", str(path)]
