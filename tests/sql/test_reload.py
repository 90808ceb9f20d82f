"""Reloading from a database: what changes, what stays, and databases that do not answer."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.databases import MariaDBServer, PostgreSQLServer, Server
from tests.support.managers import (
    LOCAL,
    assert_echo,
    client_domain,
    connect,
    manager_of,
    method_of,
    pem,
    session_of,
    shake_hands,
)
from tests.support.tables import DomainTable, client_row, server_row
from tlsmgm import DatabaseError, NoDomainError, ReloadReport, TLSManager, VerificationError

UNCHANGED = ReloadReport()


def attached(table: DomainTable, library: str = "none") -> TLSManager:
    manager = TLSManager(library)
    assert manager.attach_database(table.url, timeout=table.settings.timeout).failed == ()
    return manager


def names(manager: TLSManager) -> list[str]:
    return [domain.name for domain in manager.domains]


def test_added_changed_and_removed(database: str, library: str) -> None:
    table = DomainTable(database, server_row("dom1"), server_row("dom2"), server_row("dom3"))
    manager = attached(table, library)
    assert manager.reload() == UNCHANGED
    table.update("dom1", certificate=pem("dom4.pem"), private_key=pem("dom4.key"))
    table.delete("dom2")
    table.insert(server_row("dom5"))
    report = manager.reload_database()
    assert report == ReloadReport(added=("dom5",), changed=("dom1",), removed=("dom2",))
    assert names(manager) == ["dom1", "dom3", "dom5"]
    clients = manager_of(library, client_domain(danger_skip_hostname_check=True))
    client, _ = connect(manager, clients)
    assert client.peer_certificate is not None
    assert "dom4" in client.peer_certificate.subject
    with pytest.raises(NoDomainError):
        connect(manager, clients, server_name="dom2.test")


def test_unchanged_rows_keep_context_and_tickets(
    tmp_path: Path, library: str, version: str
) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"), server_row("dom2"))
    manager = attached(table, library)
    clients = manager_of(library, client_domain(method=method_of(version)))
    client, before = connect(manager, clients)
    assert_echo(client, before)
    session = session_of(client)
    table.update("dom2", method="TLSv1_3")
    assert manager.reload_database() == ReloadReport(changed=("dom2",))
    _, after = connect(manager, clients, session=session)
    assert after.session_reused
    assert after.context is before.context


def test_connections_in_flight_keep_the_context_they_were_born_in(
    tmp_path: Path, library: str, version: str
) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"), server_row("dom2"))
    manager = attached(table, library)
    client = manager_of(library, client_domain(method=method_of(version))).client_connection(
        "client", server_name="dom1.test"
    )
    server = manager.server_connection(LOCAL)
    client.handshake()
    table.delete("dom1")
    assert manager.reload_database() == ReloadReport(removed=("dom1",))
    shake_hands(client, server)
    assert server.domain is not None
    assert server.domain.name == "dom1"
    assert_echo(client, server)


def test_a_row_that_breaks_leaves_its_domain_as_it_was(
    tmp_path: Path, library: str, version: str
) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1"), server_row("dom2"))
    manager = attached(table, library)
    clients = manager_of(library, client_domain(method=method_of(version)))
    context = connect(manager, clients)[1].context
    table.update("dom1", certificate=b"-----BEGIN CERTIFICATE-----\nbroken\n")
    table.update("dom2", method="TLSv1_2-")
    report = manager.reload_database()
    assert report.changed == ("dom2",)
    (failure,) = report.failed
    assert "tls_mgm row 1: domain 'dom1': column 'certificate'" in failure
    client, server = connect(manager, clients)
    assert server.context is context
    table.update("dom1", type=7)
    assert "column 'type'" in manager.reload_database().failed[0]
    assert names(manager) == ["dom1", "dom2"]
    table.delete("dom1")
    assert manager.reload_database() == ReloadReport(removed=("dom1",))
    with pytest.raises(NoDomainError):
        connect(manager, clients)
    assert_echo(client, server)


def test_a_row_that_is_mended_serves_again(tmp_path: Path, library: str) -> None:
    broken = server_row("dom1", private_key=b"-----BEGIN PRIVATE KEY-----\n")
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", broken, server_row("dom2"))
    manager = TLSManager(library)
    assert len(manager.attach_database(table.url).failed) == 1
    assert names(manager) == ["dom2"]
    table.update("dom1", private_key=pem("dom1.key"))
    assert manager.reload_database() == ReloadReport(added=("dom1",))
    assert names(manager) == ["dom1", "dom2"]
    assert manager.failures == ()


def test_new_rules_end_old_tickets(tmp_path: Path, library: str, version: str) -> None:
    rules = {"verify_cert": 1, "require_cert": 1, "ca_list": pem("root.pem")}
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1", **rules))
    manager = attached(table, library)
    shown: dict[str, Any] = {"certificate": pem("good.pem"), "private_key": pem("good.key")}
    clients = manager_of(library, client_domain(method=method_of(version), **shown))
    client, server = connect(manager, clients)
    assert_echo(client, server)
    session = session_of(client)
    table.update("dom1", ca_list=pem("dom2.pem"))
    assert manager.reload_database() == ReloadReport(changed=("dom1",))
    client = clients.client_connection("client", server_name="dom1.test", session=session)
    server = manager.server_connection(LOCAL)
    with pytest.raises(VerificationError):
        shake_hands(client, server)


def test_script_domains_are_preserved(tmp_path: Path, library: str) -> None:
    """tls_reload reads the database only; a full reload reads the files, too."""
    url = f"sqlite:///{tmp_path / 'x.db'}"
    table = DomainTable(url, server_row("dom1"))
    for end in ("pem", "key"):
        (tmp_path / f"mine.{end}").write_bytes(pem(f"dom2.{end}"))
    config = tmp_path / "tlsmgm.toml"
    text = f'library = "{library}"\n[database]\nurl = "{url}"\n[server.mine]\nverify_cert = false\n'
    text += 'certificate = "mine.pem"\nprivate_key = "mine.key"\n'
    config.write_text(text, encoding="utf-8")
    manager = TLSManager.from_toml(config)
    assert names(manager) == ["mine", "dom1"]
    for end in ("pem", "key"):
        (tmp_path / f"mine.{end}").write_bytes(pem(f"dom3.{end}"))
    config.write_text(text + 'method = "TLSv1_3"\n', encoding="utf-8")
    table.update("dom1", method="TLSv1_2")
    assert manager.reload_database() == ReloadReport(changed=("dom1",))
    assert manager.domains[0].method == "SSLv23"
    assert manager.reload() == ReloadReport(changed=("mine",))
    assert manager.domains[0].method == "TLSv1_3"


def test_an_emptied_table_takes_nothing_away(tmp_path: Path) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", client_row())
    manager = attached(table)
    table.delete("client")
    with pytest.raises(DatabaseError, match="holds no TLS domain any more"):
        manager.reload_database()
    assert names(manager) == ["client"]


def test_a_half_migrated_table_takes_nothing_away(database: str) -> None:
    table = DomainTable(database, server_row("dom1"), client_row())
    manager = attached(table)
    table.execute("ALTER TABLE tls_mgm RENAME COLUMN match_sip_domain TO old_domain")
    with pytest.raises(DatabaseError, match="has no column 'match_sip_domain'"):
        manager.reload()
    table.execute("ALTER TABLE tls_mgm RENAME TO tls_mgm_old")
    with pytest.raises(DatabaseError, match="there is no table 'tls_mgm'"):
        manager.reload()
    assert names(manager) == ["dom1", "client"]


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def test_a_server_that_is_down_takes_nothing_away(server: Server) -> None:
    table = DomainTable(server.create_database().url, server_row("dom1"), timeout=5.0)
    manager = attached(table)
    server.stop()
    try:
        with pytest.raises(DatabaseError) as caught:
            manager.reload()
        assert "secret" not in str(caught.value)
        assert names(manager) == ["dom1"]
    finally:
        server.start()
    assert manager.reload() == UNCHANGED


def test_a_server_that_hangs_takes_nothing_away(server: Server) -> None:
    table = DomainTable(server.create_database().url, server_row("dom1"), timeout=5.0)
    manager = attached(table)
    impatient = TLSManager("none")
    impatient.attach_database(table.url, timeout=1.0)
    server.pause()
    try:
        with pytest.raises(DatabaseError, match=r"timeout|timed out|does not answer within"):
            impatient.reload()
        assert names(impatient) == ["dom1"]
    finally:
        server.resume()
    assert manager.reload() == UNCHANGED
    assert impatient.reload() == UNCHANGED


@contextlib.contextmanager
def locked(table: DomainTable) -> Iterator[None]:
    """Hold a lock that keeps others from reading the table."""
    if table.settings.dialect == "sqlite":
        path = table.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield
        return
    statement = {
        "postgresql": "LOCK TABLE tls_mgm IN ACCESS EXCLUSIVE MODE",
        "mysql": "LOCK TABLES tls_mgm WRITE",
    }[table.settings.dialect]
    with table.engine().connect() as connection:
        connection.execute(sa.text(statement))
        yield


def test_a_locked_table_takes_nothing_away(database: str) -> None:
    table = DomainTable(database, server_row("dom1"))
    manager = TLSManager("none")
    manager.attach_database(table.url, timeout=1.0)
    reason = r"lock|timeout|timed out|does not answer within"
    with locked(table), pytest.raises(DatabaseError, match=reason):
        manager.reload()
    assert names(manager) == ["dom1"]
    assert manager.reload() == UNCHANGED


def test_a_wrong_password_is_told_without_it(
    postgresql: PostgreSQLServer, mariadb: MariaDBServer
) -> None:
    for server in (postgresql, mariadb):
        url = server.create_database().url
        login = url.partition("//")[2].partition("@")[0]
        bad = url.replace(login, "nobody:hunter2")
        with pytest.raises(DatabaseError) as caught:
            TLSManager("none").attach_database(bad)
        assert "nobody" in str(caught.value)
        assert "hunter2" not in str(caught.value)
