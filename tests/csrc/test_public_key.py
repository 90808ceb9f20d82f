"""Public keys and signatures: which kind they are, how strong, and which fit each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode
from tests.support.der import BIT_STRING, SEQUENCE, integer, oid, tlv
from tests.support.path import key, rsa_key

RSA, PSS, EC = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1"
ED25519, ED448 = "1.3.101.112", "1.3.101.113"
SHA1, SHA256 = "1.3.14.3.2.26", "2.16.840.1.101.3.4.2.1"
P256, P384 = "1.2.840.10045.3.1.7", "1.3.132.0.34"
NUMBERS = tlv(SEQUENCE, integer((1 << 2047) + 1), integer(65537))


def info(algorithm: str, contents: bytes, *parameters: bytes) -> bytes:
    return tlv(
        SEQUENCE, tlv(SEQUENCE, oid(algorithm), *parameters), tlv(BIT_STRING, b"\0", contents)
    )


def parameters(digest: str = SHA256, mask: str = SHA256, salt: int = 32, *more: bytes) -> bytes:
    """Return the parameters of PSS."""
    generation = tlv(SEQUENCE, oid("1.2.840.113549.1.1.8"), tlv(SEQUENCE, oid(mask)))
    fields = [
        tlv(0xA0, tlv(SEQUENCE, oid(digest))),
        tlv(0xA1, generation),
        tlv(0xA2, integer(salt)),
    ]
    return tlv(SEQUENCE, *fields, *more)


def read_key(c: CCode, der: bytes) -> tuple[Any, Any]:
    view, keep = c.bytes_in(der)
    out = c.ffi.new("struct tlsmgm_public_key *")
    c.lib.tlsmgm_public_key_read(view, out)
    return out, keep


def kind(c: CCode, der: bytes) -> tuple[str, int]:
    found, _keep = read_key(c, der)
    word = c.ffi.string(c.ffi.cast("enum tlsmgm_public_key_kind", found.kind))
    return word.removeprefix("TLSMGM_PUBLIC_KEY_"), found.security_bits


KEYS = [
    (rsa_key(1, 1024), ("RSA", 80)),
    (rsa_key(1, 1962), ("RSA", 80)),
    (rsa_key(1, 1963), ("RSA", 112)),
    (rsa_key(1, 2048), ("RSA", 112)),
    (rsa_key(1, 3072), ("RSA", 128)),
    (rsa_key(1, 16384), ("RSA", 128)),
    (info(RSA, NUMBERS + b"\0"), ("UNKNOWN", 0)),
    (info(RSA, tlv(SEQUENCE, integer(1 << 2047))), ("UNKNOWN", 0)),
    (info(RSA, tlv(SEQUENCE, integer(1 << 2047), integer(3), integer(1))), ("UNKNOWN", 0)),
    (info(RSA, tlv(SEQUENCE, integer(-5), integer(3))), ("UNKNOWN", 0)),
    (info(PSS, NUMBERS), ("RSA_PSS", 112)),
    (info(PSS, NUMBERS, parameters()), ("RSA_PSS", 112)),
    (info(PSS, NUMBERS, parameters("1.2.3")), ("UNKNOWN", 0)),
    (info(PSS, NUMBERS, tlv(5)), ("UNKNOWN", 0)),
    (key(1), ("EC", 128)),
    (info(EC, b"\4" + bytes(96), oid(P384)), ("EC", 192)),
    (info(EC, b"\2" + bytes(32), oid(P256)), ("EC", 128)),
    (info(EC, b"\6" + bytes(64), oid(P256)), ("EC", 128)),
    (info(EC, b"\5" + bytes(64), oid(P256)), ("UNKNOWN", 0)),
    (info(EC, b"\4" + bytes(63), oid(P256)), ("UNKNOWN", 0)),
    (info(EC, b"\4" + bytes(64), oid("1.2.3")), ("UNKNOWN", 0)),
    (info(EC, b"\4" + bytes(64), tlv(5)), ("UNKNOWN", 0)),
    (info(EC, b"", oid(P256)), ("UNKNOWN", 0)),
    (info(ED25519, bytes(32)), ("ED25519", 128)),
    (info(ED25519, bytes(31)), ("UNKNOWN", 0)),
    (info(ED25519, bytes(32), tlv(5)), ("UNKNOWN", 0)),
    (info(ED448, bytes(57)), ("ED448", 224)),
    (info("1.2.3", bytes(32)), ("UNKNOWN", 0)),
    (b"garbage", ("UNKNOWN", 0)),
    (b"", ("UNKNOWN", 0)),
]


@pytest.mark.parametrize(("der", "expected"), KEYS)
def test_kinds_and_strengths_of_keys(c: CCode, der: bytes, expected: tuple[str, int]) -> None:
    assert kind(c, der) == expected


@pytest.mark.parametrize(("der", "expected"), KEYS)
def test_sizes_of_rsa_keys(c: CCode, der: bytes, expected: tuple[str, int]) -> None:
    found, _keep = read_key(c, der)
    assert (found.rsa_bits > 0) == (expected[0] in {"RSA", "RSA_PSS"})


@pytest.mark.parametrize("bits", [1024, 2047, 2048, 2049, 3071, 16384])
def test_bits_of_a_modulus(c: CCode, bits: int) -> None:
    found, _keep = read_key(c, rsa_key(1, bits))
    assert found.rsa_bits == bits


def test_a_curve_that_is_spelled_out(c: CCode) -> None:
    found, _keep = read_key(c, info(EC, b"\4" + bytes(64), tlv(SEQUENCE, integer(1))))
    assert found.has_explicit_curve
    found, _keep = read_key(c, key(1))
    assert not found.has_explicit_curve


def read_signature(c: CCode, algorithm: bytes, bits: bytes = b"x") -> tuple[Any, Any]:
    der = tlv(SEQUENCE, tlv(SEQUENCE), tlv(SEQUENCE, algorithm), tlv(BIT_STRING, b"\0", bits))
    view, keep = c.bytes_in(der)
    out = c.ffi.new("struct tlsmgm_signature *")
    assert c.lib.tlsmgm_signature_read(view, out)
    return out, keep


SIGNATURES = [
    (oid("1.2.840.113549.1.1.4") + tlv(5), "RSA", 39),
    (oid("1.2.840.113549.1.1.5") + tlv(5), "RSA", 63),
    (oid("1.3.14.3.2.29") + tlv(5), "RSA", 63),
    (oid("1.2.840.113549.1.1.14") + tlv(5), "RSA", 112),
    (oid("1.2.840.113549.1.1.11"), "RSA", 128),
    (oid("1.2.840.113549.1.1.13"), "RSA", 256),
    (oid(PSS) + parameters(), "RSA_PSS", 128),
    (oid(PSS) + parameters(SHA1), "RSA_PSS", 63),
    (oid(PSS) + parameters(SHA256, SHA256, 32, tlv(0xA3, integer(1))), "RSA_PSS", 128),
    (oid(PSS) + parameters(SHA256, SHA256, 32, tlv(0xA3, integer(2))), "RSA_PSS", 0),
    (oid(PSS) + tlv(SEQUENCE), "RSA_PSS", 63),
    (oid(PSS), "RSA_PSS", 0),
    (oid("1.2.840.10045.4.3.2"), "ECDSA", 128),
    (oid(ED25519), "ED25519", 128),
    (oid(ED448), "ED448", 224),
    (oid("1.2.3"), "UNKNOWN", 0),
]


@pytest.mark.parametrize(("algorithm", "word", "bits"), SIGNATURES)
def test_kinds_and_strengths_of_signatures(
    c: CCode, algorithm: bytes, word: str, bits: int
) -> None:
    found, _keep = read_signature(c, algorithm)
    name = c.ffi.string(c.ffi.cast("enum tlsmgm_signature_kind", found.kind))
    assert (name.removeprefix("TLSMGM_SIGNATURE_"), found.security_bits) == (word, bits)
    view, _too = c.bytes_in(algorithm)
    assert c.lib.tlsmgm_signature_kind_of(view) == found.kind


@pytest.mark.parametrize(
    ("restricted", "used", "allowed"),
    [
        (None, parameters(), True),
        (None, parameters("2.16.840.1.101.3.4.2.3"), True),
        (parameters(), parameters(), True),
        (parameters(), parameters(SHA256, SHA256, 33), True),
        (parameters(), parameters(SHA256, SHA256, 31), False),
        (parameters(), parameters("2.16.840.1.101.3.4.2.3"), False),
        (parameters(), parameters(SHA256, SHA1), False),
        (tlv(SEQUENCE), parameters(), False),
    ],
)
def test_keys_that_are_restricted(
    c: CCode, restricted: bytes | None, used: bytes, allowed: bool
) -> None:
    own = [] if restricted is None else [restricted]
    public_key, _keep = read_key(c, info(PSS, NUMBERS, *own))
    found, _too = read_signature(c, oid(PSS) + used)
    assert bool(c.lib.tlsmgm_signature_is_allowed(found, public_key)) is allowed
    plain, _also = read_signature(c, oid("1.2.840.113549.1.1.11"))
    assert not c.lib.tlsmgm_signature_is_allowed(plain, public_key)


@pytest.mark.parametrize(
    ("bits", "allowed"),
    [
        (tlv(SEQUENCE, integer(1), integer(1)), True),
        (tlv(SEQUENCE, integer(0), integer(0)), True),
        (tlv(SEQUENCE, integer(-1), integer(1)), False),
        (tlv(SEQUENCE, integer(1), integer(1), integer(1)), False),
        (tlv(SEQUENCE, integer(1), integer(1)) + b"\0", False),
        (tlv(SEQUENCE, b"\2\2\0\1", integer(1)), False),
        (b"", False),
    ],
)
def test_pairs_of_numbers(c: CCode, bits: bytes, allowed: bool) -> None:
    public_key, _keep = read_key(c, key(1))
    found, _too = read_signature(c, oid("1.2.840.10045.4.3.2"), bits)
    assert bool(c.lib.tlsmgm_signature_is_allowed(found, public_key)) is allowed


@given(st.binary(max_size=120))
def test_any_bytes(c: CCode, data: bytes) -> None:
    read_key(c, data)
    read_key(c, info(PSS, NUMBERS, data))
    read_signature(c, oid(PSS) + data)
