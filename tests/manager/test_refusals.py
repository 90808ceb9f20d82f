"""Bad input is refused with line, domain, parameter and reason, and with no secret."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.managers import pem, pki, server_domain
from tests.support.pki import Authority, key_pem
from tests.support.scripts import Site, client, server
from tlsmgm import ConfigError, Domain, TLSManager
from tlsmgm._backends import libraries

#: What is written, at which parameter the complaint points, and words of the reason.
VALUES = [
    ("certificate", "absent.pem", "absent.pem"),
    ("certificate", "crls", "crls"),
    ("certificate", "dom1.key", "certificate"),
    ("private_key", "absent.key", "absent.key"),
    ("private_key", "dom2.key", "does not belong"),
    ("private_key", "dom1.pem", "key"),
    ("ca_list", "absent.pem", "absent.pem"),
    ("ca_list", "dom1.key", "certificate"),
    ("crl_dir", "absent", "absent"),
    ("match_ip_address", "10.0.0.300:5061", "10.0.0.300"),
    ("match_ip_address", "10.0.0.1:99999", "99999"),
    ("match_ip_address", "example.com", "example.com"),
    ("tls_method", "SSLv9", "SSLv9"),
    ("tls_method", "TLSv1_3-TLSv1_2", "empty"),
    ("cipher_list", "NO-SUCH-CIPHER", "NO-SUCH-CIPHER"),
    ("cipher_list", "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_999", "TLS_AES_999"),
    ("ec_curve", "no-such-curve", "no-such-curve"),
    ("dh_params", "dom1.pem", "DH|Diffie|param"),
    ("verify_cert", "maybe", "maybe|number"),
    ("require_cert", "-1", "-1|number"),
    ("crl_check_all", "", "empty"),
]


@pytest.mark.parametrize(("parameter", "value", "reason"), VALUES)
def test_bad_value(site: Site, parameter: str, value: str, reason: str) -> None:
    lines = [line for line in server("dom1") if f'"{parameter}"' not in line]
    written = f'modparam("tls_mgm", "{parameter}", "[dom1]{value}")'
    site.write(client(), lines, [written], server("dom2"))
    with pytest.raises(ConfigError) as caught:
        site.load()
    text = str(caught.value)
    assert f"{site.script}:{site.line_of(written)}:" in text
    assert "'dom1'" in text
    assert re.search(f"'({parameter}|{parameter.removeprefix('tls_')})'", text)
    assert re.search(reason, caught.value.reason, re.IGNORECASE), caught.value.reason
    assert caught.value.domain == "dom1"
    assert "\n" not in text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("private_key", "dom2.key"), ("private_key", "dom1.pem"), ("certificate", "dom1.key")],
)
def test_the_file_is_named(library: str, parameter: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TLSManager(library).add_domain(server_domain("dom1", **{parameter: pki(value)}))
    assert pki(value) in str(caught.value)


def test_an_encrypted_key_asks_for_its_passphrase(library: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(key_pem(Authority("root").issue("dom1").key, b"open sesame"))
    with pytest.raises(ConfigError, match="private_key_passphrase"):
        TLSManager(library).add_domain(server_domain("dom1", private_key=str(key)))
    with pytest.raises(ConfigError) as caught:
        TLSManager(library).add_domain(
            server_domain("dom1", private_key=str(key), private_key_passphrase="wrong")
        )
    assert "private_key_passphrase" not in str(caught.value)


LINES = [
    ('modparam("tls_mgm", "certificat", "[dom1]x")', "certificat", "did you mean"),
    ('modparam("tls_mgm", "certificate", "[dom9]x.pem")', "dom9", "unknown domain"),
    ('modparam("tls_mgm", "server_domain", "dom1")', "dom1", "dom1"),
    ('modparam("tls_mgm", "server_domain", "")', "server_domain", "empty"),
    ('modparam("tls_mgm", "tls_library", "gnutls")', "tls_library", "gnutls"),
    ('modparam("tls_mgm", "certificate"', "opensips.cfg", ""),
]


@pytest.mark.parametrize(("line", "named", "reason"), LINES)
def test_bad_line(site: Site, line: str, named: str, reason: str) -> None:
    site.write(server("dom1"), [line])
    with pytest.raises(ConfigError) as caught:
        site.load()
    text = str(caught.value)
    assert f"{site.script}:{site.line_of(line)}" in text
    assert named in text
    assert reason in text


@contextlib.contextmanager
def powerless() -> Iterator[None]:
    """Root may read every file; for a moment we are nobody."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(("name", "parameter"), [("pem", "certificate"), ("key", "private_key")])
def test_unreadable_file(site: Site, name: str, parameter: str) -> None:
    path = site.path / f"dom1.{name}"
    in_memory: dict[str, Any] = {"certificate": pem("dom1.pem"), "private_key": pem("dom1.key")}
    manager = TLSManager(site.library)
    path.chmod(0)
    with powerless(), pytest.raises(ConfigError, match=rf"dom1\.{name}.*ermission") as caught:
        manager.add_domain(Domain("dom1", "server", **{**in_memory, parameter: path}))
    assert caught.value.domain == "dom1"
    assert not manager.domains


def test_a_folder_in_place_of_a_file(site: Site) -> None:
    """Unreadable for everybody, root too."""
    site.write(server("dom1"))
    for name, parameter in (("dom1.key", "private_key"), ("dom1.pem", "certificate")):
        (site.path / name).unlink()
        (site.path / name).mkdir()
        with pytest.raises(ConfigError, match=re.escape(name)) as caught:
            site.load()
        assert caught.value.parameter == parameter


def test_empty_crl_dir(site: Site) -> None:
    (site.path / "empty").mkdir()
    site.write(server("dom1", verify_cert=1, ca_list="root.pem", crl_dir="empty"))
    with pytest.raises(ConfigError, match="empty") as caught:
        site.load()
    assert caught.value.parameter == "crl_dir"


@pytest.mark.parametrize("name", ["gnutls", "", "open ssl", "openssl3"])
def test_unknown_library(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TLSManager(name)
    assert caught.value.parameter == "tls_library"
    assert repr(name) in str(caught.value)


def test_a_library_that_the_script_does_not_load(tmp_path: Path, library: str) -> None:
    other = {"openssl": "wolfssl", "wolfssl": "openssl"}[library]
    site = Site(tmp_path, library)
    site.write(server("dom1"))
    text = site.script.read_text().replace(f"tls_{library}.so", f"tls_{other}.so")
    site.script.write_text(text)
    with pytest.raises(ConfigError, match=f"tls_{library}") as caught:
        site.load()
    assert caught.value.parameter == "tls_library"


KEY = pem("dom1.key")
SECRETS = [line for line in KEY.decode().splitlines() if len(line) > 20 and "-" not in line]


def assert_no_secret(text: str, *secrets: str) -> None:
    for secret in (*SECRETS, *secrets):
        assert secret not in text
    assert "PRIVATE KEY" not in text


def complaint(name: str, domain: Domain, changes: dict[str, Any]) -> ConfigError:
    try:
        TLSManager(name).add_domain(domain.replace(**changes))
    except ConfigError as error:
        return error
    raise AssertionError(f"{sorted(changes)} {str(changes)[:60]} was accepted")


@given(passphrase=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12))
@settings(max_examples=25, deadline=None, derandomize=True)
@pytest.mark.parametrize("name", libraries())
def test_no_secret_in_any_text(name: str, passphrase: str) -> None:
    domain = server_domain(private_key=KEY, private_key_passphrase=passphrase)
    manager = TLSManager(name)
    manager.add_domain(domain)
    for shown in (
        domain,
        manager,
        manager.domains,
        manager.list_domains(),
        manager._changes.snapshot,
    ):
        assert_no_secret(f"{shown!r} {shown}", passphrase)
    wrong: list[dict[str, Any]] = [
        {"certificate": pki("dom2.pem")},
        {"certificate": "absent.pem"},
        {"private_key": KEY[:90] + b"\n-----END EC PRIVATE KEY-----\n"},
        {"private_key": KEY.replace(b"-----END", b"-----ENDE")},
        {"ca_list": KEY},
        {"certificate": KEY},
        {"dh_params": KEY},
        {"cipher_list": "NO-SUCH"},
    ]
    for changes in wrong:
        error = complaint(name, domain, changes)
        assert_no_secret(f"{error!r} {error} {error.args} {vars(error)}", passphrase)


def test_a_key_in_place_of_a_path(library: str) -> None:
    """Somebody forgets to quote: the key itself must not end up in a complaint."""
    body = KEY.decode().replace("-----BEGIN", "----BEGIN")
    with pytest.raises(ConfigError) as caught:
        TLSManager(library).add_domain(Domain(name="x", kind="server", private_key=body))
    assert caught.value.domain == "x"
