"""Servers for protocols."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Self

from tlsmgm._aio.acceptor import Acceptor, Door, EngineDoor, takes
from tlsmgm._aio.binding import bind, check_port
from tlsmgm._aio.given import server_manager
from tlsmgm._aio.sockets import SocketTransport, set_nodelay
from tlsmgm._aio.transport import TLSTransport
from tlsmgm._aio.watching import Watcher, watcher_of
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.words import printable
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.listener import Listener
from tlsmgm._engine.on_demand import ClientHello, OnDemand
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._serving.limits import Limits, check_seconds

__all__ = ["ListeningAddress", "Server", "create_server", "server_connection"]

logger = logging.getLogger("tlsmgm")

#: How much handshakes yield to the loop on the same processor: a storm of them must not keep those
#: waiting who are connected already.
_NICE: Final = 10

#: Seconds that clients have for their goodbye when ``serve_forever()`` is cancelled.
_GOODBYE: Final = 1.0


def server_connection(manager: TLSManager, sock: socket.socket) -> Connection:
    """Return the connection of a client that has come in by a socket of our own."""
    return manager.server_connection(_local_address(sock))


def _local_address(sock: socket.socket) -> tuple[str, int]:
    """Which address a client has called; one that has none is at home everywhere."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "0.0.0.0", 0
    host, port = sock.getsockname()[:2]
    return str(host), int(port)


class ListeningAddress:
    """A listening socket of the engine, as far as programs may know it.

    Args:
        sock: whose names are kept; not the socket itself, which belongs to the engine.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.family = sock.family
        self.type = sock.type
        self.proto = sock.proto
        self._name = sock.getsockname()

    def getsockname(self) -> Any:
        """The address."""
        return self._name

    def __repr__(self) -> str:
        """The address."""
        return f"<ListeningAddress {self._name!r}>"


class Server(asyncio.AbstractServer):
    """What ``create_server()`` and ``start_server()`` return: as ``asyncio.Server``.

    Args:
        loop: of it.
        manager: has the domains.
        protocol_factory: makes a protocol for each client whose handshake is done.
        socks: bound; they belong to the server.
        backlog: clients that may wait in the system.
        shutdown_timeout: seconds in which a closing transport must get on.
        options: of the engine's listener; None: no engine.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        manager: TLSManager,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        socks: Sequence[socket.socket],
        backlog: int,
        shutdown_timeout: float,
        options: dict[str, Any] | None,
    ) -> None:
        self._loop = loop
        self._manager = manager
        self._factory = protocol_factory
        self._shutdown_timeout = shutdown_timeout
        self._addresses = tuple(ListeningAddress(sock) for sock in socks)
        self._transports: set[TLSTransport] = set()
        self._watcher: Watcher | None = None  # of their sockets; or the loop watches them
        self._closed: asyncio.Future[None] = loop.create_future()
        self._forever: asyncio.Future[None] | None = None
        self._is_serving = False
        self._is_closed = False  # close() was called
        self._is_shut = False  # nobody comes in any more
        self._is_cut = False  # who comes in all the same is reset
        self._door: Door
        if options is None or not takes(socks):
            self._door = Acceptor(loop, socks, backlog, self._welcome_socket, self._shut)
        else:
            listen = partial(manager.listen, nice=_NICE, **options)
            self._door = EngineDoor(loop, socks, backlog, listen, self._welcome, self._shut)

    # --- who comes in ----------------------------------------------------------------------

    def _welcome(self, accepted: AcceptedConnection) -> None:
        """Serve a client of the engine; what has come with its last flight is delivered."""
        protocol = None if self._is_cut else self._make_protocol()
        if protocol is None:
            accepted.reject()
            return
        transport = SocketTransport(
            self._loop,
            protocol,
            accepted,
            accepted,
            names=_names_of(accepted),
            watch=self._watcher,
            shutdown_timeout=self._shutdown_timeout,
            on_lost=self._forget,
        )
        self._transports.add(transport)
        try:
            transport.begin_established()
        except BaseException:
            transport.abort()
            raise

    def _welcome_socket(self, sock: socket.socket) -> None:
        """Serve a client whose handshake is still to be done."""
        protocol = None if self._is_cut else self._make_protocol()
        if protocol is None:
            sock.close()
            return
        set_nodelay(sock)
        connection = server_connection(self._manager, sock)
        transport = SocketTransport(
            self._loop,
            protocol,
            connection,
            sock,
            watch=self._watcher,
            shutdown_timeout=self._shutdown_timeout,
            on_lost=self._forget,
        )
        self._transports.add(transport)
        transport.begin(self._manager.handshake_timeout, _note_failure)

    def _make_protocol(self) -> asyncio.BaseProtocol | None:
        try:
            return self._factory()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            message = "the protocol factory of a server failed; the client is reset"
            self._loop.call_exception_handler({"message": message, "exception": error})
            return None

    def _forget(self, transport: TLSTransport) -> None:
        self._transports.discard(transport)
        self._end_if_empty()

    def _shut(self) -> None:
        self._is_shut = True
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._is_shut and not self._transports and not self._closed.done():
            self._stop_watching()
            self._closed.set_result(None)

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.close()

    # --- as asyncio.Server -----------------------------------------------------------------

    @property
    def listener(self) -> Listener | None:
        """The engine's listener, with its statistics; None: there is none, or not yet."""
        return self._door.listener if isinstance(self._door, EngineDoor) else None

    @property
    def sockets(self) -> tuple[ListeningAddress, ...]:
        """Where it listens: ``getsockname()``, ``family``; empty once it is closed."""
        return () if self._is_closed else self._addresses

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the server."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether it accepts clients."""
        return self._is_serving

    async def start_serving(self) -> None:
        """Accept clients; does nothing where it does so already."""
        self._check_open()
        if not self._is_serving:
            self._is_serving = True
            self._watcher = watcher_of(self._loop)
            try:
                self._door.open()
            except BaseException:
                self._stop_watching()
                raise

    async def serve_forever(self) -> None:
        """Accept clients until this is cancelled, which ends the server and its connections.

        Clients have a second for their goodbye, and are cut then; so they are at once where this
        is cancelled again.
        """
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        await self.start_serving()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            await self._end()
            raise
        finally:
            self._forever = None

    async def _end(self) -> None:
        """Say goodbye to all, but wait for nobody long; nothing is left to be waited for then."""
        patience = None if self._is_closed else _GOODBYE  # close() has ended it, not Ctrl-C
        self.close()
        self.close_clients()
        try:
            await asyncio.wait([self._closed], timeout=patience)
        finally:
            self._is_cut = True
            self.abort_clients()

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError(f"server {self!r} is closed")

    def close(self) -> None:
        """Accept no more; connections that are there stay."""
        if self._is_closed:
            return
        self._is_closed = True
        self._is_serving = False
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        self._door.close()

    def close_clients(self) -> None:
        """Close all connections; what was written is sent."""
        for transport in tuple(self._transports):
            transport.close()

    def abort_clients(self) -> None:
        """End all connections at once."""
        for transport in tuple(self._transports):
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until it is closed, and all its connections have ended."""
        await asyncio.shield(self._closed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()

    def __repr__(self) -> str:
        """Where it listens."""
        return f"<Server {[address.getsockname() for address in self._addresses]}>"


async def create_server(
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    tls: TLSManager | Domain,
    family: int = socket.AF_UNSPEC,
    flags: int = socket.AI_PASSIVE,
    sock: socket.socket | None = None,
    backlog: int = 1024,
    reuse_address: bool | None = None,
    reuse_port: bool = False,
    shutdown_timeout: float = 10.0,
    start_serving: bool = True,
    engine: bool = True,
    limits: Limits | None = None,
    proxy_header_from: Iterable[str] | str | None = None,
    on_end: Callable[[Ended], object] | None = None,
    on_client_hello: OnDemand | Callable[[ClientHello], object] | None = None,
) -> Server:
    """Serve clients; as ``loop.create_server()`` with ``ssl=``.

    Handshakes are done in a thread of the engine, see :meth:`tlsmgm.TLSManager.listen`, and never
    keep the loop from its work.  ``connection_made()`` of a protocol comes when that is done.

    Args:
        protocol_factory: makes an ``asyncio.Protocol`` or ``asyncio.BufferedProtocol`` for each.
        host: name or address to listen at, or several; None: all of the machine.
        port: TCP port; 0 lets the system choose.
        tls: a manager, or one server domain.
        family: of ``getaddrinfo()``, as ``flags``.
        flags: see there.
        sock: is bound already, in place of host and port; belongs to the server.  One that is not
            of TCP, such as a unix socket, is served without the engine.
        backlog: clients that may wait in the system.
        reuse_address: as asyncio has it.
        reuse_port: as asyncio has it.
        shutdown_timeout: seconds in which a closing transport must get on.
        start_serving: accept at once.
        engine: False: handshakes are done by the loop.
        limits: what clients are granted, with the engine; see there, as for the next three.
        proxy_header_from: networks that send PROXY headers.
        on_end: hears, in a thread of the engine, of handshakes that have failed.
        on_client_hello: finds the domain of a client for whom none answers; a coroutine function
            runs in this loop.

    Returns:
        The server.

    Raises:
        ConfigError: the domain, or an option, cannot be used.
        OSError: an address cannot be had.
        OverflowError: there is no such port.
        TypeError: the arguments contradict each other.
        UnsupportedError: the manager has no TLS library.
        ValueError: neither host or port nor sock is given.
    """
    if sock is not None and (host is not None or port is not None):
        raise TypeError("give host and port, or sock")
    if host is None and port is None and sock is None:
        raise ValueError("neither host or port nor sock says where to listen")
    check_port(port)
    check_seconds("shutdown_timeout", shutdown_timeout, may_be_zero=True)
    options = {
        "limits": limits,
        "proxy_header_from": proxy_header_from,
        "on_end": on_end,
        "on_client_hello": on_client_hello,
    }
    has_engine = engine and (sock is None or takes([sock]))
    given = [name for name, value in options.items() if value is not None]
    if given and not has_engine:
        verb = "belongs" if len(given) == 1 else "belong"
        raise TypeError(f"{', '.join(given)} {verb} to the engine, which this server is without")
    manager = server_manager(tls)
    socks = (
        [sock]
        if sock is not None
        else await bind(
            host,
            port,
            family=family,
            flags=flags,
            reuse_address=reuse_address,
            reuse_port=reuse_port,
        )
    )
    try:
        if not has_engine:
            server_connection(manager, socks[0])  # there must be a TLS library
        server = Server(
            asyncio.get_running_loop(),
            manager,
            protocol_factory,
            socks,
            backlog,
            shutdown_timeout,
            options if engine else None,
        )
        if start_serving:
            await server.start_serving()
    except BaseException:
        for each in socks:
            each.close()
        raise
    return server


def _names_of(accepted: AcceptedConnection) -> Callable[[str], Any]:
    """Addresses as the engine has them, which asks the system for nothing."""

    def names(name: str) -> Any:
        address = accepted.client if name == "peername" else accepted.local
        if address is None or ":" not in address[0]:
            return address
        return (*address, 0, 0)

    return names


def _note_failure(error: BaseException | None) -> None:
    if error is not None:
        logger.debug("a handshake has failed: %s", printable(str(error)))
