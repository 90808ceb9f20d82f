"""Wraps a socket: whose connection it is, in which domain, and under which name."""

from __future__ import annotations

import socket
from typing import Protocol

from tlsmgm._core.session import Session
from tlsmgm._domains.addresses import join_host_port
from tlsmgm._domains.domain import Domain
from tlsmgm._native.connection import Connection
from tlsmgm._sockets.channel import Patience
from tlsmgm._sockets.ends import check, local_of, peer_of, server_name_of
from tlsmgm._sockets.tls_socket import TLSSocket, wrap
from tlsmgm.errors import ConfigError

__all__ = ["Connector", "wrap_socket"]


class Connector(Protocol):
    """The manager, as far as connections are concerned."""

    def server_connection(self, local: tuple[str, int]) -> Connection:
        """Return a connection that a client has opened."""

    def client_connection(
        self,
        domain: Domain | str,
        server_name: str | None = None,
        session: Session | None = None,
        *,
        address: tuple[str, int] | None = None,
    ) -> Connection:
        """Return a connection that we open."""

    def find_client_domain(self, ip: str, port: int) -> Domain | None:
        """Return the client domain for a destination, or None."""


def wrap_socket(
    connector: Connector,
    sock: socket.socket,
    patience: Patience,
    *,
    server_side: bool,
    domain: Domain | str | None,
    server_name: str | None,
    session: Session | None,
    local: tuple[str, int] | None,
    do_handshake: bool,
) -> TLSSocket:
    """Speak TLS over a connected socket, see :meth:`tlsmgm.TLSManager.wrap_socket`.

    Args:
        connector: makes connections.
        sock: the socket.
        patience: of the manager.
        server_side: whether a client has opened the connection.
        domain: client side: which; None: the one for the address.
        server_name: client side: to be sent and compared; ``""``: none.
        session: client side: to be offered.
        local: server side: what the client has called, where the socket does not know it.
        do_handshake: whether to do it now.
    """
    check(sock, do_handshake)
    if server_side:
        if (domain, server_name, session) != (None, None, None):
            raise ValueError("domain, server_name and session are for the client side")
        connection = connector.server_connection(local_of(sock) if local is None else local)
    else:
        if local is not None:
            raise ValueError("local is for the server side")
        name = server_name_of(server_name)
        peer = peer_of(sock)
        called = _called(connector, peer) if domain is None else domain
        connection = connector.client_connection(called, name, session, address=peer)
    return wrap(sock, connection, patience, do_handshake)


def _called(connector: Connector, peer: tuple[str, int] | None) -> Domain:
    found = None if peer is None else connector.find_client_domain(*peer)
    if found is None:
        where = "a socket without an IP address" if peer is None else join_host_port(*peer)
        raise ConfigError(f"there is no client domain for {where}", hint="give domain=")
    return found
