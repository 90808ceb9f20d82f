"""A small PKI, and connections of a domain's ``ssl`` context to our own backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.managers import LOCAL, client_domain, method_of, server_domain
from tests.support.pairs import ConnectionPair, manager
from tests.support.peers import StdlibPeer
from tests.support.small_pki import deep_site, deep_user, middle, root, site, user
from tlsmgm import Domain

__all__ = ["Connector", "deep_site", "deep_user", "meet", "middle", "root", "site", "user"]

Connector = Callable[..., ConnectionPair]


@pytest.fixture
def meet(library: str) -> Connector:
    """From a domain to a connection between its ``ssl`` context and the library under test.

    The other end speaks every version unless ``version`` is given; further arguments are fields of
    its domain. All bytes have been carried; errors are in the pair.
    """

    def connect(
        domain: Domain,
        *,
        server_name: str | None = "dom1.test",
        version: str | None = None,
        **fields: Any,
    ) -> ConnectionPair:
        if version is not None:
            fields["method"] = method_of(version)
        context = domain.ssl_context()
        if domain.kind == "client":
            server = manager(library, server_domain("dom1", match_sip_domain="*", **fields))
            client = StdlibPeer(context, server_name=server_name)
            return ConnectionPair(client, server.server_connection(LOCAL)).pump()
        client_manager = manager(library, client_domain("client", **fields))
        return ConnectionPair(
            client_manager.client_connection("client", server_name=server_name),
            StdlibPeer(context, server_side=True),
        ).pump()

    return connect
