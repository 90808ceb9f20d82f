"""The Domain value: normal forms, checks, and what it shows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tlsmgm._domains.defaults import DomainDefaults
from tlsmgm._domains.domain import Domain, Origin
from tlsmgm._domains.methods import TLSVersion
from tlsmgm.errors import ConfigError

PEM = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"


def test_defaults_of_the_manual() -> None:
    server, client = Domain("s", "server"), Domain("c", "client")
    assert (server.verify_cert, server.require_cert) == (True, True)
    assert (client.verify_cert, client.require_cert) == (True, False)
    for domain in (server, client):
        assert domain.match_ip_address == domain.match_sip_domain == ("*",)
        assert (domain.method, domain.verify_depth, domain.crl_check_all) == ("SSLv23", 3, False)
        assert domain.ca_dir is domain.crl_dir is domain.ca_list is domain.certificate is None


def test_defaults_of_a_configuration() -> None:
    defaults = DomainDefaults("/etc/opensips")
    assert defaults.values("client") == {}
    assert defaults.values("server") == {
        "certificate": "/etc/opensips/tls/cert.pem",
        "private_key": "/etc/opensips/tls/ckey.pem",
    }


def test_normal_forms_make_equal_values() -> None:
    first = Domain(
        " d ",
        "server",
        match_ip_address="::1:5061, 10.0.0.1:5061",
        match_sip_domain=["a.com", " *.b.com "],
        method="-tlsv1_2",
        certificate=Path("cert.pem"),
        private_key=PEM,
        private_key_passphrase="secret",
        alpn="sip/2, h2",
        origin=Origin("a", 1),
    )
    second = Domain(
        "d",
        "server",
        match_ip_address=iter(["[::1]:5061", "10.0.0.1:5061"]),
        match_sip_domain="a.com,*.b.com",
        method="TLSv1-TLSv1_2",
        require_cert=True,
        certificate="cert.pem",
        private_key=bytearray(PEM.encode()),  # type: ignore[arg-type]
        private_key_passphrase=b"secret",
        alpn=[b"sip/2", "h2"],
        origin=Origin("b", 2),
    )
    assert first == second
    assert hash(first) == hash(second)
    assert first.parsed_method.highest is TLSVersion.TLSv1_2
    assert first.replace(verify_cert=False) != first
    assert first.replace(verify_cert=False).replace(verify_cert=True) == first


def test_it_is_frozen() -> None:
    domain = Domain("d", "server")
    with pytest.raises(dataclasses.FrozenInstanceError):
        domain.name = "e"  # type: ignore[misc]
    assert not hasattr(domain, "__dict__")
    with pytest.raises(TypeError):
        domain.replace(nonsense=1)


def test_repr_never_shows_secrets() -> None:
    domain = Domain(
        "d",
        "server",
        certificate="cert.pem",
        private_key=PEM,
        private_key_passphrase="hunter2",
        require_cert=False,
        origin=Origin("opensips.cfg", 7),
    )
    assert repr(domain) == (
        "Domain('d', kind='server', require_cert=False, certificate='cert.pem', "
        f"private_key=<PEM, {len(PEM)} bytes>, private_key_passphrase=<set>, origin=opensips.cfg:7)"
    )
    assert repr(Domain("c", "client")) == "Domain('c', kind='client')"


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"kind": "both"}, "kind"),
        ({"match_ip_address": ""}, "match_ip_address"),
        ({"match_ip_address": "10.0.0.1"}, "match_ip_address"),
        ({"match_ip_address": "10.0.0.1:1,,*"}, "match_ip_address"),
        ({"match_ip_address": []}, "match_ip_address"),
        ({"match_ip_address": b"*"}, "match_ip_address"),
        ({"match_ip_address": None}, "match_ip_address"),
        ({"match_ip_address": [None]}, "match_ip_address"),
        ({"match_sip_domain": "a.com,"}, "match_sip_domain"),
        ({"match_sip_domain": "a b.com"}, "match_sip_domain"),
        ({"match_sip_domain": "[[:alpha:]].com"}, "match_sip_domain"),
        ({"method": "TLSv1_1"}, "method"),
        ({"method": None}, "method"),
        ({"verify_cert": "1"}, "verify_cert"),
        ({"verify_cert": None}, "verify_cert"),
        ({"require_cert": -1}, "require_cert"),
        ({"certificate": ""}, "certificate"),
        ({"certificate": b"not pem"}, "certificate"),
        ({"certificate": "a\0b"}, "certificate"),
        ({"private_key": 5}, "private_key"),
        ({"private_key_passphrase": 5}, "private_key_passphrase"),
        ({"ca_dir": b"/etc"}, "ca_dir"),
        ({"crl_dir": " "}, "crl_dir"),
        ({"cipher_list": "!"}, "cipher_list"),
        ({"cipher_list": ":"}, "cipher_list"),
        ({"ec_curve": "P-256 P-384"}, "ec_curve"),
        ({"verify_depth": -1}, "verify_depth"),
        ({"verify_depth": True}, "verify_depth"),
        ({"verify_depth": 101}, "verify_depth"),
        *(({"min_rsa_bits": bits}, "min_rsa_bits") for bits in (0, 2047, 16385, True, "3072")),
        ({"alpn": ["x" * 256]}, "alpn"),
        ({"alpn": [""]}, "alpn"),
        ({"alpn": [b"\xff"]}, "alpn"),
        ({"alpn": ["\udcff"]}, "alpn"),
        ({"alpn": [5]}, "alpn"),
        ({"alpn": ["h2", "a,b"]}, "alpn"),
        ({"alpn": ["a\0b"]}, "alpn"),
        ({"alpn": [str(n) * 200 for n in range(400)]}, "alpn"),
        ({"danger_skip_hostname_check": "no"}, "danger_skip_hostname_check"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], parameter: str) -> None:
    values: dict[str, Any] = {
        "name": "dom",
        "kind": "server",
        "origin": Origin("x.cfg", 3),
    } | changes
    with pytest.raises(ConfigError) as caught:
        Domain(**values)
    error = caught.value
    assert error.parameter == parameter
    assert str(error).startswith("x.cfg:3: ")
    if parameter != "name":
        assert error.domain == "dom"
    assert error.reason


def test_errors_never_show_keys() -> None:
    with pytest.raises(ConfigError) as caught:
        Domain("d", "server", private_key=b"SECRET")
    assert "SECRET" not in str(caught.value)


def test_numbers_of_databases_are_flags() -> None:
    row: dict[str, Any] = {"verify_cert": 0, "require_cert": 2, "crl_check_all": 1}
    domain = Domain("d", "server", **row)
    assert (domain.verify_cert, domain.require_cert, domain.crl_check_all) == (False, True, True)
