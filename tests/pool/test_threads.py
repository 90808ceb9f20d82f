"""Many threads: no connection has two users, and each is closed once."""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from tests.pool.flows import NAME, Flow, World
from tests.support.scripts import Site, client
from tlsmgm import ConfigError, TLSManager
from tlsmgm._core.context import Context

THREADS = 8
TURNS = 300
PORTS = (1, 2, 3)


def run(work: Callable[[random.Random], None]) -> None:
    """Run the same work in many threads; the first error is raised."""
    errors: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def body(seed: int) -> None:
        try:
            start.wait()
            work(random.Random(seed))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=body, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


class Market:
    """Connections made in advance, and who has which.

    Args:
        world: opens them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.flows = [world.open() for _ in range(40)]
        self._fresh = list(self.flows)
        self._users: set[int] = set()

    def fresh(self) -> Flow | None:
        """Return a connection that was never used, or None."""
        try:
            return self._fresh.pop()
        except IndexError:
            return None

    def begin(self, flow: Flow) -> None:
        """Prove that nobody else has it."""
        assert id(flow) not in self._users
        assert flow.closed == 0
        self._users.add(id(flow))

    def end(self, flow: Flow) -> None:
        """Say that it is free."""
        self._users.remove(id(flow))


@pytest.fixture(autouse=True)
def many_switches() -> Iterator[None]:
    """Let threads run for a short time each."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def market(library: str) -> Market:
    return Market(World(library, "TLSv1.3", max_idle=10, max_idle_per_key=5))


def test_exclusive(market: Market) -> None:
    pool = market.world.pool

    def work(chance: random.Random) -> None:
        for _ in range(TURNS):
            port = chance.choice(PORTS)
            flow = pool.take(("192.0.2.1", port), "client", NAME) or market.fresh()
            if flow is None:
                continue
            market.begin(flow)
            market.end(flow)
            pool.put(flow, ("192.0.2.1", port), "client", NAME)

    run(work)
    assert len(pool) <= 10
    assert pool.statistics.hits > 0
    pool.close()
    assert all(flow.closed == 1 for flow in market.flows if flow not in market._fresh)
    assert pool.statistics.closed == len(market.flows) - len(market._fresh)


def test_shared(market: Market) -> None:
    """Everybody may find, discard and add; what was closed does not come out any more."""
    pool = market.world.pool

    def work(chance: random.Random) -> None:
        for _ in range(TURNS):
            target = ("192.0.2.1", chance.choice(PORTS)), "client", NAME
            found = pool.find(*target)
            if found is not None and chance.random() < 0.05:
                # Who comes second is told so, maybe before the first has closed it.
                if pool.discard(found):
                    assert found.closed == 1
            elif found is None and (flow := market.fresh()):
                assert pool.add(flow, *target)

    run(work)
    pool.close()
    used = [flow for flow in market.flows if flow not in market._fresh]
    assert [flow.closed for flow in used] == [1] * len(used)


class Reloader:
    """Changes the domain ``client`` again and again, until it is told to stop.

    Args:
        site: has the script.
        manager: of the script.
    """

    def __init__(self, site: Site, manager: TLSManager) -> None:
        self.contexts: list[Context | None] = [manager.client_context("client")]
        self._site = site
        self._manager = manager
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            for turn in itertools.count():
                if self._stop.is_set():
                    break
                self._reload(turn)
        except BaseException as error:
            self._errors.append(error)

    def _reload(self, turn: int) -> None:
        gone = turn % 5 == 4
        rules = {"crl_dir": "crls"} if turn % 2 else {}
        self._site.write(client("else") if gone else client(**rules))
        self._manager.reload()
        self.contexts.append(None if gone else self._manager.client_context("client"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert not self._errors, self._errors


def test_reloads_meanwhile(site: Site) -> None:
    """What comes out was born in a context that was current at some time during the call."""
    site.write(client())
    world = World(site.library, "TLSv1.3", site.load())
    flows: list[Flow] = []
    taken: list[tuple[Context | None, int, int]] = []
    target = ("192.0.2.1", 1), "client", NAME

    def work(chance: random.Random) -> None:
        for _ in range(TURNS // 3):
            with contextlib.suppress(ConfigError):  # the domain is gone, for now
                first = len(reloader.contexts)
                flow = world.pool.take(*target)
                if flow is None:
                    flow = world.open()
                    flows.append(flow)
                else:
                    taken.append((flow.conn.context, first, len(reloader.contexts)))
                assert flow.closed == 0
                world.pool.put(flow, *target)

    with Reloader(site, world.clients) as reloader:
        run(work)
    world.pool.close()
    assert len(reloader.contexts) > 1
    assert taken
    for context, first, last in taken:
        # A reload takes effect shortly before it stands in the list.
        assert any(context is known for known in reloader.contexts[first - 1 : last + 1])
    assert [flow.closed for flow in flows] == [1] * len(flows)
