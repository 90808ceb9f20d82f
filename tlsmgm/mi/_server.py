"""The management interface as a whole: a manager, and the endpoints where it answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from tlsmgm._domains.words import os_reason
from tlsmgm._serving.acceptor import Shortage
from tlsmgm.errors import ConfigError, UnsupportedError
from tlsmgm.mi._commands import command_table
from tlsmgm.mi._datagram import DatagramListener
from tlsmgm.mi._endpoints import Endpoint, FIFOEndpoint, HTTPEndpoint, parse_endpoint
from tlsmgm.mi._fifo import FIFOListener
from tlsmgm.mi._jsonrpc import Dispatcher
from tlsmgm.mi._reloading import Manager, Reloader
from tlsmgm.mi._starting import undone_by
from tlsmgm.mi._statistics import Source
from tlsmgm.mi._token import check_token

__all__ = ["MIServer"]

logger = logging.getLogger("tlsmgm.mi")


class _Listener(Protocol):
    @property
    def endpoint(self) -> Endpoint: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class MIServer:
    """Answers management requests in the running event loop.

    ::

        async with MIServer(manager, ["fifo:/run/tlsmgm/fifo", "http:127.0.0.1:8888"]):
            ...

    Args:
        manager: has the domains.
        endpoints: where to answer, as text or parsed.
        token: that clients of HTTP must have; None: they need none, and HTTP is served on
            loopback addresses only.
        reloader: of the same manager, if others reload it, too; None: there is nobody else.
        statistics: gives the numbers of the program by name, for ``get_statistics``; None: it has
            none, and there is no such command.
        shortage: is told when a client cannot be taken for want of descriptors; None: it is in the
            log, and nobody else wants to know.

    Raises:
        ConfigError: an endpoint or the token cannot be used.
    """

    def __init__(
        self,
        manager: Manager,
        endpoints: Iterable[Endpoint | str],
        token: str | None = None,
        *,
        reloader: Reloader | None = None,
        statistics: Source | None = None,
        shortage: Shortage | None = None,
    ) -> None:
        self._endpoints = [
            parse_endpoint(item) if isinstance(item, str) else item for item in endpoints
        ]
        self._token = None if token is None else check_token(token)
        if token is not None and not any(isinstance(e, HTTPEndpoint) for e in self._endpoints):
            raise ConfigError("a token is of use with an http: endpoint only")
        table = command_table(manager, reloader or Reloader(manager), statistics)
        self._dispatcher = Dispatcher(table)
        self._shortage = shortage or Shortage()
        self._listeners: list[_Listener] = []

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where it answers now, with the ports that the system chose; empty if it does not run."""
        return tuple(listener.endpoint for listener in self._listeners)

    async def start(self) -> None:
        """Answer at all endpoints, or at none.

        Raises:
            ConfigError: one of them cannot be had; the message names it.
            UnsupportedError: HTTP is wanted, and aiohttp is not installed.
            RuntimeError: it runs already.
        """
        if self._listeners:
            raise RuntimeError("the management interface runs already")
        async with undone_by(self.stop):
            for endpoint in self._endpoints:
                await self._add(endpoint)
        for endpoint in self.endpoints:
            logger.info("management interface on %s", endpoint)

    async def stop(self) -> None:
        """Stop answering, and remove FIFOs and sockets; nothing happens if it does not run."""
        while self._listeners:
            await self._listeners.pop().stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def _add(self, endpoint: Endpoint) -> None:
        listener = self._make(endpoint)
        try:
            await listener.start()
        except ConfigError as error:
            raise ConfigError(f"cannot serve {endpoint}: {error.reason}", hint=error.hint) from None
        except OSError as error:
            raise ConfigError(f"cannot serve {endpoint}: {os_reason(error)}") from None
        self._listeners.append(listener)

    def _make(self, endpoint: Endpoint) -> _Listener:
        if isinstance(endpoint, FIFOEndpoint):
            return FIFOListener(endpoint, self._dispatcher)
        if not isinstance(endpoint, HTTPEndpoint):
            return DatagramListener(endpoint, self._dispatcher)
        try:
            from tlsmgm.mi._http import HTTPListener
        except ImportError:
            raise UnsupportedError(
                f"cannot serve {endpoint}: aiohttp is missing; pip install 'tlsmgm[mi]'"
            ) from None
        return HTTPListener(endpoint, self._dispatcher, self._token, self._shortage)
