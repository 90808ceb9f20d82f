"""What ``TLSManager.listen()`` returns: listening sockets, and all that goes on behind them."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from tlsmgm._core.plan import Plan
from tlsmgm._core.record import Notice, give_upstream
from tlsmgm._domains.domain import Domain
from tlsmgm._domains.words import printable
from tlsmgm._engine.accepted import AcceptedConnection
from tlsmgm._engine.arrivals import Arrivals
from tlsmgm._engine.asked_plans import AskedPlans
from tlsmgm._engine.asking import Asking
from tlsmgm._engine.callbacks import serve, who
from tlsmgm._engine.ended import Ended
from tlsmgm._engine.engine import Engine
from tlsmgm._engine.options import ListenOptions, to_milliseconds
from tlsmgm._engine.plans import Places, Times, make_plan
from tlsmgm._engine.upstreams import (
    AnyRoutes,
    AnyUpstream,
    Routes,
    as_routes,
    as_upstream,
    check_plain,
    check_upstream,
    has_names,
    resolve,
    upstream_address,
)
from tlsmgm._native.contexts import BuiltContext
from tlsmgm._serving.acceptor import shortages
from tlsmgm._serving.limits import Limit
from tlsmgm._serving.listening import BoundSocket
from tlsmgm._serving.targets import Target
from tlsmgm._state.snapshot import Snapshot
from tlsmgm.errors import ConfigError, NoDomainError

__all__ = ["Listener", "Source", "arrivals_of"]

logger = logging.getLogger("tlsmgm")

#: Seconds after which the names of upstreams are looked up again.
_LOOKUP_INTERVAL: Final = 10.0

#: Seconds in which one limit, or a want of descriptors, is mentioned in the log once.
_WARNING_INTERVAL: Final = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """The manager, as a listener sees it.

    Args:
        state: returns what holds now.
        follow: takes a function that is called after each change, before whoever makes it goes on;
            returns the way back.
        build: loads a server domain that is none of its own.
    """

    state: Callable[[], tuple[Snapshot, Times]]
    follow: Callable[[Callable[[], None]], Callable[[], None]]
    build: Callable[[Domain], BuiltContext]


class Listener:
    """Listening sockets and the threads behind them; made by :meth:`tlsmgm.TLSManager.listen`.

    It accepts from the start.  Used in a ``with`` statement it closes itself.

    It belongs to the process that has made it.  In a forked one it is closed, and whatever is asked
    of it raises ``RuntimeError``; the parent's goes on.

    Args:
        source: has domains and times.
        bound: the sockets; they belong to the listener from now on, whatever happens.
        routes: where connections go.
        options: whatever else was chosen.
        on_end: hears of each connection that is over, in a thread of the listener; it should
            return soon.
        on_connection: gets each connection that is handed over, in a thread of the listener, one
            at a time.

    Raises:
        ConfigError: an upstream cannot be resolved, or has no client domain.
    """

    def __init__(
        self,
        source: Source,
        bound: Sequence[BoundSocket],
        routes: Routes,
        options: ListenOptions,
        on_end: Callable[[Ended], object] | None = None,
        on_connection: Callable[[AcceptedConnection], object] | None = None,
    ) -> None:
        self._targets = tuple(item.target for item in bound)
        self._inside = _Inside(source, routes, options, on_end)
        try:
            self._inside.begin(bound)
        except BaseException:
            self._inside.end_following()
            for item in bound:
                item.close()
            raise
        # Garbage may be collected anywhere, with any locks held: nothing waits there.
        self._finalizer = weakref.finalize(self, self._inside.stop)
        self._finalizer.atexit = False  # the engine sees to that
        if on_connection is not None:
            threading.Thread(
                target=serve,
                args=(self._inside.engine.arrivals, on_connection),
                name="tlsmgm-connections",
                daemon=True,
            ).start()

    @property
    def addresses(self) -> tuple[Target, ...]:
        """Where it listens, with the ports that the system has chosen."""
        return self._targets

    def set_routes(self, routes: AnyRoutes) -> None:
        """Send new connections elsewhere; those that are there stay where they are.

        Args:
            routes: as for :meth:`tlsmgm.TLSManager.listen`.

        Raises:
            ConfigError: they cannot be used; then nothing has changed.
            RuntimeError: the listener is closed.
        """
        self._inside.check_open()
        known = as_routes(routes)
        if any(not target.is_tls for target in self._targets):
            check_plain(known)
        self._inside.set_routes(known)

    def accept(self, seconds: float | None = None) -> AcceptedConnection | None:
        """Return a connection whose route leads to the program, and wait until there is one.

        For threads; tasks use ``async for connection in listener``.  What nobody takes within ten
        seconds, or until the listener has ended, is reset.

        Args:
            seconds: how long to wait; None: until there will be none any more.

        Returns:
            The connection; None: there was none in time, or there will be none.
        """
        self._inside.check_process()
        return self._inside.engine.arrivals.wait(seconds)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AcceptedConnection:
        """The next connection whose route leads to the program."""
        self._inside.check_process()
        found = await self._inside.engine.arrivals.next()
        if found is None:
            raise StopAsyncIteration
        return found

    def statistics(self) -> Mapping[str, int]:
        """Return what has been counted; docs/python.md has all names."""
        self._inside.check_process()
        return self._inside.engine.statistics()

    def forget_domain(self, server_name: str | None = None) -> None:
        """Look for the domain of a name anew when the next client asks for it.

        Only for listeners with ``on_client_hello``: what was found is used for as long as
        :class:`~tlsmgm.OnDemand` says, whatever has become of its files, or of its row in a
        database.  Connections that are there stay.

        Args:
            server_name: as clients send it; None: all names.
        """
        self._inside.check_process()
        if self._inside.asking is not None:
            self._inside.asking.forget_name(server_name)

    def drain(self, seconds: float) -> None:
        """Take no more connections, and end those that are there in time; returns at once.

        Args:
            seconds: how long they have to end by themselves; then they are ended as far as that
                goes politely, and reset two and a half seconds later.  A second call can only make
                that shorter.
        """
        self._inside.check_process()
        self._inside.drain(seconds)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has ended, after :meth:`drain`.

        Args:
            seconds: how long; None: for ever.

        Returns:
            Whether it has; all connections have been told to ``on_end`` by then.

        Raises:
            RuntimeError: ``on_end`` asks, which would wait for itself.
        """
        self._inside.check_process()
        return self._inside.wait(seconds)

    def close(self) -> None:
        """Take no more connections, reset those that are there, and wait for the threads.

        Called by ``on_end`` it does not wait.  A listener that nobody has any more does the same.
        """
        self._finalizer()
        self._inside.wait_after_stop()

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
        """Where it listens."""
        return f"<Listener {', '.join(map(str, self._targets))}>"


class _Inside:
    """All of a listener that its threads may know: it goes when nobody has the listener any more.

    Args:
        source: has domains and times.
        routes: where connections go.
        options: whatever else was chosen.
        on_end: hears of each connection that is over.
    """

    engine: Engine
    asking: Asking | None

    def __init__(
        self,
        source: Source,
        routes: Routes,
        options: ListenOptions,
        on_end: Callable[[Ended], object] | None,
    ) -> None:
        self._source = source
        self._options = options
        self.records_without_data = options.limits.records_without_data
        self._on_end = on_end
        self._lock = threading.Lock()  # of the next four
        self._number = 0
        self._routes = dict(routes)
        self._places = _look_up(self._routes)
        self._looks_up = False
        self._is_over = threading.Event()
        self._unfollow: Callable[[], None] | None = None
        self._warned: dict[str, float] = {}

    def check_process(self) -> None:
        """See whether this is the process in which it works.

        Raises:
            RuntimeError: it is a forked one.
        """
        if self.engine.is_forked:
            raise RuntimeError(
                "this listener belongs to the process that has made it, and is closed in a forked "
                "one: call listen() there"
            )

    def check_open(self) -> None:
        """See whether it works at all.

        Raises:
            RuntimeError: it has ended, or this is a forked process.
        """
        self.check_process()
        if self.engine.is_over:
            raise RuntimeError("the listener is closed")

    def begin(self, bound: Sequence[BoundSocket]) -> None:
        """Start everything."""
        snapshot, times = self._source.state()
        _check(snapshot, self._routes, self._options.on_demand is not None)
        plan = make_plan(self._number, snapshot, self._places, times, self._options)
        plan.turn_ticket_keys()
        asking = self.asking = self._asking(len(bound[0].socks))
        self.engine = Engine(bound, plan, self._options, self._tell, asking)
        self.engine.arrivals.belong_to(self)
        # Engine and plan are known before anybody can change the manager's mind again.
        self._unfollow = self._source.follow(self._renew)
        try:
            self._renew()
            self.engine.start()
            if asking is not None:
                asking.begin(self._asked_plans())
            self._look_up_in_time()
        except BaseException:
            self.engine.stop()
            self.end_following()
            raise

    def set_routes(self, routes: Routes) -> None:
        """See :meth:`Listener.set_routes`."""
        routes = dict(routes)
        places = _look_up(routes)
        _check(self._source.state()[0], routes, self._options.on_demand is not None)
        with self._lock:
            self._routes, self._places = routes, places
        self._renew()
        self._look_up_in_time()

    def drain(self, seconds: float) -> None:
        """See :meth:`Listener.drain`."""
        milliseconds = to_milliseconds(seconds)  # first, for it may be nothing of the kind
        self.end_following()
        self.engine.drain(milliseconds)

    def wait(self, seconds: float | None) -> bool:
        """See :meth:`Listener.wait`."""
        return self.engine.wait(seconds)

    def stop(self) -> None:
        """See :meth:`Listener.close`, but for the waiting."""
        if self.engine.is_forked:  # nobody is there who could end
            return
        self.end_following()
        self.engine.stop()

    def wait_after_stop(self) -> None:
        """See :meth:`Listener.close`."""
        if self.engine.is_forked or self.engine.has_this_thread:
            return
        self.engine.wait()

    # What connections that were handed over ask for.

    def relay(self, connection: AcceptedConnection, upstream: AnyUpstream) -> None:
        """See :meth:`AcceptedConnection.relay_now`."""
        self.check_open()
        found = as_upstream(upstream)
        places = resolve(found)
        snapshot, _ = self._source.state()
        try:
            addresses = [upstream_address(snapshot, place) for place in places]
        except NoDomainError as error:
            raise ConfigError(f"upstream {found}: {error}") from None
        connection._send_on(self.engine.adopt, addresses)

    def needs_lookup(self, upstream: AnyUpstream) -> bool:
        """Whether the name of an upstream must be looked up, which may take long."""
        return has_names([as_upstream(upstream)])

    @property
    def is_forked(self) -> bool:
        """Whether this process is a child of the one in which it works."""
        return self.engine.is_forked

    def leave(self) -> None:
        """Give a place back."""
        self.engine.leave()

    def _asking(self, workers: int) -> Asking | None:
        """Who looks for domains where none answers."""
        said = self._options.on_demand
        if said is None:
            return None
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        return Asking(said, workers, loop)

    def _asked_plans(self) -> AskedPlans:
        return AskedPlans(
            self.engine,
            self._source.build,
            self._make_alone,
            self._patience,
            lambda text, error: self._warn("on_demand", text, error),
        )

    def _make_alone(self, number: int, domain: Domain, built: BuiltContext) -> Plan:
        """Make a plan in which one domain alone answers, that the manager does not know."""
        snapshot, times = self._source.state()
        only = snapshot.with_only(domain, built)
        return make_plan(number, only, self._places, times, self._options)

    def _patience(self) -> float:
        """Seconds that a handshake may take."""
        return self._options.limits.handshake_timeout or self._source.state()[1].handshake

    def end_following(self) -> None:
        """Hear no more of the manager, and look nothing up."""
        self._is_over.set()
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    def _renew(self) -> None:
        """Let the present state hold for new connections."""
        if self.engine.is_forked:  # a thread that is not here may have the lock
            return
        with self._lock:
            self._number += 1
            snapshot, times = self._source.state()
            self.engine.post(make_plan(self._number, snapshot, self._places, times, self._options))

    # Names of upstreams.

    def _look_up_in_time(self) -> None:
        """Have a thread for that, once there is a name among the routes."""
        with self._lock:
            wanted = not self._looks_up and any(
                has_names(group or ()) for group in self._routes.values()
            )
            self._looks_up = self._looks_up or wanted
        if wanted:
            name = "tlsmgm-lookups"
            threading.Thread(target=self._look_up_often, name=name, daemon=True).start()

    def _look_up_often(self) -> None:
        while not self._is_over.wait(_LOOKUP_INTERVAL):
            with self._lock:
                routes, before = self._routes, self._places
            try:
                places = _look_up(routes)
            except ConfigError as error:
                self._warn("lookup", f"{error}; the addresses known so far stay in use")
                continue
            if places == before:
                continue
            with self._lock:
                if self._routes is not routes:
                    continue
                self._places = places
            self._renew()

    # What is told.

    def _tell(self, item: Ended | Notice) -> None:
        if isinstance(item, Notice):
            self._tell_of_notice(item)
        elif self._on_end is not None:
            if not item.is_attached:
                give_upstream(item, self._given_upstream(item.domain))
            self._on_end(item)

    def _given_upstream(self, domain: Domain | None) -> str | None:
        """The upstream as it was configured, where there is but one."""
        routes = self._routes
        name = None if domain is None else domain.name
        upstreams = routes.get(name) or routes.get(None) or ()
        return str(upstreams[0]) if len(upstreams) == 1 else None

    def _tell_of_notice(self, notice: Notice) -> None:
        if notice.cannot_accept:
            why = os.strerror(notice.error)
            if shortages.is_due(time.monotonic()):
                logger.warning(
                    "no connection can be taken: %s; new ones wait until others end", why
                )
        elif notice.refused_by is not None:
            self._tell_of_refusal(notice, Limit(notice.refused_by))
        else:
            self._tell_of_stranger(notice)

    def _tell_of_stranger(self, notice: Notice) -> None:
        client = who(notice.client)
        self._warn("untrusted", f"{client} is turned away: no PROXY header is taken from there")

    def _tell_of_refusal(self, notice: Notice, limit: Limit) -> None:
        example = "" if notice.client is None else f", such as {notice.client[0]}"
        bound = getattr(self._options.limits, limit)
        self._warn(limit, f"{limit} is {bound}; more are turned away{example}")

    def _warn(self, kind: str, text: str, error: BaseException | None = None) -> None:
        now = time.monotonic()
        if now - self._warned.get(kind, -_WARNING_INTERVAL) < _WARNING_INTERVAL:
            return
        self._warned[kind] = now
        logger.warning("%s", printable(text), exc_info=error)


def arrivals_of(listener: Listener) -> Arrivals:
    """Return the queue behind a listener, for an event loop that takes many at once."""
    return listener._inside.engine.arrivals


def _look_up(routes: Routes) -> Places:
    return {
        name: None
        if upstreams is None
        else [place for upstream in upstreams for place in resolve(upstream)]
        for name, upstreams in routes.items()
    }


def _check(snapshot: Snapshot, routes: Routes, asks: bool) -> None:
    """See whether the routes can be used.

    Args:
        snapshot: has the domains.
        routes: where connections go.
        asks: there may be other domains, which are looked for when a client asks.

    Raises:
        ConfigError: they cannot.
    """
    if not routes:
        raise ConfigError("there is no route", parameter="routes", hint="such as an upstream")
    for name, upstreams in routes.items():
        is_known = name is None or ("server", name) in snapshot.by_name
        if not (is_known or asks):
            raise ConfigError("there is a route for it, but no server domain", domain=name)
        if upstreams is not None and not upstreams:
            raise ConfigError("a route needs an upstream", domain=name, parameter="routes")
        for upstream in upstreams or ():
            try:
                check_upstream(snapshot, upstream)
            except NoDomainError as error:
                raise ConfigError(f"upstream {upstream}: {error}") from None
