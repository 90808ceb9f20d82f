"""What a state gives to those who connect: a native context, or a connection within one."""

from __future__ import annotations

import dataclasses

from tlsmgm._core.context import Context
from tlsmgm._core.session import Session
from tlsmgm._domains.domain import Domain, name_of
from tlsmgm._domains.filters import ascii_name, pack_ip, plain_ip
from tlsmgm._native.connection import Connection
from tlsmgm._native.sessions import SessionCache, SessionKeeper
from tlsmgm._serving.limits import check_hello_size
from tlsmgm._state.snapshot import Snapshot
from tlsmgm.errors import ConfigError, UnsupportedError

__all__ = [
    "client_connection",
    "client_context",
    "client_names",
    "server_connection",
    "server_context",
]


def server_context(
    snapshot: Snapshot, local: tuple[str, int], server_name: bytes | None
) -> Context:
    """Return the context that answers a connection; see ``TLSManager.server_context()``."""
    _check_local(local)
    if snapshot.selector is None:
        raise _no_library()
    return snapshot.selector.choose(pack_ip(local[0]), local[1], server_name)


def client_context(snapshot: Snapshot, domain: Domain | str) -> Context:
    """Return the context of a client domain; see ``TLSManager.client_context()``."""
    if snapshot.selector is None:
        raise _no_library()
    name = name_of(domain)
    built = snapshot.built.get(("client", name))
    if built is None:
        raise ConfigError("there is no client domain of this name", domain=name)
    loaded = snapshot.by_name["client", name]
    if isinstance(domain, Domain) and domain is not loaded and domain != loaded:
        raise _another(domain, loaded)
    return built.context


def server_connection(
    snapshot: Snapshot, local: tuple[str, int], hello_size: int | None
) -> Connection:
    """Make a connection that a client has opened; see ``TLSManager.server_connection()``."""
    _check_local(local)
    limit = 0 if hello_size is None else check_hello_size(hello_size)
    if snapshot.selector is None:
        raise _no_library()
    return Connection(
        selector=snapshot.selector, address=pack_ip(local[0]), port=local[1], hello_limit=limit
    )


def client_connection(
    context: Context,
    server_name: str | None,
    session: Session | None,
    address: tuple[str, int] | None,
    sessions: SessionCache,
) -> Connection:
    """Make a connection that we open; see ``TLSManager.client_connection()``.

    Args:
        context: of a client domain.
        server_name: host name or IP address of the server.
        session: is offered; None: one of ``sessions``, if the address is known.
        address: of the server.
        sessions: those that servers have given.
    """
    sent, checked = client_names(context.domain, server_name)
    keeper = None
    if address is not None:
        key = (address, context.domain.name, sent, checked)
        keeper = SessionKeeper(sessions, key)
        session = session or sessions.take(key)
    return Connection(
        context, server_name=sent, verify_name=checked, session=session, keeper=keeper
    )


def client_names(domain: Domain, server_name: str | None) -> tuple[bytes | None, bytes | None]:
    """Return what is sent to a server, and what its certificate must carry.

    Args:
        domain: the client domain.
        server_name: host name or IP address of the server, or None.
    """
    sent, named = _names_of(server_name)
    return sent, named if domain.checks_server_name else None


def _no_library() -> UnsupportedError:
    return UnsupportedError("this manager has no TLS library (tls_library is 'none')")


def _names_of(server_name: str | None) -> tuple[bytes | None, bytes | None]:
    """What is sent in SNI, and what the certificate is asked for.

    Addresses are not sent (RFC 6066 section 3), and stand in certificates without brackets; the
    root's dot is neither sent nor compared.
    """
    if server_name is None:
        return None, None
    address = plain_ip(server_name.removesuffix("."))
    if address is not None:
        return None, address.encode("ascii")
    name = ascii_name(server_name).removesuffix(b".")
    return name, name


def _check_local(local: tuple[str, int]) -> None:
    # That of IPv6 has four parts.
    if not isinstance(local, (tuple, list)) or len(local) < 2 or not 0 <= local[1] <= 0xFFFF:
        raise ValueError(f"local must be an address and a port of 0 to 65535, not {local!r}")


def _another(given: Domain, loaded: Domain) -> ConfigError:
    """Two domains of one name; values may be secret, so only their names are told."""
    if given.kind != loaded.kind:
        reason = f"is a {given.kind} domain, and what is called for is a {loaded.kind} domain"
    else:
        names = (item.name for item in dataclasses.fields(Domain) if item.compare)
        other = [name for name in names if getattr(given, name) != getattr(loaded, name)]
        reason = f"is not the one that is loaded under this name: {', '.join(other)} differ"
    return ConfigError(
        reason,
        domain=given.name,
        hint="a reload may have changed it: give its name, or look it up again",
    )
