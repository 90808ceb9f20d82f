"""Mistakes of callers: nothing wrong gets in, and what was refused is still the caller's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pool.flows import DESTINATION, NAME, TARGET, Flow, Way, World
from tests.support.managers import LOCAL, carry, manager_of, server_domain, shake_hands
from tlsmgm import ConfigError, Connection, TLSManager, UnsupportedError
from tlsmgm._pooling.pool import ConnectionPool


@pytest.mark.parametrize(
    ("domain", "name", "complaint"),
    [
        ("other", NAME, "domain 'client', not 'other'"),
        ("nobody", NAME, "domain 'client', not 'nobody'"),
        ("client", "dom2.test", "server name 'dom2.test'"),
        ("client", None, "server name None"),
        ("client", "192.0.2.1", r"server name '192\.0\.2\.1'"),
        ("client", "", "server name ''"),
    ],
)
def test_another_connection_than_said(
    world: World, way: Way, domain: str, name: str | None, complaint: str
) -> None:
    flow = world.open()
    with pytest.raises(ValueError, match=complaint):
        way.give(world.pool, flow, DESTINATION, domain, name)
    assert (flow.closed, len(world.pool)) == (0, 0)
    assert way.give(world.pool, flow, *TARGET)


def test_a_nameless_one_as_if_it_had_a_name(world: World, way: Way) -> None:
    flow = world.open(server_name=None)
    with pytest.raises(ValueError, match="it sent None and checked None"):
        way.give(world.pool, flow, *TARGET)


@pytest.mark.parametrize(
    ("sent", "checked"),
    [(b"dom1.test", None), (None, b"dom1.test"), (b"dom2.test", b"dom1.test")],
)
def test_made_by_hand(world: World, way: Way, sent: bytes | None, checked: bytes | None) -> None:
    """Both what was sent and what was checked must be the name that is asked for."""
    context = world.clients.client_context("client")
    conn = Connection(context, server_name=sent, verify_name=checked)
    servers = manager_of(world.servers.library, server_domain(match_sip_domain="*,none"))
    server = servers.server_connection(LOCAL)
    shake_hands(conn, server)
    for name in ("dom1.test", "dom2.test", None):
        with pytest.raises(ValueError, match="server name"):
            way.give(world.pool, Flow(conn, server), DESTINATION, "client", name)


def test_unfinished_handshakes(world: World, way: Way) -> None:
    conn = world.clients.client_connection("client", server_name=NAME)
    server = world.servers.server_connection(LOCAL)
    for _ in range(2):
        with pytest.raises(ValueError, match="handshake is not complete"):
            way.give(world.pool, Flow(conn, server), *TARGET)
        assert not conn.handshake()
        carry(conn, server)
    assert len(world.pool) == 0


def test_the_servers_end(world: World, way: Way) -> None:
    flow = world.open()
    with pytest.raises(ValueError, match="that we opened"):
        way.give(world.pool, Flow(flow.server, flow.conn), DESTINATION, "dom1", NAME)


@pytest.mark.parametrize("again", ["put", "add"])
def test_twice(world: World, way: Way, again: str) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    with pytest.raises(ValueError, match="already"):
        getattr(world.pool, again)(flow, *TARGET)
    with pytest.raises(ValueError, match="already"):
        getattr(world.pool, again)(Flow(flow.conn, flow.server), *TARGET)
    assert (flow.closed, len(world.pool)) == (0, 1)
    assert way.ask(world.pool, *TARGET) is flow


def test_not_a_connection(world: World, way: Way) -> None:
    itself: Any = lambda flow: flow  # noqa: E731
    pool: ConnectionPool[Flow] = ConnectionPool(world.clients, itself, Flow.close)
    with pytest.raises(TypeError, match="must give a Connection, not Flow"):
        way.give(pool, world.open(), *TARGET)


@pytest.mark.parametrize(
    "destination", ["192.0.2.1", "ab", ("192.0.2.1", 0), ("192.0.2.1", 65536), ("192.0.2.1",)]
)
def test_bad_destinations(world: World, way: Way, destination: Any) -> None:
    flow = world.open()
    with pytest.raises(ValueError, match="destination"):
        way.ask(world.pool, destination, "client", NAME)
    with pytest.raises(ValueError, match="destination"):
        way.give(world.pool, flow, destination, "client", NAME)
    assert flow.closed == 0


def test_names_are_no_addresses(world: World, way: Way) -> None:
    """Which of its addresses a name means can change between two calls."""
    with pytest.raises(ConfigError, match=r"'dom1\.test' is not an IP address"):
        way.ask(world.pool, ("dom1.test", 5061), "client", NAME)


def test_bad_domains(world: World, way: Way) -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="not NoneType"):
        way.ask(world.pool, DESTINATION, nothing, NAME)
    with pytest.raises(ConfigError, match="dom1"):
        way.ask(world.pool, DESTINATION, "dom1", NAME)


def test_without_a_library(way: Way) -> None:
    pool: ConnectionPool[Flow] = ConnectionPool(
        TLSManager("none"), lambda flow: flow.conn, Flow.close
    )
    with pytest.raises(UnsupportedError):
        way.ask(pool, *TARGET)


@pytest.mark.parametrize(
    "options",
    [
        {"max_idle": 0},
        {"max_idle_per_key": 0},
        {"idle_timeout": 0},
        {"idle_timeout": -1},
        {"idle_timeout": float("nan")},
    ],
)
def test_bad_bounds(options: dict[str, Any]) -> None:
    world = World("openssl", "TLSv1.3")
    with pytest.raises(ValueError, match=r"at least one|above 0"):
        world.new_pool(**options)


def test_used_after_it_was_given_back(world: World) -> None:
    """Whatever the old user did to it, the next one gets nothing of it."""
    flow = world.open()
    world.pool.put(flow, *TARGET)
    flow.conn.shutdown()
    carry(flow.conn, flow.server)
    assert world.pool.take(*TARGET) is None
    assert flow.closed == 1


class Busy(Connection):
    """A connection that another thread has entered, as soon as it is told so."""

    __slots__ = ("entered",)

    entered: bool

    def read(self, size: int = 65536) -> bytes | None:
        if getattr(self, "entered", False):
            raise RuntimeError("this connection is in use by another thread")
        return super().read(size)


def test_still_in_use_by_another_thread(world: World) -> None:
    name = NAME.encode()
    conn = Busy(world.clients.client_context("client"), server_name=name, verify_name=name)
    server = world.servers.server_connection(LOCAL)
    shake_hands(conn, server)
    flow = Flow(conn, server)
    assert world.pool.put(flow, *TARGET)
    conn.entered = True
    assert world.pool.take(*TARGET) is None
    assert flow.closed == 1
