"""Which versions each ``tls_method`` of the original allowed."""

from __future__ import annotations

from typing import Any

import pytest

import tlsmgm
from tests.recorded.conftest import Configure
from tests.support.cases import load_cases
from tests.support.managers import client_domain
from tests.support.pairs import Managers, manager
from tlsmgm import ConfigError

ROWS = load_cases("tls_method")
VERSIONS = {"TLSv1": "tls1_0", "TLSv1_1": "tls1_1", "TLSv1_2": None, "TLSv1_3": "tls1_3"}
WEAK = "ALL:@SECLEVEL=0"

#: Ours refuses a range whose low end is above its high end; the original starts and serves nobody.
UPSIDE_DOWN = "TLSv1_3-TLSv1_2"


def can(library: str, version: str) -> bool:
    feature = VERSIONS[version]
    return feature is None or feature in tlsmgm.backends()[library].features


def params(method: str, library: str) -> list[list[str]]:
    values = {"certificate": "pki/dom1.pem", "private_key": "pki/dom1.key", "verify_cert": "0"}
    values["tls_method"] = method
    if "tls1_0" in tlsmgm.backends()[library].features:
        values["ciphers_list"] = WEAK
    return [["server_domain", "dom1"], *([name, f"[dom1]{v}"] for name, v in values.items())]


def starts(row: dict[str, Any], library: str) -> bool:
    if not row["starts"] or row["method"] == UPSIDE_DOWN:
        return False
    return any(on and can(library, version) for version, on in row["accepts"].items())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["method"] or "empty")
def test_value_is_accepted_or_refused(
    row: dict[str, Any], library: str, configure: Configure
) -> None:
    if starts(row, library):
        listed = configure(params(row["method"], library), library).list_domains()
        assert listed["Domains"][0]["METHOD"] == row["tls_list_method"]
        return
    with pytest.raises(ConfigError) as caught:
        configure(params(row["method"], library), library)
    assert caught.value.domain == "dom1"
    assert "tls_method" in str(caught.value)


@pytest.mark.parametrize("offered", VERSIONS)
@pytest.mark.parametrize("row", [r for r in ROWS if r["starts"]], ids=lambda row: row["method"])
def test_versions_are_those_recorded(
    row: dict[str, Any], offered: str, library: str, client_library: str, configure: Configure
) -> None:
    if not starts(row, library):
        pytest.skip(f"{library} refuses the value; see above")
    if not can(client_library, offered):
        pytest.skip(f"{client_library} as a client has no {offered}")
    ciphers = WEAK if "tls1_0" in tlsmgm.backends()[client_library].features else None
    client = manager(client_library, client_domain(method=offered, cipher_list=ciphers))
    both = Managers(configure(params(row["method"], library), library), client)
    if row["accepts"][offered] and can(library, offered):
        pair = both.connect()
        assert pair.server.version == offered.replace("_", ".")
        pair.echo()
    else:
        pair = both.fail()
        assert pair.client_error is not None
        assert pair.server_error is not None
        assert 70 in (pair.client_error.alert, pair.server_error.alert)  # protocol_version
