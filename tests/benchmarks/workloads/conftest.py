"""Surroundings of a tiny run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.workloads.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A quick run, that leaves the process on the processors that it had."""
    before = os.sched_getaffinity(0)
    yield Bench(tmp_path, quick=True)
    os.sched_setaffinity(0, before)
