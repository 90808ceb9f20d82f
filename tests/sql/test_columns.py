"""Every parameter that names a column does so, in a script, in TOML and from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.managers import pem
from tests.support.tables import DomainTable
from tlsmgm import Domain, TLSManager
from tlsmgm._config.database_settings import COLUMNS, OUR_COLUMNS
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.parameters import DATABASE_PARAMETERS

#: The manual's parameter for each column (1.9.19 to 1.9.33); the first two are the program's own.
PARAMETERS = {
    "id": "id_col",
    "type": "type_col",
    "domain": "domain_col",
    "match_ip_address": "match_ip_address_col",
    "match_sip_domain": "match_sip_domain_col",
    "method": "tls_method_col",
    "verify_cert": "verify_cert_col",
    "require_cert": "require_cert_col",
    "certificate": "certificate_col",
    "private_key": "private_key_col",
    "crl_check_all": "crl_check_all_col",
    "crl_dir": "crl_dir_col",
    "ca_list": "ca_list_col",
    "ca_dir": "ca_dir_col",
    "cipher_list": "cipher_list_col",
    "dh_params": "dh_params_col",
    "ec_curve": "ec_curve_col",
    "client_eku": "client_eku_col",
    "min_rsa_bits": "min_rsa_bits_col",
}

#: A value for each field that is not its default, so that a column that is mixed up shows.
VALUES = {
    "match_ip_address": "10.0.0.1:5061",
    "match_sip_domain": "a.test",
    "method": "TLSv1_2",
    "verify_cert": 0,
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
    "client_eku": "client_or_server",
    "min_rsa_bits": 3072,
}


def test_the_list_is_complete() -> None:
    assert set(PARAMETERS) == {*COLUMNS, *OUR_COLUMNS}
    known = set(PARAMETERS.values()) | {"db_url", "db_table", "ciphers_list_col"}
    assert known == DATABASE_PARAMETERS


@pytest.mark.parametrize("source", ["script", "toml", "python"])
def test_every_column_can_be_renamed(source: str, database: str, tmp_path: Path) -> None:
    columns = {name: f"my_{name}" for name in PARAMETERS}
    row = {"domain": "d", "type": 2, **VALUES}
    DomainTable(database, row, table="my_table", columns=columns)
    url = database.replace("sqlite:///", "sqlite://")  # as OpenSIPS writes it
    if source == "script":
        lines = [f'modparam("tls_mgm", "db_url", "{url}")']
        lines += ['modparam("tls_mgm", "db_table", "my_table")']
        lines += [
            f'modparam("tls_mgm", "{PARAMETERS[name]}", "{called}")'
            for name, called in columns.items()
        ]
        path = tmp_path / "opensips.cfg"
        path.write_text("\n".join(lines), encoding="utf-8")
        manager = TLSManager.from_config(path, library="none")
    elif source == "toml":
        path = tmp_path / "tlsmgm.toml"
        lines = ["[database]", f'url = "{database}"', 'table = "my_table"', "[database.columns]"]
        lines += [f'{name} = "{called}"' for name, called in columns.items()]
        path.write_text("\n".join(lines), encoding="utf-8")
        manager = TLSManager.from_config(path, library="none")
    else:
        manager = TLSManager("none")
        manager.attach_database(database, "my_table", columns)
    expected: dict[str, object] = dict(VALUES)
    expected["private_key"] = pem("dom1.key")
    assert manager.failures == ()
    assert manager.domains == (Domain("d", "server", **expected),)  # type: ignore[arg-type]


def test_both_spellings_of_the_cipher_list(tmp_path: Path) -> None:
    for name in ("cipher_list_col", "ciphers_list_col"):
        config = read_script_text(
            'modparam("tls_mgm", "db_url", "sqlite:///x")\n'
            f'modparam("tls_mgm", "{name}", "ciphers")\n'
        )
        assert config.database is not None
        assert config.database.columns == {"cipher_list": "ciphers"}
