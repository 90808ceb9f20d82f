"""Python's ssl module, over MemoryBIO."""

from __future__ import annotations

import ssl

from benchmarks.cohort import Entrant
from benchmarks.identity import SERVER_NAME, Identity


class _Server:
    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def step(self, data: bytes) -> tuple[bool, bytes]:
        self._incoming.write(data)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._outgoing.read()
        return True, self._outgoing.read()


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(identity.certificate, identity.key)
    context.num_tickets = 1  # as tlsmgm gives
    return context


def entrants(identity: Identity) -> list[Entrant]:
    """One context for everybody, and a context that is chosen by name.

    Args:
        identity: of the server.
    """
    single = _context(identity)
    default = _context(identity)
    by_name = {SERVER_NAME: _context(identity)}

    def choose(tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        tls.context = by_name[name or ""]

    default.sni_callback = choose
    return [
        Entrant("ssl, one context", ssl.OPENSSL_VERSION, lambda: _Server(single)),
        Entrant("ssl, sni_callback", ssl.OPENSSL_VERSION, lambda: _Server(default)),
    ]
