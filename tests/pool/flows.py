"""Connections in memory for a pool, and the two ways of using one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.managers import client_domain, connect, manager_of, method_of, server_domain
from tlsmgm import Connection, TLSManager
from tlsmgm._pooling.pool import ConnectionPool

DESTINATION = ("192.0.2.1", 5061)
NAME = "dom1.test"
TARGET = (DESTINATION, "client", NAME)


@dataclass(eq=False)
class Flow:
    """What a program carries a connection in: both ends, as there is no transport."""

    conn: Connection
    server: Connection
    closed: int = 0

    def close(self) -> None:
        """Count how often the pool gave it up."""
        self.closed += 1


class Clock:
    """A clock that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Pool = ConnectionPool[Flow]


class World:
    """Servers, a manager of clients, and its pool.

    Args:
        library: of both ends.
        version: the only one that is spoken.
        clients: a manager of clients; by default one with the domains ``client`` and ``other``.
        options: of the pool.
    """

    def __init__(
        self, library: str, version: str, clients: TLSManager | None = None, **options: Any
    ) -> None:
        method = {"method": method_of(version)}
        first = server_domain(match_sip_domain="dom1.test,none", **method)
        self.servers = manager_of(library, first, server_domain("dom2", **method))
        self.clients = clients or manager_of(
            library, client_domain(match_sip_domain="blue"), client_domain("other")
        )
        self.clock = Clock()
        self.pool = self.new_pool(**options)

    def new_pool(self, **options: Any) -> Pool:
        """Return a pool of the clients."""
        settings: dict[str, Any] = {"clock": self.clock} | options
        return ConnectionPool(self.clients, lambda flow: flow.conn, Flow.close, **settings)

    def open(self, domain: str = "client", server_name: str | None = NAME) -> Flow:
        """Return a new connection after its handshake."""
        names: dict[str, Any] = {"domain": domain, "server_name": server_name}
        return Flow(*connect(self.servers, self.clients, **names))


@dataclass(frozen=True)
class Way:
    """A way of using a pool: how connections come in, and how they are found."""

    name: str
    give: Callable[..., bool]
    ask: Callable[..., Flow | None]

    @property
    def is_shared(self) -> bool:
        """Whether a connection stays in the pool when it is found."""
        return self.name == "shared"


WAYS = {
    "exclusive": Way("exclusive", ConnectionPool.put, ConnectionPool.take),
    "shared": Way("shared", ConnectionPool.add, ConnectionPool.find),
}
