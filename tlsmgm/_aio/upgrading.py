"""From plain text to TLS on the same connection: STARTTLS.

Whoever sits between both ends can put plain text of his own in front of the handshake.  A program
that keeps it, and reads it as if it had come over TLS, has been deceived (CVE-2011-0411 of servers,
CVE-2026-1642 of clients).  So what was read ahead must be TLS: on a server, which may have got the
ClientHello early, a record of it; on a client nothing at all, for a server has nothing to say
before our ClientHello.
"""

from __future__ import annotations

import asyncio
from typing import cast

from tlsmgm._aio.client import finish_handshake, handshake_seconds
from tlsmgm._aio.given import client_connection, client_side, server_manager
from tlsmgm._aio.layer import LayerTransport, check_begins_tls
from tlsmgm._aio.streams import StreamProtocol
from tlsmgm._domains.domain import Domain
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._serving.limits import check_seconds
from tlsmgm._sockets.ends import server_name_of
from tlsmgm.errors import ProtocolError, TruncatedError

__all__ = ["start_tls", "start_tls_streams"]


async def start_tls(
    transport: asyncio.Transport,
    protocol: asyncio.Protocol | asyncio.BufferedProtocol,
    tls: TLSManager | Domain,
    *,
    server_side: bool = False,
    domain: Domain | str | None = None,
    server_name: str | None = None,
    received: bytes = b"",
    handshake_timeout: float | None = None,
    shutdown_timeout: float = 10.0,
) -> asyncio.Transport:
    """Go on with TLS on a plain transport; as ``loop.start_tls()``.

    Call it when the last plain byte has been read and written.

    Args:
        transport: plain, of asyncio or uvloop; belongs to the new one.
        protocol: gets what comes over TLS; ``connection_made()`` is not called again.
        tls: a manager, or one domain.
        server_side: whether we are the server.
        domain: client, of a manager: the client domain, or its name; None: the one that matches.
        server_name: client: host name or IP address to send and to verify; ``""``: none.
        received: what the protocol has read behind the last plain byte.
        handshake_timeout: seconds; None: the manager's.
        shutdown_timeout: seconds in which a closing transport must get on.

    Returns:
        The transport to use from now on.

    Raises:
        ConfigError: the domain, the name or a time cannot be used.
        HandshakeError: the handshake was not complete in time.
        ProtocolError: plain text was read where TLS begins; the transport is closed.
        TLSError: the handshake has failed; the transport is closed.
        TypeError: the protocol is one of streams, for which there is :func:`start_tls_streams`.
        ValueError: a client has no server name.
    """
    if isinstance(protocol, asyncio.StreamReaderProtocol):
        raise TypeError("for streams there is start_tls_streams()")
    return await _upgrade(
        transport,
        protocol,
        *_connection(transport, tls, server_side, domain, server_name, handshake_timeout),
        received,
        check_seconds("shutdown_timeout", shutdown_timeout, may_be_zero=True),
    )


async def start_tls_streams(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    tls: TLSManager | Domain,
    *,
    server_side: bool = False,
    domain: Domain | str | None = None,
    server_name: str | None = None,
    limit: int = 65536,
    handshake_timeout: float | None = None,
    shutdown_timeout: float = 10.0,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Go on with TLS on plain streams.

    Args:
        reader: what it has read ahead is looked at; not to be used after this.
        writer: is drained first; not to be used after this.
        tls: see :func:`start_tls`, as for all others.
        server_side: see there.
        domain: see there.
        server_name: see there.
        limit: bytes that the new reader holds.
        handshake_timeout: see there.
        shutdown_timeout: see there.

    Returns:
        Reader and writer to use from now on.

    Raises:
        ProtocolError: see there.
        TLSError: see there.
        TruncatedError: the peer has left.
        TypeError: reader and writer are something else, such as each other.
    """
    for name, given, wanted in (
        ("reader", reader, asyncio.StreamReader),
        ("writer", writer, asyncio.StreamWriter),
    ):
        if not isinstance(given, wanted):
            kind = type(given).__name__
            raise TypeError(f"{name} must be an asyncio.{wanted.__name__}, not {kind}")
    loop = asyncio.get_running_loop()
    transport = cast("asyncio.Transport", writer.transport)  # uvloop's has another base
    made = _connection(transport, tls, server_side, domain, server_name, handshake_timeout)
    check_seconds("shutdown_timeout", shutdown_timeout, may_be_zero=True)
    await writer.drain()
    if reader.at_eof():
        raise TruncatedError("the peer has ended the connection where the TLS handshake begins")
    reader.feed_eof()  # so that it gives what it has, and waits for nothing
    received = await reader.read()
    new_reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = StreamProtocol(new_reader, loop=loop)
    new = await _upgrade(transport, protocol, *made, received, shutdown_timeout, old=writer)
    return new_reader, asyncio.StreamWriter(new, protocol, new_reader, loop)


def _connection(
    transport: asyncio.Transport,
    tls: TLSManager | Domain,
    server_side: bool,
    domain: Domain | str | None,
    server_name: str | None,
    handshake_timeout: float | None,
) -> tuple[Connection, float]:
    """Return the connection, and the seconds that its handshake may take."""
    if server_side:
        if domain is not None or server_name is not None:
            raise TypeError("domain and server_name belong to clients")
        manager = server_manager(tls)
        local = _address(transport, "sockname") or ("0.0.0.0", 0)
        return manager.server_connection(local), handshake_seconds(manager, handshake_timeout)
    name = server_name_of(server_name)
    manager, called = client_side(tls, domain)
    connection = client_connection(manager, called, name, _address(transport, "peername"))
    return connection, handshake_seconds(manager, handshake_timeout)


def _address(transport: asyncio.Transport, name: str) -> tuple[str, int] | None:
    found = transport.get_extra_info(name)
    if not isinstance(found, (tuple, list)):
        return None
    return str(found[0]).partition("%")[0], int(found[1])


async def _upgrade(
    transport: asyncio.Transport,
    protocol: asyncio.BaseProtocol,
    connection: Connection,
    handshake_timeout: float,
    received: bytes,
    shutdown_timeout: float,
    old: asyncio.StreamWriter | None = None,
) -> asyncio.Transport:
    """Put TLS between a transport and a protocol; the old writer hears of the end, too."""
    try:
        _check(connection, received)
        below = None if old is None else transport.get_protocol()
        layer = LayerTransport(
            asyncio.get_running_loop(),
            protocol,
            connection,
            transport,
            kept=old,
            on_end=None if below is None else below.connection_lost,
            tells_made=old is not None,
            shutdown_timeout=shutdown_timeout,
        )
    except BaseException:
        transport.abort()
        raise
    if received:
        layer.take_early(received)
    await finish_handshake(layer, handshake_timeout)
    return layer


def _check(connection: Connection, received: bytes) -> None:
    if not received:
        return
    if not connection.is_server:
        raise ProtocolError(
            f"{len(received)} bytes came behind the server's answer to STARTTLS, before the TLS "
            "handshake: somebody between us and the server may have put them there, so the "
            "connection is given up"
        )
    check_begins_tls(received)
