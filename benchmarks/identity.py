"""Certificates to measure with: a CA, a server's certificate and a client's."""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["SERVER_NAME", "Identity", "KeyType", "make_identity"]

SERVER_NAME: Final = "bench.example"

KeyType = Literal["ecdsa", "rsa", "rsa4096"]

_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """Paths of PEM files.

    Attributes:
        certificate: the server's.
        key: of the server's certificate.
        ca: that has issued both certificates; self-signed.
        client_certificate: a client's.
        client_key: of the client's certificate.
    """

    certificate: str
    key: str
    ca: str
    client_certificate: str
    client_key: str


def make_identity(folder: Path, key_type: KeyType = "ecdsa") -> Identity:
    """Write certificates and keys, all of one type.

    Args:
        folder: where to; its content is replaced.
        key_type: ``ecdsa`` over P-256, ``rsa`` with 2048 bits, or ``rsa4096``.

    Returns:
        Where they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca_key = _new_key(key_type)
    ca = _certificate("bench CA", ca_key, "bench CA", ca_key, ca=True)
    _write(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    for name, usage in (
        ("server", ExtendedKeyUsageOID.SERVER_AUTH),
        ("client", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = _new_key(key_type)
        shown = SERVER_NAME if name == "server" else "bench client"
        leaf = _certificate(shown, key, "bench CA", ca_key, usage=usage)
        _write(folder / f"{name}.pem", leaf.public_bytes(serialization.Encoding.PEM))
        _write(folder / f"{name}.key", _pem(key))
    return Identity(
        certificate=str(folder / "server.pem"),
        key=str(folder / "server.key"),
        ca=str(folder / "ca.pem"),
        client_certificate=str(folder / "client.pem"),
        client_key=str(folder / "client.key"),
    )


def _new_key(key_type: KeyType) -> _PrivateKey:
    if key_type != "ecdsa":
        return rsa.generate_private_key(65537, 4096 if key_type == "rsa4096" else 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    subject: str,
    key: _PrivateKey,
    issuer: str,
    issuer_key: _PrivateKey,
    *,
    ca: bool = False,
    usage: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 30 * _DAY)
        .add_extension(x509.BasicConstraints(ca, 0 if ca else None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        names = x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "AT"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tlsmgm benchmarks"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _pem(key: _PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
