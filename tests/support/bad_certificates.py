"""Certificates with one fault each, and what becomes of a connection to a server that shows one."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.der import BIT_STRING, SEQUENCE, oid, tlv
from tests.support.pairs import managers
from tests.support.pki import (
    CLIENT_AUTH,
    Authority,
    Identity,
    self_signed,
    write_crls,
)
from tlsmgm import AlertError, VerificationError

NAME = "dom1.test"

#: So that a server may show what its own library would not let it load.
_ANY_KEY = {"cipher_list": "DEFAULT:@SECLEVEL=0"}


@dataclass(frozen=True)
class Case:
    """A server with a fault, and the client that looks at it."""

    server: dict[str, Any]
    client: dict[str, Any] = field(default_factory=dict)
    name: str = NAME

    @property
    def shown(self) -> dict[str, Any]:
        """Certificate and key alone."""
        return {key: self.server[key] for key in ("certificate", "private_key")}


def expired(root: Authority, folder: Path) -> Case:
    return Case(root.issue(names=[NAME], days=(-30, -1)).fields())


def not_yet_valid(root: Authority, folder: Path) -> Case:
    return Case(root.issue(names=[NAME], days=(2, 30)).fields())


def unknown_authority(root: Authority, folder: Path) -> Case:
    return Case(Authority("elsewhere").issue(names=[NAME]).fields())


def signed_by_itself(root: Authority, folder: Path) -> Case:
    return Case(self_signed(NAME).fields())


def intermediate_not_sent(root: Authority, folder: Path) -> Case:
    return Case(root.below("middle").issue(names=[NAME]).fields(chain=False))


def intermediate_expired(root: Authority, folder: Path) -> Case:
    middle = Authority("middle", root, days=(-30, -1))
    return Case(middle.issue(names=[NAME]).fields())


def too_deep(root: Authority, folder: Path) -> Case:
    return Case(root.below("middle").issue(names=[NAME]).fields(), {"verify_depth": 0})


def path_too_long(root: Authority, folder: Path) -> Case:
    short = Authority("short", root, path_length=0)
    return Case(short.below("one too many").issue(names=[NAME]).fields())


def issuer_is_no_authority(root: Authority, folder: Path) -> Case:
    issuer = root.issue("issuer")
    impostor = Authority("issuer", root)
    impostor.key, impostor.certificate = issuer.key, issuer.leaf
    return Case(impostor.issue(names=[NAME]).fields())


def purpose(root: Authority, folder: Path) -> Case:
    return Case(root.issue(names=[NAME], usage=[CLIENT_AUTH]).fields())


def another_name(root: Authority, folder: Path) -> Case:
    return Case(root.issue(names=["dom2.test"]).fields())


def revoked(root: Authority, folder: Path) -> Case:
    site = root.issue(names=[NAME])
    return Case(site.fields(), {"crl_dir": write_crls(folder / "crls", root.crl(site))})


def no_revocation_list(root: Authority, folder: Path) -> Case:
    lists = write_crls(folder / "crls", Authority("elsewhere").crl())
    return Case(root.issue(names=[NAME]).fields(), {"crl_dir": lists})


def revocation_list_expired(root: Authority, folder: Path) -> Case:
    lists = write_crls(folder / "crls", root.crl(days=(-30, -1)))
    return Case(root.issue(names=[NAME]).fields(), {"crl_dir": lists})


def broken_signature(root: Authority, folder: Path) -> Case:
    site = root.issue(names=[NAME])
    der = bytearray(site.der)
    der[-1] ^= 1
    broken = Identity(x509.load_der_x509_certificate(bytes(der)), (), site.key)
    return Case(broken.fields())


def intermediate_without_a_key(root: Authority, folder: Path) -> Case:
    """Its signature is good, but what stands for its key is no point of the curve."""
    middle = Authority("middle", root)
    site = middle.issue(names=[NAME])
    assert isinstance(root.key, ec.EllipticCurvePrivateKey)
    point = middle.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    body = middle.certificate.tbs_certificate_bytes.replace(point, b"\x04" + bytes(64))
    algorithm = tlv(SEQUENCE, oid(middle.certificate.signature_algorithm_oid.dotted_string))
    signature = root.key.sign(body, ec.ECDSA(hashes.SHA256()))
    der = tlv(SEQUENCE, body, algorithm, tlv(BIT_STRING, b"\0", signature))
    shown = Identity(site.leaf, (x509.load_der_x509_certificate(der),), site.key)
    return Case(shown.fields())


def malformed_beside_signed(root: Authority, folder: Path) -> Case:
    """What is signed is good; the length of the signature's algorithm, which is not, is wrong."""
    site = root.issue(names=[NAME])
    der = bytearray(site.leaf.public_bytes(Encoding.DER))
    der[der.rindex(oid("1.2.840.10045.4.3.2")) - 1] = 0x21
    text = base64.encodebytes(bytes(der)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
    return Case(site.fields() | {"certificate": pem.encode()})


def small_key(root: Authority, folder: Path) -> Case:
    key = rsa.generate_private_key(65537, 1024)
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer_name=root.name,
        subject_name=x509.Name([]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - day,
        not_valid_after=now + day,
    )
    names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
    certificate = builder.add_extension(names, critical=True).sign(root.key, hashes.SHA256())
    return Case(Identity(certificate, (), key).fields() | _ANY_KEY)


def smaller_than_asked(root: Authority, folder: Path) -> Case:
    return Case(root.issue(names=[NAME], kind="rsa").fields(), {"min_rsa_bits": 3072})


def authority_smaller_than_asked(root: Authority, folder: Path) -> Case:
    middle = Authority("middle", root, kind="rsa")
    return Case(middle.issue(names=[NAME]).fields(), {"min_rsa_bits": 3072})


#: What is wrong, in the words of the document.
FAULTS: dict[str, Callable[[Authority, Path], Case]] = {
    "expired": expired,
    "not yet valid": not_yet_valid,
    "intermediate expired": intermediate_expired,
    "issued by a stranger": unknown_authority,
    "signed by itself": signed_by_itself,
    "intermediate not sent": intermediate_not_sent,
    "issuer is no authority": issuer_is_no_authority,
    "path length of the issuer exceeded": path_too_long,
    "more intermediates than `verify_depth`": too_deep,
    "for clients only": purpose,
    "another name": another_name,
    "signature does not fit": broken_signature,
    "RSA key of 1024 bits": small_key,
    "RSA key smaller than `min_rsa_bits`": smaller_than_asked,
    "RSA key of a CA smaller than `min_rsa_bits`": authority_smaller_than_asked,
    "revoked": revoked,
    "no CRL of the issuer in `crl_dir`": no_revocation_list,
    "CRL expired": revocation_list_expired,
}


@dataclass(frozen=True)
class Outcome:
    """What the client said: to its program, and on the wire."""

    reason: str
    alert: int | None


def outcome(library: str, version: str, case: Case, root: Authority) -> Outcome:
    """Let a client of a library look at the case; the server is OpenSSL's and hears the alert."""
    client = {"ca_list": root.pem} | case.client
    both = managers("openssl", library, version, server=case.server, client=client)
    pair = both.fail(server_name=case.name)
    assert isinstance(pair.client_error, VerificationError), pair.client_error
    assert isinstance(pair.server_error, AlertError), pair.server_error
    return Outcome(pair.client_error.reason, pair.server_error.alert)
