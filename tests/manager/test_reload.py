"""reload(): what changes, what stays, and what a mistake leaves untouched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.managers import (
    LOCAL,
    assert_echo,
    carry,
    client_domain,
    connect,
    manager_of,
    method_of,
    server_domain,
    session_of,
    shake_hands,
)
from tests.support.scripts import Site, client, server
from tlsmgm import (
    ConfigError,
    Connection,
    NoDomainError,
    ReloadReport,
    Session,
    TLSManager,
    VerificationError,
)

UNCHANGED = ReloadReport()


def mutual(**values: Any) -> list[str]:
    """Lines of a server domain that demands a certificate of the root and looks at CRLs."""
    rules: dict[str, Any] = {
        "verify_cert": 1,
        "require_cert": 1,
        "ca_list": "root.pem",
        "crl_dir": "crls",
    }
    return server("dom1", **(rules | values))


def clients_of(site: Site, version: str, library: str | None = None) -> TLSManager:
    """A manager of a client that shows a certificate."""
    shown = {"certificate": str(site.path / "good.pem"), "private_key": str(site.path / "good.key")}
    domain = client_domain(method=method_of(version), **shown)
    return manager_of(library or "openssl", domain)


def visit(
    manager: TLSManager, clients: TLSManager, session: Session | None = None
) -> tuple[bool, Session, Connection]:
    """Connect; return whether the server resumed, the next session, and the server's side."""
    one, other = connect(manager, clients, session=session)
    assert_echo(one, other)
    reused = other.session_reused
    assert one.session_reused is reused
    found = session_of(one)
    one.shutdown()
    carry(one, other)
    return reused, found, other


def test_nothing_changed(site: Site, version: str, client_library: str) -> None:
    site.write(mutual(), server("dom2"))
    manager, clients = site.load(), clients_of(site, version, client_library)
    reused, session, before = visit(manager, clients)
    assert not reused
    assert manager.reload() == UNCHANGED
    reused, _, after = visit(manager, clients, session)
    assert reused
    assert after.context is before.context


def test_new_certificate_and_old_tickets(site: Site, version: str, client_library: str) -> None:
    """The rules for the peer are the same, so a peer that was let in may come back."""
    site.write(mutual(certificate="cert.pem", private_key="key.pem"), server("dom2"))
    site.replace("cert.pem", "dom1.pem")
    site.replace("key.pem", "dom1.key")
    manager, clients = site.load(), clients_of(site, version, client_library)
    _, session, before = visit(manager, clients)
    site.replace("cert.pem", "good.pem")
    site.replace("key.pem", "good.key")
    assert manager.reload() == ReloadReport(changed=("dom1",))
    reused, _, after = visit(manager, clients, session)
    assert reused
    assert after.context is not before.context
    assert after.certificate is not None
    assert after.certificate.subject_cn == "good client"


#: A ticket must not bring back a suite, or a peer, that the new list forbids.
NEW_RULES = {
    "crl_check_all": 1,
    "require_cert": 0,
    "ciphers_list": "ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256",
}


@pytest.mark.parametrize(
    "what", ["ca_list", "crl", "crl_check_all", "require_cert", "ciphers_list"]
)
def test_new_rules_end_old_tickets(
    site: Site, version: str, client_library: str, what: str
) -> None:
    site.write(mutual())
    manager, clients = site.load(), clients_of(site, version, client_library)
    _, session, before = visit(manager, clients)
    if what == "ca_list":
        root = site.path / "root.pem"
        root.write_bytes(root.read_bytes() + (site.path / "dom2.pem").read_bytes())
    elif what == "crl":
        site.replace("crls/second.pem", "crls_inter/root.crl.pem")
    else:
        site.write(mutual(**{what: NEW_RULES[what]}))
    assert manager.reload() == ReloadReport(changed=("dom1",))
    one, after = connect(manager, clients, session=session)
    assert_echo(one, after)
    assert not after.session_reused
    assert after.is_peer_verified() == 1
    assert after.context is not before.context


def test_a_client_of_a_ca_that_is_gone_does_not_come_back(site: Site, version: str) -> None:
    site.write(mutual(ca_list="ca.pem"))
    site.replace("ca.pem", "root.pem")
    manager, clients = site.load(), clients_of(site, version)
    _, session, _ = visit(manager, clients)
    site.replace("ca.pem", "selfsigned.pem")
    manager.reload()
    with pytest.raises(VerificationError):
        visit(manager, clients, session)


def test_added_and_removed(site: Site, version: str) -> None:
    clients = clients_of(site, version)
    site.write(server("dom1"), server("dom2"))
    manager = site.load()
    site.write(server("dom2"), server("dom3"), client())
    report = manager.reload()
    assert set(report.added) == {"dom3", "client"}
    assert (report.changed, report.removed, report.failed) == ((), ("dom1",), ())
    assert [domain.name for domain in manager.domains] == ["dom2", "dom3", "client"]
    assert connect(manager, clients, server_name="dom3.test")
    with pytest.raises(NoDomainError):
        connect(manager, clients, server_name="dom1.test")


def test_only_the_changed_domain_is_built_anew(site: Site, version: str) -> None:
    clients = clients_of(site, version)
    site.write(server("dom1"), server("dom2"))
    manager = site.load()
    before = [connect(manager, clients, server_name=f"{n}.test")[1] for n in ("dom1", "dom2")]
    site.write(server("dom1"), server("dom2", key="dom3", match_sip_domain="dom2.test,dom3.test"))
    assert manager.reload() == ReloadReport(changed=("dom2",))
    after = [connect(manager, clients, server_name=f"{n}.test")[1] for n in ("dom1", "dom3")]
    assert after[0].context is before[0].context
    assert after[1].context is not before[1].context


def test_connections_in_flight_end_as_they_began(site: Site, version: str) -> None:
    """One in the middle of its handshake, one established: both keep their old context."""
    clients = clients_of(site, version)
    site.write(server("dom1", certificate="cert.pem", private_key="key.pem"))
    site.replace("cert.pem", "dom1.pem")
    site.replace("key.pem", "dom1.key")
    manager = site.load()
    established = connect(manager, clients)
    one = clients.client_connection("client", server_name="dom1.test")
    other = manager.server_connection(LOCAL)
    waiting = manager.server_connection(LOCAL)
    one.handshake()
    carry(one, other)
    other.handshake()
    site.write(server("dom2"))
    assert manager.reload() == ReloadReport(added=("dom2",), removed=("dom1",))
    shake_hands(one, other)
    for pair in ((one, other), established):
        assert_echo(*pair)
        domain = pair[1].domain
        assert domain is not None
        assert domain.name == "dom1"
        assert pair[0].peer_certificate is not None
        assert pair[0].peer_certificate.subject_cn == "dom1"
    # A connection that had been accepted, but said nothing yet, keeps the domains of that time.
    late = clients.client_connection("client", server_name="dom1.test")
    shake_hands(late, waiting)


MISTAKES = {
    "no such file": server("dom1", certificate="absent.pem"),
    "other key": server("dom1", private_key="dom2.key"),
    "unknown parameter": [*server("dom1"), 'modparam("tls_mgm", "certificat", "[dom1]x")'],
    "unknown domain": [*server("dom1"), 'modparam("tls_mgm", "certificate", "[dom9]x")'],
    "bad syntax": [*server("dom1"), 'modparam("tls_mgm", "certificate"'],
    "two of a name": [*server("dom1"), *server("dom1")],
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_leaves_everything(
    site: Site, version: str, client_library: str, mistake: list[str]
) -> None:
    site.write(mutual(), client())
    manager, clients = site.load(), clients_of(site, version, client_library)
    _, session, before = visit(manager, clients)
    domains, listing, config = manager.domains, manager.list_domains(), manager.config
    site.write(mistake, server("dom2"))
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            manager.reload()
        assert str(site.script) + ":" in str(caught.value)
        assert manager.domains is domains
        assert manager.list_domains() == listing
        assert manager.config is config
    reused, _, after = visit(manager, clients, session)
    assert reused
    assert after.context is before.context
    site.write(mutual(), client())
    assert manager.reload() == UNCHANGED
    _, session, _ = visit(manager, clients)
    assert visit(manager, clients, session)[0]


def test_script_that_vanished(site: Site, version: str) -> None:
    site.write(server("dom1"))
    manager, clients = site.load(), clients_of(site, version)
    site.script.unlink()
    with pytest.raises(ConfigError, match=r"opensips\.cfg"):
        manager.reload()
    assert_echo(*connect(manager, clients))


def test_own_domains_live_through_reloads(site: Site, version: str) -> None:
    site.write(server("dom1"))
    manager, clients = site.load(), clients_of(site, version)
    manager.add_domain(server_domain("dom2"))
    assert manager.reload() == UNCHANGED
    site.write(server("dom3"))
    manager.reload()
    assert [domain.name for domain in manager.domains] == ["dom3", "dom2"]
    assert_echo(*connect(manager, clients, server_name="dom2.test"))


def test_own_domain_and_a_new_one_of_its_name(site: Site) -> None:
    site.write(server("dom1"))
    manager = site.load()
    manager.add_domain(server_domain("dom2"))
    site.write(server("dom1"), server("dom2"))
    with pytest.raises(ConfigError, match="dom2"):
        manager.reload()
    assert [domain.name for domain in manager.domains] == ["dom1", "dom2"]


def test_client_domains_reload(site: Site, version: str) -> None:
    """A client's session is worth nothing once its rules have changed."""
    servers = manager_of("openssl", server_domain(method=method_of(version)))
    site.write(client())
    manager = site.load()
    one, other = connect(servers, manager)
    assert_echo(one, other)
    session = session_of(one)
    one.shutdown()
    root = site.path / "root.pem"
    root.write_bytes(root.read_bytes() + (site.path / "dom2.pem").read_bytes())
    assert manager.reload() == ReloadReport(changed=("client",))
    one, other = connect(servers, manager, session=session)
    assert not other.session_reused
    assert_echo(one, other)


@pytest.mark.parametrize("rest", ["", "# being written\n"])
def test_an_emptied_script_takes_nothing_away(site: Site, rest: str) -> None:
    site.write(server("dom1"), client())
    manager = site.load()
    before = manager.domains
    site.script.write_text(rest, encoding="utf-8")
    with pytest.raises(ConfigError, match="no TLS domain"):
        manager.reload()
    assert manager.domains == before


def test_the_library_stays_while_running(site: Site) -> None:
    site.write(server("dom1"), client())
    manager = site.load()
    other = {"openssl": "wolfssl", "wolfssl": "openssl"}[site.library]
    text = site.script.read_text(encoding="utf-8")
    site.script.write_text(text.replace(site.library, other), encoding="utf-8")
    with pytest.raises(ConfigError, match="while running"):
        manager.reload()
    assert manager.library == site.library
