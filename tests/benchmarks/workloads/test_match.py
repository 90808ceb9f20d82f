"""Lookups are those of the names that are there, and a wrong answer is no result."""

from __future__ import annotations

import pytest

from benchmarks.rounds import Plan, compare
from benchmarks.workloads import match
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent


@pytest.fixture(autouse=True)
def few_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(match, "_QUICK_LOOKUPS", 20)
    monkeypatch.setattr(match, "_QUICK_SIZES", (1, 7, 1_001))


def plan_of(bench: Bench, size: int) -> Plan:
    return next(plan for plan in match.plans(bench) if plan.topic.name == f"match-{size}")


def test_a_topic_for_each_size(bench: Bench) -> None:
    assert [plan.topic.name for plan in match.plans(bench)] == ["match-1", "match-7", "match-1001"]


@pytest.mark.parametrize("size", [1, 7])
def test_everybody_looks_up_what_it_can(bench: Bench, size: int) -> None:
    rows = {row.entrant: row for row in compare(plan_of(bench, size), 1, Silent())}
    for kind in match.KINDS:
        for entrant in ("tlsmgm, index", "tlsmgm, manager", "fnmatch, list"):
            assert rows[f"{entrant}, {kind}"].median > 0
    assert [name for name in rows if name.startswith("Python dict")] == ["Python dict, name"]
    assert rows["tlsmgm, index, name"].details["memory B a name"] > 0
    assert rows["tlsmgm, manager, miss"].details["build µs a name"] > 0


def test_a_list_of_many_patterns_does_not_take_part(bench: Bench) -> None:
    entrants = [item.entrant for item in plan_of(bench, 1_001).contestants]
    assert "tlsmgm, index, miss" in entrants
    assert not [name for name in entrants if name.startswith("fnmatch")]


@pytest.mark.parametrize("size", [1, 2, 7, 30_000])
def test_names_and_patterns_are_asked_for_alike(size: int) -> None:
    names = match.Names(size)
    filters = names.filters
    assert len(filters) == max(2, size)
    for kind, odd in (("name", 0), ("*.suffix", 1)):
        asked = names.asked(kind)
        assert asked == names.asked(kind)
        assert len({name for name, _ in asked}) == len(asked)
        for name, number in asked:
            assert number is not None
            assert number % 2 == odd
            assert name == filters[number] or name.endswith(filters[number].removeprefix("*"))
    assert {number for _, number in names.asked("miss")} == {None}


def test_an_index_that_finds_something_else_is_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(number: int) -> str:
        return f"host{number + 2:07d}.bench.example"

    plan = plan_of(bench, 7)
    monkeypatch.setattr(match.Names, "_filter", staticmethod(shifted))
    with pytest.raises(RuntimeError, match="should be found at"):
        compare(plan, 1, Silent())
