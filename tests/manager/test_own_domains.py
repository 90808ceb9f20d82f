"""replace_domain() and remove_domain(): domains of the program change while it runs."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
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
    mutual_domain,
    pem,
    pki,
    server_domain,
    session_of,
    shake_hands,
)
from tests.support.scripts import Site, client, server
from tests.support.sockets import TIMEOUT
from tests.support.tables import DomainTable, server_row
from tlsmgm import (
    ConfigError,
    Connection,
    Domain,
    NoDomainError,
    ReloadReport,
    TLSManager,
    VerificationError,
)

NOTHING = ReloadReport()


def in_memory(name: str = "dom1", key: str | None = None, **values: Any) -> Domain:
    """A server domain whose certificate and key are in memory, as of an ACME client."""
    files = {"certificate": pem(f"{key or name}.pem"), "private_key": pem(f"{key or name}.key")}
    return server_domain(name, **(files | values))


def shown(conn: Connection) -> str | None:
    """Return the common name of the certificate that the server shows."""
    assert conn.certificate is not None
    return conn.certificate.subject_cn


def clients_of(version: str, library: str, **values: Any) -> TLSManager:
    """A manager of a client that compares no names."""
    domain = client_domain(method=method_of(version), danger_skip_hostname_check=True, **values)
    return manager_of(library, domain)


def test_a_renewed_certificate(library: str, client_library: str, version: str) -> None:
    """From now on; connections that are there, established or not, keep what they have."""
    manager = manager_of(library, in_memory("dom1"), in_memory("dom2"))
    clients = clients_of(version, client_library)
    established = connect(manager, clients)
    untouched = connect(manager, clients, server_name="dom2.test")[1].context
    one, other = clients.client_connection("client", "dom1.test"), manager.server_connection(LOCAL)
    one.handshake()
    carry(one, other)
    other.handshake()
    new = in_memory("dom1", "dom3")
    assert manager.replace_domain(new) == ReloadReport(changed=("dom1",))
    shake_hands(one, other)
    for pair in ((one, other), established):
        assert_echo(*pair)
        assert shown(pair[1]) == "dom1"
    now = connect(manager, clients)
    assert_echo(*now)
    assert shown(now[1]) == "dom3"
    assert now[1].domain is new
    assert manager.domains[0] is new
    assert connect(manager, clients, server_name="dom2.test")[1].context is untouched
    assert manager.server_context(LOCAL, b"dom1.test") is now[1].context
    assert manager.reload() == NOTHING


def test_tickets_stay_good_under_the_same_rules(
    library: str, client_library: str, version: str
) -> None:
    manager = manager_of(library, mutual_domain(**files_of("dom1")))
    clients = clients_of(version, client_library, **files_of("good"))
    one, other = connect(manager, clients)
    session = session_of(one)
    manager.replace_domain(mutual_domain(**files_of("dom3")))
    one, other = connect(manager, clients, session=session)
    assert other.session_reused
    session = session_of(one)
    manager.replace_domain(mutual_domain(**files_of("dom3"), crl_check_all=True, verify_depth=1))
    assert not connect(manager, clients, session=session)[1].session_reused


def files_of(name: str) -> dict[str, Any]:
    return {"certificate": pki(f"{name}.pem"), "private_key": pki(f"{name}.key")}


def test_who_is_trusted_no_more_does_not_come_back(
    library: str, client_library: str, version: str
) -> None:
    manager = manager_of(library, mutual_domain())
    clients = clients_of(version, client_library, **files_of("good"))
    session = session_of(connect(manager, clients)[0])
    manager.replace_domain(mutual_domain(ca_list=pki("selfsigned.pem")))
    with pytest.raises(VerificationError):
        connect(manager, clients, session=session)


def test_a_client_with_another_certificate_begins_anew(
    library: str, client_library: str, version: str
) -> None:
    """A server that resumes would go on seeing whom it saw first."""
    servers = manager_of(library, mutual_domain(method=method_of(version)))
    first = client_domain(method=method_of(version), **files_of("good"))
    manager = manager_of(client_library, first)

    def visit() -> bool:
        one = manager.client_connection("client", "dom1.test", address=("192.0.2.1", 5061))
        other = servers.server_connection(LOCAL)
        shake_hands(one, other)
        assert_echo(one, other)
        assert one.session_reused is other.session_reused
        return other.session_reused

    assert not visit()
    assert visit()
    assert manager.replace_domain(first.replace(origin=None)) == NOTHING
    assert visit()
    report = manager.replace_domain(first.replace(**files_of("dom1")))
    assert report == ReloadReport(changed=("client",))
    assert not visit()
    assert visit()


def test_only_its_own_files_are_read(library: str, tmp_path: Path) -> None:
    for name in ("dom1.pem", "dom1.key", "dom2.pem", "dom2.key"):
        shutil.copy(pki(name), tmp_path / name)
    paths = {
        name: {
            "certificate": str(tmp_path / f"{name}.pem"),
            "private_key": str(tmp_path / f"{name}.key"),
        }
        for name in ("dom1", "dom2")
    }
    domains = [server_domain(name, **paths[name]) for name in paths]
    manager = manager_of(library, *domains)
    (tmp_path / "dom2.key").unlink()
    assert manager.replace_domain(domains[0]) == NOTHING
    for suffix in (".pem", ".key"):
        shutil.copy(pki(f"dom3{suffix}"), tmp_path / f"dom1{suffix}")
    assert manager.replace_domain(domains[0]) == ReloadReport(changed=("dom1",))
    context = manager.server_context(LOCAL, b"dom1.test")
    assert context.certificate is not None
    assert context.certificate.subject_cn == "dom3"


def test_it_keeps_its_place_among_equal_filters(library: str) -> None:
    manager = manager_of(
        library,
        server_domain("dom1", match_sip_domain="same.test"),
        server_domain("dom2", match_sip_domain="same.test"),
        client_domain("dom1"),
    )
    new = server_domain("dom1", match_sip_domain="same.test,other.test")
    assert manager.replace_domain(new) == ReloadReport(changed=("dom1",))
    assert [(item.kind, item.name) for item in manager.domains] == [
        ("server", "dom1"),
        ("server", "dom2"),
        ("client", "dom1"),
    ]
    for name, expected in (("same.test", "dom2"), ("other.test", "dom1")):
        found = manager.select_server_domain(*LOCAL, name)
        assert found is not None
        assert found.name == expected


MISTAKES = {
    "no such file": {"certificate": "absent.pem"},
    "other key": {"private_key": pki("dom2.key")},
    "unknown suite": {"cipher_list": "NONSENSE"},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_leaves_everything(library: str, version: str, mistake: str) -> None:
    manager, clients = manager_of(library, server_domain()), clients_of(version, library)
    before, context = manager.domains, manager.server_context(LOCAL, b"dom1.test")
    session = session_of(connect(manager, clients)[0])
    with pytest.raises(ConfigError, match="dom1"):
        manager.replace_domain(server_domain(**MISTAKES[mistake]))
    assert manager.domains is before
    assert manager.generation == 1
    _, other = connect(manager, clients, session=session)
    assert other.context is context
    assert other.session_reused


def test_whom_the_program_has_not_added(site: Site, tmp_path: Path) -> None:
    site.write(server("dom1"), client())
    manager = site.load()
    table = DomainTable(f"sqlite:///{tmp_path}/db", server_row("dom2", domain="dom2"))
    manager.attach_database(table.url)
    manager.add_domain(server_domain("dom3"))
    before = manager.domains
    cases = {
        ("server", "dom1"): r"opensips\.cfg:\d+: domain 'dom1': the server domain of this name was"
        r" not added by the program \(change it where it is written",
        ("client", "client"): "the client domain of this name was not added by the program",
        ("server", "dom2"): "'dom2': the server domain of this name was not added by the program",
        ("client", "dom3"): r"no client domain of this name \(add_domain\(\) adds one",
        ("server", "dom4"): r"no server domain of this name \(did you mean 'dom3'",
        ("server", ""): "no server domain of this name",
    }
    for (kind, name), message in cases.items():
        with pytest.raises(ConfigError, match=message):
            manager.remove_domain(name, kind)  # type: ignore[arg-type]
        if name:
            with pytest.raises(ConfigError, match=message):
                manager.replace_domain(Domain(name, kind))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'server' or 'client', not 'both'"):
        manager.remove_domain("dom3", "both")  # type: ignore[arg-type]
    assert manager.domains is before


def test_no_domain_at_all(library: str) -> None:
    manager = manager_of(library, server_domain())
    with pytest.raises(TypeError, match="must be a Domain, not str"):
        manager.replace_domain("dom1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be the name of a domain, not Domain"):
        manager.remove_domain(manager.domains[0], "server")  # type: ignore[arg-type]


def test_removed(library: str, version: str) -> None:
    clients = clients_of(version, library)
    manager = manager_of(library, server_domain("dom1"), server_domain("dom2"), client_domain())
    established = connect(manager, clients)
    waiting = manager.server_connection(LOCAL)
    assert manager.remove_domain("dom1", "server") == ReloadReport(removed=("dom1",))
    assert [domain.name for domain in manager.domains] == ["dom2", "client"]
    with pytest.raises(NoDomainError):
        connect(manager, clients)
    with pytest.raises(NoDomainError):
        manager.server_context(LOCAL, b"dom1.test")
    assert_echo(*established)
    # As in a reload: who was accepted before gets the domains of that time.
    shake_hands(clients.client_connection("client", "dom1.test"), waiting)
    assert_echo(*connect(manager, clients, server_name="dom2.test"))
    assert manager.remove_domain("client", "client") == ReloadReport(removed=("client",))
    with pytest.raises(ConfigError, match="no client domain"):
        manager.client_connection("client")
    manager.remove_domain("dom2", "server")
    assert manager.domains == ()
    assert manager.reload() == NOTHING


def test_removed_and_added_again(library: str, version: str) -> None:
    """Its tickets went with it."""
    manager, clients = (
        manager_of(library, mutual_domain()),
        clients_of(version, library, **files_of("good")),
    )
    session = session_of(connect(manager, clients)[0])
    manager.remove_domain("dom1", "server")
    manager.add_domain(mutual_domain())
    one, other = connect(manager, clients, session=session)
    assert not other.session_reused
    assert_echo(one, other)


def test_rows_that_failed_are_no_news(library: str, tmp_path: Path) -> None:
    rows = [server_row("dom1", domain="dom1"), server_row("dom2", domain="dom2", private_key=b"x")]
    table = DomainTable(f"sqlite:///{tmp_path}/db", *rows)
    manager = TLSManager(library)
    assert manager.attach_database(table.url).failed
    manager.add_domain(server_domain("dom3"))
    assert manager.replace_domain(in_memory("dom3")) == ReloadReport(changed=("dom3",))
    assert manager.remove_domain("dom3", "server") == ReloadReport(removed=("dom3",))
    assert len(manager.failures) == 1


def test_without_a_library() -> None:
    manager = TLSManager("none")
    manager.add_domains([server_domain("dom1", certificate="absent"), client_domain()])
    new = server_domain("dom1", certificate="other", match_sip_domain="new.test")
    assert manager.replace_domain(new) == ReloadReport(changed=("dom1",))
    assert manager.select_server_domain(*LOCAL, "new.test") is new
    manager.remove_domain("dom1", "server")
    assert manager.select_server_domain(*LOCAL, "new.test") is None


def test_handshakes_in_many_threads_meanwhile(library: str) -> None:
    """Each connection shows a certificate that was there; the neighbour has its own."""
    manager = manager_of(library, in_memory("dom1"), in_memory("dom2"))
    failures: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        clients = clients_of("TLSv1.3", library)
        try:
            while not done.is_set():
                assert shown(connect(manager, clients)[1]) in ("dom1", "dom3")
                assert shown(connect(manager, clients, server_name="dom2.test")[1]) == "dom2"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(30):
        new = in_memory("dom1", ("dom3", "dom1")[number % 2])
        assert manager.replace_domain(new) == ReloadReport(changed=("dom1",))
        manager.add_domain(in_memory("dom4"))
        manager.remove_domain("dom4", "server")
    done.set()
    for thread in threads:
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert failures == []


def test_hello_size_stays(library: str) -> None:
    manager = manager_of(library, server_domain())
    manager.hello_size = 5000
    manager.replace_domain(in_memory())
    assert manager.hello_size == 5000
    manager.remove_domain("dom1", "server")
    assert manager.hello_size == 5000


def test_not_in_the_middle_of_another_change(library: str) -> None:
    """A thread that waited for itself would wait for ever."""
    manager = manager_of(library, server_domain())

    errors = []

    def passphrase() -> str:
        try:
            manager.remove_domain("dom1", "server")
        except ConfigError as error:
            errors.append(error.reason)
            raise
        return "secret"

    with pytest.raises(ConfigError, match="the callback gives none"):
        manager.replace_domain(server_domain(private_key_passphrase=passphrase))
    assert "this very thread is changing the domains" in errors
    assert [domain.name for domain in manager.domains] == ["dom1"]


def test_what_is_no_domain_and_no_library(library: str) -> None:
    manager = manager_of(library)
    before = manager.generation
    with pytest.raises(TypeError, match="domain must be a Domain, not NoneType"):
        manager.add_domain(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="domains must be Domains, not str"):
        manager.add_domains(["dom3"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="library must be str, not NoneType"):
        TLSManager(None)  # type: ignore[arg-type]
    assert manager.generation == before
