"""Certificates with a fault: the reason is the same on both libraries, and both are documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.bad_certificates import (
    FAULTS,
    intermediate_without_a_key,
    malformed_beside_signed,
    outcome,
)
from tests.support.libraries import needs_library
from tests.support.pairs import managers
from tests.support.pki import Authority
from tlsmgm import ConfigError, VerificationError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"

#: Fault, reason, and the alert of each library; the table of the document.
ROW = re.compile(r"^\| (.+) \| `(\w+)` \| \w+ \((\d+)\) \| \w+ \((\d+)\) \|$", re.MULTILINE)
ROWS = {row[0]: row[1:] for row in ROW.findall(DOCUMENT.read_text(encoding="utf-8"))}


def test_every_fault_is_documented() -> None:
    assert ROWS.keys() == FAULTS.keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_has_its_reason_and_alert(
    library: str, version: str, fault: str, root: Authority, tmp_path: Path
) -> None:
    reason, openssl, wolfssl = ROWS[fault]
    found = outcome(library, version, FAULTS[fault](root, tmp_path), root)
    assert found.reason == reason
    assert found.alert == int({"openssl": openssl, "wolfssl": wolfssl}[library])


@needs_library("wolfssl")
def test_intermediate_that_cannot_be_decoded(
    library: str, version: str, root: Authority, tmp_path: Path
) -> None:
    """It is passed over, as one that has issued nothing."""
    case = intermediate_without_a_key(root, tmp_path)
    # A server of OpenSSL would trip over it, too.
    both = managers("wolfssl", library, version, server=case.server, client={"ca_list": root.pem})
    error = both.fail().client_error
    assert isinstance(error, VerificationError), error
    assert (error.reason, error.alert) == ("unknown_ca", 48)


@needs_library("wolfssl")
def test_certificate_that_is_malformed_beside_what_is_signed(
    library: str, version: str, root: Authority, tmp_path: Path
) -> None:
    """wolfSSL by itself takes it, and nobody could read its fields; so nobody shows it."""
    case = malformed_beside_signed(root, tmp_path)
    with pytest.raises(ConfigError, match=r"certificate 1 .*malformed certificate"):
        managers(library, library, version, server=case.server, client={"ca_list": root.pem})
