"""Our connections against Python's ssl and pyOpenSSL, in memory."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from OpenSSL import SSL

from tests.support.managers import (
    LOCAL,
    NAMES,
    assert_echo,
    carry,
    client_domain,
    manager_of,
    method_of,
    mutual_domain,
    pki,
    read_all,
    server_domain,
    session_of,
    shake_hands,
)
from tests.support.peers import PEERS
from tlsmgm import AlertError, Connection, Domain, TLSManager, VerificationError

GOOD = {"certificate": pki("good.pem"), "private_key": pki("good.key")}


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Any:
    return PEERS[request.param]


def servers(library: str, version: str, *, mutual: bool = False) -> TLSManager:
    make = mutual_domain if mutual else server_domain
    return manager_of(library, *(make(name, method=method_of(version)) for name in NAMES))


def client(library: str, version: str, **values: Any) -> TLSManager:
    return manager_of(library, client_domain(method=method_of(version), **values))


def close_both(ours: Connection, theirs: Any) -> None:
    """Close from our side, then from theirs; both see a clean end."""
    assert ours.shutdown() is False
    carry(ours, theirs)
    assert theirs.read() == b""
    theirs.shutdown()
    carry(theirs, ours)
    assert ours.read() == b""


@pytest.mark.parametrize("name", NAMES)
def test_server_is_chosen_by_name_and_serves(
    library: str, version: str, peer: Any, name: str
) -> None:
    make, context = peer
    theirs = make(context(version), server_name=f"{name}.test")
    ours = servers(library, version).server_connection(LOCAL)
    shake_hands(theirs, ours)
    domain = ours.domain
    assert domain is not None
    assert (domain.name, ours.version, theirs.version) == (name, version, version)
    assert ours.server_name == f"{name}.test"
    assert_echo(theirs, ours)
    close_both(ours, theirs)


def test_server_resumes(library: str, version: str, peer: Any) -> None:
    make, context = peer
    manager, shared = servers(library, version), context(version)
    session, reused = None, []
    for _ in range(3):
        theirs = make(shared, server_name="dom1.test", session=session)
        ours = manager.server_connection(LOCAL)
        shake_hands(theirs, ours)
        assert_echo(theirs, ours)
        reused.append(ours.session_reused)
        session = theirs.session
    assert reused == [False, True, True]


def test_server_gives_no_resumption_in_another_domain(
    library: str, version: str, peer: Any
) -> None:
    make, context = peer
    manager, shared = servers(library, version), context(version)
    theirs = make(shared, server_name="dom1.test")
    shake_hands(theirs, ours := manager.server_connection(LOCAL))
    assert_echo(theirs, ours)
    again = make(shared, server_name="dom2.test", session=theirs.session)
    shake_hands(again, ours := manager.server_connection(LOCAL))
    assert not ours.session_reused
    assert ours.domain == manager.domains[1]
    assert_echo(again, ours)


def test_server_sees_the_certificate_of_its_client(library: str, version: str, peer: Any) -> None:
    make, context = peer
    manager, shared = servers(library, version, mutual=True), context(version, certificate="good")
    session = None
    for reused in (False, True):
        theirs = make(shared, server_name="dom1.test", session=session)
        ours = manager.server_connection(LOCAL)
        shake_hands(theirs, ours)
        assert ours.is_peer_verified() == 1
        assert ours.variables["tls_peer_subject_cn"] == "good client"
        assert ours.session_reused is reused
        assert_echo(theirs, ours)
        session = theirs.session


@pytest.mark.parametrize(("certificate", "reason"), [(None, "missing"), ("expired", "expired")])
def test_server_refuses_a_client(
    library: str, version: str, peer: Any, certificate: str | None, reason: str
) -> None:
    make, context = peer
    theirs = make(context(version, certificate=certificate), server_name="dom1.test")
    ours = servers(library, version, mutual=True).server_connection(LOCAL)
    with pytest.raises(VerificationError) as caught:
        shake_hands(theirs, ours)
    assert caught.value.reason == reason
    with pytest.raises((ssl.SSLError, SSL.Error)):  # the alert has arrived
        theirs.handshake() and theirs.read()


def test_client_checks_and_talks(library: str, version: str, peer: Any) -> None:
    make, context = peer
    theirs = make(context(version, server="dom1"), server_side=True)
    ours = client(library, version).client_connection("client", server_name="dom1.test")
    shake_hands(ours, theirs)
    assert (ours.version, ours.is_peer_verified()) == (version, 1)
    assert_echo(ours, theirs)
    close_both(ours, theirs)


def test_client_resumes(library: str, version: str, peer: Any) -> None:
    make, context = peer
    manager, shared = client(library, version), context(version, server="dom1")
    session, reused = None, []
    for _ in range(3):
        theirs = make(shared, server_side=True)
        ours = manager.client_connection("client", server_name="dom1.test", session=session)
        shake_hands(ours, theirs)
        assert_echo(ours, theirs)
        reused.append(ours.session_reused)
        assert ours.is_peer_verified() == 1
        session = session_of(ours)
    assert reused == [False, True, True]


def test_client_shows_its_certificate(library: str, version: str, peer: Any) -> None:
    make, context = peer
    theirs = make(context(version, server="dom1", mutual=True), server_side=True)
    ours = client(library, version, **GOOD).client_connection("client", server_name="dom1.test")
    shake_hands(ours, theirs)
    assert_echo(ours, theirs)
    if isinstance(theirs.tls, SSL.Connection):
        certificate = theirs.tls.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        assert "CN=good client" in certificate.subject.rfc4514_string()
    else:
        assert (("commonName", "good client"),) in theirs.tls.getpeercert()["subject"]


@pytest.mark.parametrize(
    ("server", "name", "reason"),
    [
        ("dom1", "dom2.test", "name_mismatch"),
        ("expired", None, "expired"),
        ("selfsigned", None, "self_signed"),
        ("wrongca", None, "unknown_ca"),
    ],
)
def test_client_refuses_a_server(
    library: str, version: str, peer: Any, server: str, name: str | None, reason: str
) -> None:
    make, context = peer
    theirs = make(context(version, server=server), server_side=True)
    ours = client(library, version).client_connection("client", server_name=name)
    with pytest.raises(VerificationError) as caught:
        shake_hands(ours, theirs)
    assert caught.value.reason == reason
    with pytest.raises((ssl.SSLError, SSL.Error)):
        theirs.handshake() and theirs.read()


def test_server_hears_that_its_client_refused(library: str, version: str, peer: Any) -> None:
    """OpenSSL's clients send this alert of TLS 1.3 unencrypted."""
    make, context = peer
    domain = server_domain("selfsigned", match_sip_domain="*", method=method_of(version))
    ours = manager_of(library, domain).server_connection(LOCAL)
    theirs = make(context(version), server_name="dom1.test")
    with pytest.raises((ssl.SSLError, SSL.Error)):
        shake_hands(theirs, ours)
    with pytest.raises(AlertError) as caught:
        ours.handshake() and ours.read()
    assert caught.value.alert == 48


@pytest.mark.parametrize("side", ["server", "client"])
def test_a_megabyte_each_way(library: str, version: str, peer: Any, side: str) -> None:
    make, context = peer
    data = bytes(range(256)) * 4096
    if side == "server":
        theirs = make(context(version), server_name="dom1.test")
        ours = servers(library, version).server_connection(LOCAL)
        shake_hands(theirs, ours)
    else:
        theirs = make(context(version, server="dom1"), server_side=True)
        ours = client(library, version).client_connection("client", server_name="dom1.test")
        shake_hands(ours, theirs)
    for here, there in ((ours, theirs), (theirs, ours)):
        got, view = b"", memoryview(data)
        while view:
            view = view[here.write(view[:100_000]) :]
            carry(here, there)
            got += read_all(there)
        assert got == data


@pytest.mark.parametrize("agreed", ["sip", "http/1.1"])
def test_alpn(library: str, version: str, agreed: str) -> None:
    make, context = PEERS["ssl"]
    shared = context(version)
    shared.set_alpn_protocols([agreed, "x"])
    domain: Domain = server_domain(method=method_of(version), alpn=("http/1.1", "sip"))
    theirs = make(shared, server_name="dom1.test")
    ours = manager_of(library, domain).server_connection(LOCAL)
    shake_hands(theirs, ours)
    assert ours.alpn == theirs.tls.selected_alpn_protocol() == agreed
