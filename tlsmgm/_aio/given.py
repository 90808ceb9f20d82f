"""A manager, or one domain in its place."""

from __future__ import annotations

from typing import Final, TypeAlias

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.filters import ascii_name, plain_ip
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm.errors import ConfigError, NoDomainError

__all__ = ["AnyTLS", "check_name", "client_connection", "client_side", "server_manager"]

#: Bytes of the longest name that a ClientHello carries here.
_LONGEST_NAME: Final = 255

#: What stands where asyncio has ``ssl=``.
AnyTLS: TypeAlias = TLSManager | Domain


def _check(tls: AnyTLS) -> None:
    if not isinstance(tls, (TLSManager, Domain)):
        raise TypeError(f"tls must be a TLSManager or a Domain, not {type(tls).__name__}")


def _alone(domain: Domain) -> TLSManager:
    """Return a manager of one domain."""
    manager = TLSManager()
    manager.add_domain(domain)
    return manager


def server_manager(tls: AnyTLS) -> TLSManager:
    """Return the manager of a server.

    Raises:
        ConfigError: the domain cannot be used.
        TypeError: it is neither a manager nor a domain of servers.
    """
    _check(tls)
    if isinstance(tls, TLSManager):
        return tls
    if tls.kind != "server":
        raise TypeError(f"a server needs a server domain, and {tls.name!r} is a client domain")
    return _alone(tls)


def client_side(tls: AnyTLS, domain: Domain | str | None) -> tuple[TLSManager, Domain | str | None]:
    """Return the manager of a client, and the domain, if it is known before the server's address.

    Args:
        tls: as given.
        domain: a client domain of the manager, or its name; None: the one that matches the address.

    Raises:
        ConfigError: the domain cannot be used.
        TypeError: it is neither a manager nor a domain of clients.
    """
    _check(tls)
    if isinstance(tls, Domain):
        if domain is not None:
            raise TypeError("domain belongs to a manager; tls is a domain itself")
        if tls.kind != "client":
            raise TypeError(f"a client needs a client domain, and {tls.name!r} is a server domain")
        return _alone(tls), tls
    if domain is not None:
        tls.client_context(domain)
    return tls, domain


def client_connection(
    manager: TLSManager,
    domain: Domain | str | None,
    server_name: str | None,
    address: tuple[str, int] | None,
) -> Connection:
    """Return a connection that is to be opened.

    Args:
        manager: of :func:`client_side`.
        domain: of it, too.
        server_name: to send, and to compare with the certificate; None: nothing.
        address: of the server.

    Raises:
        ConfigError: the domain, or the name, cannot be used.
        NoDomainError: the manager has none for this address.
    """
    found = domain if domain is not None else _matching(manager, address)
    return manager.client_connection(found, server_name, address=address)


def check_name(server_name: str | None) -> None:
    """See whether a server can have this name, before anybody is called.

    Raises:
        ConfigError: it cannot be sent, or not be compared.
    """
    if server_name is None or plain_ip(server_name.removesuffix(".")) is not None:
        return
    name = ascii_name(server_name).removesuffix(b".")
    if not name or b"\0" in name:
        raise ConfigError("the name cannot be checked", parameter="server_name")
    if len(name) > _LONGEST_NAME:
        reason = f"more than {_LONGEST_NAME} bytes"
        raise ConfigError(reason, parameter="server_name")


def _matching(manager: TLSManager, address: tuple[str, int] | None) -> Domain:
    found = None if address is None else manager.find_client_domain(*address)
    if found is None:
        where = "a socket without an IP address" if address is None else join_host_port(*address)
        raise NoDomainError(f"there is no client domain for {where}: name one with domain=")
    return found
