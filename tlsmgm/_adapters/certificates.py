"""Certificates of peers as Python's ``ssl`` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlsmgm._core.certificate import Certificate
from tlsmgm._stdlib.peer_certificates import as_dict

__all__ = ["PeerCertificate", "verified_chain"]


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
