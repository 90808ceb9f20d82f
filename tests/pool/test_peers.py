"""Peers that close, fail, vanish or talk out of turn: their connections are not handed out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pool.flows import TARGET, Flow, Pool, Way, World
from tests.support.managers import assert_echo, carry
from tlsmgm import TLSError
from tlsmgm._pooling.pool import PoolStatistics


def close(flow: Flow) -> None:
    flow.server.shutdown()
    carry(flow.server, flow.conn)


def truncate(flow: Flow) -> None:
    flow.conn.feed_eof()


def spoil(flow: Flow) -> None:
    flow.server.write(b"x")
    record = bytearray(flow.server.drain())
    record[-1] ^= 1
    flow.conn.feed(bytes(record))


def close_after_data(flow: Flow) -> None:
    flow.server.write(b"late")
    close(flow)


def talk(flow: Flow) -> None:
    flow.server.write(b"HTTP/1.1 200 for whoever comes next\r\n")
    carry(flow.server, flow.conn)


def close_ourselves(flow: Flow) -> None:
    flow.conn.shutdown()


def leave_unsent(flow: Flow) -> None:
    flow.conn.write(b"half a request")


#: What has happened before anybody looks at the connection.
ENDS: dict[str, Callable[[Flow], None]] = {
    function.__name__: function
    for function in (close, truncate, spoil, close_after_data, close_ourselves)
}
LEFTOVERS: dict[str, Callable[[Flow], None]] = {"talk": talk, "leave_unsent": leave_unsent}


@pytest.mark.parametrize("event", [*ENDS.values(), *LEFTOVERS.values()], ids=[*ENDS, *LEFTOVERS])
def test_not_taken_back(world: World, event: Callable[[Flow], None]) -> None:
    flow = world.open()
    event(flow)
    assert not world.pool.put(flow, *TARGET)
    assert (flow.closed, len(world.pool)) == (1, 0)


@pytest.mark.parametrize("event", [*ENDS.values(), talk], ids=[*ENDS, "talk"])
def test_not_taken_out(world: World, event: Callable[[Flow], None]) -> None:
    good, bad = world.open(), world.open()
    world.pool.put(good, *TARGET)
    world.pool.put(bad, *TARGET)
    event(bad)
    assert world.pool.take(*TARGET) is good
    assert (good.closed, bad.closed) == (0, 1)
    assert_echo(good.conn, good.server)
    assert world.pool.statistics.closed == 1


def read_on(flow: Flow) -> None:
    """What the reader of a shared connection does all the time."""
    try:
        while flow.conn.read():
            pass
    except TLSError:
        pass


@pytest.mark.parametrize("event", ENDS.values(), ids=ENDS)
def test_not_found_once_its_reader_knows(world: World, event: Callable[[Flow], None]) -> None:
    good, bad = world.open(), world.open()
    world.pool.add(good, *TARGET)
    world.pool.add(bad, *TARGET)
    event(bad)
    read_on(bad)
    assert world.pool.find(*TARGET) is good
    assert (good.closed, bad.closed, len(world.pool)) == (0, 1, 1)


@pytest.mark.parametrize("event", ENDS.values(), ids=ENDS)
def test_not_added_once_its_reader_knows(world: World, event: Callable[[Flow], None]) -> None:
    flow = world.open()
    event(flow)
    read_on(flow)
    assert not world.pool.add(flow, *TARGET)
    assert flow.closed == 1


def test_data_of_a_shared_connection_is_its_readers(world: World) -> None:
    flow = world.open()
    world.pool.add(flow, *TARGET)
    talk(flow)
    assert world.pool.find(*TARGET) is flow
    assert flow.conn.read() == b"HTTP/1.1 200 for whoever comes next\r\n"


def test_expire_closes_ended_ones(world: World, way: Way) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    close(flow)
    read_on(flow)
    assert world.pool.expire() == 1
    assert flow.closed == 1


def test_the_program_looks_at_the_transport(library: str, version: str, way: Way) -> None:
    """It may feed what has come meanwhile, and the pool sees what that was."""

    def receive(flow: Flow) -> bool:
        carry(flow.server, flow.conn)
        if way.is_shared:
            read_on(flow)
        return True

    world = World(library, version, is_usable=receive)
    good, bad = world.open(), world.open()
    way.give(world.pool, good, *TARGET)
    way.give(world.pool, bad, *TARGET)
    bad.server.shutdown()
    assert way.ask(world.pool, *TARGET) is good
    assert (good.closed, bad.closed) == (0, 1)


def test_the_program_refuses(library: str, version: str, way: Way) -> None:
    refused: list[Flow] = []
    world = World(library, version, is_usable=lambda flow: flow not in refused)
    good, bad = world.open(), world.open()
    refused.append(bad)
    way.give(world.pool, good, *TARGET)
    way.give(world.pool, bad, *TARGET)
    assert way.ask(world.pool, *TARGET) is good
    assert (good.closed, bad.closed) == (0, 1)


def test_the_program_fails(library: str, version: str, way: Way) -> None:
    """Its error goes up, and nothing leaks."""

    def fail(flow: Flow) -> bool:
        raise OSError("no such socket")

    world = World(library, version, is_usable=fail)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    with pytest.raises(OSError, match="no such socket"):
        way.ask(world.pool, *TARGET)
    assert (flow.closed, len(world.pool)) == (1, 0)


def test_discarded_while_it_was_looked_at(library: str, version: str) -> None:
    """What another thread has closed meanwhile is not found."""
    world = World(library, version)
    pool: Pool = world.new_pool(is_usable=lambda flow: pool.discard(flow))
    flow = world.open()
    pool.add(flow, *TARGET)
    assert pool.find(*TARGET) is None
    assert flow.closed == 1
    assert pool.statistics == PoolStatistics(misses=1, closed=1)


def test_tickets_are_no_leftovers(world: World) -> None:
    """In TLS 1.3 they come after the handshake, and nobody has read since."""
    flow = world.open()
    carry(flow.server, flow.conn)
    assert world.pool.put(flow, *TARGET)
    assert flow.conn.session is not None
    assert world.pool.take(*TARGET) is flow
