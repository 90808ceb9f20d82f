"""A manager, or one domain in its place."""

from __future__ import annotations

from typing import TypeAlias

from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm.errors import NoDomainError

__all__ = ["AnyTLS", "client_connection", "server_manager"]

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


def client_connection(
    tls: AnyTLS,
    domain: Domain | str | None,
    server_name: str | None,
    address: tuple[str, int] | None,
) -> tuple[TLSManager, Connection]:
    """Return the manager of a client, and a connection that is to be opened.

    Args:
        tls: as given.
        domain: a client domain of the manager, or its name; None: the one that matches the address.
        server_name: to send, and to compare with the certificate; None: nothing.
        address: of the server.

    Raises:
        ConfigError: the domain cannot be used.
        NoDomainError: the manager has none for this address.
        TypeError: it is neither a manager nor a domain of clients.
    """
    _check(tls)
    if isinstance(tls, Domain):
        if domain is not None:
            raise TypeError("domain belongs to a manager; tls is a domain itself")
        if tls.kind != "client":
            raise TypeError(f"a client needs a client domain, and {tls.name!r} is a server domain")
        manager, domain = _alone(tls), tls
    else:
        manager = tls
    found = domain if domain is not None else _matching(manager, address)
    return manager, manager.client_connection(found, server_name, address=address)


def _matching(manager: TLSManager, address: tuple[str, int] | None) -> Domain:
    found = None if address is None else manager.find_client_domain(*address)
    if found is None:
        where = "a socket without an IP address" if address is None else join_host_port(*address)
        raise NoDomainError(f"there is no client domain for {where}: name one with domain=")
    return found
