"""Handshakes, transfers and relays: tiny runs in which everybody does what is pinned."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from benchmarks.rounds import Plan, compare
from benchmarks.workloads import handshakes, loopback, relay, transfers
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.kinds import KINDS
from tests.benchmarks.workloads.silent import Silent

OURS = {"tlsmgm, openssl", "tlsmgm, wolfssl", "plain C, openssl", "C contract, wolfssl"}

PROXIES = [
    f"tlsmgm proxy, {library}{workers}"
    for workers in ("", ", 2 workers")
    for library in ("openssl", "wolfssl")
]


def plan_of(plans: Iterable[Plan], name: str) -> Plan:
    """The plan of this topic; those before it are closed."""
    for plan in plans:
        if plan.topic.name == name:
            return plan
        for contestant in plan.contestants:
            contestant.close()
    raise AssertionError(f"there is no topic {name}")


@pytest.fixture
def tiny(bench: Bench) -> Bench:
    bench.scale = 0.01
    return bench


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_handshakes(tiny: Bench, kind: str) -> None:
    plan = plan_of(handshakes.plans(tiny), f"handshake-{kind}")
    rows = {row.entrant: row for row in compare(plan, 2, Silent())}
    assert rows.keys() >= OURS
    assert all(len(row.samples) == 2 and row.median > 0 for row in rows.values())
    assert rows["plain C, openssl"].details["client µs"] > 0


@pytest.mark.parametrize("name", ["bulk-down", "bulk-up", "message"])
def test_transfers(tiny: Bench, name: str) -> None:
    plan = plan_of(transfers.plans(tiny), name)
    rows = {row.entrant: row for row in compare(plan, 1, Silent())}
    assert rows.keys() >= OURS
    assert all(row.median > 0 for row in rows.values())


def only_ours(plan: Plan) -> Plan:
    """The plan without programs that may not be installed."""
    plan.contestants = [item for item in plan.contestants if item.entrant.startswith("tlsmgm")]
    return plan


@pytest.mark.parametrize("kind", ["tls13-ecdsa", "tls13-resumed", "tls13-mutual"])
def test_loopback(tiny: Bench, kind: str) -> None:
    plan = only_ours(plan_of(loopback.plans(tiny), f"loopback-{kind}"))
    rows = compare(plan, 1, Silent())
    assert [row.entrant for row in rows] == PROXIES
    for row in rows:
        assert row.median > 0
        assert row.details["per second"] > 0


@pytest.mark.parametrize("name", ["relay-down", "relay-up", "relay-message"])
def test_relay(tiny: Bench, name: str) -> None:
    rows = compare(only_ours(plan_of(relay.plans(tiny), name)), 1, Silent())
    assert [row.entrant for row in rows] == PROXIES
    assert all(row.median > 0 for row in rows)
