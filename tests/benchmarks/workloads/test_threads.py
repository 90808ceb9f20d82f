"""Threads really run at once, on the processors that they are given."""

from __future__ import annotations

import os
import threading

import pytest

from benchmarks.rounds import compare
from benchmarks.workloads import threads
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent


@pytest.fixture
def two(bench: Bench) -> Bench:
    if len(bench.cpus) < threads.THREADS:
        pytest.skip("there is one processor")
    return bench


def test_rows(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_QUICK_COUNT", 2)
    (plan,) = threads.plans(two)
    rows = {row.entrant: row for row in compare(plan, 1, Silent())}
    assert "ssl" in rows
    for row in rows.values():
        assert row.median > 0
        assert row.details["1 thread a second"] > 0
        assert row.details["2 threads a second"] > 0


def test_one_processor_is_not_enough(bench: Bench) -> None:
    bench.cpus = bench.cpus[:1]
    (plan,) = threads.plans(bench)
    assert plan.contestants == []
    assert "2 processors" in plan.absent[0]


def test_work_is_done_at_once_and_as_often_as_said() -> None:
    meeting = threading.Barrier(2, timeout=30)
    done: list[int] = []

    def work(count: int) -> None:
        meeting.wait()  # fails unless both threads are in here
        done.append(count)

    assert threads.wall_time(work, 3, 2) > 0
    assert done == [3, 3]


def test_a_failing_thread_is_no_result() -> None:
    def work(count: int) -> None:
        raise RuntimeError("stuck")

    with pytest.raises(RuntimeError, match="stuck"):
        threads.wall_time(work, 1, 2)


def test_processors_are_given_back(two: Bench) -> None:
    os.sched_setaffinity(0, two.cpus[:1])
    with threads.spread(two.cpus[:2]):
        assert os.sched_getaffinity(0) == set(two.cpus[:2])
    assert os.sched_getaffinity(0) == set(two.cpus[:1])
