"""Kinds of keys, and which of them a ClientHello can take."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from tests.support.c_code import CCode
from tests.support.pki import Authority, name_of

ROOT = Authority("root")

KEYS: dict[str, Any] = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "OTHER": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "ED25519": ed25519.Ed25519PrivateKey.generate,
    "ED448": ed448.Ed448PrivateKey.generate,
}

ECDSA_SUITE, RSA_SUITE, TLS13_SUITE = 0xC02B, 0xC02F, 0x1301


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


@pytest.mark.parametrize("name", KEYS)
def test_the_kind_is_read_from_the_certificate(c: CCode, name: str) -> None:
    key = KEYS[name]()
    leaf = (
        x509.CertificateBuilder()
        .subject_name(name_of("leaf"))
        .issuer_name(ROOT.name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ROOT.certificate.not_valid_before_utc)
        .not_valid_after(ROOT.certificate.not_valid_after_utc)
        .sign(ROOT.key, hashes.SHA256())
    )
    view, _keep = c.bytes_in(leaf.public_bytes(serialization.Encoding.DER))
    assert c.lib.tlsmgm_key_kind(view) == getattr(c.lib, f"TLSMGM_KEY_{name}")


def test_what_is_named_counts(c: CCode) -> None:
    """Whether the key is one of that kind is asked elsewhere."""
    leaf = ROOT.issue("leaf", kind="ec")
    point = leaf.leaf.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    view, _keep = c.bytes_in(leaf.der.replace(point, b"\x05" + point[1:]))
    assert c.lib.tlsmgm_key_kind(view) == c.lib.TLSMGM_KEY_P256


def test_garbage_is_another_kind(c: CCode) -> None:
    view, _keep = c.bytes_in(b"garbage")
    assert c.lib.tlsmgm_key_kind(view) == c.lib.TLSMGM_KEY_OTHER


@pytest.mark.parametrize(
    ("one", "two", "clash"),
    [
        ("RSA", "RSA", True),
        ("RSA", "RSA_PSS", True),
        ("P256", "P384", True),
        ("RSA", "P256", False),
        ("P256", "ED25519", False),
        ("ED25519", "ED448", False),
    ],
)
def test_which_kinds_clash(c: CCode, one: str, two: str, clash: bool) -> None:
    kinds = [getattr(c.lib, f"TLSMGM_KEY_{name}") for name in (one, two)]
    assert c.lib.tlsmgm_key_kinds_clash(*kinds) is clash
    assert c.lib.tlsmgm_key_kinds_clash(*reversed(kinds)) is clash


@pytest.mark.parametrize(
    ("kind", "schemes", "suites", "up_to_1_2", "offered"),
    [
        ("P256", [0x0403], [TLS13_SUITE], False, True),
        ("P256", [0x0503, 0x0804], [TLS13_SUITE], False, False),
        ("P384", [0x0403], [TLS13_SUITE], False, False),
        ("P384", [0x0403], [ECDSA_SUITE], True, True),
        ("P256", [0x0403], [RSA_SUITE], True, False),
        ("P256", [0x0804], [ECDSA_SUITE], True, False),
        ("P256", [], [ECDSA_SUITE], True, True),
        ("P256", [], [RSA_SUITE], True, False),
        ("RSA", [0x0804], [TLS13_SUITE], False, True),
        ("RSA", [0x0403], [TLS13_SUITE], False, False),
        ("RSA", [], [RSA_SUITE], True, True),
        ("ED25519", [0x0807], [TLS13_SUITE], False, True),
        ("ED25519", [0x0807], [ECDSA_SUITE], True, True),
        ("ED25519", [0x0403], [ECDSA_SUITE], True, False),
        ("OTHER", [0x0403, 0x0804], [TLS13_SUITE], False, False),
    ],
)
def test_what_a_client_can_take(
    c: CCode, kind: str, schemes: list[int], suites: list[int], up_to_1_2: bool, offered: bool
) -> None:
    algorithms, _keep = c.bytes_in(numbers(*schemes))
    ciphers, _too = c.bytes_in(numbers(*suites))
    number = getattr(c.lib, f"TLSMGM_KEY_{kind}")
    assert c.lib.tlsmgm_key_kind_is_offered(number, algorithms, ciphers, up_to_1_2) is offered
