"""How long and how many; closing; the counters."""

from __future__ import annotations

import pytest

from tests.pool.flows import DESTINATION, NAME, TARGET, Flow, Way, World
from tlsmgm._pooling.pool import PoolStatistics

pytestmark = pytest.mark.parametrize(
    ("library", "version"), [("openssl", "TLSv1.3")], indirect=True
)


def target(port: int) -> tuple[tuple[str, int], str, str]:
    return ("192.0.2.1", port), "client", NAME


@pytest.mark.parametrize(("after", "reused"), [(0.0, True), (59.9, True), (60.0, False)])
def test_idle_timeout(world: World, way: Way, after: float, reused: bool) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    world.clock.now += after
    assert way.ask(world.pool, *TARGET) is (flow if reused else None)
    assert flow.closed == (0 if reused else 1)


def test_the_timeout_begins_with_the_last_use(world: World, way: Way) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    for _ in range(5):
        world.clock.now += 40
        assert way.ask(world.pool, *TARGET) is flow
        assert way.is_shared or world.pool.put(flow, *TARGET)
    world.clock.now += 60
    assert way.ask(world.pool, *TARGET) is None


def test_any_call_closes_what_has_expired(world: World, way: Way) -> None:
    old, young = world.open(), world.open()
    way.give(world.pool, old, *target(1))
    world.clock.now += 40
    way.give(world.pool, young, *target(2))
    world.clock.now += 30
    assert way.ask(world.pool, *target(3)) is None
    assert (old.closed, young.closed) == (1, 0)


def test_expire(world: World, way: Way) -> None:
    old, young = world.open(), world.open()
    way.give(world.pool, old, *target(1))
    world.clock.now += 40
    way.give(world.pool, young, *target(2))
    world.clock.now += 30
    assert world.pool.expire() == 1
    assert world.pool.expire() == 0
    assert (old.closed, young.closed) == (1, 0)


def give_all(world: World, way: Way, ports: list[int]) -> list[Flow]:
    flows = [world.open() for _ in ports]
    for flow, port in zip(flows, ports, strict=True):
        assert way.give(world.pool, flow, *target(port))
    return flows


def test_the_pool_is_bounded(library: str, version: str, way: Way) -> None:
    world = World(library, version, max_idle=3)
    flows = give_all(world, way, [1, 2, 3, 4, 5])
    assert [flow.closed for flow in flows] == [1, 1, 0, 0, 0]
    assert len(world.pool) == 3
    assert [way.ask(world.pool, *target(port)) for port in (1, 2, 3)] == [None, None, flows[2]]


def test_each_key_is_bounded(library: str, version: str, way: Way) -> None:
    world = World(library, version, max_idle_per_key=2)
    flows = give_all(world, way, [1, 2, 1, 1, 1])
    assert [flow.closed for flow in flows] == [1, 0, 1, 0, 0]
    assert len(world.pool) == 3


def test_the_one_not_used_for_longest_goes(library: str, version: str) -> None:
    world = World(library, version, max_idle=2)
    first, second = world.open(), world.open()
    world.pool.add(first, *target(1))
    world.pool.add(second, *target(2))
    assert world.pool.find(*target(1)) is first
    world.pool.add(world.open(), *target(3))
    assert (first.closed, second.closed) == (0, 1)


def test_close(world: World, way: Way) -> None:
    flows = give_all(world, way, [1, 2, 2])
    late = world.open()
    with world.pool:
        assert "3 connections" in repr(world.pool)
    assert [flow.closed for flow in flows] == [1, 1, 1]
    world.pool.close()
    assert way.ask(world.pool, *target(1)) is None
    assert not way.give(world.pool, late, *target(1))
    assert late.closed == 1
    assert [flow.closed for flow in flows] == [1, 1, 1]
    assert "closed" in repr(world.pool)


def test_discard(world: World, way: Way) -> None:
    flow, other = give_all(world, way, [1, 1])
    assert world.pool.discard(other)
    assert not world.pool.discard(other)
    assert (flow.closed, other.closed) == (0, 1)
    assert way.ask(world.pool, *target(1)) is flow


def test_statistics(world: World) -> None:
    flow = world.open()
    world.pool.take(*TARGET)
    world.pool.put(flow, *TARGET)
    world.pool.take(*TARGET)
    world.pool.put(flow, *TARGET)
    world.pool.close()
    assert world.pool.statistics == PoolStatistics(hits=1, misses=1, closed=1)


class Failing(Flow):
    """A connection that cannot be closed in peace."""

    def close(self) -> None:
        super().close()
        raise OSError("reset")


def test_a_close_that_fails_leaves_no_other_open(world: World, way: Way) -> None:
    pool = world.new_pool()
    pool._close_item = lambda flow: flow.close()
    flows = [world.open(), world.open(), world.open()]
    flows[1] = Failing(flows[1].conn, flows[1].server)
    for flow in flows:
        way.give(pool, flow, DESTINATION, "client", NAME)
    with pytest.raises(OSError, match="reset"):
        pool.close()
    assert [flow.closed for flow in flows] == [1, 1, 1]
    assert len(pool) == 0
