"""Connections that we open, for protocols."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tlsmgm._aio.binding import check_port
from tlsmgm._aio.dialing import dial
from tlsmgm._aio.given import check_name, client_connection, client_side
from tlsmgm._aio.sockets import SocketTransport, set_nodelay
from tlsmgm._aio.transport import TLSTransport
from tlsmgm._domains.domain import Domain
from tlsmgm._manager import TLSManager
from tlsmgm._serving.limits import check_seconds
from tlsmgm._sockets.ends import server_name_of

if TYPE_CHECKING:
    from tlsmgm._aio.receivers import AnyProtocol

__all__ = ["create_connection", "finish_handshake", "handshake_seconds"]

P = TypeVar("P", bound="AnyProtocol")


async def create_connection(
    protocol_factory: Callable[[], P],
    host: str | None = None,
    port: int | None = None,
    *,
    tls: TLSManager | Domain,
    domain: Domain | str | None = None,
    server_name: str | None = None,
    sock: socket.socket | None = None,
    family: int = 0,
    proto: int = 0,
    flags: int = 0,
    local_addr: tuple[str, int] | None = None,
    happy_eyeballs_delay: float | None = None,
    interleave: int | None = None,
    handshake_timeout: float | None = None,
    shutdown_timeout: float = 10.0,
) -> tuple[asyncio.Transport, P]:
    """Connect, and do the handshake; as ``loop.create_connection()`` with ``ssl=``.

    What cannot be used is refused before anybody is called, as far as it is known by then.
    Sessions are resumed where the server has given one to this domain under this name before.

    Args:
        protocol_factory: makes an ``asyncio.Protocol`` or ``asyncio.BufferedProtocol``.
        host: name or address of the server.
        port: its TCP port.
        tls: a manager, or one client domain.
        domain: of a manager: the client domain, or its name; None: the one that matches the address
            that was reached.
        server_name: host name or IP address to send in SNI and to compare with the certificate;
            None: the host; ``""``: none, so that every server is accepted for which the domain's
            CAs vouch.
        sock: is connected already, in place of host and port; belongs to the transport.
        family: of ``getaddrinfo()``, as ``proto`` and ``flags``.
        proto: see there.
        flags: see there.
        local_addr: host and port to connect from.
        happy_eyeballs_delay: seconds after which the next address is tried as well (RFC 8305).
        interleave: how many addresses of the first family come before families take turns.
        handshake_timeout: seconds; None: the manager's.
        shutdown_timeout: seconds in which a closing transport must get on.

    Returns:
        Transport and protocol.

    Raises:
        ConfigError: the domain, the name or a time cannot be used.
        HandshakeError: the handshake was not complete in time.
        NoDomainError: no client domain matches the address.
        OSError: no address was reached.
        OverflowError: there is no such port.
        TLSError: the handshake has failed, see ``Connection.handshake()``.
        TypeError: the arguments contradict each other, or one is of the wrong type.
        ValueError: there is no host, and no server name.
    """
    if (sock is None) != (host is not None and port is not None) or (sock and (host or port)):
        raise TypeError("give host and port, or sock")
    if server_name is None and not host:  # "" is this machine, and no name
        raise ValueError('where there is no host, server_name is needed ("" for none)')
    for each in (port, None if local_addr is None else local_addr[1]):
        check_port(each)
    name = server_name_of(host if server_name is None else server_name)
    try:
        check_name(name)
        manager, called = client_side(tls, domain)
        timeout = handshake_seconds(manager, handshake_timeout)
        check_seconds("shutdown_timeout", shutdown_timeout, may_be_zero=True)
        if sock is None:
            assert host is not None
            assert port is not None
            sock = await dial(
                host,
                port,
                family=family,
                proto=proto,
                flags=flags,
                local_addr=local_addr,
                happy_eyeballs_delay=happy_eyeballs_delay,
                interleave=interleave,
            )
        sock.setblocking(False)
        set_nodelay(sock)
        connection = client_connection(manager, called, name, _ip_address(sock))
        protocol = protocol_factory()
        transport = SocketTransport(
            asyncio.get_running_loop(),
            protocol,
            connection,
            sock,
            shutdown_timeout=shutdown_timeout,
        )
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    await finish_handshake(transport, timeout)
    return transport, protocol


def handshake_seconds(manager: TLSManager, own: float | None) -> float:
    """Return the seconds that a handshake may take: its own, or the manager's.

    Raises:
        ConfigError: its own make no sense.
    """
    return manager.handshake_timeout if own is None else check_seconds("handshake_timeout", own)


async def finish_handshake(transport: TLSTransport, timeout: float) -> None:
    """Do the handshake of a transport; if it fails, or is called off, the transport is closed.

    Args:
        transport: made just now.
        timeout: seconds.
    """
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(error: BaseException | None) -> None:
        if waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    try:
        transport.begin(timeout, settle)
        await waiter
    except BaseException:
        transport.abort()
        raise


def _ip_address(sock: socket.socket) -> tuple[str, int] | None:
    """Who is at the other end; None: nobody with an IP address."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        host, port = sock.getpeername()[:2]
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise
        # It has been connected: the peer has reset it since.
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)) from error
    return str(host).partition("%")[0], int(port)
