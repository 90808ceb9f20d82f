"""The proxy: lets clients in, relays what they say, and drains."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from tlsmgm._manager import TLSManager
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.listening import Listener, close_listeners
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.relays import Relays
from tlsmgm._service.shutdown import Shutdown
from tlsmgm._service.statistics import count_refusal
from tlsmgm._service.transports import reset, socket_address
from tlsmgm._serving.acceptor import Acceptor, Shortage
from tlsmgm._serving.admission import Admission
from tlsmgm._serving.counters import Counters
from tlsmgm._serving.limits import Limit

__all__ = ["TLSProxy"]

logger = logging.getLogger("tlsmgm.proxy")

#: Seconds in which one limit that turns clients away is mentioned in the log once.
_WARNING_INTERVAL: Final = 10.0


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
            self._proxy._accept(transport, self._listener, self._address)


class TLSProxy:
    """Accepts connections and relays them until it is told to stop.

    It knows no signals, reloads nothing and has no management interface: the program around it does
    what it wants of that, with the same manager.  :class:`~tlsmgm.proxy.ProxyService` has it all.

    Args:
        manager: has the domains.
        options: settings.
        access_log: gets a line for each connection; it stays open in the end.
    """

    def __init__(self, manager: TLSManager, options: ProxyOptions, access_log: AccessLog) -> None:
        self._options = options
        self._relays = Relays(manager, options, access_log)
        self._admission = Admission(options.limits)
        self._warned: dict[Limit, float] = {}
        self._shortage = Shortage(lambda: self._relays.counters.add("accept_errors_total"))

    @property
    def options(self) -> ProxyOptions:
        """The settings."""
        return self._options

    @property
    def counters(self) -> Counters:
        """What has been counted, by name."""
        return self._relays.counters

    @property
    def shortage(self) -> Shortage:
        """Counts attempts to accept that failed for want of descriptors; others may take part."""
        return self._shortage

    def statistics(self) -> Mapping[str, int]:
        """Return all counters, and how many connections and handshakes there are just now."""
        return {
            "connections_open": self._admission.connections,
            "handshakes_open": self._admission.handshakes,
            **self.counters,
        }

    def check(self) -> None:
        """See whether the upstream can work, as far as that can be known in advance.

        Raises:
            ConfigError: it cannot.
        """
        self._relays.check()

    async def run(self, listeners: Sequence[Listener], shutdown: Shutdown) -> None:
        """Serve until somebody asks for the end, then drain.

        Args:
            listeners: of :func:`bind`; they are closed in the end.
            shutdown: its second request cuts what ``drain_timeout`` would still wait for.
        """
        acceptors: list[Acceptor] = []
        try:
            for listener in listeners:
                acceptors.append(self._listen(listener))
                logger.info("listening on %s", listener.target)
            await shutdown.wait()
            for acceptor in acceptors:
                acceptor.close()
            await self._relays.drain(shutdown)
        finally:
            for acceptor in acceptors:
                acceptor.close()
            close_listeners(listeners)

    def _listen(self, listener: Listener) -> Acceptor:
        def make_gate(address: object) -> _Gate:
            return _Gate(self, listener, socket_address(address))

        return Acceptor(listener.sock, make_gate, self._shortage)

    def _accept(
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
        relay = self._relays.begin(is_tls, str(listener.target), place, address)
        transport.set_protocol(relay.client)
        relay.client.connection_made(transport)

    def _turn_away(self, transport: asyncio.Transport, limit: Limit, host: str) -> None:
        count_refusal(self.counters, limit)
        reset(transport)
        now = asyncio.get_running_loop().time()
        if now - self._warned.get(limit, -_WARNING_INTERVAL) >= _WARNING_INTERVAL:
            self._warned[limit] = now
            bound = getattr(self._options.limits, limit)
            logger.warning("%s is %d; more are turned away, such as %s", limit, bound, host)
