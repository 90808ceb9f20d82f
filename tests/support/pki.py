"""Certificates made for one test: authorities, chains, revocation lists."""

from __future__ import annotations

import base64
import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from OpenSSL import crypto

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH

_DAY = datetime.timedelta(days=1)


def new_key(kind: str = "ec") -> PrivateKey:
    """Return a fresh key: ``"ec"`` (P-256), ``"rsa"`` (2048 bits) or, for leaves, ``"ed25519"``.

    Args:
        kind: one of these, or ``"rsa"`` and a number of bits, such as ``"rsa3072"``.
    """
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa") or 2048))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: PrivateKey, passphrase: bytes | None = None) -> bytes:
    """Return a key as PKCS #8 PEM."""
    cipher: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        cipher = serialization.BestAvailableEncryption(passphrase)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, cipher)


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as PEM, one behind the other."""
    return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in certificates)


def name_of(common_name: str, *more: tuple[ObjectIdentifier, str]) -> x509.Name:
    """Return a name with a common name and perhaps more attributes."""
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    return x509.Name(attributes + [x509.NameAttribute(oid, value) for oid, value in more])


@dataclass(frozen=True)
class Identity:
    """A certificate with its chain and its key.

    Attributes:
        leaf: the certificate.
        issuers: the intermediates up to the root, which is left out.
        key: its private key.
    """

    leaf: x509.Certificate
    issuers: tuple[x509.Certificate, ...]
    key: PrivateKey

    def fields(self, *, chain: bool = True) -> dict[str, Any]:
        """Return the fields of a Domain that shows this identity, with its chain or without."""
        shown = (self.leaf, *self.issuers) if chain else (self.leaf,)
        return {"certificate": certificate_pem(*shown), "private_key": key_pem(self.key)}

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.leaf.public_bytes(serialization.Encoding.DER)


class Authority:
    """A certification authority.

    Args:
        name: its common name.
        parent: who vouches for it; None makes a root.
        path_length: how many authorities may follow below it; None does not say.
        kind: of its key, see ``new_key()``.
        days: validity, counted from today.
        purposes: extended key usages; none: the extension is left out.
    """

    def __init__(
        self,
        name: str = "root",
        parent: Authority | None = None,
        path_length: int | None = None,
        kind: str = "ec",
        days: tuple[int, int] = (-2, 365),
        purposes: Sequence[ObjectIdentifier] = (),
    ) -> None:
        self.parent = parent
        self.key = new_key(kind)
        self.name = name_of(name)
        issuer = parent or self
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = _builder(self.name, issuer.name, self.key, days)
        builder = builder.add_extension(x509.BasicConstraints(True, path_length), critical=True)
        builder = builder.add_extension(usage, critical=True)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return certificate_pem(self.certificate)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """This authority and those above it, without the root."""
        return () if self.parent is None else (self.certificate, *self.parent.chain)

    def below(self, *names: str) -> Authority:
        """Return the last of a row of intermediates with these names."""
        found = self
        for name in names:
            found = Authority(name, found)
        return found

    def issue(
        self,
        common_name: str = "leaf",
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
        uris: Sequence[str] = (),
        usage: Iterable[ObjectIdentifier] = (),
        days: tuple[int, int] = (-1, 30),
        kind: str = "ec",
        attributes: Sequence[tuple[ObjectIdentifier, str]] = (),
        key_usage: x509.KeyUsage | None = None,
    ) -> Identity:
        """Return a new identity.

        Args:
            common_name: of the subject.
            names: DNS names of the SubjectAltName.
            addresses: IP addresses of the SubjectAltName.
            uris: URIs of the SubjectAltName.
            usage: extended key usages; none: the extension is left out.
            days: validity, counted from today.
            kind: of the key, see ``new_key()``.
            attributes: more of the subject.
            key_usage: what the key may do; None: the extension is left out.
        """
        key = new_key(kind)
        subject = name_of(common_name, *attributes)
        builder = _builder(subject, self.name, key, days)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        entries: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        entries += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses]
        entries += [x509.UniformResourceIdentifier(uri) for uri in uris]
        if entries:
            builder = builder.add_extension(x509.SubjectAlternativeName(entries), critical=False)
        if purposes := list(usage):
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if key_usage is not None:
            builder = builder.add_extension(key_usage, critical=True)
        return Identity(builder.sign(self.key, hashes.SHA256()), self.chain, key)

    def crl(self, *revoked: Identity | Authority, days: tuple[int, int] = (-1, 30)) -> bytes:
        """Return a revocation list in PEM, in force on these days from today."""
        now = _today()
        first, last = days
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name)
        builder = builder.last_update(now + first * _DAY).next_update(now + last * _DAY)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False)
        for item in revoked:
            found = item.leaf if isinstance(item, Identity) else item.certificate
            entry = x509.RevokedCertificateBuilder().serial_number(found.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - _DAY).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _today() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    first, last = days
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_today() + first * _DAY)
        .not_valid_after(_today() + last * _DAY)
    )


def self_signed(common_name: str = "alone") -> Identity:
    """Return a certificate that vouches for itself and is no authority."""
    key = new_key()
    name = name_of(common_name)
    builder = _builder(name, name, key, (-1, 30))
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    return Identity(builder.sign(key, hashes.SHA256()), (), key)


def write_crls(path: Path, *crls: bytes) -> str:
    """Write a directory of revocation lists; return its path."""
    path.mkdir()
    for number, crl in enumerate(crls):
        (path / f"{number}.crl.pem").write_bytes(crl)
    return str(path)


def write_ca_dir(path: Path, *authorities: Authority) -> str:
    """Write a directory as ``openssl rehash`` makes it; return its path."""
    path.mkdir()
    for authority in authorities:
        digest = crypto.X509.from_cryptography(authority.certificate).subject_name_hash()
        (path / f"{digest:08x}.0").write_bytes(authority.pem)
    return str(path)


def dh_params() -> tuple[bytes, bytes]:
    """Return Diffie-Hellman parameters in PEM, and the bytes of their prime.

    They are the 2048-bit group of RFC 3526, which is none of the groups that TLS has names for, so
    that a server which uses it was told to.
    """
    prime = 2**2048 - 2**1984 - 1 + 2**64 * (_pi_scaled(1918) + 124476)
    data = prime.to_bytes(257, "big")  # an INTEGER is signed, so a zero goes first
    body = b"\x02\x82\x01\x01" + data + b"\x02\x01\x02"
    text = base64.encodebytes(b"\x30\x82" + len(body).to_bytes(2, "big") + body)
    pem = b"-----BEGIN DH PARAMETERS-----\n" + text + b"-----END DH PARAMETERS-----\n"
    return pem, data[1:]


def _pi_scaled(bits: int) -> int:
    """Return the integer part of pi * 2**bits (Machin's formula)."""
    guard = bits + 64

    def arctan_of_inverse(number: int) -> int:
        term = total = (1 << guard) // number
        divisor, sign = 1, 1
        while term:
            term //= number * number
            divisor, sign = divisor + 2, -sign
            total += sign * (term // divisor)
        return total

    return (16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)) >> (guard - bits)
