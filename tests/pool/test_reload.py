"""After a reload: connections of a domain that has changed are closed, others go on."""

from __future__ import annotations

import pytest

from tests.pool.flows import DESTINATION, NAME, TARGET, Flow, Pool, Way, World
from tests.support.managers import client_domain
from tests.support.scripts import Site, client
from tlsmgm import ConfigError, ReloadReport
from tlsmgm._pooling.pool import ConnectionPool


def world_of(site: Site, version: str) -> World:
    site.write(client("client", ca_list="ca.pem"), client("other"))
    site.replace("ca.pem", "root.pem")
    return World(site.library, version, site.load())


def change(site: Site, world: World, what: str) -> None:
    """Change the domain ``client`` so that it gets a new context."""
    lines = client("client", ca_list="ca.pem")
    if what == "file":
        path = site.path / "ca.pem"
        path.write_bytes(path.read_bytes() + (site.path / "dom2.pem").read_bytes())
    elif what == "crl":
        lines = client("client", ca_list="ca.pem", crl_dir="crls")
    elif what == "certificate":
        lines = client("client", ca_list="ca.pem", certificate="good.pem", private_key="good.key")
    else:
        lines = client("client", ca_list="ca.pem", verify_cert=0)
    site.write(lines, client("other"))
    assert world.clients.reload() == ReloadReport(changed=("client",))


@pytest.mark.parametrize("what", ["file", "crl", "certificate", "rule"])
def test_a_changed_domain(site: Site, version: str, way: Way, what: str) -> None:
    world = world_of(site, version)
    flow, elsewhere = world.open(), world.open()
    way.give(world.pool, flow, *TARGET)
    way.give(world.pool, elsewhere, ("192.0.2.9", 1), "client", NAME)
    change(site, world, what)
    assert way.ask(world.pool, *TARGET) is None
    assert flow.closed == 1
    assert elsewhere.closed == 1  # the first question about a domain closes all that is old
    fresh = world.open()
    assert way.give(world.pool, fresh, *TARGET)
    assert way.ask(world.pool, *TARGET) is fresh


def test_nothing_changed(site: Site, version: str, way: Way) -> None:
    world = world_of(site, version)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    assert world.clients.reload() == ReloadReport()
    assert way.ask(world.pool, *TARGET) is flow
    assert flow.closed == 0


def test_another_domain_changed(site: Site, version: str, way: Way) -> None:
    world = world_of(site, version)
    mine, other = world.open(), world.open("other")
    way.give(world.pool, mine, *TARGET)
    way.give(world.pool, other, DESTINATION, "other", NAME)
    change(site, world, "rule")
    assert way.ask(world.pool, DESTINATION, "other", NAME) is other
    assert way.ask(world.pool, *TARGET) is None
    assert (mine.closed, other.closed) == (1, 0)


def test_changed_and_changed_back(site: Site, version: str, way: Way) -> None:
    """The definition is the old one, but the context is not the one that verified the peer."""
    world = world_of(site, version)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    change(site, world, "rule")
    site.write(client("client", ca_list="ca.pem"), client("other"))
    world.clients.reload()
    assert way.ask(world.pool, *TARGET) is None
    assert flow.closed == 1


def test_a_domain_as_it_was_before(site: Site, version: str, way: Way) -> None:
    """Who still has the old one cannot ask, and costs the others nothing."""
    world = world_of(site, version)
    old = world.clients.find_client_domain_by_name("client")
    assert old is not None
    before = world.open()
    change(site, world, "rule")
    flow = world.open()
    assert way.give(world.pool, flow, *TARGET)
    with pytest.raises(ConfigError, match="not the one that is loaded"):
        way.ask(world.pool, DESTINATION, old, NAME)
    assert not way.give(world.pool, before, DESTINATION, old, NAME)
    assert (before.closed, flow.closed) == (1, 0)
    assert way.ask(world.pool, *TARGET) is flow


def test_a_removed_domain(site: Site, version: str, way: Way) -> None:
    world = world_of(site, version)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    site.write(client("other"))
    world.clients.reload()
    with pytest.raises(ConfigError, match="client"):
        way.ask(world.pool, *TARGET)
    assert (flow.closed, len(world.pool)) == (1, 0)


def test_removed_and_added_again(site: Site, version: str, way: Way) -> None:
    world = world_of(site, version)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    site.write(client("other"))
    world.clients.reload()
    world.clients.add_domain(client_domain())
    assert way.ask(world.pool, *TARGET) is None
    assert flow.closed == 1


@pytest.mark.parametrize("removed", [True, False])
def test_in_use_while_the_domain_changes(site: Site, version: str, way: Way, removed: bool) -> None:
    """It may end its exchange, and is closed when it comes back."""
    world = world_of(site, version)
    flow = world.open()
    if removed:
        site.write(client("other"))
        world.clients.reload()
    else:
        change(site, world, "crl")
    assert not way.give(world.pool, flow, *TARGET)
    assert (flow.closed, len(world.pool)) == (1, 0)


def test_expire_closes_what_no_one_asks_for(site: Site, version: str, way: Way) -> None:
    world = world_of(site, version)
    changed, removed = world.open(), world.open("other")
    way.give(world.pool, changed, *TARGET)
    way.give(world.pool, removed, DESTINATION, "other", NAME)
    assert world.pool.expire() == 0
    site.write(client("client", ca_list="ca.pem", verify_cert=0))
    world.clients.reload()
    assert world.pool.expire() == 2
    assert (changed.closed, removed.closed, len(world.pool)) == (1, 1, 0)


def test_a_reload_between_question_and_answer(site: Site, version: str, way: Way) -> None:
    """The program's own function reloads: what it was asked about was good when it was asked."""
    world = world_of(site, version)
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    change(site, world, "rule")
    pool = world.new_pool(is_usable=lambda flow: world.pool.expire() == 1)
    fresh = world.open()
    way.give(pool, fresh, *TARGET)
    assert way.ask(pool, *TARGET) is fresh
    assert flow.closed == 1


def test_a_thread_that_is_behind(
    monkeypatch: pytest.MonkeyPatch, site: Site, version: str, way: Way
) -> None:
    """It asked before the reload and puts in after it, just while someone else is looking."""
    world = world_of(site, version)
    old, expired = world.open(), world.open("other")
    before = world.clients.client_context("client")

    def close(flow: Flow) -> None:
        if flow is expired:
            with monkeypatch.context() as patch:
                patch.setattr(world.clients, "client_context", lambda _: before)
                assert way.give(pool, old, *TARGET)
        flow.close()

    pool: Pool = ConnectionPool(world.clients, lambda flow: flow.conn, close, clock=world.clock)
    way.give(pool, expired, DESTINATION, "other", NAME)
    world.clock.now += 100
    change(site, world, "rule")
    assert way.ask(pool, *TARGET) is None
    assert (old.closed, expired.closed, len(pool)) == (0, 1, 1)
    assert way.ask(pool, *TARGET) is None
    assert (old.closed, len(pool)) == (1, 0)
