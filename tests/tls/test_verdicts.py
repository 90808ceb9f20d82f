"""Verdicts that once differed between the libraries, or from plain OpenSSL's: each kind of them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.pairs import ConnectionPair, managers
from tests.support.pki import Authority, Identity, PrivateKey, certificate_pem, new_key, write_crls
from tlsmgm import ConfigError, VerificationError

Judge = Callable[..., str]
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


USAGES = (
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
    "key_cert_sign crl_sign encipher_only decipher_only"
)


def usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in names for name in re.split(" ", USAGES)})


def ending(pair: ConnectionPair) -> str:
    """Return "ok", or why the client refused the server."""
    if pair.client_error is None:
        assert pair.client.peer_verified
        return "ok"
    if isinstance(pair.client_error, VerificationError):
        return pair.client_error.reason
    return type(pair.client_error).__name__


@pytest.fixture
def judge(library: str, version: str, root: Authority) -> Judge:
    """Ask a client of the library about what a server of OpenSSL's shows."""

    def look(identity: Identity, *more: x509.Certificate, **client: object) -> str:
        chain = certificate_pem(identity.leaf, *identity.issuers, *more)
        server = identity.fields() | {"certificate": chain, "cipher_list": "DEFAULT:@SECLEVEL=0"}
        asked = {"ca_list": root.pem} | client
        both = managers("openssl", library, version, server=server, client=asked)
        return ending(both.pair().pump())

    return look


@pytest.mark.parametrize(
    ("names", "kind", "older", "newer"),
    [
        (("digital_signature",), "ec", {"ok"}, "ok"),
        (("key_agreement",), "ed25519", {"ProtocolError", "purpose"}, "ok"),
        (("key_encipherment",), "rsa", {"ok"}, "ok"),
        (("digital_signature", "key_cert_sign"), "ec", {"ok"}, "ok"),
        (("key_cert_sign",), "ed25519", {"purpose"}, "purpose"),
    ],
)
def test_what_a_server_key_may_do(
    judge: Judge,
    root: Authority,
    version: str,
    names: tuple[str, ...],
    kind: str,
    older: set[str],
    newer: str,
) -> None:
    """In TLS 1.2 a key on a curve must be one that may sign; both refuse it, each in its words."""
    leaf = root.issue("leaf", names=["dom1.test"], kind=kind, key_usage=usage(*names))
    assert judge(leaf) in (older if version == "TLSv1.2" else {newer})


def test_a_crowd_of_certificates(judge: Judge, root: Authority, library: str) -> None:
    """wolfSSL reads 32, and would say nothing of the others."""
    leaf = root.issue("leaf", names=["dom1.test"])
    most = 30 if library == "wolfssl" else 60
    assert judge(leaf, *[root.certificate] * most) == "ok"
    if library == "wolfssl":
        for count in (31, 32, 39):
            assert judge(leaf, *[root.certificate] * count) == "too_deep"


@pytest.mark.parametrize("digest", [hashes.SHA224(), hashes.SHA512()])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_digests_of_lists(
    judge: Judge, tmp_path: Path, digest: hashes.SHA224 | hashes.SHA512, kind: str
) -> None:
    """A list may have a weaker one than a certificate."""
    ca = Authority("ca", kind=kind)
    leaf = ca.issue("leaf", names=["dom1.test"])
    builder = x509.CertificateRevocationListBuilder().issuer_name(ca.name)
    builder = builder.last_update(NOW - DAY).next_update(NOW + DAY)
    for revoked in (False, True):
        if revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(leaf.leaf.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(NOW - DAY).build())
        pem = builder.sign(ca.key, digest).public_bytes(serialization.Encoding.PEM)
        folder = write_crls(tmp_path / str(revoked), pem)
        verdict = judge(leaf, ca_list=ca.pem, crl_dir=folder)
        assert verdict == ("revoked" if revoked else "ok")


def test_delta_lists_alone_are_no_lists(library: str, root: Authority, tmp_path: Path) -> None:
    builder = x509.CertificateRevocationListBuilder().issuer_name(root.name)
    builder = builder.last_update(NOW - DAY).next_update(NOW + DAY)
    builder = builder.add_extension(x509.CRLNumber(2), critical=False)
    builder = builder.add_extension(x509.DeltaCRLIndicator(1), critical=True)
    delta = builder.sign(root.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    client = {"ca_list": root.pem, "crl_dir": write_crls(tmp_path / "deltas", delta)}
    with pytest.raises(ConfigError, match="there are delta CRLs only in"):
        managers(library, library, client=client)
    client["crl_dir"] = write_crls(tmp_path / "both", delta, root.crl())
    both = managers(library, library, client=client)
    assert any("a delta CRL, which is not used" in str(told) for told in both.client.warnings)


def signed(root: Authority, key: PrivateKey, **how: object) -> Identity:
    """Return a leaf that says nothing but its name."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(root.name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    alternative = x509.SubjectAlternativeName([x509.DNSName("dom1.test")])
    builder = builder.add_extension(alternative, critical=False)
    return Identity(builder.sign(root.key, **how), root.chain, key)  # type: ignore[arg-type]


@pytest.mark.parametrize("salt", [0, 20, 32, 222])
def test_salts_of_pss(judge: Judge, salt: int) -> None:
    ca = Authority("ca", kind="rsa")
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    leaf = signed(ca, new_key(), algorithm=hashes.SHA256(), rsa_padding=pss)
    assert judge(leaf, ca_list=ca.pem) == "ok"


@pytest.mark.parametrize(("bits", "verdict"), [(1024, "weak_key"), (2047, "ok"), (4096, "ok")])
def test_sizes_of_keys(judge: Judge, root: Authority, bits: int, verdict: str) -> None:
    leaf = signed(root, rsa.generate_private_key(65537, bits), algorithm=hashes.SHA256())
    assert judge(leaf) == verdict


def test_names_of_the_domain_are_asked_for_last(judge: Judge, root: Authority) -> None:
    """So that a certificate that is wrong in more than its name has the same reason with both."""
    old = root.issue("leaf", names=["dom1.test"], days=(-3, -1))
    new = root.issue("leaf", names=["dom1.test"])
    assert judge(old, peer_identity="other.test") == "expired"
    assert judge(new, peer_identity="other.test") == "name_mismatch"


def test_a_trusted_leaf_names_one_algorithm(library: str, version: str, root: Authority) -> None:
    """Nobody looks at the signature of what is trusted for itself; both look at its algorithm."""
    ecdsa = bytes.fromhex("06082a8648ce3d0403")
    site = root.issue("leaf", names=["dom1.test"], kind="ec")
    der = site.leaf.public_bytes(serialization.Encoding.DER)
    outer = der.rindex(ecdsa) + len(ecdsa)
    other = x509.load_der_x509_certificate(der[:outer] + b"\x03" + der[outer + 1 :])
    for leaf, verdict in ((site.leaf, "ok"), (other, "malformed")):
        pem = certificate_pem(leaf)
        server = site.fields() | {"certificate": pem}
        both = managers("openssl", library, version, server=server, client={"ca_list": pem})
        assert ending(both.pair().pump()) == verdict
