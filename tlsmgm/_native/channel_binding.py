"""Channel bindings: what ties a login to the TLS connection that it is made over."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from tlsmgm.errors import UnsupportedError

if TYPE_CHECKING:
    from tlsmgm._core.certificate import Certificate
    from tlsmgm._core.connection import Connection

__all__ = ["BindingType", "channel_binding"]

#: Names in IANA's registry.
BindingType = Literal["tls-exporter", "tls-server-end-point"]

_EXPORTER_LABEL: Final = b"EXPORTER-Channel-Binding"

#: Hash by algorithm of the certificate's signature; MD5 and SHA-1 count as SHA-256 (RFC 5929).
_HASHES: Final = {
    "1.2.840.113549.1.1.4": "sha256",
    "1.2.840.113549.1.1.5": "sha256",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.10045.4.1": "sha256",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}


def channel_binding(connection: Connection, kind: BindingType) -> bytes:
    """Return the channel binding of a connection; both ends get the same.

    Args:
        connection: its handshake is complete.
        kind: ``"tls-exporter"`` (RFC 9266) or ``"tls-server-end-point"`` (RFC 5929 section 4).

    Raises:
        ValueError: there is no such kind, or the handshake is not complete.
        UnsupportedError: the connection has no such binding: in TLS 1.2 without the extended
            master secret, or where the library does not tell; or the server's certificate is
            signed with an algorithm for which none is defined.
    """
    if not connection.handshake_complete:
        raise ValueError("a channel binding comes after the handshake")
    if kind == "tls-exporter":
        if not connection.binds_channel:
            raise UnsupportedError(
                "this connection has no channel binding tls-exporter",
                backend=connection.backend,
                hint="allow TLS 1.3 only, or use tls-server-end-point",
            )
        return connection.export_keying_material(_EXPORTER_LABEL, 32, b"")
    if kind == "tls-server-end-point":
        return _end_point(
            connection.certificate if connection.is_server else connection.peer_certificate
        )
    raise ValueError(f"there is no channel binding {kind!r}")


def _end_point(certificate: Certificate | None) -> bytes:
    name = None if certificate is None else _HASHES.get(certificate.signature_algorithm)
    if certificate is None or name is None:
        raise UnsupportedError(
            "there is no channel binding tls-server-end-point for this server's certificate",
            hint="use tls-exporter",
        )
    return hashlib.new(name, certificate.der).digest()
