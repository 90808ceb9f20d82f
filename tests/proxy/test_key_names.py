"""Names of algorithms in certificates, compared with what OpenSSL makes of them."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.proxy import pki
from tlsmgm._core.certificate import Certificate
from tlsmgm._service.key_names import key_name, signature_name

KEYS = [
    ("RSA2048", lambda: rsa.generate_private_key(65537, 2048)),
    ("EC256", lambda: ec.generate_private_key(ec.SECP256R1())),
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
def test_keys(name, make) -> None:  # type: ignore[no-untyped-def]
    info = make().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert key_name(info) == name


def test_what_is_no_key_has_no_name() -> None:
    info = rsa.generate_private_key(65537, 2048).public_key()
    whole = info.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for size in range(len(whole)):
        assert key_name(whole[:size]) is None


def test_of_a_certificate() -> None:
    with open(pki("dom1.pem"), "rb") as file:
        data = file.read()
    (ours, *_), judge = Certificate.from_pem(data), x509.load_pem_x509_certificate(data)
    assert ours.public_key_info == judge.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    assert judge.signature_hash_algorithm
    assert (
        judge.signature_hash_algorithm.name
        in (signature_name(ours.signature_algorithm) or "").lower()
    )


def test_an_unknown_signature_has_no_name() -> None:
    assert signature_name("1.2.3") is None
