"""Names of algorithms in certificates, as receivers of PROXY headers know them."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.c_code import CCode
from tests.support.certificate_fields import read
from tests.support.contract import pki
from tests.support.der import BIT_STRING, SEQUENCE, integer, oid, oid_contents, tlv
from tests.support.path import rsa_key


def signature_name(c: CCode, contents: bytes) -> str | None:
    view, _keep = c.bytes_in(contents)
    name = c.lib.tlsmgm_signature_name(view)
    return None if name == c.ffi.NULL else c.ffi.string(name).decode()


def key_name(c: CCode, info: bytes) -> str | None:
    view, _keep = c.bytes_in(info)
    name = c.written(lambda room, size: int(c.lib.tlsmgm_key_name(view, room, size)))
    assert len(name) < c.lib.TLSMGM_KEY_NAME_SIZE
    return name.decode() or None


def info_of(key: Any) -> bytes:
    found: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


# Signatures.

SIGNATURES = {
    "1.2.840.113549.1.1.4": "RSA-MD5",
    "1.2.840.113549.1.1.5": "RSA-SHA1",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "RSA-SHA256",
    "1.2.840.113549.1.1.12": "RSA-SHA384",
    "1.2.840.113549.1.1.13": "RSA-SHA512",
    "1.2.840.113549.1.1.14": "RSA-SHA224",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
}
NO_SIGNATURES = ["1.2.3", "1.2.840.113549.1.1.1", "1.2.840.10045.4.3", "2.16.840.1.101.3.4.3.16"]


@pytest.mark.parametrize("dotted", SIGNATURES)
def test_signatures(c: CCode, dotted: str) -> None:
    assert signature_name(c, oid_contents(dotted)) == SIGNATURES[dotted]


@pytest.mark.parametrize("dotted", NO_SIGNATURES)
def test_an_unknown_signature_has_no_name(c: CCode, dotted: str) -> None:
    assert signature_name(c, oid_contents(dotted)) is None


def test_no_identifier_has_no_name(c: CCode) -> None:
    assert signature_name(c, b"") is None


# Keys.

RSA, PSS, EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1"

KEYS = [
    ("RSA2048", lambda: rsa.generate_private_key(65537, 2048)),
    ("EC224", lambda: ec.generate_private_key(ec.SECP224R1())),
    ("EC256", lambda: ec.generate_private_key(ec.SECP256R1())),
    ("EC256", lambda: ec.generate_private_key(ec.SECP256K1())),
    ("EC384", lambda: ec.generate_private_key(ec.SECP384R1())),
    ("EC521", lambda: ec.generate_private_key(ec.SECP521R1())),
    ("EC256", lambda: ec.generate_private_key(ec.BrainpoolP256R1())),
    ("EC384", lambda: ec.generate_private_key(ec.BrainpoolP384R1())),
    ("EC512", lambda: ec.generate_private_key(ec.BrainpoolP512R1())),
    ("ED25519", ed25519.Ed25519PrivateKey.generate),
    ("ED448", ed448.Ed448PrivateKey.generate),
    (None, lambda: dsa.generate_private_key(1024)),
]


@pytest.mark.parametrize(("name", "make"), KEYS)
def test_keys(c: CCode, name: str | None, make: Any) -> None:
    assert key_name(c, info_of(make())) == name


def info(algorithm: str, key: bytes, *parameters: bytes) -> bytes:
    return tlv(SEQUENCE, tlv(SEQUENCE, oid(algorithm), *parameters), tlv(BIT_STRING, b"\0", key))


@pytest.mark.parametrize("bits", [1024, 1963, 2047, 2048, 4096, 16384])
@pytest.mark.parametrize("kind", [RSA, PSS])
def test_bits_of_rsa(c: CCode, kind: str, bits: int) -> None:
    whole = rsa_key(1, bits).replace(oid(RSA), oid(kind))
    if kind == PSS:
        whole = whole.replace(oid(PSS) + tlv(5), oid(PSS) + tlv(SEQUENCE))
    assert key_name(c, whole) == f"RSA{bits}"


POINT = b"\x04" + bytes(64)
ODD = {
    "an unknown kind": info("1.2.3", bytes(32)),
    "no modulus": info(RSA, tlv(SEQUENCE), tlv(5)),
    "a modulus of nothing": info(RSA, tlv(SEQUENCE, integer(0), integer(3)), tlv(5)),
    "a negative modulus": info(RSA, tlv(SEQUENCE, integer(-5), integer(3)), tlv(5)),
    "an unknown curve": info(EC, POINT, oid("1.2.3")),
    "no curve": info(EC, POINT),
    "a curve written out": info(EC, POINT, tlv(SEQUENCE, integer(1))),
    "the curve of a kind": info(EC, POINT, oid(EC)),
    "a kind without sequence": tlv(SEQUENCE, oid(RSA), tlv(BIT_STRING, b"\0")),
    "nothing": b"",
}


@pytest.mark.parametrize("what", ODD)
def test_odd_keys_have_no_name(c: CCode, what: str) -> None:
    assert key_name(c, ODD[what]) is None


def test_a_curve_counts_as_it_is_named(c: CCode) -> None:
    assert key_name(c, info(EC, b"\x05", oid("1.3.132.0.34"))) == "EC384"


@pytest.mark.parametrize(
    "whole",
    [
        info_of(rsa.generate_private_key(65537, 2048)),
        info_of(ec.generate_private_key(ec.SECP256R1())),
        info_of(ed25519.Ed25519PrivateKey.generate()),
    ],
    ids=["rsa", "ec", "ed25519"],
)
def test_what_is_no_key_has_no_name(c: CCode, whole: bytes) -> None:
    assert key_name(c, whole) is not None
    for size in range(len(whole)):
        assert key_name(c, whole[:size]) is None


@pytest.mark.parametrize("room", [0, 1, 4, 7, 8, 16])
def test_no_more_is_written_than_there_is_room(c: CCode, room: int) -> None:
    view, _keep = c.bytes_in(rsa_key(1, 2048))
    out = c.ffi.new("char[]", b"?" * 16)
    assert c.lib.tlsmgm_key_name(view, out, room) == len("RSA2048")
    fitting = b"RSA2048"[: room - 1] + b"\0" if room else b""
    assert bytes(c.ffi.buffer(out, 16)) == fitting.ljust(16, b"?")


@pytest.mark.parametrize(
    ("stem", "signature", "key"),
    [("dom1", "ecdsa-with-SHA256", "EC256"), ("good_rsa", "ecdsa-with-SHA256", "RSA2048")],
)
def test_of_a_certificate(c: CCode, stem: str, signature: str, key: str) -> None:
    recorded = x509.load_pem_x509_certificate(pki(f"{stem}.pem").read_bytes())
    fields = read(c, recorded.public_bytes(Encoding.DER))
    assert signature_name(c, fields.signature_algorithm) == signature
    assert key_name(c, fields.public_key_info) == key
