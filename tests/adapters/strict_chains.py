"""Chains of which one certificate breaks a rule of RFC 5280 that nobody needs to judge it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from tests.support.der import OCTET_STRING, SEQUENCE, extension, integer, tlv
from tests.support.path import (
    ALT_NAME,
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    SUBJECT_KEY_ID,
    TRUE,
    called,
)
from tests.support.signed_der import ALGORITHM, bits, key_info, key_of, sign, time_der

__all__ = ["CHAINS", "HOST", "NO_NAME", "Chain"]

HOST = "strict.example"
_KIND = "p256"
_DAY = 86400

ROOT, MIDDLE, LEAF = 1, 2, 3
NO_NAME = b""
_NAMES = {ROOT: called("root"), MIDDLE: called("middle"), LEAF: called("leaf")}

CONSTRAINTS = extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE), TRUE)
NO_CONSTRAINTS = extension(BASIC_CONSTRAINTS, tlv(SEQUENCE), TRUE)
SIGNS, OWN_USE = 0x04 | 0x02, 0x80
HOSTS = tlv(SEQUENCE, tlv(0x82, HOST.encode()))
OTHER_ALGORITHM = tlv(SEQUENCE, tlv(6, bytes.fromhex("2a8648ce3d040303")))


def usage(value: int) -> bytes:
    """Return a keyUsage."""
    return extension(KEY_USAGE, bits(value), TRUE)


def alt_names(value: bytes, critical: bytes = b"") -> bytes:
    """Return a SubjectAltName."""
    return extension(ALT_NAME, value, critical)


def own_key(number: int) -> bytes:
    """Return a subjectKeyIdentifier."""
    return extension(SUBJECT_KEY_ID, tlv(OCTET_STRING, b"key %d" % number))


def key_above(number: int) -> bytes:
    """Return an authorityKeyIdentifier."""
    return extension(AUTHORITY_KEY_ID, tlv(SEQUENCE, tlv(0x80, b"key %d" % number)))


#: What is right, by the number of the key: each extension under a word.
RIGHT: Mapping[int, Mapping[str, bytes]] = {
    ROOT: {"constraints": CONSTRAINTS, "usage": usage(SIGNS), "own": own_key(ROOT)},
    MIDDLE: {
        "constraints": CONSTRAINTS,
        "usage": usage(SIGNS),
        "own": own_key(MIDDLE),
        "above": key_above(ROOT),
    },
    LEAF: {"constraints": NO_CONSTRAINTS, "names": alt_names(HOSTS), "above": key_above(MIDDLE)},
}


@dataclass(frozen=True)
class Chain:
    """A leaf below an intermediate below a root.

    Attributes:
        changed: extensions other than the right ones, by key and word; empty: left out.
        names: subjects other than the right ones.
        version: of which certificate, as it is written; version 3 else.
        bare_root: it is of version 1.
        two_algorithms: the root names another one inside than outside.
        depth: of the certificate that is wrong.
    """

    changed: Mapping[int, Mapping[str, bytes]] = field(default_factory=dict)
    names: Mapping[int, bytes] = field(default_factory=dict)
    versions: Mapping[int, int] = field(default_factory=dict)
    two_algorithms: bool = False
    depth: int = 0

    def _der(self, number: int) -> bytes:
        names = _NAMES | dict(self.names)
        issuer = max(number - 1, ROOT)
        words = dict(RIGHT[number]) | dict(self.changed.get(number, {}))
        extensions = [one for one in words.values() if one]
        version = self.versions.get(number, 2)
        body = b"".join(
            [
                tlv(0xA0, integer(version)) if version else b"",
                integer(100 + number),
                ALGORITHM,
                tlv(SEQUENCE, names[issuer]),
                tlv(SEQUENCE, time_der(_NOW - _DAY), time_der(_NOW + 9 * _DAY)),
                tlv(SEQUENCE, names[number]),
                key_info(_KIND, number),
                tlv(0xA3, tlv(SEQUENCE, *extensions)) if extensions else b"",
            ]
        )
        inner = OTHER_ALGORITHM if self.two_algorithms and number == ROOT else None
        return sign(_KIND, issuer, "sha256", body, inner)

    @property
    def root(self) -> str:
        """The root in PEM."""
        return _pem(self._der(ROOT))

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write leaf and intermediate, and the leaf's key; return both paths."""
        shown, key = folder / "shown.pem", folder / "key.pem"
        shown.write_text(_pem(self._der(LEAF)) + _pem(self._der(MIDDLE)))
        key.write_bytes(
            key_of(_KIND, LEAF).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return shown, key


_NOW = int(time.time())


def _pem(der: bytes) -> str:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n"


def _path_length(certificate: bytes, number: int) -> bytes:
    return extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, certificate, integer(number)), TRUE)


def _of(number: int, **words: bytes) -> dict[int, dict[str, bytes]]:
    return {number: words}


_BARE: Sequence[str] = ("constraints", "usage", "own")

CHAINS: dict[str, Chain] = {
    "good": Chain(),
    "good without a subject": Chain(_of(LEAF, names=alt_names(HOSTS, TRUE)), names={LEAF: NO_NAME}),
    "a root of version 1": Chain(
        _of(ROOT, **dict.fromkeys(_BARE, b"")), versions={ROOT: 0}, depth=2
    ),
    "path length of no authority": Chain(_of(LEAF, constraints=_path_length(b"", 0))),
    "path length without usage": Chain(
        _of(MIDDLE, constraints=_path_length(TRUE, 3), usage=b""), depth=1
    ),
    "constraints not critical": Chain(
        _of(MIDDLE, constraints=extension(BASIC_CONSTRAINTS, tlv(SEQUENCE, TRUE))), depth=1
    ),
    "an authority without usage": Chain(_of(MIDDLE, usage=b""), depth=1),
    "usage of no authority": Chain(_of(LEAF, usage=usage(OWN_USE | 0x04))),
    "half an authority": Chain(_of(LEAF, constraints=b"", usage=usage(OWN_USE | 0x04))),
    "no issuer": Chain(names={MIDDLE: NO_NAME}),
    "no name at all": Chain(_of(LEAF, names=b""), names={LEAF: NO_NAME}),
    "names not critical": Chain(names={LEAF: NO_NAME}),
    "no names in the extension": Chain(_of(MIDDLE, names=alt_names(tlv(SEQUENCE))), depth=1),
    "two algorithms": Chain(two_algorithms=True, depth=2),
    "nothing of the key above": Chain(_of(LEAF, above=b"")),
    "serial of the certificate above alone": Chain(
        _of(LEAF, above=extension(AUTHORITY_KEY_ID, tlv(SEQUENCE)))
    ),
    "nothing of the own key": Chain(_of(MIDDLE, own=b""), depth=1),
    "an old version": Chain(versions={LEAF: 1}),
}
