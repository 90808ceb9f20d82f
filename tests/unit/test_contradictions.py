"""Values of a domain that do not go together are told, and defaults contradict nothing."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.support.managers import pki
from tlsmgm import Domain, TLSManager
from tlsmgm._checks.checks import check_config
from tlsmgm._checks.contradictions import contradictions
from tlsmgm._config.opensips import read_script_text
from tlsmgm._config.toml import read_toml_text

KEYS: dict[str, Any] = {"certificate": "c.pem", "private_key": "k.pem"}

#: Kind, values, and the parameters that are told.
TOLD: list[tuple[str, dict[str, Any], list[str]]] = [
    ("server", {"verify_cert": False, "require_cert": True}, ["require_cert"]),
    ("server", {"danger_skip_hostname_check": True}, ["danger_skip_hostname_check"]),
    ("server", {"identity": "sip"}, ["identity"]),
    ("server", {"verify_cert": False, "crl_dir": "crls"}, ["crl_dir"]),
    ("server", {"verify_cert": False, "client_eku": "client_or_server"}, ["client_eku"]),
    ("server", {"crl_check_all": True}, ["crl_check_all"]),
    ("client", {"crl_check_all": True}, ["crl_check_all"]),
    ("client", {"client_eku": "client_or_server"}, ["client_eku"]),
    ("client", {"verify_cert": False, "min_rsa_bits": 3072}, ["min_rsa_bits"]),
    ("server", {"verify_cert": False, "min_rsa_bits": 3072}, ["min_rsa_bits"]),
    ("client", {"ticket_key_file": "t"}, ["ticket_key_file"]),
    ("client", {"ticket_rotation": 60}, ["ticket_rotation"]),
    ("client", {"ocsp_response": "o.der"}, ["ocsp_response"]),
    ("server", {"require_staple": True}, ["require_staple"]),
    ("client", {"private_key": "k.pem"}, ["private_key"]),
    ("client", {"private_key2": "k.pem"}, ["private_key2"]),
    ("client", {"private_key_passphrase": "x"}, ["private_key_passphrase"]),
    ("client", {"private_key_passphrase_command": "x"}, ["private_key_passphrase_command"]),
    (
        "server",
        {**KEYS, "private_key_passphrase": "x", "private_key_passphrase_command": "y"},
        ["private_key_passphrase_command"],
    ),
    (
        "server",
        {**KEYS, "private_key_passphrase": lambda: "x", "private_key_passphrase_command": "y"},
        ["private_key_passphrase_command"],
    ),
]

#: What is as it should be.
FINE: list[tuple[str, dict[str, Any]]] = [
    ("server", {}),
    ("client", {}),
    ("server", {"verify_cert": False}),  # the default of require_cert says nothing
    ("server", {"verify_cert": False, "require_cert": False}),
    ("server", {"verify_cert": False, "require_cert": None}),
    ("server", {"require_cert": True}),
    ("client", {"verify_cert": False}),
    ("client", {"require_cert": True}),  # OpenSIPS has it on by default
    ("client", {"danger_skip_hostname_check": True}),
    ("client", {"verify_cert": False, "crl_dir": "crls"}),  # $tls_peer_revoked asks it
    ("client", {"identity": "sip"}),
    ("server", {"identity": "sip", "peer_identity": "a.test"}),
    ("server", {"client_eku": "client_or_server"}),
    ("server", {"min_rsa_bits": 3072}),
    ("client", {"min_rsa_bits": 3072}),
    ("server", {"crl_check_all": True, "crl_dir": "crls"}),
    ("server", {**KEYS, "private_key_passphrase": "x"}),
    ("client", {**KEYS, "private_key_passphrase_command": "x"}),
    ("server", {"ticket_key_file": "t", "ticket_rotation": 60}),
]


def names_of(domain: Domain, **options: Any) -> list[str]:
    return [parameter for parameter, _ in contradictions(domain, **options)]


@pytest.mark.parametrize(("kind", "values", "told"), TOLD)
def test_what_does_nothing_is_told(kind: Any, values: dict[str, Any], told: list[str]) -> None:
    domain = Domain("d", kind, **values)
    assert names_of(domain) == told
    manager = TLSManager("none")
    manager.add_domain(domain)
    found = [text for text in manager.warnings if "chmod" not in text]
    assert [text.startswith(f"{kind} domain 'd': {told[0]} ") for text in found] == [True]


@pytest.mark.parametrize(("kind", "values"), FINE)
def test_what_goes_together_is_not(kind: Any, values: dict[str, Any]) -> None:
    assert names_of(Domain("d", kind, **values)) == []


def test_a_demand_is_remembered_until_it_is_taken_back() -> None:
    plain = Domain("d", "server")
    demanding = Domain("d", "server", require_cert=True)
    assert plain == demanding
    for domain in (demanding, demanding.replace(method="TLSv1_3")):
        assert names_of(domain.replace(verify_cert=False)) == ["require_cert"]
    assert names_of(plain.replace(verify_cert=False)) == []
    assert names_of(plain.replace(verify_cert=False, require_cert=True)) == ["require_cert"]
    assert names_of(demanding.replace(verify_cert=False, require_cert=None)) == []
    for twin in (copy.copy(demanding), pickle.loads(pickle.dumps(demanding))):
        assert twin == demanding
        assert twin.replace(method="TLSv1_3") == demanding.replace(method="TLSv1_3")


SCRIPT = """
modparam("tls_mgm", "server_domain", "a")
modparam("tls_mgm", "verify_cert", "[a]0")
modparam("tls_mgm", "client_domain", "b")
modparam("tls_mgm", "require_cert", "[b]1")
"""


def told_by_check(config: Any) -> list[tuple[str, str | None, str]]:
    findings = check_config(config, [])
    return [
        (item.message.partition(" ")[0], item.domain, str(item.origin))
        for item in findings
        if item.check == "contradiction"
    ]


def test_a_script_is_told_of_what_it_says_itself() -> None:
    assert told_by_check(read_script_text(SCRIPT)) == []
    demand = 'modparam("tls_mgm", "require_cert", "[a]1")\n'
    assert told_by_check(read_script_text(SCRIPT + demand)) == [
        ("require_cert", "a", "opensips.cfg:6")
    ]


def test_defaults_are_for_domains_of_both_kinds() -> None:
    defaults = """
        [defaults]
        client_eku = "client_or_server"
        danger_skip_hostname_check = true
        require_cert = true
        crl_check_all = true
        private_key_passphrase = "x"
        [server.a]
        verify_cert = false
        [client.b]
    """
    assert told_by_check(read_toml_text(defaults)) == []
    own = """
        [server.a]
        verify_cert = false
        require_cert = true
        [client.b]
        private_key_passphrase = "x"
    """
    assert told_by_check(read_toml_text(own)) == [
        ("require_cert", "a", "tlsmgm.toml:4"),
        ("private_key_passphrase", "b", "tlsmgm.toml:6"),
    ]


def test_columns_of_a_database_have_defaults_of_their_own() -> None:
    row = Domain("a", "server", verify_cert=False, require_cert=True, **KEYS)
    assert names_of(row, is_row=True) == []


def test_a_manager_says_where() -> None:
    manager = TLSManager("none")
    config = read_toml_text(
        f"""
        [server.a]
        certificate = "{pki("dom1.pem")}"
        private_key = "{pki("dom1.key")}"
        verify_cert = false
        require_cert = true
        """
    )
    manager.add_domains(config.domains)
    assert [text for text in manager.warnings if "chmod" not in text] == [
        "tlsmgm.toml:2: server domain 'a': require_cert demands nothing, because verify_cert is off"
    ]
