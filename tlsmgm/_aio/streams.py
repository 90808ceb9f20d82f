"""Readers and writers of asyncio over our transports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tlsmgm._aio.client import create_connection
from tlsmgm._aio.server import Server, create_server
from tlsmgm._domains.domain import Domain
from tlsmgm._manager import TLSManager

__all__ = ["StreamProtocol", "open_connection", "start_server"]

_Callback = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None]


class StreamProtocol(asyncio.StreamReaderProtocol):
    """Between a transport and a reader; the peer's end leaves our direction open, as over TCP."""

    def eof_received(self) -> bool:
        """The reader is told; the writer goes on until it is closed."""
        super().eof_received()
        return True


async def open_connection(
    host: str | None = None,
    port: int | None = None,
    *,
    tls: TLSManager | Domain,
    domain: Domain | str | None = None,
    server_name: str | None = None,
    limit: int = 65536,
    **options: Any,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and do the handshake; as ``asyncio.open_connection()`` with ``ssl=``.

    Args:
        host: name or address of the server.
        port: its TCP port.
        tls: a manager, or one client domain.
        domain: see :func:`create_connection`.
        server_name: see there.
        limit: bytes that the reader holds.
        options: all others of :func:`create_connection`.

    Returns:
        Reader and writer.

    Raises:
        OSError: no address was reached.
        TLSError: see :func:`create_connection`.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = StreamProtocol(reader, loop=loop)
    transport, _ = await create_connection(
        lambda: protocol, host, port, tls=tls, domain=domain, server_name=server_name, **options
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def start_server(
    client_connected_cb: _Callback,
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    tls: TLSManager | Domain,
    sock: socket.socket | None = None,
    limit: int = 65536,
    **options: Any,
) -> Server:
    """Serve clients; as ``asyncio.start_server()`` with ``ssl=``.

    Args:
        client_connected_cb: gets reader and writer of each client whose handshake is done; a
            coroutine function runs as a task.
        host: name or address to listen at, or several; None: all of the machine.
        port: TCP port; 0 lets the system choose.
        tls: a manager, or one server domain.
        sock: see :func:`create_server`.
        limit: bytes that a reader holds.
        options: all others of :func:`create_server`.

    Returns:
        The server.

    Raises:
        ConfigError: the domain, or an option, cannot be used.
        OSError: an address cannot be had.
    """
    loop = asyncio.get_running_loop()

    def make() -> StreamProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        return StreamProtocol(reader, client_connected_cb, loop=loop)

    return await create_server(make, host, port, tls=tls, sock=sock, **options)
