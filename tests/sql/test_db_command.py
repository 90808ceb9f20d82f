"""tlsmgm db: a table that OpenSIPS, its Control Panel and tlsmgm can share."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.commands import Run
from tests.support.managers import connect, pem
from tests.support.scripts import Site, client, server
from tests.support.tables import DomainTable, server_row
from tlsmgm import TLSManager
from tlsmgm._config.database_settings import COLUMNS, DatabaseSettings, normal_url
from tlsmgm._provisioning.engine import make_engine

SECRET = pem("dom1.key").decode().splitlines()[1]

#: What the original's own script creates: type of each column by kind of database.
ORIGINAL_TYPES = {
    "id": "int",
    "domain": "text(64)",
    "match_ip_address": "text(255)",
    "match_sip_domain": "text(255)",
    "type": "int",
    "method": "text(16)",
    "verify_cert": "int",
    "require_cert": "int",
    "certificate": "blob",
    "private_key": "blob",
    "crl_check_all": "int",
    "crl_dir": "text(255)",
    "ca_list": "blob",
    "ca_dir": "text(255)",
    "cipher_list": "text(255)",
    "dh_params": "blob",
    "ec_curve": "text(255)",
}


def family(kind: sa.types.TypeEngine[object]) -> str:
    if isinstance(kind, sa.Integer):
        return "int"
    if isinstance(kind, sa.String):
        return f"text({kind.length})"
    assert isinstance(kind, sa.types._Binary), kind
    return "blob"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder, "openssl")


def test_init_creates_the_original_s_schema(database: str, run: Run) -> None:
    code, out, err = run("db", "init", "--url", database)
    assert (code, err) == (0, "")
    assert "table tls_mgm created" in out
    assert "secret" not in out
    assert run("db", "init", "--url", database)[1].startswith("table tls_mgm was there already")
    engine = make_engine(DatabaseSettings(normal_url(database)))
    inspector = sa.inspect(engine)
    columns = inspector.get_columns("tls_mgm")
    assert [column["name"] for column in columns] == list(COLUMNS)
    assert {column["name"]: family(column["type"]) for column in columns} == ORIGINAL_TYPES
    assert not {column["name"] for column in columns if not column["nullable"]} - {
        *("id", "domain", "type")
    }
    indexes = [*inspector.get_unique_constraints("tls_mgm"), *inspector.get_indexes("tls_mgm")]
    assert ["domain", "type"] in [index["column_names"] for index in indexes]
    with engine.connect() as connection:
        version = "SELECT table_version FROM version WHERE table_name = 'tls_mgm'"
        assert connection.execute(sa.text(version)).scalar() == 3


def test_a_row_that_opensips_writes_has_its_defaults(database: str, run: Run) -> None:
    """Other programs insert a name and a certificate, and leave the rest to the table."""
    run("db", "init", "--url", database)
    with make_engine(DatabaseSettings(normal_url(database))).begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tls_mgm (domain, certificate, private_key) VALUES ('x', :c, :k)"),
            {"c": pem("dom1.pem"), "k": pem("dom1.key")},
        )
        row = connection.execute(sa.text("SELECT * FROM tls_mgm")).mappings().one()
    assert (row["type"], row["method"], row["verify_cert"], row["require_cert"]) == (
        *(1, "SSLv23", 1, 1),
    )
    code, out, _ = run("db", "show", "--url", database, "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["kind"] == "client"


def test_show_tells_of_columns_that_opensips_will_not_read(database: str, run: Run) -> None:
    run("db", "init", "--url", database)
    code, out, err = run("db", "show", "--url", database)
    assert (code, err) == (0, "")
    engine = make_engine(DatabaseSettings(normal_url(database)))
    is_mysql = engine.dialect.name in ("mysql", "mariadb")
    types = {name: "INT" if name in ("id", "type") else "VARCHAR(60)" for name in COLUMNS}
    types |= {"verify_cert": "VARCHAR(1)", "type": "BIGINT", "ca_list": "TEXT", "method": "TEXT"}
    written = ", ".join(f"{name} {kind}" for name, kind in types.items())
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE tls_mgm"))
        connection.execute(sa.text(f"CREATE TABLE tls_mgm ({written})"))
    code, out, _ = run("db", "show", "--url", database, "--json")
    told = {text.split("'")[1]: text for text in json.loads(out)["warnings"]}
    strange = {"certificate", "private_key", "dh_params", "verify_cert", "require_cert", "type"}
    strange |= {"crl_check_all", "method" if is_mysql else "ca_list"}
    assert (code, set(told)) == (0, strange)
    assert told["type"].startswith("column 'type' is BIGINT")
    assert "OpenSIPS wants a number there" in told["type"]
    assert "column 'dh_params' is VARCHAR(60); OpenSIPS wants a blob there" in told["dh_params"]
    assert told["verify_cert"] in run("db", "show", "--url", database)[2]


def test_a_type_of_another_database(tmp_path: Path, run: Run) -> None:
    """SQLite takes any word for a type; OpenSIPS knows some."""
    url = f"sqlite:////{tmp_path}/tls.db"
    run("db", "init", "--url", url)
    with make_engine(DatabaseSettings(normal_url(url))).begin() as connection:
        connection.execute(sa.text("ALTER TABLE tls_mgm DROP COLUMN certificate"))
        connection.execute(sa.text("ALTER TABLE tls_mgm ADD COLUMN certificate MEDIUMBLOB"))
    assert "column 'certificate' is MEDIUMBLOB; OpenSIPS" in run("db", "show", "--url", url)[2]


def test_a_script_goes_in_and_comes_out(
    database: str, site: Site, tmp_path: Path, run: Run
) -> None:
    site.write(
        server("dom1", verify_cert=1, ca_list="root.pem", crl_dir="crls", ec_curve="prime256v1"),
        server("dom2", match_ip_address="127.0.0.1:5061, [::1]:5061", tls_method="TLSv1_2-"),
        client("out", match_sip_domain="*.test, example.com", ciphers_list="HIGH"),
    )
    run("db", "init", "--url", database)
    code, out, err = run("db", "import", str(site.script), "--url", database)
    assert (code, err) == (0, "")
    assert "3 added, 0 replaced" in out
    manager = TLSManager("none")
    assert manager.attach_database(database).failed == ()
    written = TLSManager.from_config(site.script, library="none").domains
    for ours, original in zip(manager.domains, written, strict=True):
        for field in ("name", "kind", "match_ip_address", "match_sip_domain", "method"):
            assert getattr(ours, field) == getattr(original, field)
        assert ours.crl_dir == original.crl_dir
        assert ours.cipher_list == original.cipher_list
    for to, name in (("toml", "tlsmgm.toml"), ("script", "opensips.cfg")):
        folder = tmp_path / f"out_{to}"
        code, out, err = run("db", "export", "--url", database, "--output", str(folder), "--to", to)
        assert (code, err) == (0, "")
        again = TLSManager.from_config(folder / name, library="none").domains
        assert [domain.name for domain in again] == ["dom1", "dom2", "out"]
        for ours, original in zip(again, manager.domains, strict=True):
            shown = ours.replace(
                **{
                    field: Path(value).read_bytes()
                    for field in ("certificate", "private_key", "ca_list")
                    if isinstance(value := getattr(ours, field), str)
                }
            )
            assert shown == original
        if to == "script":  # OpenSIPS starts elsewhere
            text = (folder / name).read_text(encoding="utf-8")
            assert f'"[dom1]{folder}/0001-server-dom1.certificate.pem"' in text
            assert "opensips -w" not in text
        for path in folder.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    served = TLSManager.from_config(tmp_path / "out_toml" / "tlsmgm.toml", library="openssl")
    client_, _ = connect(served, served, domain="out", server_name="dom2.test")
    assert client_.is_peer_verified() == 1


def test_import_replaces_only_when_told(database: str, site: Site, run: Run) -> None:
    site.write(server("dom1"), client("out"))
    url = ("--url", database)
    run("db", "init", *url)
    run("db", "import", str(site.script), *url)
    site.write(server("dom1", tls_method="TLSv1_3"), client("new"))
    code, _, err = run("db", "import", str(site.script), *url)
    assert code == 2
    assert "tls_mgm row 1: domain 'dom1': the table has such a server domain already" in err
    assert "--replace" in err
    code, out, _ = run("db", "import", str(site.script), "--replace", *url, "--json")
    assert (code, json.loads(out)) == (0, {"added": ["new"], "replaced": ["dom1"]})
    manager = TLSManager("none")
    manager.attach_database(database)
    assert {domain.name: domain.method for domain in manager.domains} == {
        "dom1": "TLSv1_3",
        "out": "SSLv23",
        "new": "SSLv23",
    }


def test_import_into_a_column_of_ours(database: str, site: Site, run: Run) -> None:
    """It is written where the table has one, and set back where a domain has the default."""
    table = DomainTable(database, ours=["client_eku"])
    for value, stored in (("client_or_server",) * 2, ("client",) * 2, (None, "client")):
        site.write(server("dom1", **({} if value is None else {"client_eku": value})))
        code, _, err = run("db", "import", str(site.script), "--replace", "--url", database)
        assert (code, err) == (0, "")
        assert [row["client_eku"] for row in table.rows()] == [stored]


def test_import_of_a_number_into_a_column_of_ours(database: str, site: Site, run: Run) -> None:
    table = DomainTable(database, ours=["min_rsa_bits"])
    values: list[dict[str, Any]] = [{"min_rsa_bits": 3072}, {}]
    for fields in values:
        site.write(server("dom1", **fields))
        code, _, err = run("db", "import", str(site.script), "--replace", "--url", database)
        assert (code, err) == (0, "")
        assert [row["min_rsa_bits"] for row in table.rows()] == [fields.get("min_rsa_bits")]


def test_import_is_all_or_nothing(tmp_path: Path, site: Site, run: Run) -> None:
    url = ("--url", f"sqlite:///{tmp_path / 'x.db'}")
    run("db", "init", *url)
    site.write(server("dom1"), server("dom2", private_key="missing.key"))
    code, _, err = run("db", "import", str(site.script), *url)
    assert code == 2
    assert "domain 'dom2': parameter 'private_key': cannot open" in err
    assert json.loads(run("db", "show", *url, "--json")[1])["rows"] == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"verify_depth": 1}, "'verify_depth': has no column in the table"),
        ({"alpn": "h2"}, "'alpn': has no column in the table"),
        (
            {"client_eku": "client_or_server"},
            "'client_eku': has no column in the table (add a column 'client_eku', of text)",
        ),
        ({"min_rsa_bits": 3072}, "(add a column 'min_rsa_bits', of numbers)"),
        ({"match_sip_domain": ",".join(f"a{n}.test" for n in range(60))}, "its column takes 255"),
        ({"certificate": "crls/root.crl.pem", "private_key": "opensips.cfg"}, "no PEM certificate"),
        ({"private_key": "opensips.cfg"}, "opensips.cfg is not PEM"),
        ({"ca_list": "broken.pem"}, "broken.pem, certificate 2 (line"),
        ({"certificate": "broken.pem"}, "broken.pem, certificate 2 (line"),
    ],
)
def test_what_does_not_fit_into_a_row_is_refused(
    tmp_path: Path, site: Site, run: Run, values: dict[str, Any], reason: str
) -> None:
    url = ("--url", f"sqlite:///{tmp_path / 'x.db'}")
    run("db", "init", *url)
    root = (site.path / "root.pem").read_bytes()
    (site.path / "broken.pem").write_bytes(root + root[:200])
    site.write(server("dom1", **values))
    code, _, err = run("db", "import", str(site.script), *url)
    assert code == 2
    assert "domain 'dom1'" in err
    assert reason in err


def test_a_file_of_sqlite_is_ours_alone(tmp_path: Path, site: Site, run: Run) -> None:
    """There will be keys in it; and so is what SQLite puts beside it."""
    path = tmp_path / "x.db"
    before = os.umask(0)
    try:
        assert run("db", "init", "--notify", "--url", f"sqlite:///{path}")[0] == 0
        site.write(server("dom1"))
        assert run("db", "import", str(site.script), "--url", f"sqlite:///{path}")[0] == 0
    finally:
        os.umask(before)
    files = [item for item in tmp_path.iterdir() if item.name.startswith("x.db")]
    assert {item.stat().st_mode & 0o777 for item in files} == {0o600}
    path.chmod(0o644)
    assert run("db", "init", "--url", f"sqlite:///{path}")[0] == 0
    assert path.stat().st_mode & 0o777 == 0o644  # it was somebody's wish


def test_show_tells_what_is_wrong_and_no_key(database: str, run: Run) -> None:
    DomainTable(database, server_row("dom1"), server_row("dom2", method="TLSv9"))
    code, out, err = run("db", "show", "--url", database)
    assert code == 1
    assert "dom1  server  *          dom1.test  SSLv23  /O=Oracle/CN=dom1" in out
    assert "tls_mgm row 2: domain 'dom2': column 'method': unknown method" in err
    code, out_json, _ = run("db", "show", "--url", database, "--json")
    assert code == 1
    first, second = json.loads(out_json)["rows"]
    assert (first["has_private_key"], first["expires"][:2]) == (True, "20")
    assert second["row"] == "tls_mgm row 2"
    for text in (out, err, out_json):
        assert SECRET not in text
        assert "PRIVATE KEY" not in text


def test_the_database_of_a_configuration_is_used(tmp_path: Path, site: Site, run: Run) -> None:
    path = tmp_path / "x.db"
    site.write([f'modparam("tls_mgm", "db_url", "sqlite://{path}")'], server("dom1"))
    config = ("--config", str(site.script))
    assert run("db", "init", *config)[0] == 0
    assert run("db", "import", str(site.script))[0] == 0
    assert "dom1" in run("db", "show", *config)[1]
    code, out, err = run("list", *config)
    assert code == 1
    assert out.count("dom1 ") == 1  # the script's own stands before the row of the same name
    assert "tls_mgm row 1: domain 'dom1': there are two server domains of this name" in err


def test_url_from_the_environment(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLSMGM_DB_URL", f"sqlite:///{tmp_path / 'x.db'}")
    assert run("db", "init")[0] == 0
    assert (tmp_path / "x.db").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show"], "there is no database (give --url or --config)"),
        (["show", "--url", "oracle://h/d"], "'oracle' is no database that can be read"),
        (["show", "--url", "nonsense"], "is no URL"),
        (["show", "--url", "sqlite:////no/such/file.db"], "there is no such file"),
        (["show", "--url", "mysql://u:p@h/d?tls_domain=x"], "'tls_domain=' cannot be used here"),
        (["show", "--url", "postgres://u:hunter2@127.0.0.1:1/d", "--timeout", "5"], "refused"),
        (["show", "--url", "sqlite:///x", "--table", "a b"], "is no name of a table"),
        (["import", "/no/such.cfg", "--url", "sqlite:///x.db"], "cannot read '/no/such.cfg'"),
    ],
)
def test_errors_say_what_to_do(
    arguments: list[str],
    reason: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TLSMGM_DB_URL", raising=False)
    code, out, err = run("db", *arguments)
    assert (code, out) == (2, "")
    assert reason in err
    assert "hunter2" not in err


def test_export_wants_an_empty_folder(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    DomainTable(url, server_row("dom1"))
    code, _, err = run("db", "export", "--url", url, "--output", str(tmp_path))
    assert code == 2
    assert "is not empty" in err


def test_names_of_domains_make_no_paths(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    DomainTable(url, server_row("dom1", domain="../../evil/x"), server_row("dom2", domain="a b"))
    folder = tmp_path / "out"
    assert run("db", "export", "--url", url, "--output", str(folder))[0] == 0
    names = {path.name for path in folder.iterdir()}
    assert "0001-server-_evil_x.private_key.pem" in names
    assert len(names) == 5
    loaded = TLSManager.from_config(folder / "tlsmgm.toml", library="none")
    assert [domain.name for domain in loaded.domains] == ["../../evil/x", "a b"]


def test_check_says_of_a_row_what_to_do(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/tls.db"
    rows = [
        server_row("dom1", certificate=pem("root.pem") + pem("dom1.pem")),
        server_row("dom2", private_key=None),
        server_row("dom3", match_ip_address="nowhere"),
    ]
    DomainTable(url, *rows)
    script = tmp_path / "opensips.cfg"
    script.write_text(
        f'loadmodule "tls_openssl.so"\nmodparam("tls_mgm", "db_url", "sqlite://{tmp_path}/tls.db")\n'
    )
    code, out, _ = run("check", "--config", str(script), "--json")
    texts = {item["domain"]: item["message"] for item in json.loads(out)["findings"][::-1]}
    assert code == 1
    assert "the first certificate is /" in texts["dom1"]
    assert "must come first" in texts["dom1"]
    assert "nothing is set" not in texts["dom1"]
    assert "(nothing is set, so this is the default; set private_key)" in texts["dom2"]
    assert "(an address is IP:port" in texts["dom3"]
