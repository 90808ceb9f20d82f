"""The kinds of handshake that are measured, in memory and over loopback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.cohort.setting import HYBRID_GROUP, Setting
from benchmarks.identity import SERVER_NAME, KeyType

__all__ = ["KINDS", "Kind", "native_words"]

_TLS12: Final = "TLSv1.2"
_CIPHERS_12: Final[dict[KeyType, str]] = {
    "ecdsa": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "rsa": "ECDHE-RSA-AES128-GCM-SHA256",
}


@dataclass(frozen=True)
class Kind:
    """A kind of handshake.

    Attributes:
        name: short.
        title: for people.
        setting: what is pinned.
        key_type: of the certificates.
        resumed: each handshake resumes the one before.
    """

    name: str
    title: str
    setting: Setting
    key_type: KeyType = "ecdsa"
    resumed: bool = False


KINDS: Final = (
    Kind("tls13-ecdsa", "TLS 1.3, ECDSA P-256, X25519", Setting()),
    Kind("tls13-rsa", "TLS 1.3, RSA-2048, X25519", Setting(), "rsa"),
    Kind("tls13-hybrid", f"TLS 1.3, ECDSA P-256, {HYBRID_GROUP}", Setting(group=HYBRID_GROUP)),
    Kind("tls13-mutual", "TLS 1.3, ECDSA P-256, client certificate", Setting(mutual=True)),
    Kind("tls13-resumed", "TLS 1.3, resumed", Setting(), resumed=True),
    Kind("tls12-ecdsa", "TLS 1.2, ECDSA P-256, X25519", Setting(_TLS12, _CIPHERS_12["ecdsa"])),
    Kind(
        "tls12-resumed",
        "TLS 1.2, resumed",
        Setting(_TLS12, _CIPHERS_12["ecdsa"]),
        resumed=True,
    ),
)


def native_words(setting: Setting, *, resumed: bool) -> dict[str, str | bool]:
    """Say what is pinned in the words of the native programs.

    Args:
        setting: what is pinned.
        resumed: each handshake resumes the one before.
    """
    return {
        "server_name": SERVER_NAME,
        "version": setting.version.removeprefix("TLSv"),
        "cipher": setting.cipher,
        "group": setting.group,
        "tickets": setting.tickets,
        "mutual": setting.mutual,
        "resume": resumed,
    }
