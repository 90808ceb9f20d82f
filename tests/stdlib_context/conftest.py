"""A small PKI, and connections of a domain's ``ssl`` context to our own backends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.managers import LOCAL, client_domain, method_of, server_domain
from tests.support.pairs import ConnectionPair, manager
from tests.support.peers import StdlibPeer
from tests.support.pki import Authority, Identity
from tlsmgm import Domain

Connector = Callable[..., ConnectionPair]


@pytest.fixture(scope="session")
def root() -> Authority:
    return Authority("tests root")


@pytest.fixture(scope="session")
def middle(root: Authority) -> Authority:
    """An intermediate right below the root."""
    return Authority("tests intermediate", root)


@pytest.fixture(scope="session")
def site(root: Authority) -> Identity:
    """A server, vouched for by the root."""
    return root.issue("site", names=["dom1.test"])


@pytest.fixture(scope="session")
def user(root: Authority) -> Identity:
    """A client, vouched for by the root."""
    return root.issue("user")


@pytest.fixture(scope="session")
def deep_site(middle: Authority) -> Identity:
    """A server, vouched for by the intermediate."""
    return middle.issue("deep site", names=["dom1.test"])


@pytest.fixture(scope="session")
def deep_user(middle: Authority) -> Identity:
    """A client, vouched for by the intermediate."""
    return middle.issue("deep user")


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
