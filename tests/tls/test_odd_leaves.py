"""Leaves that are odd but readable: what OpenSSL takes from a peer, wolfSSL's domains take, too.

And those that cannot be read: a refused certificate like any other, with the reason ``malformed``.
"""

from __future__ import annotations

import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.der import BIT_STRING, NUMERIC, SEQUENCE, UTF8, entry, name, oid, tlv
from tests.support.pairs import ConnectionPair, managers
from tests.support.pki import Authority, Identity
from tlsmgm import VerificationError

ECDSA_SHA256 = "1.2.840.10045.4.3.2"
COMMON_NAME, UNIT, SERIAL = "2.5.4.3", "2.5.4.11", "2.5.4.5"
POLICIES = "2.5.29.32"
DNS_NAME, URI = 0x82, 0x86


def signed_again(issuer: Authority, leaf: x509.Certificate, old: bytes, new: bytes) -> str:
    """Return a leaf in PEM in which some bytes are others, with a good signature."""
    body = tlv_contents(leaf.tbs_certificate_bytes)
    assert body.count(old) == 1
    tbs = tlv(SEQUENCE, body.replace(old, new))
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    signature = issuer.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    algorithm = tlv(SEQUENCE, oid(ECDSA_SHA256))
    return ssl.DER_cert_to_PEM_cert(
        tlv(SEQUENCE, tbs, algorithm, tlv(BIT_STRING, b"\0", signature))
    )


def tlv_contents(der: bytes) -> bytes:
    """Return what stands behind the tag and the length of an item."""
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) :]


def with_subject(root: Authority, site: Identity, *entries: bytes) -> str:
    return signed_again(
        root, site.leaf, site.leaf.subject.public_bytes(), tlv(SEQUENCE, name(*entries))
    )


def with_extension(root: Authority, dotted: str, value: bytes, names: bool) -> Identity:
    """Return a site with one more extension, of any contents."""
    site = root.issue("site", names=["dom1.test"] if names else [])
    builder = x509.CertificateBuilder(
        site.leaf.issuer,
        site.leaf.subject,
        site.leaf.public_key(),
        site.leaf.serial_number,
        site.leaf.not_valid_before_utc,
        site.leaf.not_valid_after_utc,
        list(site.leaf.extensions),
    )
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier(dotted), value)
    leaf = builder.add_extension(odd, critical=False).sign(root.key, hashes.SHA256())
    return Identity(leaf, (), site.key)


SUBJECTS = {
    "an empty value": [entry(UNIT, UTF8, b""), entry(COMMON_NAME, UTF8, b"site")],
    "digits": [entry(SERIAL, NUMERIC, b"12 34"), entry(COMMON_NAME, UTF8, b"site")],
    "many attributes": [entry(UNIT, UTF8, b"unit %d" % at) for at in range(40)],
}


def policy(dotted: str) -> bytes:
    return tlv(SEQUENCE, oid(dotted))


EXTENSIONS = {
    "a policy twice": (POLICIES, tlv(SEQUENCE, policy("2.23.140.1.2.1"), policy("2.23.140.1.2.1"))),
    "a policy of a large number": (POLICIES, tlv(SEQUENCE, policy(f"2.25.{2**100}"))),
    "a URI without scheme": (
        "2.5.29.17",
        tlv(SEQUENCE, tlv(DNS_NAME, b"dom1.test"), tlv(URI, b"dom1.test/home")),
    ),
}


def shown(
    root: Authority, library: str, version: str, certificate: str | bytes, site: Identity
) -> ConnectionPair:
    """Let a client of the library look at what a server of OpenSSL's shows."""
    server = site.fields() | {"certificate": certificate}
    return managers("openssl", library, version, server=server, client={"ca_list": root.pem}).pair()


@pytest.mark.parametrize("case", SUBJECTS)
def test_odd_subjects(library: str, version: str, root: Authority, case: str) -> None:
    site = root.issue("site", names=["dom1.test"])
    certificate = with_subject(root, site, *SUBJECTS[case])
    pair = shown(root, library, version, certificate, site).handshake()
    pair.echo()
    assert pair.client.peer_verified


@pytest.mark.parametrize("case", EXTENSIONS)
def test_odd_extensions(library: str, version: str, root: Authority, case: str) -> None:
    dotted, value = EXTENSIONS[case]
    site = with_extension(root, dotted, value, names=dotted == POLICIES)
    fields = site.fields()
    pair = shown(root, library, version, fields["certificate"], site).handshake()
    pair.echo()
    assert pair.client.peer_verified


def test_an_unreadable_subject(library: str, root: Authority) -> None:
    """Text that is not in its encoding. In TLS 1.2 a certificate can be changed on its way."""
    site = root.issue("four", names=["dom1.test"])
    both = managers(
        "openssl", library, "TLSv1.2", server=site.fields(), client={"ca_list": root.pem}
    )
    pair = both.fail(to_client=lambda data: data.replace(b"four", b"\xff" * 4))
    assert isinstance(pair.client_error, VerificationError)
    assert pair.client_error.reason == "malformed"
