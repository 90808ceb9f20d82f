"""Values, servers and threads that do what nobody should do."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.databases import MariaDBServer, PostgreSQLServer
from tests.support.managers import pem, pki
from tests.support.tables import DomainTable, client_row, server_row
from tlsmgm import ConfigError, DatabaseError, Domain, TLSManager
from tlsmgm._config.database_settings import DatabaseSettings, normal_url
from tlsmgm._provisioning.transfer import import_domains

KEY = pem("dom1.key").decode()
SECRET = KEY.splitlines()[1]


def names(manager: TLSManager) -> list[str]:
    return [domain.name for domain in manager.domains]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


def put(path: Path, **values: Any) -> None:
    """Write values into the first row, whatever type they have, as SQLite lets everybody do."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for name, value in values.items():
            connection.execute(f"UPDATE tls_mgm SET {name} = ? WHERE id = 1", (value,))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[(column, KEY) for column in ("method", "verify_cert", "type", "crl_dir", "ca_dir")],
        *[(column, KEY) for column in ("match_ip_address", "match_sip_domain", "cipher_list")],
        *[(column, KEY.replace("\n", " ")) for column in ("crl_dir", "ec_curve", "method")],
        ("private_key", KEY + "caf\u00e9"),
    ],
)
def test_a_key_in_any_place_is_never_shown(path: Path, column: str, value: str) -> None:
    table = DomainTable(f"sqlite:///{path}", server_row("dom1", verify_cert=1), client_row())
    if column == "private_key":
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA writable_schema = 0")
            statement = "UPDATE tls_mgm SET private_key = CAST(? AS TEXT) WHERE id = 1"
            connection.execute(statement, (value.encode("latin-1"),))
    else:
        put(path, **{column: value})
    manager = TLSManager("openssl")
    report = manager.attach_database(table.url)
    assert "client" in names(manager)
    for text in (*report.failed, *map(repr, manager.failures), *map(repr, manager.domains)):
        assert SECRET not in text
        assert SECRET[:16] not in text


@pytest.mark.parametrize(
    "values",
    [
        {"verify_cert": 9e999},
        {"type": float("inf")},
        {"type": 2.9},
        {"verify_cert": 0.9},
        {"certificate": 1.5},
        {"certificate": -5},
        {"certificate": 9_000_000_000_000_000},
        {"method": b"\xff\xfe"},
        {"domain": b"\xff"},
    ],
)
def test_an_odd_value_costs_its_row_and_nothing_else(path: Path, values: dict[str, Any]) -> None:
    table = DomainTable(f"sqlite:///{path}", server_row("dom1"), server_row("dom2"))
    put(path, **values)
    manager = TLSManager("none")
    (failure,) = manager.attach_database(table.url).failed
    assert f"tls_mgm row 1: {'' if 'domain' in values else 'domain '}" in failure
    assert f"column {next(iter(values))!r}" in failure
    assert names(manager) == ["dom2"]


def test_bits_of_mysql_are_numbers(mariadb: MariaDBServer) -> None:
    table = DomainTable(mariadb.create_database().url, server_row("dom1"), server_row("dom2"))
    table.execute("ALTER TABLE tls_mgm MODIFY verify_cert BIT(1)")
    table.update("dom2", verify_cert=1)
    manager = TLSManager("none")
    assert manager.attach_database(table.url).failed == ()
    assert [domain.verify_cert for domain in manager.domains] == [False, True]


def walk(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_nothing_secret_hangs_on_an_error(path: Path, mariadb: MariaDBServer) -> None:
    """Those who collect errors walk along their contexts, and look at the variables of frames."""
    table = DomainTable(f"sqlite:///{path}", server_row("dom1"))
    table.execute("DROP TABLE tls_mgm")
    domain = Domain("d", "server", certificate=pem("dom1.pem"), private_key=pem("dom1.key"))
    with pytest.raises(DatabaseError) as caught:
        import_domains(table.settings, [domain])
    url = mariadb.create_database().url
    login = url.partition("//")[2].partition("@")[0]
    with pytest.raises(DatabaseError) as refused:
        TLSManager("none").attach_database(url.replace(login, "nobody:s3cret\u20acx"))
    for error in (*walk(caught.value), *walk(refused.value)):
        assert SECRET not in repr(vars(error)) + repr(error.args)
        assert "s3cret" not in repr(vars(error)) + repr(error.args)
        assert isinstance(error, DatabaseError)


def test_passwords_beyond_latin_1(mariadb: MariaDBServer) -> None:
    database = mariadb.create_database()
    DomainTable(database.url, client_row())
    mariadb.execute("CREATE OR REPLACE USER 'euro'@'%' IDENTIFIED BY 's3cret\u20acx'")
    mariadb.execute(f"GRANT ALL ON {database.name}.* TO 'euro'@'%'")
    login = database.url.partition("//")[2].partition("@")[0]
    manager = TLSManager("none")
    manager.attach_database(database.url.replace(login, "euro:s3cret\u20acx"))
    assert names(manager) == ["client"]


def test_options_of_postgresql_are_kept(postgresql: PostgreSQLServer) -> None:
    url = postgresql.create_database().url
    table = DomainTable(url, client_row("public"))
    table.execute("CREATE SCHEMA tenant")
    other = f"{url}?options=-csearch_path%3Dtenant"
    DomainTable(other, client_row("tenant"))
    manager = TLSManager("none")
    manager.attach_database(other)
    assert names(manager) == ["tenant"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://u:s3@cretpart?x@127.0.0.1/db", "'?' before '@'"),
        ("postgresql+pg8000://u:p@h/d", "no database that can be read"),
        ("sqlite:///x?mode=ro", "takes no parameters"),
        ("mysql://u:p@127.0.0.1:1/d?foo=bar", "unexpected keyword argument 'foo'"),
        (f"mysql://u:p@{'a' * 70}.test/d", "driver failed"),
    ],
)
def test_urls_that_cannot_work(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TLSManager("none").attach_database(url)
    assert reason in str(caught.value)
    assert "cretpart" not in str(caught.value)


def test_a_late_import_is_not_committed(mariadb: MariaDBServer) -> None:
    table = DomainTable(mariadb.create_database().url, client_row("one"))
    settings = DatabaseSettings(normal_url(table.url), timeout=1.0)
    with table.engine().connect() as connection:
        connection.execute(sa.text("LOCK TABLES tls_mgm READ, version READ"))
        with pytest.raises(DatabaseError):
            import_domains(settings, [Domain("late", "client")])
        connection.execute(sa.text("UNLOCK TABLES"))
    for thread in threading.enumerate():
        if thread.name == "tlsmgm-database":
            thread.join(30)
    assert [row["domain"] for row in table.rows()] == ["one"]


def test_a_place_with_a_new_tenant_keeps_nothing(path: Path) -> None:
    table = DomainTable(f"sqlite:///{path}", server_row("dom1"), client_row())
    manager = TLSManager("none")
    manager.attach_database(table.url)
    table.delete("dom1")
    table.insert(server_row("dom4", id=1, type=9))
    report = manager.reload_database()
    assert (report.removed, report.kept) == (("dom1",), ())
    assert names(manager) == ["client"]


def test_another_table_keeps_nothing(tmp_path: Path) -> None:
    old = DomainTable(f"sqlite:///{tmp_path / 'old.db'}", server_row("dom1"), client_row())
    new = DomainTable(
        f"sqlite:///{tmp_path / 'new.db'}", server_row("dom1", method="TLSv9"), client_row()
    )
    config = tmp_path / "tlsmgm.toml"
    config.write_text(f'[database]\nurl = "{old.url}"\n', encoding="utf-8")
    manager = TLSManager.from_config(config, library="none")
    config.write_text(f'[database]\nurl = "{new.url}"\n', encoding="utf-8")
    report = manager.reload()
    assert (report.removed, report.kept, len(report.failed)) == (("dom1",), (), 1)


def test_what_is_kept_is_told_and_reads_its_files_anew(tmp_path: Path, library: str) -> None:
    """A slip in one column must not let revoked clients in for as long as it stands."""
    crls = tmp_path / "crls"
    crls.mkdir()
    (crls / "root.pem").write_bytes((Path(pki("crls")) / "root.crl.pem").read_bytes())
    rules = {"verify_cert": 1, "require_cert": 1, "ca_list": pem("root.pem"), "crl_dir": str(crls)}
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", server_row("dom1", **rules))
    manager = TLSManager(library)
    assert manager.attach_database(table.url).failed == ()
    table.update("dom1", cipher_list="NOSUCH")
    context = manager._changes.snapshot.built["server", "dom1"].context
    report = manager.reload_database()
    assert (report.kept, report.changed) == (("dom1",), ())
    assert manager._changes.snapshot.built["server", "dom1"].context is context
    (crls / "inter.pem").write_bytes((Path(pki("crls_inter")) / "inter.crl.pem").read_bytes())
    report = manager.reload_database()
    assert (report.kept, report.changed) == (("dom1",), ("dom1",))


def test_equal_filters_that_change_places_are_told(path: Path) -> None:
    table = DomainTable(
        f"sqlite:///{path}",
        server_row("dom1", match_sip_domain="same.test"),
        server_row("dom2", match_sip_domain="same.test"),
        server_row("dom3"),
    )
    manager = TLSManager("none")
    manager.attach_database(table.url)
    found = manager.select_server_domain("127.0.0.1", 5061, "same.test")
    assert found is not None
    assert found.name == "dom2"
    table.update("dom1", id=7)
    assert manager.reload_database().changed == ("dom2", "dom1")
    found = manager.select_server_domain("127.0.0.1", 5061, "same.test")
    assert found is not None
    assert found.name == "dom1"


def test_a_file_that_loses_its_database_takes_nothing_away(tmp_path: Path) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", client_row("row"))
    config = tmp_path / "tlsmgm.toml"
    text = "[client.file]\nverify_cert = false\n"
    config.write_text(f'{text}[database]\nurl = "{table.url}"\n', encoding="utf-8")
    manager = TLSManager.from_config(config, library="none")
    config.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="names no database any more"):
        manager.reload()
    assert names(manager) == ["file", "row"]


def test_a_reload_inside_of_a_reload_is_refused(path: Path) -> None:
    """A signal handler runs in the thread that it interrupts."""
    table = DomainTable(f"sqlite:///{path}", client_row())
    manager = TLSManager("none")
    manager.attach_database(table.url)
    with manager._changes.lock, pytest.raises(ConfigError, match="this very thread"):
        manager.reload()
    manager.reload()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_process_forked_during_a_reload_can_reload(path: Path) -> None:
    table = DomainTable(f"sqlite:///{path}", client_row())
    manager = TLSManager("none")
    manager.attach_database(table.url)
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with manager._changes.lock:
            held.set()
            released.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            manager.add_domain(Domain("new", "client"))
            code = 0
        os._exit(code)
    released.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
