"""Session tickets: what resumes, and what must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.libraries import needs_library
from tests.support.managers import client_domain, method_of, server_domain
from tests.support.pairs import ConnectionPair, Managers, manager, managers, session_of
from tests.support.pki import Authority, Identity
from tlsmgm import ConfigError, Session, VerificationError
from tlsmgm._backends import load
from tlsmgm._domains.defaults import DEFAULT_TICKET_ROTATION


def assert_reused(pair: ConnectionPair, expected: bool) -> None:
    assert (pair.client.session_reused, pair.server.session_reused) == (expected, expected)
    pair.echo()


def mutual(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    user: Identity,
) -> Managers:
    return managers(
        library,
        client_library,
        version,
        server=site.fields() | {"verify_cert": True, "ca_list": root.pem},
        client=user.fields() | {"ca_list": root.pem},
    )


def rotate(both: Managers) -> None:
    """Let the time of one ticket key pass for the server's domain."""
    keys = both.server._changes.snapshot.built["server", "dom1"].ticket_keys
    assert keys is not None
    schedule: Any = keys.schedule
    now = schedule._clock()
    schedule._clock = lambda: now + DEFAULT_TICKET_ROTATION
    keys.turn()


def two_domains(
    library: str, client_library: str, version: str, second: dict[str, Any] | None = None
) -> Managers:
    """Server domains ``dom1`` and ``dom2``; the client does not tell them apart."""
    method = {"method": method_of(version)}
    server = manager(
        library, server_domain("dom1", **method), server_domain("dom2", **(method | (second or {})))
    )
    client = client_domain(danger_skip_hostname_check=True, **method)
    return Managers(server, manager(client_library, client))


def renamed(session: Session, library: str) -> Session:
    """The session as a client without manners offers it: to ``dom2.test`` instead."""
    data = session.export()
    assert b"dom1.test" in data
    return Session.load(load(library), data.replace(b"dom1.test", b"dom2.test"))


def test_connections_resume_one_after_the_other(
    library: str, client_library: str, version: str
) -> None:
    both = managers(library, client_library, version)
    pair = both.connect()
    assert_reused(pair, False)
    for _ in range(3):
        pair = both.connect(session=session_of(pair))
        assert_reused(pair, True)
        assert pair.client.version == pair.server.version == version
        assert pair.server.server_name == "dom1.test"


def test_resumption_with_single_wire_bytes(library: str, client_library: str, version: str) -> None:
    both = managers(library, client_library, version)
    assert_reused(both.connect(session=session_of(both.connect(piece=1)), piece=1), True)


def test_session_without_server_name_resumes(
    library: str, client_library: str, version: str
) -> None:
    both = managers(library, client_library, version)
    first = both.connect(server_name=None)
    assert_reused(both.connect(server_name=None, session=session_of(first)), True)


def test_session_survives_as_bytes(library: str, client_library: str, version: str) -> None:
    both = managers(library, client_library, version)
    data = session_of(both.connect()).export()
    assert data == Session.load(load(client_library), data).export()
    pair = both.connect(session=Session.load(load(client_library), data))
    assert_reused(pair, True)
    assert pair.client.is_peer_verified() == 1
    assert pair.client.peer_certificate == pair.server.certificate


@pytest.mark.parametrize("name", ["dom2.test", None])
def test_session_is_not_offered_to_another_name(
    library: str, client_library: str, version: str, name: str | None
) -> None:
    client = {"danger_skip_hostname_check": True}
    both = managers(library, client_library, version, client=client)
    data = session_of(both.connect()).export()
    session = Session.load(load(client_library), data)
    assert_reused(both.connect(name, session=session), False)
    assert_reused(both.connect(session=session), True)


def test_session_is_not_offered_from_another_domain(
    library: str, client_library: str, version: str
) -> None:
    both = managers(library, client_library, version)
    both.client.add_domain(client_domain("other", method=method_of(version)))
    session = session_of(both.connect())
    assert_reused(both.connect(domain="other", session=session), False)
    assert_reused(both.connect(session=session), True)


def test_ticket_of_another_domain_does_not_resume(
    library: str, client_library: str, version: str
) -> None:
    both = two_domains(library, client_library, version)
    session = session_of(both.connect("dom1.test"))
    assert_reused(both.connect("dom1.test", session=session), True)
    pair = both.connect("dom2.test", session=renamed(session, client_library))
    assert_reused(pair, False)
    assert pair.server.domain.name == "dom2"
    assert pair.client.peer_certificate.subject_cn == "dom2"


def test_rules_of_the_second_domain_hold_for_a_ticket_of_the_first(
    library: str, client_library: str, version: str, root: Authority
) -> None:
    rules = {"verify_cert": True, "ca_list": root.pem}
    both = two_domains(library, client_library, version, rules)
    session = renamed(session_of(both.connect("dom1.test")), client_library)
    pair = both.fail(server_name="dom2.test", session=session)
    assert isinstance(pair.server_error, VerificationError)
    assert pair.server_error.reason == "missing"


@pytest.mark.parametrize("chained", [False, True])
def test_peer_survives_resumption(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    chained: bool,
    request: pytest.FixtureRequest,
) -> None:
    site = request.getfixturevalue("deep_site" if chained else "site")
    user = request.getfixturevalue("deep_user" if chained else "user")
    both = mutual(library, client_library, version, root, site, user)
    pair = both.connect()
    for _ in range(3):
        pair = both.connect(session=session_of(pair))
        assert_reused(pair, True)
        assert pair.server.peer_certificate.der == user.der
        assert pair.client.peer_certificate.der == site.der
        for end in (pair.server, pair.client):
            assert end.is_peer_verified() == 1
            assert end.verify_reason == "ok"
            assert end.variables["tls_peer_verified"] == "1"


def test_missing_peer_survives_resumption_where_none_is_required(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    rules = {"verify_cert": True, "require_cert": False, "ca_list": root.pem}
    both = managers(
        library,
        client_library,
        version,
        server=site.fields() | rules,
        client={"ca_list": root.pem},
    )
    pair = both.connect(session=session_of(both.connect()))
    assert_reused(pair, True)
    assert pair.server.is_peer_verified() == -1
    assert pair.server.peer_certificate is None


@pytest.mark.parametrize("rotations", [0, 1, 2])
def test_ticket_outlives_two_rotations(
    library: str, client_library: str, version: str, rotations: int
) -> None:
    both = managers(library, client_library, version)
    session = session_of(both.connect())
    for _ in range(rotations):
        rotate(both)
    assert_reused(both.connect(session=session), True)


def test_third_rotation_ends_a_ticket(library: str, client_library: str, version: str) -> None:
    both = managers(library, client_library, version)
    session = session_of(both.connect())
    for _ in range(3):
        rotate(both)
    assert_reused(both.connect(session=session), False)


def test_resumption_with_an_old_key_gives_a_new_ticket(
    library: str, client_library: str, version: str
) -> None:
    both = managers(library, client_library, version)
    pair = both.connect()
    for _ in range(4):
        rotate(both)
        rotate(both)
        pair = both.connect(session=session_of(pair))
        assert_reused(pair, True)


def test_unknown_ticket_means_full_handshake(
    library: str, client_library: str, version: str
) -> None:
    both = managers(library, client_library, version)
    session = session_of(both.connect())
    stranger = Managers(managers(library, client_library, version).server, both.client)
    pair = stranger.connect(session=session)
    assert_reused(pair, False)
    assert_reused(stranger.connect(session=session_of(pair)), True)


def test_large_peer_certificate_is_never_lost(
    library: str, client_library: str, version: str, root: Authority, site: Identity
) -> None:
    names = [f"{'n' * 50}{number:03}.example.test" for number in range(100)]
    user = root.issue("large", names=names)
    assert len(user.der) > 4096
    both = mutual(library, client_library, version, root, site, user)
    pair = both.connect()
    for _ in range(2):
        pair.echo()
        assert pair.server.peer_certificate.der == user.der
        assert pair.server.is_peer_verified() == 1
        pair = both.connect(session=pair.client.session)
    if library == "openssl":
        assert_reused(pair, True)
    # wolfSSL has no room for it in a ticket, so it gives none that opens.
    assert pair.server.peer_certificate.der == user.der
    assert pair.server.is_peer_verified() == 1


GARBAGE = [b"", b"\0", b"\1", b"garbage" * 100, b"\1\0\0", b"\1\0\0" + bytes(100), b"\xff" * 300]


@pytest.mark.parametrize("data", GARBAGE, ids=len)
def test_garbage_is_no_session(library: str, data: bytes) -> None:
    with pytest.raises(ConfigError):
        Session.load(load(library), data)


def test_cut_session_is_refused_or_harmless(library: str, version: str) -> None:
    both = managers(library, library, version)
    data = session_of(both.connect()).export()
    refused = 0
    for size in range(0, len(data), 7):
        try:
            session = Session.load(load(library), data[:size])
        except ConfigError:
            refused += 1
            continue
        both.connect(session=session).echo()
    assert refused


@needs_library("openssl", "wolfssl")
def test_session_of_another_library_is_not_used(version: str) -> None:
    ours, theirs = managers("openssl", "openssl", version), managers("openssl", "wolfssl", version)
    session = session_of(theirs.connect())
    assert_reused(ours.connect(session=session), False)
    with pytest.raises(ConfigError):
        Session.load(load("openssl"), session.export())
    with pytest.raises(ConfigError):
        Session.load(load("wolfssl"), session_of(ours.connect()).export())


def test_server_has_no_session(library: str, version: str) -> None:
    assert managers(library, library, version).connect().server.session is None
