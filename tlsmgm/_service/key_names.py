"""Names of the algorithms in certificates, as receivers of PROXY headers know them.

The PROXY protocol has them by example, ``RSA-SHA256`` and ``RSA2048``; the others are what HAProxy
writes: short names of OpenSSL, and the kind of a key with its bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["key_name", "signature_name"]

_SIGNATURES: Final[Mapping[str, str]] = {
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

# Contents of object identifiers in DER.
_RSA: Final = bytes.fromhex("2a864886f70d010101")
_RSA_PSS: Final = bytes.fromhex("2a864886f70d01010a")
_EC: Final = bytes.fromhex("2a8648ce3d0201")
_CURVES: Final[Mapping[bytes, str]] = {
    bytes.fromhex("2a8648ce3d030107"): "EC256",
    bytes.fromhex("2b8104000a"): "EC256",  # secp256k1
    bytes.fromhex("2b81040021"): "EC224",
    bytes.fromhex("2b81040022"): "EC384",
    bytes.fromhex("2b81040023"): "EC521",
    bytes.fromhex("2b2403030208010107"): "EC256",  # brainpoolP256r1
    bytes.fromhex("2b240303020801010b"): "EC384",
    bytes.fromhex("2b240303020801010d"): "EC512",
}
_OTHERS: Final[Mapping[bytes, str]] = {
    bytes.fromhex("2b6570"): "ED25519",
    bytes.fromhex("2b6571"): "ED448",
}


def signature_name(dotted: str) -> str | None:
    """Name the algorithm of a signature.

    Args:
        dotted: its object identifier.

    Returns:
        Such as ``RSA-SHA256``; None if it is not known.
    """
    return _SIGNATURES.get(dotted)


def key_name(info: bytes) -> str | None:
    """Name the kind of a public key and its size in bits.

    Args:
        info: SubjectPublicKeyInfo in DER (RFC 5280 section 4.1.2.7).

    Returns:
        Such as ``RSA2048`` or ``EC256``; None if it is not known.
    """
    try:
        algorithm, key = _children(_content(info)[0])
        kind, *parameters = _children(algorithm)
        if kind in (_RSA, _RSA_PSS):
            modulus = _children(_content(key[1:])[0])[0]  # behind the count of unused bits
            return f"RSA{int.from_bytes(modulus, 'big').bit_length()}"
        if kind == _EC:
            return _CURVES.get(parameters[0])
    except (IndexError, ValueError):
        return None
    return _OTHERS.get(kind)


def _children(data: bytes) -> list[bytes]:
    """Contents of the elements that stand side by side."""
    found = []
    while data:
        content, data = _content(data)
        found.append(content)
    return found


def _content(data: bytes) -> tuple[bytes, bytes]:
    """Content of the first element, and what comes behind it."""
    size, start = data[1], 2
    if size >= 0x80:
        start += size - 0x80
        size = int.from_bytes(data[2:start], "big")
    if len(data) < start + size:
        raise ValueError("cut short")
    return data[start : start + size], data[start + size :]
