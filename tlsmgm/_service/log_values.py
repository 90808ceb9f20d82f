"""The values of the access log's names, of a connection that is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._engine.ended import Ended
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["value_of"]


def value_of(ended: Ended, name: str) -> str | None:
    """Return the value of a name.

    Args:
        ended: the connection.
        name: see :mod:`tlsmgm._service.access_log`.

    Returns:
        The value, or None if there is none.
    """
    if name.startswith("tls_"):
        return _of_connection(ended, lambda connection: connection.variables[name])
    return _VALUES[name](ended)


def _of_connection(ended: Ended, read: Callable[[Connection], str | None]) -> str | None:
    """Ask the client's TLS connection; the upstream's where the client speaks plain TCP."""
    connection = ended.connection or ended.upstream_connection
    try:
        return None if connection is None else read(connection)
    except TLSError:
        # A certificate that nobody can read must not keep its owner out of the log.
        return None


def _time(ended: Ended) -> str:
    return ended.accepted.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(address: tuple[str, int] | None) -> str | None:
    return None if address is None else join_host_port(*address)


def _name(domain: Domain | None) -> str | None:
    return None if domain is None else domain.name


def _upstream_domain(ended: Ended) -> str | None:
    connection = ended.upstream_connection
    return None if connection is None else _name(connection.domain)


_VALUES: Final[Mapping[str, Callable[[Ended], str | None]]] = {
    "time": _time,
    "client": lambda ended: _address(ended.client),
    "listen": lambda ended: _address(ended.local),
    "domain": lambda ended: _name(ended.domain),
    "server_name": lambda ended: ended.server_name,
    "alpn": lambda ended: _of_connection(ended, lambda tls: tls.alpn),
    "group": lambda ended: _of_connection(ended, lambda tls: tls.group),
    "reused": lambda ended: _of_connection(ended, lambda tls: str(int(tls.session_reused))),
    "upstream": lambda ended: ended.upstream,
    "upstream_domain": _upstream_domain,
    "bytes_in": lambda ended: str(ended.bytes_in),
    "bytes_out": lambda ended: str(ended.bytes_out),
    "duration": lambda ended: f"{ended.duration:.3f}",
    "status": lambda ended: ended.status,
    "reason": lambda ended: ended.reason,
}
