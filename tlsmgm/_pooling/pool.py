"""Reuse of outgoing connections that cannot cross the border of a TLS domain.

The system we re-create takes any connection that is open to the remote target, and says that the
AVPs which choose a client domain then have no effect (manual 1.9.15, 1.9.16): a call that asked for
one CA list, certificate and CRL travels over a connection that was verified by others. Here a
connection is reused only for the same destination, the same client domain *as it is now* and the
same server name, which is the name that was sent and checked when the connection was opened.

A pool does no I/O. It holds whatever the program carries a connection in, and asks three functions
of the program about it: which connection is inside, how to close it, and, if there is such a
function, whether it can still be used.

There are two ways of use, and one pool serves both:

* Exclusive, for protocols with one exchange at a time, such as HTTP/1.1: ``take()`` takes an idle
  connection out, ``put()`` gives it back.
* Shared, for protocols with many at once, such as SIP: ``add()`` puts a connection in for all to
  use, ``find()`` finds it and leaves it there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from tlsmgm._core.context import Context
from tlsmgm._domains.domain import Domain
from tlsmgm._manager import TLSManager
from tlsmgm._native.connection import Connection
from tlsmgm._pooling.reuse import Key, check_origin, has_unsent, is_silent, key_of
from tlsmgm.errors import ConfigError

__all__ = ["ConnectionPool", "PoolStatistics"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PoolStatistics:
    """What a pool has done so far.

    Attributes:
        hits: how often ``take()`` or ``find()`` gave a connection.
        misses: how often they gave none.
        closed: how many connections the pool has closed.
    """

    hits: int = 0
    misses: int = 0
    closed: int = 0


@dataclass(slots=True, eq=False)
class _Entry(Generic[T]):
    """A connection in the pool, and what carries it."""

    item: T
    conn: Connection
    key: Key
    shared: bool
    last_used: float = 0.0


class ConnectionPool(Generic[T]):
    """Outgoing connections, each for one destination, client domain and server name.

    Args:
        manager: its client domains are looked up anew at each call. Connections of a domain that a
            reload has changed or removed are closed and never handed out.
        connection_of: gives the connection inside an item.
        close: closes an item that the pool gives up; it is called once for each.
        is_usable: asked before an item is handed out, for what a pool without I/O cannot know:
            it may feed the connection with what has arrived meanwhile, and tells whether the
            transport is still there. None: it always is. Several threads may be asking about a
            shared item at once.
        idle_timeout: seconds after its last ``put()``, ``add()`` or ``find()`` in which a
            connection can be reused. For shared ones it must be longer than an exchange takes.
        max_idle: how many connections the pool holds.
        max_idle_per_key: how many of them for one destination, domain and server name.
        clock: gives seconds that never go back; must not use the pool.

    Raises:
        ValueError: a bound is below one, or the timeout is not above zero.

    Any number of threads may use a pool; the program's functions are called while no lock is held.
    Beyond the bounds, the connection that was not used for the longest time is closed.
    """

    def __init__(
        self,
        manager: TLSManager,
        connection_of: Callable[[T], Connection],
        close: Callable[[T], None],
        *,
        is_usable: Callable[[T], bool] | None = None,
        idle_timeout: float = 60.0,
        max_idle: int = 100,
        max_idle_per_key: int = 8,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_idle < 1 or max_idle_per_key < 1:
            raise ValueError("a pool must be allowed to hold at least one connection")
        if not idle_timeout > 0:
            raise ValueError(f"idle_timeout must be above 0 seconds, not {idle_timeout!r}")
        self._manager = manager
        self._connection_of = connection_of
        self._close_item = close
        self._is_usable = is_usable
        self._idle_timeout = idle_timeout
        self._max_idle = max_idle
        self._max_idle_per_key = max_idle_per_key
        self._clock = clock
        self._lock = threading.Lock()  # for all that follows
        self._closed = False
        self._statistics = PoolStatistics()
        # By the identity of the connection, which the entry keeps alive; both from the one that was
        # not used for the longest time to the latest.
        self._entries: dict[int, _Entry[T]] = {}
        self._by_key: dict[Key, dict[int, _Entry[T]]] = {}
        # In which all connections of a domain were born; when it changes, they must go.
        self._contexts: dict[str, Context] = {}

    # --- exclusive use ---------------------------------------------------------------------

    def take(
        self, destination: tuple[str, int], domain: Domain | str, server_name: str | None
    ) -> T | None:
        """Take an idle connection out of the pool.

        Args:
            destination: address and port of the server; the address in any spelling.
            domain: the client domain that was found for this exchange, or its name.
            server_name: as for ``TLSManager.client_connection()``; None is a name of its own.

        Returns:
            The latest that was put in, or None: then open a new connection. It is the caller's
            until he puts it back or closes it.

        Raises:
            ConfigError: the manager has no such client domain (any more), it has other values than
                the Domain that is given, or the address is none.
        """
        return self._search(destination, domain, server_name, shared=False)

    def put(
        self,
        item: T,
        destination: tuple[str, int],
        domain: Domain | str,
        server_name: str | None,
    ) -> bool:
        """Give a connection to the pool after an exchange has ended.

        Args:
            item: carries a client connection whose handshake is complete.
            destination: where it leads to.
            domain: the client domain in which it was opened, or its name.
            server_name: the name with which it was opened.

        Returns:
            Whether the pool keeps it. If not, it has been closed: the peer has closed or failed,
            bytes are left over from the exchange, or the domain has changed meanwhile.

        Raises:
            ConfigError: the address is none.
            ValueError: the connection is not what the arguments say, or is in the pool already;
                it is still the caller's.
        """
        return self._keep(item, destination, domain, server_name, shared=False)

    # --- shared use ------------------------------------------------------------------------

    def find(
        self, destination: tuple[str, int], domain: Domain | str, server_name: str | None
    ) -> T | None:
        """Find a connection that was added, and leave it in the pool.

        The pool never enters a shared connection, which belongs to others while it is asked: it
        sees what their calls have found out. So whoever reads the connection should ``discard()``
        the item as soon as the peer has closed it.

        Args:
            destination: as for ``take()``.
            domain: as for ``take()``.
            server_name: as for ``take()``.

        Returns:
            The one that was added or found last, or None: then open a new connection.

        Raises:
            ConfigError: as for ``take()``.
        """
        return self._search(destination, domain, server_name, shared=True)

    def add(
        self,
        item: T,
        destination: tuple[str, int],
        domain: Domain | str,
        server_name: str | None,
    ) -> bool:
        """Put a connection into the pool for all to use at once.

        Args:
            item: as for ``put()``.
            destination: as for ``put()``.
            domain: as for ``put()``.
            server_name: as for ``put()``.

        Returns:
            Whether the pool keeps it. If not, it has been closed.

        Raises:
            ConfigError: as for ``put()``.
            ValueError: as for ``put()``.
        """
        return self._keep(item, destination, domain, server_name, shared=True)

    # --- both ------------------------------------------------------------------------------

    def discard(self, item: T) -> bool:
        """Take an item out of the pool and close it, if it is there.

        Returns:
            Whether it was there. If not, nothing has happened.
        """
        conn = self._connection_of(item)
        with self._lock:
            entry = self._entries.get(id(conn))
            if entry is not None:
                self._remove(entry)
        self._close_all([] if entry is None else [entry])
        return entry is not None

    def expire(self) -> int:
        """Close what nobody will get any more; call it now and then, and after a reload.

        Those are connections idle for too long, of domains that have changed, and ended ones.

        Returns:
            How many connections were closed.
        """
        with self._lock:
            names = list(self._contexts)
        current = {name: self._current_context(name) for name in names}
        with self._lock:
            doomed = self._remove_expired()
            for name, context in current.items():
                doomed += self._enter_domain(name, context)
            doomed += self._remove_all([e for e in self._entries.values() if e.conn.ended])
            used = {key.domain for key in self._by_key}
            self._contexts = {n: c for n, c in self._contexts.items() if n in used}
        self._close_all(doomed)
        return len(doomed)

    def close(self) -> None:
        """Close all connections in the pool, and from now on every one that comes back."""
        with self._lock:
            self._closed = True
            doomed = self._remove_all(list(self._entries.values()))
            self._contexts.clear()
        self._close_all(doomed)

    @property
    def statistics(self) -> PoolStatistics:
        """What the pool has done so far."""
        return self._statistics

    def __len__(self) -> int:
        return len(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self)} connections"
        return f"<ConnectionPool {state}>"

    # --- out of the pool -------------------------------------------------------------------

    def _search(
        self,
        destination: tuple[str, int],
        domain: Domain | str,
        server_name: str | None,
        *,
        shared: bool,
    ) -> T | None:
        key = key_of(destination, domain, server_name)
        context = self._current_context(key.domain)
        with self._lock:
            doomed = self._remove_expired() + self._enter_domain(key.domain, context)
        self._close_all(doomed)
        context = self._manager.client_context(domain)  # which says what is wrong
        while (entry := self._pick(key, context, shared)) is not None:
            if self._is_fit(entry):
                return entry.item
        return None

    def _pick(self, key: Key, context: Context, shared: bool) -> _Entry[T] | None:
        """The latest candidate; an exclusive one is out of the pool with that."""
        with self._lock:
            for entry in reversed(self._by_key.get(key, {}).values()):
                # Another thread may have gone on to the next context, or be behind.
                if entry.shared is shared and entry.conn.context is context:
                    if not shared:
                        self._remove(entry)
                    return entry
            self._count(misses=1)
            return None

    def _is_fit(self, entry: _Entry[T]) -> bool:
        """Whether the candidate can be handed out; otherwise it is closed."""
        fit = False
        try:
            if self._is_usable is None or self._is_usable(entry.item):
                fit = not entry.conn.ended if entry.shared else is_silent(entry.conn)
        finally:
            if not fit:
                self._give_up(entry)
        with self._lock:
            if entry.shared:
                fit = self._remove(entry)  # unless another thread did
                if fit:
                    self._insert(entry)
            self._count(hits=int(fit))
        return fit

    def _give_up(self, entry: _Entry[T]) -> None:
        with self._lock:
            is_ours = self._remove(entry) or not entry.shared
        self._close_all([entry] if is_ours else [])

    # --- into the pool ---------------------------------------------------------------------

    def _keep(
        self,
        item: T,
        destination: tuple[str, int],
        domain: Domain | str,
        server_name: str | None,
        *,
        shared: bool,
    ) -> bool:
        conn = self._connection_of(item)
        entry = _Entry(item, conn, key_of(destination, domain, server_name), shared)
        check_origin(conn, entry.key)
        with self._lock:
            self._check_absent(entry)
        context = self._current_context(entry.key.domain)
        fit = conn.context is context and not conn.ended
        if fit and not shared:
            # An unsent rest would become the beginning of the next exchange.
            fit = not has_unsent(conn) and is_silent(conn)
        with self._lock:
            self._check_absent(entry)
            doomed = self._remove_expired() + self._enter_domain(entry.key.domain, context)
            if fit and not self._closed:
                self._insert(entry)
                doomed += self._remove_excess(entry.key)
            else:
                doomed.append(entry)
        self._close_all(doomed)
        return entry not in doomed

    def _check_absent(self, entry: _Entry[T]) -> None:
        if id(entry.conn) in self._entries:
            raise ValueError("this connection is in the pool already")

    # --- domains ---------------------------------------------------------------------------

    def _current_context(self, name: str) -> Context | None:
        """The context of a client domain as it is now, None without such a domain."""
        try:
            return self._manager.client_context(name)
        except ConfigError:
            return None

    def _enter_domain(self, name: str, context: Context | None) -> list[_Entry[T]]:
        """Removes the connections of a domain that were born in another context."""
        if self._contexts.get(name) is context:
            return []
        if context is None:
            del self._contexts[name]
        else:
            self._contexts[name] = context
        entries = self._entries.values()
        return self._remove_all(
            [e for e in entries if e.key.domain == name and e.conn.context is not context]
        )

    # --- entries; all of these want the lock -------------------------------------------------

    def _insert(self, entry: _Entry[T]) -> None:
        entry.last_used = self._clock()
        self._entries[id(entry.conn)] = entry
        self._by_key.setdefault(entry.key, {})[id(entry.conn)] = entry

    def _remove(self, entry: _Entry[T]) -> bool:
        """Whether it was there."""
        if self._entries.get(id(entry.conn)) is not entry:
            return False
        del self._entries[id(entry.conn)]
        of_key = self._by_key[entry.key]
        del of_key[id(entry.conn)]
        if not of_key:
            del self._by_key[entry.key]
        return True

    def _remove_all(self, entries: list[_Entry[T]]) -> list[_Entry[T]]:
        for entry in entries:
            self._remove(entry)
        return entries

    def _remove_expired(self) -> list[_Entry[T]]:
        limit = self._clock() - self._idle_timeout
        found = []
        for entry in self._entries.values():
            if entry.last_used > limit:
                break
            found.append(entry)
        return self._remove_all(found)

    def _remove_excess(self, key: Key) -> list[_Entry[T]]:
        of_key = list(self._by_key[key].values())
        found = self._remove_all(of_key[: max(0, len(of_key) - self._max_idle_per_key)])
        everything = list(self._entries.values()) if len(self) > self._max_idle else []
        return found + self._remove_all(everything[: max(0, len(everything) - self._max_idle)])

    def _count(self, hits: int = 0, misses: int = 0, closed: int = 0) -> None:
        old = self._statistics
        self._statistics = PoolStatistics(old.hits + hits, old.misses + misses, old.closed + closed)

    # --- the end -----------------------------------------------------------------------------

    def _close_all(self, entries: list[_Entry[T]]) -> None:
        """Closes what has been removed, without the lock; one that fails does not save others."""
        if not entries:
            return
        with self._lock:
            self._count(closed=len(entries))
        with contextlib.ExitStack() as stack:
            for entry in entries:
                stack.callback(self._close_item, entry.item)
