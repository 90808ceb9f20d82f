"""What is known of a peer whose certificate was refused: whose it was, for the log."""

from __future__ import annotations

import pytest

from tests.support.pairs import managers
from tests.support.pki import Authority, Identity
from tlsmgm import VerificationError


@pytest.fixture
def stranger() -> Identity:
    middle = Authority("strange intermediate", Authority("strange root"))
    return middle.issue("stranger", names=["dom1.test"])


def test_a_server(library: str, client_library: str, version: str, stranger: Identity) -> None:
    both = managers(library, client_library, version, server=stranger.fields())
    pair = both.fail()
    refused = pair.client
    assert isinstance(pair.client_error, VerificationError)
    assert refused.peer_certificate is not None
    assert refused.peer_certificate.subject_cn == "stranger"
    assert len(refused.peer_chain) == 2
    assert not refused.peer_verified


def test_a_client(library: str, client_library: str, version: str, stranger: Identity) -> None:
    rules = {"verify_cert": True, "require_cert": True}
    both = managers(library, client_library, version, server=rules, client=stranger.fields())
    pair = both.pair().pump()
    refused = pair.server
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "unknown_ca"
    assert refused.peer_certificate is not None
    assert refused.peer_certificate.subject_cn == "stranger"
    assert not refused.peer_verified
    assert refused.version == version
    assert refused.cipher is not None
