"""hitch."""

from __future__ import annotations

import os
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

__all__ = ["Hitch"]

_CONFIGURATION = """\
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{upstream}"
pem-file = "{both}"
workers = 1
backlog = {backlog}
daemon = off
syslog = off
log-level = 1
tls-protos = {version}
{suites} = "{cipher}"
ecdh-curve = "{groups}"
ocsp-dir = ""
{user}
{verify}
"""


class Hitch(LoopbackServer):
    """A master and one worker, which does all the work."""

    name = "hitch"

    def find(self) -> tuple[str, str]:
        """It is a package in Debian."""
        self._program = find_program("hitch", "hitch")
        version = version_of([self._program, "--version"], r"hitch (\d[\d.]*)")
        return f"hitch {version}", linked_openssl(self._program)

    def command(self, place: Place) -> Sequence[str]:
        """A configuration file, and certificate and key in one."""
        identity, setting = place.identity, place.setting
        both = Path(identity.key).read_text("ascii") + Path(identity.certificate).read_text("ascii")
        text = _CONFIGURATION.format(
            port=place.port,
            upstream=place.upstream,
            both=write_secret(place.folder / "both.pem", both),
            backlog=setting.backlog,
            version=setting.version,
            suites="ciphersuites" if setting.is_tls13 else "ciphers",
            cipher=setting.cipher,
            groups=setting.groups,
            # It refuses to work as root.
            user='user = "nobody"' if os.geteuid() == 0 else "",
            verify=f'client-verify = required\nclient-verify-ca = "{identity.ca}"'
            if setting.mutual
            else "",
        )
        path = place.folder / "hitch.conf"
        path.write_text(text, encoding="utf-8")
        return [self._program, "--config", str(path)]
