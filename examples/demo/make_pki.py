"""Make the demo's certificates: a small CA, one certificate per TLS domain, and two clients.

Usage: ``python make_pki.py FOLDER``
"""

from __future__ import annotations

import argparse
import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH

#: File name, and the host names or addresses in the certificate; the first one is its CN, too.
SERVERS = {
    "atlanta": ("atlanta.example", "www.atlanta.example"),
    "biloxi": ("*.biloxi.example",),
    "nameless": ("nameless.example", "127.0.0.1"),
    "fallback": ("fallback.example",),
    "partners": ("partners.example",),
    "legacy": ("legacy.example",),
}


@dataclass(frozen=True)
class Authority:
    """A certificate authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def main() -> None:
    """Make everything in the folder that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where to put it; made if it is not there")
    make_pki(parser.parse_args().folder)


def make_pki(folder: Path) -> None:
    """Write ``ca.pem``, and ``NAME.pem`` with ``NAME.key`` for everybody.

    Args:
        folder: made if it is not there; files of an earlier run are replaced.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = make_authority("Demo Root CA")
    strangers = make_authority("Somebody Else's CA")
    _write(folder / "ca.pem", _pem(ours.certificate))
    for name, hosts in SERVERS.items():
        issue(folder, name, hosts, ours, SERVER)
    issue(folder, "alice", ("alice.example",), ours, CLIENT)
    issue(folder, "mallory", ("mallory.example",), strangers, CLIENT)


def make_authority(name: str) -> Authority:
    """Make a CA that signs itself.

    Args:
        name: its common name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key.public_key(), days=180)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Authority(key, builder.sign(key, hashes.SHA256()))


def issue(
    folder: Path,
    name: str,
    hosts: tuple[str, ...],
    authority: Authority,
    purpose: x509.ObjectIdentifier,
) -> None:
    """Issue a certificate with a new key.

    Args:
        folder: where to write it.
        name: of the two files, without ending.
        hosts: names and addresses; the first is the common name.
        authority: who signs.
        purpose: what it is good for.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    builder = _builder(hosts[0], str(issuer), key.public_key(), days=90)
    alt_names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(alt_names, critical=False)
        .add_extension(issuer_key, critical=False)
    )
    _write(folder / f"{name}.pem", _pem(builder.sign(authority.key, hashes.SHA256())))
    _write(folder / f"{name}.key", _key_pem(key), mode=0o600)


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file that has the right mode from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


if __name__ == "__main__":
    main()
