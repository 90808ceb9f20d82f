"""Contexts for servers and clients of others: by the usual calls, or by domains."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from tests.support.managers import client_domain, manager_of, pki, server_domain
from tlsmgm import adapters

__all__ = ["Contexts", "contexts"]


@dataclass(frozen=True)
class Contexts:
    """What a test of somebody else's program gets.

    Attributes:
        server: a context that answers to dom1.test, if by domains also to dom2.test.
        client: a context that trusts the recorded root.
        names: of the servers.
    """

    server: adapters.SSLContext
    client: adapters.SSLContext
    names: tuple[str, ...]


def contexts(library: str, way: str) -> Contexts:
    """Make a pair of contexts.

    Args:
        library: of both.
        way: ``"calls"`` or ``"domains"``.
    """
    if way == "domains":
        manager = manager_of(library, server_domain("dom1"), server_domain("dom2"), client_domain())
        server, client = adapters.ssl_context(manager), adapters.ssl_context(manager, "client")
        return Contexts(server, client, ("dom1.test", "dom2.test"))
    server = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    server.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    client = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    client.load_verify_locations(pki("root.pem"))
    return Contexts(server, client, ("dom1.test",))
