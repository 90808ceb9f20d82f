"""A secret in the database, from which a fleet derives the keys of session tickets."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.support.commands import Run
from tests.support.managers import client_domain, connect, manager_of, session_of
from tests.support.tables import DomainTable, server_row
from tlsmgm import DatabaseError, TLSManager
from tlsmgm._provisioning.ticket_table import TICKET_SECRETS


@pytest.fixture
def table(database: str) -> DomainTable:
    return DomainTable(database, server_row("dom1"))


def machine(table: DomainTable, library: str) -> TLSManager:
    manager = TLSManager(library)
    manager.attach_database(table.url)
    return manager


def resumes(first: TLSManager, second: TLSManager, library: str) -> bool:
    clients = manager_of(library, client_domain())
    session = session_of(connect(first, clients)[0])
    reused: bool = connect(second, clients, session=session)[1].session_reused
    return reused


def secrets(table: DomainTable) -> list[str]:
    with table.engine().connect() as connection:
        query = sa.text(f"SELECT secret FROM {TICKET_SECRETS} ORDER BY id")
        return [str(row[0]).strip() for row in connection.execute(query)]


def renew(run: Run, table: DomainTable) -> None:
    code, _, errors = run("db", "ticket-secret", "--url", table.url)
    assert (code, errors) == (0, "")


def test_machines_of_one_database_share_tickets(table: DomainTable, library: str, run: Run) -> None:
    renew(run, table)
    here, there = machine(table, library), machine(table, library)
    assert resumes(here, there, library)


def test_without_a_secret_they_do_not(table: DomainTable, library: str) -> None:
    here, there = machine(table, library), machine(table, library)
    assert not resumes(here, there, library)


def test_a_new_secret_takes_over_with_the_reload(
    table: DomainTable, library: str, run: Run
) -> None:
    renew(run, table)
    before = machine(table, library)
    renew(run, table)
    after = machine(table, library)
    # Who has not yet reloaded does not know the new secret; the others still know the old one.
    assert resumes(before, after, library)
    assert not resumes(after, before, library)
    assert before.reload_database().changed == ("dom1",)
    assert resumes(after, before, library)


def test_two_secrets_stay(table: DomainTable, run: Run) -> None:
    seen: list[str] = []
    for _ in range(4):
        renew(run, table)
        seen += [secret for secret in secrets(table) if secret not in seen]
        assert secrets(table) == seen[-2:]
    assert len(seen) == 4
    assert all(len(bytes.fromhex(secret)) == 32 for secret in seen)


def test_another_table_of_the_database_has_its_own(table: DomainTable, run: Run) -> None:
    renew(run, table)
    code, _, _ = run("db", "ticket-secret", "--url", table.url, "--table", "other", "--json")
    assert code == 0
    assert len(secrets(table)) == 2
    renew(run, table)
    assert len(secrets(table)) == 3


def test_a_bad_secret_keeps_the_old_state(table: DomainTable, library: str, run: Run) -> None:
    renew(run, table)
    manager = machine(table, library)
    table.execute(f"UPDATE {TICKET_SECRETS} SET secret = 'hunter2'")
    with pytest.raises(DatabaseError, match="less than 32 bytes") as caught:
        manager.reload()
    assert "hunter2" not in str(caught.value)
    assert resumes(manager, manager, library)


def test_the_secret_is_never_shown(table: DomainTable, library: str, run: Run) -> None:
    renew(run, table)
    manager = machine(table, library)
    [secret] = secrets(table)
    assert secret not in repr(manager._changes.snapshot)
    _, shown, _ = run("db", "show", "--url", table.url, "--json")
    assert secret not in shown
