"""Which versions each ``tls_method`` of the original allowed."""

from __future__ import annotations

import ssl
import warnings
from typing import Any

import pytest

import tlsmgm
from tests.recorded.conftest import Configure
from tests.support.cases import load_cases
from tests.support.managers import LOCAL
from tests.support.pairs import ConnectionPair
from tests.support.peers import StdlibPeer
from tlsmgm import ConfigError, ProtocolError

ROWS = load_cases("tls_method")
VERSIONS = {"TLSv1": "tls1_0", "TLSv1_1": "tls1_1", "TLSv1_2": None, "TLSv1_3": "tls1_3"}
WEAK = "ALL:@SECLEVEL=0"

#: Ours refuses a range whose low end is above its high end; the original starts and serves nobody.
UPSIDE_DOWN = "TLSv1_3-TLSv1_2"

SERVING = [row for row in ROWS if row["starts"] and row["method"] != UPSIDE_DOWN]
#: protocol_version; wolfSSL often says handshake_failure. None: the client refused our answer.
ALERTS: dict[str, set[int | None]] = {"openssl": {70, None}, "wolfssl": {40, 70}}


def can(library: str, version: str) -> bool:
    feature = VERSIONS[version]
    return feature is None or feature in tlsmgm.libraries()[library].features


def params(method: str, library: str) -> list[list[str]]:
    values = {"certificate": "pki/dom1.pem", "private_key": "pki/dom1.key", "verify_cert": "0"}
    values["tls_method"] = method
    if "tls1_0" in tlsmgm.libraries()[library].features:
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


def old_client(offered: str) -> StdlibPeer:
    """A client that offers one version; Python's, because ours does not name TLS 1.1 alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(WEAK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[offered]
    return StdlibPeer(context)


@pytest.mark.parametrize("offered", VERSIONS)
@pytest.mark.parametrize("row", SERVING, ids=lambda row: row["method"])
def test_versions_are_those_recorded(
    row: dict[str, Any], offered: str, library: str, configure: Configure
) -> None:
    if not starts(row, library):
        pytest.skip(f"{library} has none of these versions; it refuses the value, see above")
    server = configure(params(row["method"], library), library).server_connection(LOCAL)
    pair = ConnectionPair(old_client(offered), server).pump()
    if row["accepts"][offered] and can(library, offered):
        assert not pair.errors
        assert server.version == offered.replace("_", ".")
        pair.echo()
    else:
        assert isinstance(pair.server_error, ProtocolError)
        assert pair.server_error.alert in ALERTS[library]
        assert isinstance(pair.client_error, ssl.SSLError)
