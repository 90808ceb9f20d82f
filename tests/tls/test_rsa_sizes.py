"""``min_rsa_bits``: the sizes of RSA keys that a domain asks its peers for."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from tests.support.pairs import Managers, managers, session_of
from tests.support.pki import Authority, Identity, certificate_pem
from tlsmgm import TLSManager, VerificationError

#: What the domains ask for; ``small`` has 2048 bits, ``large`` just enough.
BITS = 2304


class Keys(NamedTuple):
    """Authorities with keys of both sizes, and what they have issued."""

    small: Authority
    large: Authority


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys(Authority("small", kind="rsa"), Authority("large", kind=f"rsa{BITS}"))


@pytest.fixture(scope="module", params=["server", "client"])
def verifier(request: pytest.FixtureRequest) -> str:
    """Which side verifies the other and asks for a size."""
    return str(request.param)


class Meeting:
    """Two ends that verify each other, of which one asks for a size."""

    def __init__(self, library: str, other: str, version: str, verifier: str) -> None:
        self._libraries = (library, other) if verifier == "server" else (other, library)
        self._version = version
        self.verifier = verifier

    def managers(self, peer: Identity, trusted: bytes, **rules: Any) -> Managers:
        root = Authority("our root")
        own = root.issue("ours", names=["dom1.test"]).fields() | {"ca_list": trusted} | rules
        theirs = peer.fields() | {"ca_list": root.pem}
        server, client = (own, theirs) if self.verifier == "server" else (theirs, own)
        server |= {"verify_cert": True, "require_cert": True}
        return managers(*self._libraries, self._version, server=server, client=client)

    def verdict(self, peer: Identity, trusted: bytes, **rules: Any) -> str:
        """Return why the peer is refused, or ok."""
        pair = self.managers(peer, trusted, **({"min_rsa_bits": BITS} | rules)).pair().pump()
        error = pair.server_error if self.verifier == "server" else pair.client_error
        if error is None:
            pair.echo()
            return "ok"
        assert isinstance(error, VerificationError), error
        return error.reason


@pytest.fixture
def meeting(library: str, client_library: str, version: str, verifier: str) -> Meeting:
    return Meeting(library, client_library, version, verifier)


def test_leaves(meeting: Meeting, root: Authority) -> None:
    small = root.issue(names=["dom1.test"], kind="rsa")
    assert meeting.verdict(small, root.pem) == "weak_key"
    assert meeting.verdict(small, root.pem, min_rsa_bits=None) == "ok"
    assert meeting.verdict(small, root.pem, min_rsa_bits=2048) == "ok"
    large = root.issue(names=["dom1.test"], kind=f"rsa{BITS}")
    assert meeting.verdict(large, root.pem) == "ok"
    assert meeting.verdict(large, root.pem, min_rsa_bits=BITS + 1) == "weak_key"


def test_authorities(meeting: Meeting, keys: Keys, root: Authority) -> None:
    """What is trusted counts, too: who has its key can issue anything."""
    for authority, verdict in ((keys.small, "weak_key"), (keys.large, "ok")):
        leaf = authority.issue(names=["dom1.test"])
        assert meeting.verdict(leaf, authority.pem) == verdict
        leaf = authority.below("middle").issue(names=["dom1.test"])
        assert meeting.verdict(leaf, authority.pem) == verdict
    for kind, verdict in (("rsa", "weak_key"), (f"rsa{BITS}", "ok")):
        middle = Authority("middle", root, kind=kind)
        assert meeting.verdict(middle.issue(names=["dom1.test"]), root.pem) == verdict


def test_a_leaf_that_is_trusted_for_itself(meeting: Meeting, root: Authority) -> None:
    small = root.issue(names=["dom1.test"], kind="rsa")
    assert meeting.verdict(small, certificate_pem(small.leaf)) == "weak_key"


def test_keys_of_other_kinds(meeting: Meeting, root: Authority) -> None:
    leaf = root.below("middle").issue(names=["dom1.test"])
    assert meeting.verdict(leaf, root.pem, min_rsa_bits=16384) == "ok"


def test_what_else_is_wrong(meeting: Meeting, root: Authority) -> None:
    """The size is asked for behind everything but the name, with either library."""
    other = {"peer_identity": "other.test"}
    small = root.issue(names=["dom1.test"], kind="rsa")
    assert meeting.verdict(small, root.pem, **other) == "weak_key"
    assert meeting.verdict(small, root.pem, **other, min_rsa_bits=None) == "name_mismatch"
    old = root.issue(names=["dom1.test"], kind="rsa", days=(-3, -1))
    assert meeting.verdict(old, root.pem) == "expired"
    assert meeting.verdict(small, Authority("elsewhere").pem) == "unknown_ca"


def test_who_does_not_verify_asks_for_nothing(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    site = root.issue(names=["dom1.test"], kind="rsa")
    rules = {"verify_cert": False, "min_rsa_bits": BITS}
    both = managers(library, client_library, version, server=site.fields(), client=rules)
    both.connect().echo()


@pytest.mark.parametrize("kind", ["rsa", f"rsa{BITS}"])
def test_a_session_ends_with_another_size(meeting: Meeting, root: Authority, kind: str) -> None:
    """Whoever would be refused now is refused, and whoever would not be shakes hands anew."""
    both = meeting.managers(root.issue(names=["dom1.test"], kind=kind), root.pem)
    session = session_of(both.connect())
    again = both.connect(session=session)
    assert again.server.session_reused
    session = session_of(again)
    manager: TLSManager = getattr(both, meeting.verifier)
    (domain,) = manager.domains
    manager.replace_domain(domain.replace(min_rsa_bits=BITS))
    pair = both.pair(session=session).pump()
    if kind != "rsa":
        assert not pair.errors
        assert not pair.server.session_reused
        return
    error = pair.server_error if meeting.verifier == "server" else pair.client_error
    assert isinstance(error, VerificationError)
    assert error.reason == "weak_key"
