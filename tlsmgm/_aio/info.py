"""What ``get_extra_info()`` of a transport tells of its TLS connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tlsmgm._aio.ssl_view import SSLView, certificate_fields
from tlsmgm._native.connection import Connection

__all__ = ["tls_info"]


def _cipher(connection: Connection) -> Any:
    if connection.cipher is None:
        return None
    return connection.cipher, connection.version, connection.cipher_bits


#: What is told by name; ``compression`` is None, for there is none in what we speak.
_FIELDS: Final[dict[str, Callable[[Connection], Any]]] = {
    "cipher": _cipher,
    "peercert": certificate_fields,
    "ssl_object": SSLView,
    "sslcontext": lambda connection: connection.context,
    "tls_connection": lambda connection: connection,
    "tls_domain": lambda connection: connection.domain,
}


def tls_info(connection: Connection, name: str) -> Any:
    """Return what is known under a name; None: nothing.

    Args:
        connection: of the transport.
        name: as of ``asyncio.BaseTransport.get_extra_info()``.
    """
    field = _FIELDS.get(name)
    return None if field is None else field(connection)
