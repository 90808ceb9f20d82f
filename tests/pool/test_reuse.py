"""What is reused and what is not: destination, client domain and server name must be the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pool.flows import DESTINATION, NAME, TARGET, Flow, Way, World
from tests.support.managers import assert_echo, client_domain, manager_of, pki, server_domain
from tests.support.scripts import Site, client
from tlsmgm import ConfigError
from tlsmgm._pooling.pool import PoolStatistics


def test_the_same_is_reused(world: World, way: Way) -> None:
    flow = world.open()
    assert way.ask(world.pool, *TARGET) is None
    assert way.give(world.pool, flow, *TARGET)
    assert len(world.pool) == 1
    assert way.ask(world.pool, *TARGET) is flow
    assert_echo(flow.conn, flow.server)
    assert flow.closed == 0
    assert world.pool.statistics == PoolStatistics(hits=1, misses=1)


def test_a_taken_one_is_gone_until_it_comes_back(world: World) -> None:
    flow = world.open()
    for _ in range(3):
        assert world.pool.put(flow, *TARGET)
        assert world.pool.take(*TARGET) is flow
        assert world.pool.take(*TARGET) is None
        assert len(world.pool) == 0


def test_a_found_one_stays(world: World) -> None:
    flow = world.open()
    assert world.pool.add(flow, *TARGET)
    for _ in range(3):
        assert world.pool.find(*TARGET) is flow
        assert len(world.pool) == 1


def test_ways_do_not_mix(world: World) -> None:
    """Nobody gets for himself what others are using."""
    flow = world.open()
    world.pool.add(flow, *TARGET)
    assert world.pool.take(*TARGET) is None
    assert world.pool.discard(flow)
    other = world.open()
    world.pool.put(other, *TARGET)
    assert world.pool.find(*TARGET) is None
    assert world.pool.take(*TARGET) is other


def test_the_latest_comes_first(world: World) -> None:
    flows = [world.open() for _ in range(3)]
    for flow in flows:
        world.pool.put(flow, *TARGET)
    assert [world.pool.take(*TARGET) for _ in range(4)] == [*reversed(flows), None]


OTHERS: dict[str, tuple[tuple[str, int], str, str | None]] = {
    "ip": (("192.0.2.2", 5061), "client", NAME),
    "port": (("192.0.2.1", 5062), "client", NAME),
    "domain": (DESTINATION, "other", NAME),
    "server name": (DESTINATION, "client", "dom2.test"),
    "no server name": (DESTINATION, "client", None),
    "longer server name": (DESTINATION, "client", "a.dom1.test"),
    "address as server name": (DESTINATION, "client", "192.0.2.1"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_reused(
    world: World, way: Way, other: tuple[tuple[str, int], str, str | None]
) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    assert way.ask(world.pool, *other) is None
    assert (len(world.pool), flow.closed) == (1, 0)
    assert way.ask(world.pool, *TARGET) is flow


def test_no_name_is_no_wildcard(world: World, way: Way) -> None:
    """Nobody's name was compared with this certificate."""
    flow = world.open(server_name=None)
    way.give(world.pool, flow, DESTINATION, "client", None)
    assert way.ask(world.pool, *TARGET) is None
    assert way.ask(world.pool, DESTINATION, "client", None) is flow


SPELLINGS = [
    (("192.0.2.1", 1), ("::ffff:192.0.2.1", 1)),
    (("2001:db8::1", 1), ("[2001:0DB8:0:0::1]", 1)),
    (("fe80::1%eth0", 1), ("[fe80:0::1%eth0]", 1)),
]


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_spellings_of_an_address(
    world: World, way: Way, one: tuple[str, int], other: tuple[str, int]
) -> None:
    flow = world.open()
    way.give(world.pool, flow, one, "client", NAME)
    assert way.ask(world.pool, other, "client", NAME) is flow


@pytest.mark.parametrize("other", ["fe80::1%eth1", "fe80::1"])
def test_another_zone_is_another_host(world: World, way: Way, other: str) -> None:
    way.give(world.pool, world.open(), ("fe80::1%eth0", 1), "client", NAME)
    assert way.ask(world.pool, (other, 1), "client", NAME) is None


@pytest.mark.parametrize("name", ["DOM1.test", "dom1.test.", "Dom1.Test."])
def test_spellings_of_a_name(world: World, way: Way, name: str) -> None:
    flow = world.open()
    way.give(world.pool, flow, *TARGET)
    assert way.ask(world.pool, DESTINATION, "client", name) is flow
    other = world.open(server_name=name)
    assert way.give(world.pool, other, DESTINATION, "client", name)
    assert way.ask(world.pool, *TARGET) is other


def test_names_outside_ascii(library: str, version: str, way: Way) -> None:
    world = World(library, version, manager_of(library, client_domain(verify_cert=False)))
    world.servers.add_domain(server_domain("any", match_sip_domain="*", **key_of_dom1()))
    flow = world.open(server_name="Bücher.test")
    assert way.give(world.pool, flow, DESTINATION, "client", "bücher.test.")
    assert way.ask(world.pool, DESTINATION, "client", "xn--bcher-kva.TEST") is flow
    assert way.ask(world.pool, DESTINATION, "client", "bucher.test") is None


def key_of_dom1() -> dict[str, Any]:
    return {"certificate": pki("dom1.pem"), "private_key": pki("dom1.key")}


def test_addresses_as_server_names(library: str, version: str, way: Way) -> None:
    """An address is not sent, but checked, and that decides."""
    world = World(library, version)
    files = {"certificate": pki("good.pem"), "private_key": pki("good.key")}
    world.servers = manager_of(library, server_domain("any", match_sip_domain="none", **files))
    flow = world.open(server_name="192.0.2.7")
    with pytest.raises(ValueError, match=r"checked '192\.0\.2\.7'"):
        way.give(world.pool, flow, DESTINATION, "client", None)
    with pytest.raises(ValueError, match=r"server name '192\.0\.2\.8'"):
        way.give(world.pool, flow, DESTINATION, "client", "192.0.2.8")
    assert way.give(world.pool, flow, DESTINATION, "client", "192.0.2.7")
    for name in (None, "192.0.2.8", "::ffff:192.0.2.7"):
        assert way.ask(world.pool, DESTINATION, "client", name) is None
    assert way.ask(world.pool, DESTINATION, "client", "192.0.2.7") is flow


def test_unchecked_connections_get_no_checked_name(world: World, way: Way) -> None:
    """Neither sends a name, so that only what was checked tells them apart."""
    flow = world.open(server_name=None)
    with pytest.raises(ValueError, match="checked None"):
        way.give(world.pool, flow, DESTINATION, "client", "192.0.2.7")
    assert flow.closed == 0


@pytest.mark.parametrize("rule", ["verify_cert", "danger_skip_hostname_check"])
def test_domains_that_check_no_names(library: str, version: str, way: Way, rule: str) -> None:
    values: dict[str, Any] = {rule: rule != "verify_cert"}
    world = World(library, version, manager_of(library, client_domain(**values)))
    for name in ("dom1.test", "192.0.2.7"):
        flow = world.open(server_name=name)
        assert way.give(world.pool, flow, DESTINATION, "client", name)
        assert way.ask(world.pool, DESTINATION, "client", name) is flow
    assert way.ask(world.pool, DESTINATION, "client", "dom2.test") is None


def test_a_domain_and_its_name(world: World, way: Way) -> None:
    flow = world.open()
    domain = world.clients.find_client_domain_by_name("client")
    assert domain is not None
    way.give(world.pool, flow, DESTINATION, domain, NAME)
    assert way.ask(world.pool, *TARGET) is flow


def test_the_branch_decides(site: Site, version: str, way: Way) -> None:
    """The AVPs take effect with every call, also when a connection is there (manual 1.9.15)."""
    avps = [
        f'modparam("tls_mgm", "client_{name}_domain_avp", "{name}_avp")' for name in ("tls", "sip")
    ]
    blue = client("client", match_sip_domain="blue")
    site.write(avps, blue, client("other", match_sip_domain="red"))
    world = World(site.library, version, site.load())
    flow = world.open()
    way.give(world.pool, flow, *TARGET)

    def ask(avps: dict[str, str], branch_avps: dict[str, str]) -> Flow | None:
        domain = world.clients.find_client_domain(*DESTINATION, avps, branch_avps)
        assert domain is not None
        return way.ask(world.pool, DESTINATION, domain, NAME)

    assert ask({"sip_avp": "blue"}, {"sip_avp": "red"}) is None
    assert ask({"sip_avp": "blue"}, {"tls_avp": "other"}) is None
    assert ask({"sip_avp": "blue"}, {}) is flow
    assert way.is_shared or way.give(world.pool, flow, *TARGET)
    assert ask({"sip_avp": "red"}, {"tls_avp": "client"}) is flow


def test_a_domain_of_another_manager(library: str, version: str, way: Way) -> None:
    """It has the same name, and other rules."""
    world = World(library, version)
    strangers = World(library, version, manager_of(library, client_domain(verify_cert=False)))
    flow = strangers.open()
    assert not way.give(world.pool, flow, *TARGET)
    assert flow.closed == 1
    assert way.ask(world.pool, *TARGET) is None


def test_pools_of_two_programs(world: World) -> None:
    """Nothing is shared between pools."""
    other = world.new_pool()
    world.pool.put(world.open(), *TARGET)
    assert other.take(*TARGET) is None


def test_unknown_domains(world: World, way: Way) -> None:
    with pytest.raises(ConfigError, match="nobody"):
        way.ask(world.pool, DESTINATION, "nobody", NAME)
