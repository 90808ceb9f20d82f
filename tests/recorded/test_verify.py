"""Which client certificates the original accepted, under which rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.recorded.conftest import Configure
from tests.support.cases import load_cases
from tests.support.managers import client_domain, pki
from tests.support.pairs import Managers, manager
from tlsmgm import AlertError, VerificationError

ROWS = load_cases("verify")

#: What the original told its client, and the word for it. It says "unknown CA" to several causes.
REASONS = {
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": {"expired"},
    "SSLV3_ALERT_CERTIFICATE_REVOKED": {"revoked"},
    "SSLV3_ALERT_HANDSHAKE_FAILURE": {"missing"},
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": {"purpose"},
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": {"missing"},
    "TLSV1_ALERT_UNKNOWN_CA": {"unknown_ca", "self_signed", "crl_missing"},
}


def row_name(row: dict[str, Any]) -> str:
    rules = f"verify{row['verify_cert']}-require{row['require_cert']}-{row['crl_dir']}"
    return f"{rules}-all{row['crl_check_all']}-{row['client_cert']}-{row['version']}"


def server_params(row: dict[str, Any]) -> list[list[str]]:
    values = {
        "certificate": "pki/dom1.pem",
        "private_key": "pki/dom1.key",
        "ca_list": "pki/root.pem",
        "verify_cert": row["verify_cert"],
        "require_cert": row["require_cert"],
        "crl_check_all": row["crl_check_all"],
    }
    if row["crl_dir"]:
        values["crl_dir"] = f"pki/{row['crl_dir']}"
    settings = [[name, f"[dom1]{value}"] for name, value in values.items()]
    return [["server_domain", "dom1"], *settings]


def identity(name: str | None) -> dict[str, str]:
    return (
        {}
        if name is None
        else {"certificate": pki(f"{name}.pem"), "private_key": pki(f"{name}.key")}
    )


@pytest.mark.parametrize("row", ROWS, ids=row_name)
def test_certificate_is_judged_as_recorded(
    row: dict[str, Any], library: str, client_library: str, configure: Configure
) -> None:
    shown = client_domain(method=row["version"], **identity(row["client_cert"]))
    both = Managers(configure(server_params(row), library), manager(client_library, shown))
    if row["accepted"]:
        pair = both.connect()
        pair.echo()
        assert pair.server.is_peer_verified() == (
            1 if row["client_cert"] and row["verify_cert"] else -1
        )
        return
    pair = both.fail()
    assert isinstance(pair.server_error, VerificationError)
    assert isinstance(pair.client_error, AlertError)
    if row["error"] in REASONS:
        assert pair.server_error.reason in REASONS[row["error"]]


def test_recorded_rows_are_all_there() -> None:
    assert len(ROWS) == 176
    assert {row["accepted"] for row in ROWS} == {True, False}
