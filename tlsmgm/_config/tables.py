"""What writers of all languages ask about the tables of a configuration."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from tlsmgm._config.model import Configuration, DomainTable, Socket
from tlsmgm._config.sockets import parse_socket
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.parameters import of_kind

__all__ = ["TO_FILE", "holds_secret", "socket_text", "written_tables", "written_values"]

#: Fields that a table may have, in Domain's order.
_FIELDS: Final = tuple(
    item.name for item in dataclasses.fields(Domain) if item.name not in ("name", "kind", "origin")
)

_SECRETS: Final = frozenset(of_kind("secret"))

#: What to do about a value that a language cannot say.
TO_FILE: Final = "put it into a file and give its path"


def written_tables(configuration: Configuration) -> tuple[DomainTable, ...]:
    """Say which domains are defined by somebody.

    Args:
        configuration: any.

    Returns:
        Its tables, but not those that every reader makes itself of defaults without domains.
    """
    tables = configuration.tables
    defaults = configuration.defaults
    if defaults is None or not defaults.values or configuration.database is not None:
        return tables
    made = [("client", "default"), ("server", "default")]
    is_made = sorted((table.kind, table.name) for table in tables) == made
    return () if is_made and not any(table.values for table in tables) else tables


def written_values(table: DomainTable) -> dict[str, Any]:
    """Give the values of a table in the order of Domain's fields.

    Args:
        table: of a domain, or of the defaults.

    Returns:
        Field names and values; None is what is not written.
    """
    values = table.values
    return {name: values[name] for name in _FIELDS if values.get(name) is not None}


def socket_text(socket: Socket) -> str:
    """Write a socket as all configurations have it.

    Args:
        socket: of a configuration.

    Returns:
        ``protocol:host:port``, or ``host:port`` where any protocol is meant.
    """
    host = f"[{socket.host}]" if ":" in socket.host else socket.host
    short = f"{host}:{socket.port}"
    if socket.protocol == "any" and parse_socket(short, socket.origin) == socket:
        return short  # unless the host is called like a protocol
    return f"{socket.protocol}:{short}"


def holds_secret(configuration: Configuration) -> bool:
    """Say whether the text of a configuration is for its owner's eyes only.

    Args:
        configuration: any.

    Returns:
        True if there is a key, a passphrase or the password of a database in it.
    """
    database = configuration.database
    if database is not None and ":" in database.url.partition("://")[2].rpartition("@")[0]:
        return True
    tables = [*configuration.tables, *filter(None, [configuration.defaults])]
    values = [table.values for table in tables]
    return any(
        not _SECRETS.isdisjoint(item)
        or any(isinstance(value, bytes) and b"PRIVATE KEY" in value for value in item.values())
        for item in values
    )
