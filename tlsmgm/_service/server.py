"""The proxy: a listener that forwards everything to its upstreams, and drains."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from tlsmgm._engine.listener import Listener
from tlsmgm._manager import TLSManager
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.shutdown import Shutdown
from tlsmgm._serving.acceptor import Shortage
from tlsmgm._serving.listening import BoundSocket, close_sockets
from tlsmgm.errors import ConfigError

__all__ = ["TLSProxy"]

logger = logging.getLogger("tlsmgm.proxy")

#: Seconds by which the engine is more patient than we are: who ends connections can count them.
_MARGIN: Final = 1.0


class TLSProxy:
    """Accepts connections and relays them until it is told to stop.

    It knows no signals, reloads nothing and has no management interface: the program around it does
    what it wants of that, with the same manager.  :class:`~tlsmgm.proxy.ProxyService` has it all.

    Args:
        manager: has the domains.
        options: settings.
        access_log: gets a line for each connection; it stays open in the end. None: nobody does.
    """

    def __init__(
        self, manager: TLSManager, options: ProxyOptions, access_log: AccessLog | None
    ) -> None:
        self._manager = manager
        self._options = options
        self._access_log = access_log
        self._listener: Listener | None = None
        self._seen: Mapping[str, int] = {}
        self._shortages = 0
        self._shortage = Shortage(self._count_shortage)

    @property
    def options(self) -> ProxyOptions:
        """The settings."""
        return self._options

    @property
    def shortage(self) -> Shortage:
        """Counts attempts to accept that failed for want of descriptors; others may take part."""
        return self._shortage

    def statistics(self) -> Mapping[str, int]:
        """Return all numbers; docs/python.md explains them."""
        listener = self._listener
        found = dict(self._seen if listener is None else listener.statistics())
        if found:
            found["accept_errors_total"] += self._shortages
        return found

    def check(self) -> None:
        """See whether the upstream can work, as far as that can be known in advance.

        Raises:
            ConfigError: it cannot.
        """
        options = self._options
        if not any(upstream.target.is_tls for upstream in options.upstreams):
            return
        config = self._manager.config
        has_avp = config is not None and config.client_sip_domain_avp is not None
        if options.sip_domain is not None and not has_avp:
            raise ConfigError("the script has no client_sip_domain_avp", parameter="--sip-domain")
        name = options.upstream_domain
        if name is not None and self._manager.find_client_domain_by_name(name) is None:
            raise ConfigError(f"there is no client domain {name!r}", parameter="--upstream-domain")

    async def run(self, bound: Sequence[BoundSocket], shutdown: Shutdown) -> None:
        """Serve until somebody asks for the end, then drain.

        Args:
            bound: of :func:`bind`, with a socket for each worker; they are closed in the end.
            shutdown: its second request cuts what ``drain_timeout`` would still wait for.

        Raises:
            ConfigError: the upstream cannot be resolved, or has no client domain.
        """
        try:
            listener = self._listener = self._listen(bound)
        finally:
            close_sockets(bound)  # those that the listener has taken are its own
        try:
            for item in bound:
                logger.info("listening on %s", item.target)
            await shutdown.wait()
            await self._drain(listener, shutdown)
        finally:
            listener.close()
            self._seen, self._listener = listener.statistics(), None

    def _listen(self, bound: Sequence[BoundSocket]) -> Listener:
        options = self._options
        return self._manager.listen(
            bound,
            options.upstreams,
            workers=options.workers,
            limits=options.limits,
            connect_timeout=options.connect_timeout,
            balance=options.balance,
            unclean_end=options.unclean_end,
            proxy_protocol=options.proxy_protocol,
            proxy_protocol_tlvs=options.proxy_protocol_tlvs,
            proxy_header_from=options.proxy_header_from,
            on_end=None if self._access_log is None else self._access_log.write,
        )

    async def _drain(self, listener: Listener, shutdown: Shutdown) -> None:
        """Let all connections end, then end them."""
        timeout = self._options.drain_timeout
        listener.drain(timeout + _MARGIN)
        count = _open_in(listener)
        if count:
            logger.info("stopping: %d connections are open", count)
        over = asyncio.ensure_future(asyncio.to_thread(listener.wait))
        hurry = asyncio.ensure_future(shutdown.wait_for_hurry())
        await asyncio.wait([over, hurry], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not over.done():
            count = _open_in(listener)
            listener.drain(0)
            if count:
                logger.info("stopping: closing %d connections", count)
        await over

    def _count_shortage(self) -> None:
        self._shortages += 1


def _open_in(listener: Listener) -> int:
    return listener.statistics()["connections_open"]
