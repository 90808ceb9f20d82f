"""Certificates of peers as Python's ``ssl`` shows them."""

from __future__ import annotations

import _ssl
import functools
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from tlsmgm._core.certificate import Certificate
from tlsmgm._material.memory_path import path_of

__all__ = ["PeerCertificate", "as_dict", "verified_chain"]


@functools.lru_cache(maxsize=64)
def _decoded(der: bytes) -> dict[str, Any]:
    # What getpeercert() returns is CPython's own, so that a field is there or not as it always was.
    with path_of(ssl.DER_cert_to_PEM_cert(der).encode()) as path:
        decode: Callable[[str], dict[str, Any]] = getattr(_ssl, "_test_decode_cert")  # noqa: B009
        return decode(path)


def as_dict(certificate: Certificate) -> dict[str, Any]:
    """Return the fields of a certificate, as ``getpeercert()`` of ``ssl`` shows them."""
    return dict(_decoded(certificate.der))


class PeerCertificate:
    """A certificate of a chain, with the methods of ``_ssl.Certificate``.

    Args:
        certificate: ours.
    """

    __slots__ = ("_certificate",)

    def __init__(self, certificate: Certificate) -> None:
        self._certificate = certificate

    def public_bytes(self, format: int = 1) -> str | bytes:
        """Return the certificate: format 1 is PEM as ``str``, 2 is DER.

        Raises:
            ValueError: there is no such format.
        """
        if format == 1:
            return self._certificate.pem
        if format == 2:
            return self._certificate.der
        raise ValueError("Unsupported format")

    def get_info(self) -> dict[str, Any]:
        """Return its fields, as ``getpeercert()`` does."""
        return as_dict(self._certificate)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PeerCertificate):
            return NotImplemented
        return self._certificate == other._certificate

    def __hash__(self) -> int:
        return hash(self._certificate)

    def __repr__(self) -> str:
        return f"<PeerCertificate {self._certificate.subject}>"


def verified_chain(
    sent: Sequence[Certificate], anchors: Sequence[Certificate]
) -> tuple[Certificate, ...]:
    """Return the chain of a verified peer, up to one that is trusted.

    The verdict is the library's; this names the certificates on the way, by subject and issuer.

    Args:
        sent: by the peer, leaf first.
        anchors: that are trusted.
    """
    if not sent:
        return ()
    chain, others = [sent[0]], [*anchors, *sent[1:]]
    while not chain[-1].is_self_issued:
        wanted = chain[-1].issuer
        above = next((one for one in others if one.subject == wanted and one not in chain), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)
