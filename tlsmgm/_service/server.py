"""The proxy as a whole: sockets, running relays, reload, and an orderly stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from tlsmgm._config.database_settings import Watch
from tlsmgm._domains.report import ReloadReport
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._service.access_log import AccessLog, escape
from tlsmgm._service.addresses import Target
from tlsmgm._service.collection import loading, settle
from tlsmgm._service.endpoint import LINGER_TIME, Buffers, TLSEndpoint
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.relay import Relay
from tlsmgm._service.reloads import Reloads
from tlsmgm._service.statistics import count_refusal, new_counters
from tlsmgm._service.transports import reset, socket_address
from tlsmgm._service.upstream import Connector
from tlsmgm._serving.acceptor import Acceptor, Shortage
from tlsmgm._serving.admission import Admission
from tlsmgm._serving.interfaces import interface_addresses
from tlsmgm._serving.limits import Limit
from tlsmgm.errors import ConfigError, TLSError
from tlsmgm.mi import Endpoint, MIServer, Reloader
from tlsmgm.mi._reloading import log_outcome

__all__ = ["Listener", "TLSProxy", "bind", "close_listeners"]

logger = logging.getLogger("tlsmgm.proxy")

_BACKLOG: Final = 1024

#: Seconds in which one limit that turns clients away is mentioned in the log once.
_WARNING_INTERVAL: Final = 10.0

#: Seconds after the polite end of all relays before the process goes on regardless.
_LAST_WAIT: Final = 1.0


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket.

    Args:
        target: its address, with the port that the system chose.
        sock: the socket.
    """

    target: Target
    sock: socket.socket


def bind(targets: Iterable[Target]) -> list[Listener]:
    """Listen on all addresses, or on none.

    Args:
        targets: the name of a host or an interface stands for all of its addresses, ``*`` for all
            of the machine, IPv6 included.

    Returns:
        The sockets, in order.

    Raises:
        ConfigError: one of them cannot be had; those before it are closed again.
    """
    listeners: list[Listener] = []
    try:
        for target in targets:
            for family, address in _resolve(target):
                sock = _listen(target, family, address)
                host, port = sock.getsockname()[:2]
                listeners.append(Listener(Target(target.is_tls, host, port), sock))
    except ConfigError:
        close_listeners(listeners)
        raise
    return listeners


def close_listeners(listeners: Iterable[Listener]) -> None:
    """Close sockets.

    Args:
        listeners: of :func:`bind`.
    """
    for listener in listeners:
        listener.sock.close()


def _resolve(target: Target) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
    if target.host == "*":
        if socket.has_dualstack_ipv6():
            return [(socket.AF_INET6, ("", target.port))]
        return [(socket.AF_INET, ("", target.port))]
    addresses = interface_addresses(target.host)  # comes before hosts, as in OpenSIPS
    if addresses == []:
        raise ConfigError(f"cannot listen on {target}: the interface has no address")
    try:
        found = [
            item
            for host in addresses or [target.host]
            for item in socket.getaddrinfo(
                host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        ]
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot listen on {target}: {_os_reason(error)}") from None
    return list(dict.fromkeys((item[0], item[4]) for item in found))  # type: ignore[misc]


def _listen(target: Target, family: int, address: tuple[str, int]) -> socket.socket:
    sock = None
    try:
        # asyncio sets TCP_NODELAY only on sockets that say which protocol they have; without it a
        # small answer waits for the client's delayed acknowledgement, 40 ms.
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            only = int(target.host != "*")
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        sock.bind(address)
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        if sock is not None:
            sock.close()
        raise ConfigError(f"cannot listen on {target}: {_os_reason(error)}") from None
    return sock


def _os_reason(error: OSError | UnicodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class _Gate(asyncio.Protocol):
    """Lets a client in or turns it away, as soon as its address is known.

    Args:
        proxy: decides.
        listener: where the client has connected.
        address: of the client.
    """

    def __init__(self, proxy: TLSProxy, listener: Listener, address: tuple[str, int]) -> None:
        self._proxy = proxy
        self._listener = listener
        self._address = address

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the transport to a relay, or hang up."""
        if isinstance(transport, asyncio.Transport):
            self._proxy.accept(transport, self._listener, self._address)


class TLSProxy:
    """Accepts connections and relays them until it is told to stop.

    Args:
        manager: has the domains.
        options: settings.
        access_log: gets a line for each connection.
        management: endpoints of the management interface.
        token: that its clients must have, as for :class:`~tlsmgm.mi.MIServer`.
        watch: how to notice changes of the database, see
            :meth:`~tlsmgm.TLSManager.watch_database`; None: not at all.
        freezes: keep what is there after a load out of Python's garbage collector, so that reloads
            of many domains do not stop the loop; it concerns all objects of the process.

    Raises:
        ConfigError: an endpoint or the token cannot be used.
    """

    def __init__(
        self,
        manager: TLSManager,
        options: ProxyOptions,
        access_log: AccessLog,
        *,
        management: Sequence[Endpoint | str] = (),
        token: str | None = None,
        watch: Watch | None = None,
        freezes: bool = False,
    ) -> None:
        self.options = options
        self.buffers = Buffers(options.limits.buffered_bytes)
        self.counters = new_counters()
        self._manager = manager
        self._access_log = access_log
        self._connector = Connector(manager, options, self.buffers)
        self._relays: set[Relay] = set()
        self._acceptors: list[Acceptor] = []
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._empty = asyncio.Event()
        self._reloader = Reloader(
            manager,
            after=self._warn_of_sockets,
            during=loading if freezes else contextlib.nullcontext,
        )
        self._reloads = Reloads(self._reload)
        self._shortage = Shortage(lambda: self.counters.add("accept_errors_total"))
        self._mi = MIServer(
            manager,
            management,
            token,
            reloader=self._reloader,
            statistics=self.statistics,
            shortage=self._shortage,
        )
        self._sockets = _sockets_of(manager)
        self._admission = Admission(options.limits)
        self._warned: dict[Limit, float] = {}
        self._watch = watch
        self._freezes = freezes

    @property
    def handshake_timeout(self) -> float:
        """Seconds from accept to the end of a client's handshake."""
        chosen = self.options.limits.handshake_timeout
        return self._manager.handshake_timeout if chosen is None else chosen

    @property
    def send_timeout(self) -> float:
        """Seconds in which a receiver must take something of what waits for it."""
        chosen = self.options.limits.send_timeout
        return self._manager.send_timeout if chosen is None else chosen

    @property
    def relays(self) -> frozenset[Relay]:
        """The running relays."""
        return frozenset(self._relays)

    def statistics(self) -> Mapping[str, int]:
        """Return all counters, and how many connections and handshakes there are just now."""
        return {
            "connections_open": self._admission.connections,
            "handshakes_open": self._admission.handshakes,
            **self.counters,
        }

    def log_statistics(self) -> None:
        """Write all statistics that are not 0 into the log."""
        seen = [f"{name}={value}" for name, value in self.statistics().items() if value]
        logger.info("statistics: %s", " ".join(seen) or "nothing has happened")

    def check(self) -> None:
        """See whether the upstream can work, as far as that can be known in advance.

        Raises:
            ConfigError: it cannot.
        """
        self._connector.check()

    async def run(
        self,
        listeners: Sequence[Listener],
        *,
        handle_signals: bool = True,
        early: Set[int] = frozenset(),
    ) -> None:
        """Serve until :meth:`stop` is called, then drain.

        A reload that goes on in the end is waited for, for a second; its thread may outlive this.

        Args:
            listeners: of :func:`bind`; they are closed in the end.
            handle_signals: stop on SIGTERM and SIGINT, reload on SIGHUP, log the statistics on
                SIGUSR1.
            early: signals that came before; SIGHUP and SIGUSR1 are obeyed once all is there.

        Raises:
            ConfigError: a management endpoint cannot be had, or the database cannot be watched.
            UnsupportedError: a part that the management interface needs is not installed.
        """
        if handle_signals:
            self._handle_signals()
        watcher = None
        self._settle()
        try:
            await self._mi.start()
            if self._watch is not None:
                watcher = self._manager.watch_database(self._after_watch, watch=self._watch)
            for listener in listeners:
                self._serve(listener)
                logger.info("listening on %s", listener.target)
            if signal.SIGHUP in early:
                self.reload()
            if signal.SIGUSR1 in early:
                self.log_statistics()
            await self._stopping.wait()
            await self._drain()
        finally:
            if watcher is not None:
                await asyncio.to_thread(watcher.stop)
            for acceptor in self._acceptors:
                acceptor.close()
            close_listeners(listeners)
            await self._mi.stop()

    def stop(self) -> None:
        """Take no more connections and let the running ones end; a second call cuts them."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration anew, without stopping anything, and open the log file anew.

        However often this is called while a reload runs, one more follows it.
        """
        self._reloads.request()

    # What relays ask for.

    def server_connection(self, endpoint: TLSEndpoint) -> Connection:
        """Start a TLS connection with a client."""
        return self._manager.server_connection(
            local=endpoint.local_address(), hello_size=self.options.limits.hello_size
        )

    async def connect(self, relay: Relay) -> None:
        """Connect a relay to the upstream."""
        await self._connector.connect(relay)

    def finished(self, relay: Relay) -> None:
        """Log a relay and forget it."""
        self._relays.discard(relay)
        if not self._relays:
            self._empty.set()
        try:
            self._access_log.write(relay.value)
        except Exception:
            logger.exception("the access log cannot be written")

    # Inside.

    def _serve(self, listener: Listener) -> None:
        def make_gate(address: object) -> _Gate:
            return _Gate(self, listener, socket_address(address))

        self._acceptors.append(Acceptor(listener.sock, make_gate, self._shortage))

    def accept(
        self, transport: asyncio.Transport, listener: Listener, address: tuple[str, int]
    ) -> None:
        """Let a client in, or turn it away without any work."""
        is_tls = listener.target.is_tls
        host, _ = address
        self.counters.add("connections_accepted_total")
        place = self._admission.admit(host, shakes_hands=is_tls)
        if isinstance(place, Limit):
            self._turn_away(transport, place, host)
            return
        if is_tls:
            self.counters.add("handshakes_started_total")
        relay = Relay(self, is_tls, str(listener.target), place, address)
        self._relays.add(relay)
        self._empty.clear()
        transport.set_protocol(relay.client)
        relay.client.connection_made(transport)

    def _turn_away(self, transport: asyncio.Transport, limit: Limit, host: str) -> None:
        count_refusal(self.counters, limit)
        reset(transport)
        now = asyncio.get_running_loop().time()
        if now - self._warned.get(limit, -_WARNING_INTERVAL) >= _WARNING_INTERVAL:
            self._warned[limit] = now
            bound = getattr(self.options.limits, limit)
            logger.warning("%s is %d; more are turned away, such as %s", limit, bound, host)

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        loop.add_signal_handler(signal.SIGUSR1, self.log_statistics)

    async def _reload(self) -> None:
        try:
            self._access_log.reopen()
        except TLSError as error:
            logger.error("the access log stays where it is: %s", escape(str(error)))
        except Exception:
            logger.exception("the access log cannot be opened anew")
        with contextlib.suppress(TLSError):  # the reloader has logged it
            await self._reloader.reload()

    def _after_watch(self, outcome: ReloadReport | TLSError) -> None:
        self._settle()
        log_outcome(outcome)

    def _settle(self) -> None:
        if self._freezes:
            settle()

    def _warn_of_sockets(self) -> None:
        """Sockets are bound once; a script that changes them is obeyed at the next start."""
        sockets = _sockets_of(self._manager)
        if sockets != self._sockets:
            self._sockets = sockets
            logger.warning("the sockets of the script have changed; they are read at start only")

    async def _drain(self) -> None:
        for acceptor in self._acceptors:
            acceptor.close()
        stopping = asyncio.create_task(self._reloader.stop())
        await self._mi.stop()
        if self._relays:
            logger.info("stopping: %d connections are open", len(self._relays))
            await self._wait_until_empty(self.options.drain_timeout, can_hurry=True)
        if self._relays:
            logger.info("stopping: closing %d connections", len(self._relays))
            for relay in self.relays:
                relay.shut_down()
            await self._wait_until_empty(LINGER_TIME + _LAST_WAIT)
        for relay in self.relays:
            relay.abort()
        if self._relays:
            await self._wait_until_empty(_LAST_WAIT)
        await self._reloads.finish(_LAST_WAIT)
        await asyncio.wait([stopping], timeout=_LAST_WAIT)  # only a database may take a moment
        self.log_statistics()
        logger.info("stopped")

    async def _wait_until_empty(self, seconds: float, *, can_hurry: bool = False) -> None:
        events = [self._empty, self._hurrying] if can_hurry else [self._empty]
        tasks = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def _sockets_of(manager: TLSManager) -> tuple[tuple[str, str, int], ...]:
    sockets = () if manager.config is None else manager.config.sockets
    return tuple((item.protocol, item.host, item.port) for item in sockets)
