"""Idle relayed connections weigh something, in every server that is ours."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from benchmarks.cohort.members import LOOPBACK
from benchmarks.cohort.setting import Absent
from benchmarks.cohort.upstream import Upstream
from benchmarks.rounds import compare
from benchmarks.workloads import idle
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent


@pytest.fixture(autouse=True)
def _limits() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("name", ["engine-openssl", "engine-wolfssl", "nginx", "nginx-same"])
def test_idle_connections_weigh_something(name: str, bench: Bench) -> None:
    with Upstream() as upstream:
        try:
            server = LOOPBACK[name](upstream.echo_port)
        except Absent as reason:
            pytest.skip(str(reason))
        with server:
            assert idle.weigh(bench, server, 100) > 1024


def test_a_topic_from_start_to_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.servers = ("asyncio",)
    monkeypatch.setattr(idle, "_QUICK_COUNT", 10)
    (plan,) = idle.plans(bench)
    rows = compare(plan, 1, Silent())
    assert [row.entrant for row in rows] == ["asyncio ssl="]
    assert len(rows[0].samples) == 1
    assert "10 more connections" in plan.topic.about


def test_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 300))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    assert idle._count(1_000) == 100
    assert idle._count(50) == 50
