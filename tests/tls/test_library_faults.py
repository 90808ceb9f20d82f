"""Guards of ours against published faults of the libraries; docs/security.md has the table."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from tests.support.pairs import managers
from tests.support.pki import Authority, Identity, name_of, new_key
from tlsmgm import VerificationError


def with_relative_points(root: Authority, count: int) -> dict[str, bytes]:
    """A certificate whose CRL distribution points are named relative to its issuer."""
    key = new_key()
    name = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "crl")])
    points = [x509.DistributionPoint(None, name, None, None)] * count
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name_of("site"))
        .issuer_name(root.name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(root.certificate.not_valid_before_utc)
        .not_valid_after(root.certificate.not_valid_after_utc)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("dom1.test")]), critical=False)
        .add_extension(x509.CRLDistributionPoints(points), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    return Identity(leaf, (), key).fields()


@pytest.mark.parametrize(("count", "accepted"), [(1, True), (20, True), (150, False)])
@pytest.mark.parametrize("side", ["server", "client"])
def test_many_names_relative_to_the_issuer(
    library: str,
    client_library: str,
    version: str,
    root: Authority,
    site: Identity,
    side: str,
    count: int,
    accepted: bool,
) -> None:
    """OpenSSL copies the issuer's name for each (CVE-2026-35189); these would take 2 MB."""
    shown = with_relative_points(root, count)
    trust = {"ca_list": root.pem}
    if side == "server":
        both = managers(library, client_library, version, server=shown, client=trust)
    else:
        rules = site.fields() | trust | {"verify_cert": True}
        both = managers(library, client_library, version, server=rules, client=shown | trust)
    if accepted:
        both.connect().echo()
        return
    pair = both.fail()
    error = pair.client_error if side == "server" else pair.server_error
    assert isinstance(error, VerificationError)
    assert error.reason == "malformed"
