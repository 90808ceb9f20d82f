"""DER that is signed with real keys, well or not: what no library would make."""

from __future__ import annotations

import datetime
import functools
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

from tests.support.der import (
    BIT_STRING,
    BMP,
    GENERALIZED_TIME,
    SEQUENCE,
    UNIVERSAL,
    UTC_TIME,
    UTF8,
    integer,
    oid,
    tlv,
)

NULL = tlv(5)

RSA = {
    "md5": "1.2.840.113549.1.1.4",
    "sha1": "1.2.840.113549.1.1.5",
    "sha224": "1.2.840.113549.1.1.14",
    "sha256": "1.2.840.113549.1.1.11",
    "sha384": "1.2.840.113549.1.1.12",
    "sha512": "1.2.840.113549.1.1.13",
}
ECDSA = {
    "sha1": "1.2.840.10045.4.1",
    "sha224": "1.2.840.10045.4.3.1",
    "sha256": "1.2.840.10045.4.3.2",
    "sha384": "1.2.840.10045.4.3.3",
    "sha512": "1.2.840.10045.4.3.4",
}
_DIGESTS = {
    "sha1": "1.3.14.3.2.26",
    "sha224": "2.16.840.1.101.3.4.2.4",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


@functools.cache
def key_of(kind: str, number: int) -> Any:
    """Return one of the keys that all cases share; making them is what takes time."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ed448":
        return ed448.Ed448PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve] = {
        "p224": ec.SECP224R1(),
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
    }
    return ec.generate_private_key(curves[kind])


@functools.cache
def key_info(kind: str, number: int) -> bytes:
    """Return the SubjectPublicKeyInfo of a key."""
    info: bytes = (
        key_of(kind, number)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return info


def _pss_algorithm(digest: str, salt: int) -> bytes:
    algorithm = tlv(SEQUENCE, oid(_DIGESTS[digest]), NULL)
    mask = tlv(SEQUENCE, oid("1.2.840.113549.1.1.8"), algorithm)
    fields = [tlv(0xA0, algorithm), tlv(0xA1, mask), tlv(0xA2, integer(salt))]
    return tlv(SEQUENCE, oid("1.2.840.113549.1.1.10"), tlv(SEQUENCE, *fields))


def sign(kind: str, number: int, how: str, body: bytes, inner: bytes | None = None) -> bytes:
    """Return something signed: the body, the algorithm, the signature.

    Args:
        kind: of the key.
        number: of the key.
        how: a digest, ``"pss-sha256"``, or ``"wrong"`` for a signature that is none.
        body: what is signed, with a gap ``ALGORITHM`` for the inner algorithm.
        inner: another inner algorithm than the outer one.
    """
    key = key_of(kind, number)
    digest = how.removeprefix("pss-") if how != "wrong" else "sha256"
    if kind in {"ed25519", "ed448"}:
        algorithm = tlv(SEQUENCE, oid("1.3.101.112" if kind == "ed25519" else "1.3.101.113"))
    elif kind.startswith("p"):
        algorithm = tlv(SEQUENCE, oid(ECDSA[digest]))
    elif how.startswith("pss-"):
        algorithm = _pss_algorithm(digest, _HASHES[digest].digest_size)
    else:
        algorithm = tlv(SEQUENCE, oid(RSA[digest]), NULL)
    whole = tlv(SEQUENCE, body.replace(ALGORITHM, inner or algorithm))
    signed = whole if how != "wrong" else whole + b"!"
    if kind in {"ed25519", "ed448"}:
        signature = key.sign(signed)
    elif kind.startswith("p"):
        signature = key.sign(signed, ec.ECDSA(_HASHES[digest]))
    elif how.startswith("pss-"):
        size = _HASHES[digest].digest_size
        pss = padding.PSS(padding.MGF1(_HASHES[digest]), size)
        signature = key.sign(signed, pss, _HASHES[digest])
    else:
        signature = key.sign(signed, padding.PKCS1v15(), _HASHES[digest])
    return tlv(SEQUENCE, whole, algorithm, tlv(BIT_STRING, b"\0" + signature))


ALGORITHM = b"\0(the algorithm)\0"


def text(tag: int, value: str) -> bytes:
    """Return a text in one of the encodings of names."""
    if tag == BMP:
        return tlv(tag, value.encode("utf-16-be"))
    if tag == UNIVERSAL:
        return tlv(tag, value.encode("utf-32-be"))
    return tlv(tag, value.encode("utf-8" if tag == UTF8 else "latin-1"))


def time_der(seconds: int) -> bytes:
    """Return a date as certificates write it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    if 1950 <= moment.year < 2050:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


def bits(value: int) -> bytes:
    """Return named bits, of which the first is the highest of the first byte; two bytes at most."""
    data = bytes([value & 0xFF]) + (bytes([value >> 8]) if value >> 8 else b"")
    if value == 0:
        return tlv(BIT_STRING, b"\0")
    unused = (data[-1] & -data[-1]).bit_length() - 1
    return tlv(BIT_STRING, bytes([unused]) + data)
