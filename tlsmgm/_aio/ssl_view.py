"""A connection in the words of Python's ``ssl``, for programs that ask ``ssl_object``."""

from __future__ import annotations

from typing import Any, Literal, overload

from tlsmgm._native.connection import Connection
from tlsmgm._stdlib.peer_certificates import as_dict

__all__ = ["SSLView", "certificate_fields"]


class SSLView:
    """What can be asked of an ``ssl.SSLObject`` without changing it.

    Args:
        connection: its handshake is done.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def server_side(self) -> bool:
        """Whether a client has opened this connection."""
        return self._connection.is_server

    @property
    def server_hostname(self) -> str | None:
        """The name that a client has sent, and verified."""
        return None if self._connection.is_server else self._connection.server_name

    @property
    def session_reused(self) -> bool:
        """Whether a session was resumed."""
        return self._connection.session_reused

    def version(self) -> str | None:
        """As ``TLSv1.3``."""
        return self._connection.version

    def cipher(self) -> tuple[str, str | None, int | None] | None:
        """Name, version of the protocol, and secret bits."""
        name = self._connection.cipher
        return (
            None if name is None else (name, self._connection.version, self._connection.cipher_bits)
        )

    def compression(self) -> None:
        """There is none."""

    def selected_alpn_protocol(self) -> str | None:
        """What was agreed on by ALPN."""
        return self._connection.alpn

    def selected_npn_protocol(self) -> None:
        """There is none."""

    @overload
    def getpeercert(self, binary_form: Literal[False] = False) -> dict[str, Any] | None: ...
    @overload
    def getpeercert(self, binary_form: Literal[True]) -> bytes | None: ...
    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The peer's certificate.

        Args:
            binary_form: in DER.

        Returns:
            None: the peer has shown none; empty: it was not verified.
        """
        if not binary_form:
            return certificate_fields(self._connection)
        certificate = self._connection.peer_certificate
        return None if certificate is None else certificate.der

    def get_channel_binding(self, cb_type: str = "tls-exporter") -> bytes | None:
        """See :meth:`tlsmgm.Connection.channel_binding`; those that it has."""
        if cb_type not in ("tls-exporter", "tls-server-end-point"):
            raise ValueError(f"there is no channel binding {cb_type!r}")
        kind: Literal["tls-exporter", "tls-server-end-point"] = (
            "tls-exporter" if cb_type == "tls-exporter" else "tls-server-end-point"
        )
        return self._connection.channel_binding(kind)


def certificate_fields(connection: Connection) -> dict[str, Any] | None:
    """The peer's certificate as ``getpeercert()`` of Python's ``ssl`` has it.

    Returns:
        None: the peer has shown none; empty: it was not verified.
    """
    certificate = connection.peer_certificate
    if certificate is None:
        return None
    return as_dict(certificate) if connection.peer_verified else {}
