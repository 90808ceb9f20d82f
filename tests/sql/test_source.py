"""Domains from a table: what a row means, and what is said about a bad one."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.managers import (
    assert_echo,
    client_domain,
    connect,
    manager_of,
    method_of,
    pem,
    server_domain,
)
from tests.support.tables import DomainTable, client_row, server_row
from tlsmgm import ConfigError, DatabaseError, Domain, ReloadReport, TLSManager


def load(table: DomainTable, library: str = "none") -> tuple[TLSManager, ReloadReport]:
    """A manager of a table, and what attaching it came to."""
    manager = TLSManager(library)
    settings = table.settings
    report = manager.attach_database(
        table.url, settings.table, settings.columns, timeout=settings.timeout
    )
    return manager, report


def test_domains_of_a_table_serve(database: str, library: str, version: str) -> None:
    table = DomainTable(database, server_row(method=method_of(version)), client_row())
    manager, report = load(table, library)
    assert report == ReloadReport(added=("dom1", "client"))
    client, server = connect(manager, manager)
    assert server.domain is manager.domains[0]
    assert server.version == version
    assert_echo(client, server)


def test_every_column_arrives(database: str) -> None:
    row = {
        "domain": "full",
        "type": 2,
        "match_ip_address": "10.0.0.1:5061, [::1]:5061",
        "match_sip_domain": "a.test,*.b.test",
        "method": "TLSv1_2-TLSv1_3",
        "verify_cert": 1,
        "require_cert": 0,
        "certificate": pem("dom1.pem"),
        "private_key": pem("dom1.key"),
        "crl_check_all": 1,
        "crl_dir": "/crls",
        "ca_list": pem("root.pem"),
        "ca_dir": "/cas",
        "cipher_list": "HIGH",
        "dh_params": b"-----BEGIN DH PARAMETERS-----\n",
        "ec_curve": "prime256v1",
    }
    manager, _ = load(DomainTable(database, row))
    assert manager.domains == (
        Domain(
            "full",
            "server",
            match_ip_address=("10.0.0.1:5061", "[::1]:5061"),
            match_sip_domain=("a.test", "*.b.test"),
            method="TLSv1_2-TLSv1_3",
            verify_cert=True,
            require_cert=False,
            certificate=pem("dom1.pem"),
            private_key=pem("dom1.key"),
            crl_check_all=True,
            crl_dir="/crls",
            ca_list=pem("root.pem"),
            ca_dir="/cas",
            cipher_list="HIGH",
            dh_params=b"-----BEGIN DH PARAMETERS-----\n",
            ec_curve="prime256v1",
        ),
    )
    assert str(manager.domains[0].origin) == "tls_mgm row 1"


#: Every column that a row may leave out.
OPTIONAL = (
    *("match_ip_address", "match_sip_domain", "method", "verify_cert", "require_cert"),
    *("certificate", "private_key", "crl_check_all", "crl_dir", "ca_list", "ca_dir"),
    *("cipher_list", "dh_params", "ec_curve"),
)


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_mean_the_default(database: str, nothing: str | None) -> None:
    blobs = ("certificate", "private_key", "ca_list", "dh_params")
    numbers = ("verify_cert", "require_cert", "crl_check_all")
    row: dict[str, Any] = dict.fromkeys(OPTIONAL, nothing)
    row |= dict.fromkeys(numbers)  # a number cannot be empty
    if nothing is not None:
        row |= dict.fromkeys(blobs, b"")
    table = DomainTable(
        database, {"domain": "s", "type": 2} | row, {"domain": "c", "type": 1} | row
    )
    manager, _ = load(table)
    assert manager.domains == (Domain("s", "server"), Domain("c", "client"))


def test_what_other_programs_leave_in_rows(database: str) -> None:
    """OpenSIPS reads it so, too: recorded with its 3.6.8."""
    row = server_row(match_sip_domain="a.test,,b.test,", match_ip_address="*:6443,10.0.0.1:5061")
    row |= {name: row[name] + b"\0" for name in ("certificate", "private_key")}
    manager, report = load(DomainTable(database, row))
    (domain,) = manager.domains
    assert report.failed == ()
    assert domain.match_sip_domain == ("a.test", "b.test")
    assert domain.match_ip_address == ("*",)
    assert domain.private_key == pem("dom1.key")


def test_defaults_of_the_configuration_hold_for_rows(database: str, tmp_path: Path) -> None:
    DomainTable(database, {"domain": "s", "type": 2, "method": None}, client_row(method="TLSv1_3"))
    config = tmp_path / "tlsmgm.toml"
    config.write_text(
        f'[defaults]\nmethod = "TLSv1_2"\ncipher_list = "HIGH"\nca_list = "mine.pem"\n'
        f'[database]\nurl = "{database}"\n',
        encoding="utf-8",
    )
    manager = TLSManager.from_config(config, library="none")
    server, client = manager.domains
    assert (server.method, server.cipher_list) == ("TLSv1_2", "HIGH")
    assert server.certificate == str(tmp_path / "tls" / "cert.pem")
    assert server.ca_list == str(tmp_path / "mine.pem")
    assert (client.method, client.cipher_list) == ("TLSv1_3", "HIGH")
    assert client.certificate is None


def test_renamed_table_and_columns(database: str) -> None:
    columns = {
        "id": "number",
        "domain": "tls_domain",
        "type": "kind",
        "match_sip_domain": "names",
        "private_key": "pk",
        "certificate": "cert",
        "verify_cert": "check_peer",
    }
    table = DomainTable(database, server_row(), table="my_domains", columns=columns)
    manager, _ = load(table)
    assert manager.domains == (
        server_domain("dom1", certificate=pem("dom1.pem"), private_key=pem("dom1.key")).replace(
            require_cert=False
        ),
    )
    assert str(manager.domains[0].origin) == "my_domains row 1"


def test_blobs_of_any_size_with_whole_chains(database: str, library: str) -> None:
    chain = pem("viainter.pem")
    filler = b"".join(b"# filler %06d\n" % number for number in range(12_000))
    table = DomainTable(
        database,
        server_row(certificate=chain + filler, private_key=pem("viainter.key")),
    )
    assert len(table.rows()[0]["certificate"]) > 150_000
    manager, report = load(table, library)
    assert report.failed == ()
    clients = manager_of(library, client_domain(danger_skip_hostname_check=True))
    client, _ = connect(manager, clients)
    assert len(client.peer_chain) == 2
    assert client.is_peer_verified() == 1


def test_the_version_table_is_checked(database: str) -> None:
    table = DomainTable(database, server_row())
    manager, _ = load(table)
    for statement, reason in (
        ("UPDATE version SET table_version = 2", "says 2 for 'tls_mgm', where 3 is expected"),
        ("DELETE FROM version", "has no entry for 'tls_mgm'"),
    ):
        table.execute(statement)
        with pytest.raises(DatabaseError, match=reason):
            manager.reload_database()
        with pytest.raises(DatabaseError, match=reason):
            load(table)
        assert [domain.name for domain in manager.domains] == ["dom1"]
    table.execute("DROP TABLE version")
    assert manager.reload_database() == ReloadReport()


BAD_ROWS = [
    ({"type": 3}, "column 'type': must be 1 (client) or 2 (server), not 3"),
    ({"domain": " "}, "column 'domain': is empty"),
    ({"method": "TLSv9"}, "column 'method': unknown method 'TLSv9'"),
    ({"match_sip_domain": " , "}, "column 'match_sip_domain': is empty"),
    ({"match_ip_address": "nowhere"}, "column 'match_ip_address': bad address 'nowhere'"),
    ({"match_sip_domain": "a b"}, "column 'match_sip_domain': name filter 'a b' holds a blank"),
    ({"verify_cert": -1}, "column 'verify_cert': must be an unsigned number"),
    (
        {"certificate": b"/etc/cert.pem"},
        "column 'certificate': is not PEM: it has no BEGIN line (the column holds the PEM itself,",
    ),
    ({"private_key": b"secret"}, "column 'pk': is not PEM"),
    ({"private_key": None}, "column 'pk'"),
    ({"private_key": pem("dom2.key")}, "column 'pk'"),
    ({"certificate": b"-----BEGIN CERTIFICATE-----\nnonsense\n"}, "column 'certificate'"),
    ({"ca_list": b"-----BEGIN NONSENSE-----\n", "verify_cert": 1}, "column 'ca_list'"),
    ({"cipher_list": "NOSUCH"}, "column 'cipher_list'"),
    ({"ec_curve": "nosuch"}, "column 'ec_curve'"),
    ({"crl_dir": "/no/such/folder", "verify_cert": 1}, "column 'crl_dir'"),
]


@pytest.mark.parametrize(("values", "reason"), BAD_ROWS, ids=[text[:40] for _, text in BAD_ROWS])
def test_a_bad_row_is_reported_and_skipped(
    tmp_path: Path, library: str, values: dict[str, Any], reason: str
) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    table = DomainTable(
        url, server_row("dom2"), server_row() | values, client_row(), columns={"private_key": "pk"}
    )
    manager, report = load(table, library)
    assert [domain.name for domain in manager.domains] == ["dom2", "client"]
    (failure,) = report.failed
    assert failure.startswith("tls_mgm row 2: ")
    assert reason in failure
    if "domain" not in values:
        assert "domain 'dom1'" in failure
    assert [str(error) for error in manager.failures] == [failure]
    for secret in ("secret", pem("dom1.key").decode().splitlines()[1]):
        assert secret not in failure


def test_names_are_unique_over_script_and_database(database: str, tmp_path: Path) -> None:
    DomainTable(database, server_row("dom1"), server_row("dom2"))
    config = tmp_path / "tlsmgm.toml"
    config.write_text(
        f'[server.dom1]\nmatch_sip_domain = "mine.test"\n[database]\nurl = "{database}"\n',
        encoding="utf-8",
    )
    manager = TLSManager.from_config(config, library="none")
    assert [domain.match_sip_domain for domain in manager.domains] == [
        ("mine.test",),
        ("dom2.test",),
    ]
    (failure,) = manager.failures
    assert "tls_mgm row 1: domain 'dom1': there are two server domains" in str(failure)


def test_database_domains_stand_before_those_of_the_script(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    DomainTable(url, server_row("dom1", match_sip_domain="same.test"))
    config = tmp_path / "tlsmgm.toml"
    config.write_text(
        f'[server.file]\nmatch_sip_domain = "same.test"\n[database]\nurl = "{url}"\n',
        encoding="utf-8",
    )
    manager = TLSManager.from_config(config, library="none")
    found = manager.select_server_domain("127.0.0.1", 5061, "same.test")
    assert found is not None
    assert found.name == "dom1"
    assert [item["name"] for item in manager.list_domains()["Domains"]] == ["dom1", "file"]


def test_rows_without_files_are_listed_without_files(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    manager, _ = load(DomainTable(url, client_row()))
    (entry,) = manager.list_domains()["Domains"]
    for name in ("CERT_FILE", "CA_FILE", "PKEY_FILE", "DH_PARAMS_FILE"):
        assert name not in entry


def test_a_database_is_attached_once(tmp_path: Path) -> None:
    table = DomainTable(f"sqlite:///{tmp_path / 'x.db'}", client_row())
    manager, _ = load(table)
    with pytest.raises(ConfigError, match="there is a database already"):
        manager.attach_database(table.url)
    with pytest.raises(ConfigError, match="there is no database"):
        TLSManager("none").reload_database()


def test_what_the_table_lacks_is_named(database: str) -> None:
    with pytest.raises(DatabaseError, match=r"there is no (table 'tls_mgm'|such file)"):
        TLSManager("none").attach_database(database)
    DomainTable(database, table="other")
    with pytest.raises(DatabaseError, match=r"there is no table 'tls_mgm'.*tlsmgm db init"):
        TLSManager("none").attach_database(database)
    with pytest.raises(DatabaseError, match="table 'other' has no column 'pk'"):
        TLSManager("none").attach_database(database, "other", {"private_key": "pk"})


def test_a_column_of_ours_is_read_where_there_is_one(database: str) -> None:
    """OpenSIPS does not know it, and its own table has none."""
    plain = DomainTable(database, server_row("dom1"))
    assert load(plain)[0].domains[0].client_eku == "client"
    plain.execute("ALTER TABLE tls_mgm ADD COLUMN client_eku VARCHAR(32)")
    assert load(plain)[0].domains[0].client_eku == "client"
    plain.execute("UPDATE tls_mgm SET client_eku = 'client_or_server'")
    assert load(plain)[0].domains[0].client_eku == "client_or_server"
    plain.execute("UPDATE tls_mgm SET client_eku = 'anybody'")
    _, report = load(plain)
    (error,) = report.failed
    assert str(error).startswith("tls_mgm row 1: domain 'dom1': column 'client_eku': must be")


@pytest.mark.parametrize("kind", ["INTEGER", "VARCHAR(32)"])
def test_a_column_of_ours_that_is_a_number(database: str, kind: str) -> None:
    """NULL is the default, and so is an empty text where the column has texts."""
    plain = DomainTable(database, server_row("dom1"))
    plain.execute(f"ALTER TABLE tls_mgm ADD COLUMN min_rsa_bits {kind}")
    values = [("NULL", None), ("3072", 3072)]
    if kind != "INTEGER":
        values = [("NULL", None), ("''", None), ("'3072'", 3072)]
    for written, expected in values:
        plain.execute(f"UPDATE tls_mgm SET min_rsa_bits = {written}")
        assert load(plain)[0].domains[0].min_rsa_bits == expected
    plain.execute("UPDATE tls_mgm SET min_rsa_bits = '1024'")
    (error,) = load(plain)[1].failed
    assert str(error).startswith("tls_mgm row 1: domain 'dom1': column 'min_rsa_bits': must be")


def test_a_column_of_ours_that_is_named_must_be_there(database: str) -> None:
    table = DomainTable(database, server_row("dom1"))
    columns = {"client_eku": "admits"}
    with pytest.raises(DatabaseError, match="table 'tls_mgm' has no column 'admits'"):
        TLSManager("none").attach_database(database, columns=columns)
    table.execute("ALTER TABLE tls_mgm ADD COLUMN admits VARCHAR(32)")
    table.execute("UPDATE tls_mgm SET admits = 'client_or_server'")
    manager = TLSManager("none")
    manager.attach_database(database, columns=columns)
    assert manager.domains[0].client_eku == "client_or_server"


def test_text_columns_and_text_numbers_are_understood(tmp_path: Path) -> None:
    """SQLite stores what it is given, and other tools give it text."""
    path = tmp_path / "x.db"
    table = DomainTable(f"sqlite:///{path}")
    row = server_row(verify_cert="0", type="2") | {
        "certificate": pem("dom1.pem").decode(),
        "private_key": pem("dom1.key").decode(),
    }
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO tls_mgm ({names}) VALUES ({marks})", list(row.values()))
    manager, report = load(table)
    assert report.failed == ()
    assert manager.domains[0].certificate == pem("dom1.pem")
    assert manager.domains[0].verify_cert is False
