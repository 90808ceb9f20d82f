"""Reloads that follow a change by themselves."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PostgreSQLServer
from tests.support.tables import DomainTable, client_row, server_row
from tlsmgm import ConfigError, DatabaseError, DatabaseWatcher, ReloadReport, TLSManager
from tlsmgm._provisioning import watch
from tlsmgm._provisioning.transfer import init_database

PATIENCE = 30.0


class Node:
    """A manager that follows a table, and what it was told."""

    def __init__(self, table: DomainTable, how: Any) -> None:
        self.manager = TLSManager("none")
        self.manager.attach_database(table.url)
        self.news: queue.Queue[Any] = queue.Queue()
        self.watcher: DatabaseWatcher = self.manager.watch_database(self.news.put, watch=how)

    def next(self, *, until: Any = None) -> Any:
        """Return what is told next; or wait until this is told."""
        while True:
            told = self.news.get(timeout=PATIENCE)
            if until is None or told == until:
                return told

    @property
    def names(self) -> list[str]:
        return [domain.name for domain in self.manager.domains]


@contextmanager
def nodes(table: DomainTable, how: Any, count: int = 1) -> Iterator[list[Node]]:
    running = [Node(table, how) for _ in range(count)]
    try:
        for node in running:
            assert node.watcher.wait_until_watching(PATIENCE)
            assert node.next() == ReloadReport()  # what may have been missed
        yield running
    finally:
        for node in running:
            node.watcher.stop()


def watch_of(table: DomainTable) -> Any:
    return "notify" if table.settings.dialect == "postgresql" else 0.1


def telling(url: str, *rows: dict[str, Any]) -> DomainTable:
    """A table that tells of its changes."""
    table = DomainTable(url, *rows)
    init_database(table.settings, notices=True)
    init_database(table.settings, notices=True)  # twice does no harm
    return table


def test_every_node_follows_every_change(database: str) -> None:
    table = telling(database, server_row("dom1"))
    with nodes(table, watch_of(table), count=3) as fleet:
        table.insert(client_row("one"), client_row("two"))
        for node in fleet:
            assert node.next() == ReloadReport(added=("one", "two"))
        table.update("one", method="TLSv1_3")
        for node in fleet:
            assert node.next(until=ReloadReport(changed=("one",)))
        table.delete("two")
        for node in fleet:
            assert node.next(until=ReloadReport(removed=("two",)))
            assert node.names == ["dom1", "one"]


def test_what_is_rolled_back_is_not_followed(database: str) -> None:
    table = telling(database, server_row("dom1"))
    with nodes(table, watch_of(table)) as (node,):
        with table.engine().connect() as connection:
            connection.execute(table.table.delete())
            connection.rollback()
        table.insert(client_row("after"))
        assert node.next() == ReloadReport(added=("after",))
        assert node.names == ["dom1", "after"]


def test_changes_made_while_nobody_watched_are_followed(database: str) -> None:
    table = telling(database, server_row("dom1"))
    with nodes(table, watch_of(table)) as (node,):
        node.watcher.stop()
        table.insert(client_row())
        with node.manager.watch_database(node.news.put, watch=watch_of(table)):
            assert node.next() == ReloadReport(added=("client",))


def test_a_failure_is_told_once_and_tried_again(database: str) -> None:
    table = telling(database, server_row("dom1"))
    with nodes(table, watch_of(table)) as (node,):
        with table.engine().begin() as connection:
            connection.execute(table.table.delete())
        told = node.next()
        assert isinstance(told, DatabaseError)
        assert "holds no TLS domain any more" in str(told)
        assert node.names == ["dom1"]
        table.insert(client_row())
        assert node.next() == ReloadReport(added=("client",), removed=("dom1",))


def test_a_server_that_comes_back_is_followed_again(postgresql: PostgreSQLServer) -> None:
    table = telling(postgresql.create_database().url, server_row("dom1"))
    with nodes(table, "notify") as (node,):
        postgresql.stop()
        try:
            assert isinstance(node.next(), DatabaseError)
            assert node.names == ["dom1"]
        finally:
            postgresql.start()
        table.insert(client_row())
        assert node.next(until=ReloadReport(added=("client",)))


def test_truncate_notifies(postgresql: PostgreSQLServer) -> None:
    table = telling(postgresql.create_database().url, server_row("dom1"))
    with nodes(table, "notify") as (node,):
        table.execute("TRUNCATE tls_mgm")
        assert isinstance(node.next(), DatabaseError)


def test_other_tables_do_not_disturb(postgresql: PostgreSQLServer) -> None:
    url = postgresql.create_database().url
    table = telling(url, server_row("dom1"))
    other = DomainTable(url, table="other_domains")
    init_database(other.settings, notices=True)
    with nodes(table, "notify") as (node,):
        other.insert(server_row("dom2"))
        table.insert(client_row())
        assert node.next() == ReloadReport(added=("client",))


def test_what_cannot_be_watched_is_said(database: str) -> None:
    table = DomainTable(database, server_row("dom1"))
    node = Node(table, watch_of(table))
    try:
        told = node.next()
        assert isinstance(told, DatabaseError)
        assert "tlsmgm db init --notify" in str(told)
    finally:
        node.watcher.stop()


def test_misuse(tmp_path: Path) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", client_row())
    with pytest.raises(ConfigError, match="there is no database to watch"):
        TLSManager("none").watch_database()
    manager = TLSManager("none")
    manager.attach_database(table.url)
    with pytest.raises(ConfigError, match="sqlite does not notify"):
        manager.watch_database(watch="notify")
    with pytest.raises(ConfigError, match="'watch': is not set"):
        manager.watch_database()
    with pytest.raises(ConfigError, match="'watch': must be 'notify' or seconds"):
        manager.watch_database(watch=0)


def test_a_watcher_can_be_stopped_from_its_own_thread(tmp_path: Path) -> None:
    table = telling(f"sqlite:///{tmp_path / 'x.db'}", client_row())
    manager = TLSManager("none")
    manager.attach_database(table.url)
    started = threading.Event()
    stopped: queue.Queue[bool] = queue.Queue()

    def stop(_: object) -> None:
        assert started.wait(PATIENCE)
        watcher.stop()
        stopped.put(True)

    watcher = manager.watch_database(stop, watch=3600)
    started.set()
    assert stopped.get(timeout=PATIENCE)
    watcher.stop()


def test_a_callback_that_fails_does_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = telling(f"sqlite:///{tmp_path / 'x.db'}", client_row())
    manager = TLSManager("none")
    manager.attach_database(table.url)
    news: queue.Queue[Any] = queue.Queue()

    def fail_once(told: object) -> None:
        news.put(told)
        if news.qsize() == 1:
            raise RuntimeError("a defect of the program")

    with manager.watch_database(fail_once, watch=0.1) as watcher:
        assert watcher.wait_until_watching(PATIENCE)
        table.insert(client_row("later"))
        assert news.get(timeout=PATIENCE) == ReloadReport()
        while (told := news.get(timeout=PATIENCE)) == ReloadReport():
            pass
        assert told == ReloadReport(added=("later",))
    assert "a defect of the program" in caplog.text


def test_a_trigger_that_vanishes_is_noticed(
    postgresql: PostgreSQLServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that makes the table anew takes the trigger along."""
    monkeypatch.setattr(watch, "_LOOKING", 0.1)
    table = telling(postgresql.create_database().url, server_row("dom1"))
    with nodes(table, "notify") as (node,):
        table.execute("ALTER TABLE tls_mgm RENAME TO old")
        table.execute("CREATE TABLE tls_mgm (LIKE old INCLUDING ALL)")
        table.execute("INSERT INTO tls_mgm SELECT * FROM old")
        told = node.next()
        assert isinstance(told, DatabaseError)
        assert "has no trigger that notifies" in str(told)
        init_database(table.settings, notices=True)
        table.insert(client_row(id=7))
        assert node.next(until=ReloadReport(added=("client",)))


def test_another_database_is_followed(tmp_path: Path) -> None:
    old = telling(f"sqlite:///{tmp_path / 'old.db'}", server_row("dom1"))
    new = telling(f"sqlite:///{tmp_path / 'new.db'}", server_row("dom1"))
    config = tmp_path / "tlsmgm.toml"
    config.write_text(f'[database]\nurl = "{old.url}"\nwatch = 0.1\n', encoding="utf-8")
    manager = TLSManager.from_config(config, library="none")
    news: queue.Queue[Any] = queue.Queue()
    with manager.watch_database(news.put) as watcher:
        assert watcher.wait_until_watching(PATIENCE)
        config.write_text(f'[database]\nurl = "{new.url}"\nwatch = 0.1\n', encoding="utf-8")
        manager.reload()
        new.insert(client_row())
        while news.get(timeout=PATIENCE) != ReloadReport(added=("client",)):
            pass
    assert [domain.name for domain in manager.domains] == ["dom1", "client"]
