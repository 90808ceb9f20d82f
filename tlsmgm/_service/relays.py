"""The running relays of a proxy, and what they need of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator
from typing import Final

from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.buffers import Buffers
from tlsmgm._service.endpoint import LINGER_TIME, TLSEndpoint
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.relay import Relay
from tlsmgm._service.shutdown import Shutdown
from tlsmgm._service.statistics import new_counters
from tlsmgm._service.upstream import Connector
from tlsmgm._serving.admission import Place

__all__ = ["Relays"]

logger = logging.getLogger("tlsmgm.proxy")

#: Seconds after the polite end of all relays before the process goes on regardless.
_LAST_WAIT: Final = 1.0


class Relays:
    """Begins relays, serves them as :class:`~tlsmgm._service.relay.Service`, and ends them.

    Args:
        manager: has the domains.
        options: of the proxy.
        access_log: gets a line for each relay that is over.
    """

    def __init__(self, manager: TLSManager, options: ProxyOptions, access_log: AccessLog) -> None:
        self.options = options
        self.buffers = Buffers(options.limits.buffered_bytes)
        self.counters = new_counters()
        self._manager = manager
        self._access_log = access_log
        self._connector = Connector(manager, options, self.buffers)
        self._running: set[Relay] = set()
        self._empty = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[Relay]:
        return iter(tuple(self._running))

    def begin(self, is_tls: bool, listen: str, place: Place, address: tuple[str, int]) -> Relay:
        """Begin a relay.

        Args:
            is_tls: whether the client speaks TLS.
            listen: the address as configured.
            place: of the client.
            address: of the client.

        Returns:
            The relay, whose client has no transport yet.
        """
        relay = Relay(self, is_tls, listen, place, address)
        self._running.add(relay)
        self._empty.clear()
        return relay

    def check(self) -> None:
        """See whether the upstream can work, as far as that can be known in advance.

        Raises:
            ConfigError: it cannot.
        """
        self._connector.check()

    async def drain(self, shutdown: Shutdown) -> None:
        """Let all relays end, then end them.

        Args:
            shutdown: may be in a hurry.
        """
        if self._running:
            logger.info("stopping: %d connections are open", len(self))
            hurry = shutdown.wait_for_hurry()
            await self._wait_until_empty(self.options.drain_timeout, hurry)
        if self._running:
            logger.info("stopping: closing %d connections", len(self))
            for relay in self:
                relay.shut_down()
            await self._wait_until_empty(LINGER_TIME + _LAST_WAIT)
        for relay in self:
            relay.abort()
        if self._running:
            await self._wait_until_empty(_LAST_WAIT)

    # What relays ask for.

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
        self._running.discard(relay)
        if not self._running:
            self._empty.set()
        try:
            self._access_log.write(relay.value)
        except Exception:
            logger.exception("the access log cannot be written")

    async def _wait_until_empty(self, seconds: float, *others: Awaitable[None]) -> None:
        tasks = [asyncio.ensure_future(item) for item in (self._empty.wait(), *others)]
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
