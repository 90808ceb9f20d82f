"""What must be equal, and what must be true of a connection, before it is used again."""

from __future__ import annotations

from typing import NamedTuple

from tlsmgm._domains.domain import Domain, name_of
from tlsmgm._domains.filters import ascii_name, is_ip, pack_ip, plain_ip
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError

__all__ = ["Key", "check_origin", "has_unsent", "is_silent", "key_of"]


class Key(NamedTuple):
    """What must be equal before a connection is reused."""

    ip: bytes
    zone: str  # fe80::1%eth0 and fe80::1%eth1 are two hosts
    port: int
    domain: str
    server_name: str | None


def key_of(destination: tuple[str, int], domain: Domain | str, server_name: str | None) -> Key:
    """The key of a connection, or of a question for one.

    Args:
        destination: address and port of the server; the address in any spelling.
        domain: the client domain, or its name.
        server_name: host name or IP address of the server, or None.

    Raises:
        ConfigError: the address is none, or the name has no ASCII form.
        TypeError: the domain is neither.
        ValueError: the destination is no pair, or the port is none.
    """
    if isinstance(destination, str) or len(destination) != 2 or not 0 < destination[1] <= 0xFFFF:
        raise ValueError(
            f"destination must be an address and a port of 1 to 65535, not {destination!r}"
        )
    name = name_of(domain)
    ip, port = destination
    return Key(
        ip=pack_ip(ip),
        zone=ip.removesuffix("]").partition("%")[2],
        port=port,
        domain=name,
        server_name=_normal_name(server_name),
    )


def _normal_name(name: str | None) -> str | None:
    """The form in which names are compared: A-labels, lower case (RFC 4343), no dot of the root."""
    if name is None:
        return None
    address = plain_ip(name.removesuffix("."))
    if address is not None:
        return address
    return ascii_name(name).removesuffix(b".").lower().decode("ascii")


def check_origin(conn: Connection, key: Key) -> None:
    """Proves by the connection itself that it is what the key says, so that no mistake spreads.

    Raises:
        TypeError: there is no connection.
        ValueError: it is another one.
    """
    if not isinstance(conn, Connection):
        raise TypeError(f"connection_of() must give a Connection, not {type(conn).__name__}")
    if conn.is_server:
        raise ValueError("a pool takes connections that we opened, not those of clients")
    if not conn.handshake_complete:
        raise ValueError("the handshake is not complete, so nobody has been verified yet")
    domain = conn.domain
    if domain is None or domain.name != key.domain:
        opened_in = None if domain is None else domain.name
        raise ValueError(f"the connection was opened in domain {opened_in!r}, not {key.domain!r}")
    if not (_was_sent(conn, key.server_name) and _was_checked(conn, domain, key.server_name)):
        raise ValueError(
            f"the connection was not opened for the server name {key.server_name!r}: it sent "
            f"{conn.server_name!r} and checked {conn.verify_name!r}"
        )


def _was_sent(conn: Connection, name: str | None) -> bool:
    """An IP address is checked, but never sent (RFC 6066 section 3)."""
    sent = None if name is not None and is_ip(name) else name
    return _normal_name(conn.server_name) == sent


def _was_checked(conn: Connection, domain: Domain, name: str | None) -> bool:
    if conn.verify_name is not None:
        return _normal_name(conn.verify_name) == name
    return name is None or not domain.checks_server_name


def has_unsent(conn: Connection) -> bool:
    """Whether bytes wait for the peer, or someone uses a connection although he gave it back."""
    try:
        return conn.output_pending > 0
    except RuntimeError:
        return True


def is_silent(conn: Connection) -> bool:
    """Whether the peer neither closed nor sent what nobody asked for.

    The byte that this may read is no loss, for then the connection is closed.
    """
    if conn.ended:
        return False
    try:
        return conn.read(1) is None
    except (TLSError, RuntimeError):  # RuntimeError: someone uses it although he gave it back
        return False
