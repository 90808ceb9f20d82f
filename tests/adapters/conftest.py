"""Fixtures of the tests of contexts that are shaped like Python's own."""

from __future__ import annotations

import ssl

import pytest

from tests.adapters.ecosystem import Contexts, contexts
from tests.support.managers import client_domain, manager_of, pki, server_domain
from tests.support.pki import Authority
from tlsmgm import TLSManager, adapters


@pytest.fixture
def serving(library: str) -> adapters.SSLContext:
    """Shows the certificate of ``dom1.test``, by the usual calls."""
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_SERVER, library=library)
    context.load_cert_chain(pki("dom1.pem"), pki("dom1.key"))
    return context


@pytest.fixture
def fetching(library: str) -> adapters.SSLContext:
    """Trusts the recorded root, by the usual calls."""
    context = adapters.SSLContext(ssl.PROTOCOL_TLS_CLIENT, library=library)
    context.load_verify_locations(pki("root.pem"))
    return context


@pytest.fixture
def manager(library: str) -> TLSManager:
    """With server domains ``dom1`` and ``dom2``, and the client domain ``client``."""
    return manager_of(library, server_domain("dom1"), server_domain("dom2"), client_domain())


@pytest.fixture(scope="session")
def root() -> Authority:
    return Authority("adapters root")


@pytest.fixture(params=["calls", "domains"])
def both(request: pytest.FixtureRequest, library: str) -> Contexts:
    """A server's and a client's context, made by the usual calls and of a manager."""
    return contexts(library, request.param)
