"""stunnel: a thread for each connection."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cohort.loopback import LoopbackServer, Place, find_program, version_of
from benchmarks.cohort.openssl_config import linked_openssl

__all__ = ["Stunnel"]

_CONFIGURATION = """\
foreground = yes
pid =
debug = warning
syslog = no
[bench]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{upstream}
cert = {certificate}
key = {key}
sslVersion = {version}
{suites} = {cipher}
curves = {groups}
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
{tickets}
{verify}
"""


class Stunnel(LoopbackServer):
    """One process; it starts a thread for each connection, and its backlog cannot be set."""

    name = "stunnel"

    def find(self) -> tuple[str, str]:
        """It is a package in Debian."""
        self._program = find_program("stunnel", "stunnel4", names=["stunnel4"])
        version = version_of([self._program, "-version"], r"stunnel (\d[\d.]*)")
        return f"stunnel {version}", linked_openssl(self._program)

    def command(self, place: Place) -> Sequence[str]:
        """A configuration file."""
        identity, setting = place.identity, place.setting
        text = _CONFIGURATION.format(
            port=place.port,
            upstream=place.upstream,
            certificate=identity.certificate,
            key=identity.key,
            version=setting.version,
            suites="ciphersuites" if setting.is_tls13 else "ciphers",
            cipher=setting.cipher,
            groups=setting.groups,
            # A minus takes an option back; stunnel may have set it by itself.
            tickets=f"options = {'-' if setting.tickets else ''}NO_TICKET",
            verify=f"CAfile = {identity.ca}\nverifyChain = yes" if setting.mutual else "",
        )
        path = place.folder / "stunnel.conf"
        path.write_text(text, encoding="utf-8")
        return [self._program, str(path)]
