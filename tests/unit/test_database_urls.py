"""URLs of databases, as OpenSIPS and SQLAlchemy write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsmgm import ConfigError
from tlsmgm._config.database_settings import COLUMNS, DatabaseSettings, normal_url


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("mysql://root:admin@localhost/opensips", "mysql+pymysql://root:admin@localhost/opensips"),
        ("mysql://root@[::1]:3306/db", "mysql+pymysql://root@[::1]:3306/db"),
        ("MySQL://localhost/db", "mysql+pymysql://localhost/db"),
        ("mariadb://u:p@h/d", "mariadb+pymysql://u:p@h/d"),
        ("postgres://u:p@h:5432/d", "postgresql+psycopg://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql+psycopg://u:p@h/d?sslmode=require"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("mysql://u:p@ss:w/rd@h/d", "mysql+pymysql://u:p%40ss%3Aw%2Frd@h/d"),
        ("mysql://u:p%40ss@h/d", "mysql+pymysql://u:p%40ss@h/d"),
        ("sqlite:////var/lib/tls.db", "sqlite:////var/lib/tls.db"),
        ("mysql://a@b:p@ss@h/d", "mysql+pymysql://a%40b:p%40ss@h/d"),
        ("mysql://u@h:3306/d", "mysql+pymysql://u@h:3306/d"),
        (
            "mysql://u:p(@unix(/run/x y.sock)/db",
            "mysql+pymysql://u:p%28@localhost/db?unix_socket=/run/x%20y.sock",
        ),
        (
            "mariadb://UNIX(/run/m.sock)/db",
            "mariadb+pymysql://localhost/db?unix_socket=/run/m.sock",
        ),
    ],
)
def test_forms(written: str, normal: str) -> None:
    assert normal_url(written) == normal


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "is no URL"),
        ("/var/lib/tls.db", "is no URL"),
        ("://x", "is no URL"),
        ("text:///etc/opensips/db", "'text' is no database that can be read"),
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://relative.db", "names no file"),
        ("postgres://u:hunter2@unix(/run/x)/d", "'unix(...)' stands for a socket of MySQL"),
        ("mysql://u:hunter2@unix()/d", "names no socket"),
        ("mysql://u:hunter2@h/d?tls_domain=dom", "'tls_domain=' cannot be used here"),
    ],
)
def test_refused(written: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        normal_url(written)
    assert reason in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_where_a_file_of_sqlite_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLAlchemy reads it, unless the file is only where OpenSIPS would look."""
    monkeypatch.chdir(tmp_path)
    absolute = f"sqlite:///{tmp_path}/tls.db"
    assert normal_url("sqlite:///tls.db") == absolute
    assert normal_url("sqlite:///tls.db", "/etc/opensips") == "sqlite:////etc/opensips/tls.db"
    opensips = f"sqlite://{tmp_path}/tls.db"  # three slashes and an absolute path
    assert normal_url(opensips, opensips=True) == absolute
    assert normal_url(opensips) == f"sqlite:///{tmp_path}{tmp_path}/tls.db"
    (tmp_path / "tls.db").touch()
    assert normal_url(opensips) == absolute
    assert normal_url(absolute, opensips=True) == absolute


@given(st.text(max_size=60) | st.from_regex(r"(mysql|sqlite|postgres)://.*", fullmatch=True))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        normal = normal_url(text)
    except ConfigError:
        return
    assert normal_url(normal).partition("?")[0] == normal.partition("?")[0]


@given(st.text(min_size=1).filter(lambda text: "?" not in text and "tls_domain=" not in text))
def test_a_password_is_never_shown(password: str) -> None:
    marked = f"hunter2{password}hunter2"
    settings = DatabaseSettings(normal_url(f"mysql://u:{marked}@h/d"))
    assert settings.safe_url == "mysql+pymysql://u@h/d"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("mysql://u:hush@unix(/run/x.sock)/d", "u@localhost/d?unix_socket=/run/x.sock"),
        ("mysql://u@unix(/run/x.sock)/d", "u@localhost/d?unix_socket=/run/x.sock"),
        ("mysql://unix(/run/x.sock)/d", "localhost/d?unix_socket=/run/x.sock"),
        ("mysql://u:hush@h/d?charset=x&read_default_file=hush", "u@h/d"),
        ("mysql://h/d?password=hush", "h/d"),
    ],
)
def test_the_local_socket_is_shown(written: str, shown: str) -> None:
    assert DatabaseSettings(normal_url(written)).safe_url == f"mysql+pymysql://{shown}"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"columns": {"certifcate": "x"}}, "no column 'certifcate' (did you mean 'certificate'?)"),
        ({"columns": {"id": ""}}, "'' is no name for column 'id'"),
        ({"columns": {"id": 'x"; DROP TABLE'}}, "is no name for column 'id'"),
        ({"table": "a.b"}, "'a.b' is no name of a table"),
        ({"timeout": 0}, "parameter 'timeout': must be seconds above 0"),
        ({"watch": "always"}, "parameter 'watch': must be 'notify' or seconds"),
        ({"watch": 0.001}, "parameter 'watch'"),
    ],
)
def test_settings_that_cannot_be_used(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DatabaseSettings("sqlite:///x", **values)  # type: ignore[arg-type]
    assert reason in str(caught.value)


def test_names_of_columns() -> None:
    settings = DatabaseSettings("sqlite:///x", columns={"private_key": "pk"})
    assert settings.column("private_key") == "pk"
    assert [settings.column(name) for name in COLUMNS].count("pk") == 1
    assert (settings.dialect, settings.table) == ("sqlite", "tls_mgm")
