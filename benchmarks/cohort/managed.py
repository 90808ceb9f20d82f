"""tlsmgm, with each library that is installed."""

from __future__ import annotations

import tlsmgm
from benchmarks.cohort import Entrant
from benchmarks.identity import SERVER_NAME, Identity

_LOCAL = ("192.0.2.1", 443)


class _Server:
    def __init__(self, manager: tlsmgm.TLSManager) -> None:
        self._tls = manager.server_connection(_LOCAL)

    def step(self, data: bytes) -> tuple[bool, bytes]:
        self._tls.feed(data)
        return self._tls.handshake(), self._tls.drain()


def entrants(identity: Identity) -> list[Entrant]:
    """A manager for each library, with a domain that is chosen by name.

    Args:
        identity: of the server.
    """
    found = []
    for library, info in tlsmgm.backends().items():
        manager = tlsmgm.TLSManager(library)
        manager.add_domain(
            tlsmgm.Domain(
                "server",
                "server",
                match_sip_domain=SERVER_NAME,
                method="TLSv1_3",
                certificate=identity.certificate,
                private_key=identity.key,
                verify_cert=False,
            )
        )
        found.append(_entrant(library, info.version, manager))
    return found


def _entrant(library: str, version: str, manager: tlsmgm.TLSManager) -> Entrant:
    return Entrant(f"tlsmgm, {library}", f"{library} {version}", lambda: _Server(manager))
