"""Every ``$tls_*`` value that the original showed."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from tests.recorded.conftest import Configure
from tests.support.cases import load_cases
from tests.support.managers import client_domain, pki
from tests.support.pairs import ConnectionPair, Managers, manager
from tlsmgm._domains.variables import INTEGER_NAMES, VARIABLE_NAMES
from tlsmgm.errors import ConfigError

ROWS = load_cases("variables")

#: The suites that were recorded; a client that offers only these gets the same.
CIPHERS = "ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384"

PARAMS = [
    ["server_domain", "dom1"],
    ["certificate", "[dom1]pki/dom1.pem"],
    ["private_key", "[dom1]pki/dom1.key"],
    ["ca_list", "[dom1]pki/root.pem"],
    ["require_cert", "[dom1]0"],
]


def connect(row: dict[str, Any], server: Any, client_library: str) -> ConnectionPair:
    name = row["client_cert"]
    identity = (
        {}
        if name is None
        else {
            "certificate": pki(f"{name}.pem"),
            "private_key": pki(f"{name}.key"),
        }
    )
    shown = client_domain(method=row["version"], cipher_list=CIPHERS, **identity)
    return Managers(server, manager(client_library, shown)).connect()


def ours(name: str, recorded: str | None) -> str | None:
    """What we show where the original shows this: IP addresses in the standard form."""
    if recorded is not None and name.endswith("_san_ip"):
        return str(ipaddress.ip_address(recorded))
    return recorded


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['client_cert']}-{row['version']}")
def test_values_are_those_recorded(
    row: dict[str, Any], library: str, client_library: str, configure: Configure
) -> None:
    conn = connect(row, configure(PARAMS, library), client_library).server
    recorded = dict(row["variables"])
    assert str(conn.is_peer_verified()) == recorded.pop("is_peer_verified")
    wrong = {
        name: (conn.variables[name], value)
        for name, value in recorded.items()
        if conn.variables[name] != ours(name, value)
    }
    assert not wrong


def test_every_variable_was_recorded_or_is_known_not_to_be() -> None:
    recorded = {name for row in ROWS for name in row["variables"]} - {"is_peer_verified"}
    assert recorded <= set(VARIABLE_NAMES)
    assert len(VARIABLE_NAMES) == 52  # as in the program, tls_mgm.c
    # The serial of our own certificate is above 31 bits, where the original overflows.
    assert set(VARIABLE_NAMES) - recorded == {"tls_my_serial"}


def test_numbers_are_numbers_too(library: str, configure: Configure) -> None:
    params = configure(PARAMS, library)
    for row in ROWS:
        variables = connect(row, params, library).server.variables
        for name in INTEGER_NAMES & row["variables"].keys():
            text = row["variables"][name]
            assert variables.integer(name) == (None if text is None else int(text))
    assert set(VARIABLE_NAMES) >= INTEGER_NAMES
    with pytest.raises(ConfigError, match=r"\$tls_version is text only"):
        variables.integer("tls_version")
    with pytest.raises(KeyError):
        variables.integer("tls_nonsense")


def test_ipv6_address_has_the_standard_form(library: str, configure: Configure) -> None:
    row = next(row for row in ROWS if row["client_cert"] == "good_rsa")
    conn = connect(row, configure(PARAMS, library), library).server
    assert conn.variables["tls_peer_san_ip"] == "2001:db8::7"


def test_serial_of_any_size_is_exact(library: str, configure: Configure) -> None:
    row = next(row for row in ROWS if row["client_cert"] is None)
    conn = connect(row, configure(PARAMS, library), library).server
    serial = conn.variables["tls_my_serial"]
    assert serial == str(conn.certificate.serial)
    assert int(serial) > 2**31
