"""All of what ``tlsmgm proxy`` runs, put together: the composition root."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Final

from tlsmgm._config.database_settings import Watch
from tlsmgm._domains.report import ReloadReport
from tlsmgm._manager import TLSManager
from tlsmgm._service.access_log import AccessLog
from tlsmgm._service.collection import loading, settle
from tlsmgm._service.options import ProxyOptions
from tlsmgm._service.reloads import Reloads
from tlsmgm._service.server import TLSProxy
from tlsmgm._service.shutdown import Shutdown
from tlsmgm._serving.listening import BoundSocket, close_sockets
from tlsmgm.errors import TLSError
from tlsmgm.mi import Endpoint, MIServer, Reloader
from tlsmgm.mi._reloading import log_outcome

__all__ = ["ProxyService"]

logger = logging.getLogger("tlsmgm.proxy")

#: Seconds in which a reload may still end once nobody is connected any more.
_LAST_WAIT: Final = 1.0


class ProxyService:
    """A :class:`~tlsmgm.proxy.TLSProxy` with all that ``tlsmgm proxy`` has around it.

    That is a management interface, somebody who watches the database, reloads, signals and
    statistics.

    Args:
        manager: has the domains.
        options: settings.
        access_log: gets a line for each connection; it stays open in the end. None: nobody does.
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
        access_log: AccessLog | None,
        *,
        management: Sequence[Endpoint | str] = (),
        token: str | None = None,
        watch: Watch | None = None,
        freezes: bool = False,
    ) -> None:
        self._manager = manager
        self._access_log = access_log
        self._watch = watch
        self._freezes = freezes
        self._sockets = _sockets_of(manager)
        self._shutdown = Shutdown()
        self._proxy = TLSProxy(manager, options, access_log)
        self._reloader = Reloader(
            manager,
            after=self._warn_of_sockets,
            during=loading if freezes else contextlib.nullcontext,
        )
        self._reloads = Reloads(self._reload)
        self._mi = MIServer(
            manager,
            management,
            token,
            reloader=self._reloader,
            statistics=self.statistics,
            shortage=self._proxy.shortage,
        )

    @property
    def proxy(self) -> TLSProxy:
        """What accepts and relays."""
        return self._proxy

    async def run(
        self,
        bound: Sequence[BoundSocket],
        *,
        handle_signals: bool = True,
        early: Set[int] = frozenset(),
    ) -> None:
        """Serve until :meth:`stop` is called, then drain.

        A reload that goes on in the end is waited for, for a second; its thread may outlive this.

        Args:
            bound: of :func:`bind`, with a socket for each worker; they are closed in the end.
            handle_signals: stop on SIGTERM and SIGINT, reload on SIGHUP, log the statistics on
                SIGUSR1.
            early: signals that came before; SIGHUP and SIGUSR1 are obeyed once all is there.

        Raises:
            ConfigError: a management endpoint cannot be had, or the database cannot be watched.
            UnsupportedError: a part that the management interface needs is not installed.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(close_sockets, bound)
            if handle_signals:
                self._handle_signals()
            self._settle()
            await stack.enter_async_context(self._mi)
            self._watch_database(stack)
            stopping_reloads = self._when_stopped(self._reloader.stop, stack)
            stopping_management = self._when_stopped(self._mi.stop, stack)
            asyncio.get_running_loop().call_soon(self._obey, early)  # once it listens
            await self._proxy.run(bound, self._shutdown)
            await stopping_management
            await self._reloads.finish(_LAST_WAIT)
            # Only a database may take a moment.
            await asyncio.wait([stopping_reloads], timeout=_LAST_WAIT)
            self.log_statistics()
            logger.info("stopped")

    def stop(self) -> None:
        """Take no more connections and let the running ones end; a second call cuts them."""
        self._shutdown.request()

    def reload(self) -> None:
        """Read the configuration anew, without stopping anything, and open the log file anew.

        However often this is called while a reload runs, one more follows it.
        """
        self._reloads.request()

    def statistics(self) -> Mapping[str, int]:
        """Return the numbers of the proxy, and of the access log."""
        seen = dict(self._proxy.statistics())
        lost = seen.pop("records_lost_total", 0)
        if self._access_log is not None:
            lost += self._access_log.lost
        return {**seen, "access_log_lost_total": lost}

    def log_statistics(self) -> None:
        """Write all statistics that are not 0 into the log."""
        seen = [f"{name}={value}" for name, value in self.statistics().items() if value]
        logger.info("statistics: %s", " ".join(seen) or "nothing has happened")

    # Signals.

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGINT, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        loop.add_signal_handler(signal.SIGUSR1, self.log_statistics)

    def _obey(self, signals: Set[int]) -> None:
        if signal.SIGHUP in signals:
            self.reload()
        if signal.SIGUSR1 in signals:
            self.log_statistics()

    def _when_stopped(
        self, then: Callable[[], Awaitable[None]], stack: contextlib.AsyncExitStack
    ) -> asyncio.Task[None]:
        async def wait() -> None:
            await self._shutdown.wait()
            await then()

        task = asyncio.create_task(wait())
        stack.callback(task.cancel)
        return task

    # Reloads.

    async def _reload(self) -> None:
        if self._access_log is not None:
            self._access_log.reopen()
        with contextlib.suppress(TLSError):  # the reloader has logged it
            await self._reloader.reload()

    def _watch_database(self, stack: contextlib.AsyncExitStack) -> None:
        if self._watch is not None:
            watcher = self._manager.watch_database(self._after_watch, watch=self._watch)
            stack.push_async_callback(asyncio.to_thread, watcher.stop)

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


def _sockets_of(manager: TLSManager) -> tuple[tuple[str, str, int], ...]:
    sockets = () if manager.config is None else manager.config.sockets
    return tuple((item.protocol, item.host, item.port) for item in sockets)
