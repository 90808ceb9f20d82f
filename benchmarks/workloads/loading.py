"""Loading and reloading many domains: time and memory, from a script and from SQLite.

Every turn is a fresh process (``programs/load.py``), because what an allocator keeps from earlier
loads would hide what this one needs. The reload is measured in the process that has just loaded,
so one process answers two topics.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tlsmgm
from benchmarks.identity import Identity
from benchmarks.model import Topic
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.programs.domains import write_script, write_sqlite
from benchmarks.workloads.programs.launch import run

__all__ = ["SIZES", "plans"]

#: How many domains.
SIZES: Final = (1, 1_000, 100_000)
_QUICK_SIZES: Final = SIZES[:2]

#: Domains from which on memory is more than a matter of pages.
_COUNTABLE: Final = 1_000

_LIBRARIES: Final = ("none", "openssl", "wolfssl")
_SOURCES: Final[dict[str, tuple[str, Callable[[Path, int, Identity], Path]]]] = {
    "script": ("an OpenSIPS script", write_script),
    "sqlite": ("SQLite", write_sqlite),
}

_ABOUT: Final = (
    "CPU time for each domain, in a fresh process that has loaded one such domain before. All "
    "domains have one ECDSA certificate and key (a script names the files, a table holds the PEM "
    "in each row), so a disk with as many files is not part of it; names differ. Kept memory is "
    "the growth of the proportional set size since before the load, the peak that of the resident "
    "set size."
)
_RELOADED: Final = (
    " Nothing has changed since the load, so contexts are kept and files looked at; old and new "
    "domains are there at the same time, and allocators keep some of that memory."
)


@dataclass
class _Process:
    """Runs the program; each run has a value for loading and one for reloading."""

    arguments: tuple[str, ...]
    _waiting: dict[str, deque[dict[str, float]]] = field(
        default_factory=lambda: {"load": deque(), "reload": deque()}
    )

    def cost(self, name: str) -> dict[str, float]:
        """The value of a run that has not been asked for it yet."""
        if not self._waiting[name]:
            costs: dict[str, Any] = json.loads(run("load", *self.arguments))
            for found, cost in costs.items():
                self._waiting[found].append(cost)
        return self._waiting[name].popleft()


def plans(bench: Bench) -> list[Plan]:
    """Two topics, to load and to reload, for each source and size."""
    found = []
    for source in _SOURCES:
        for size in _QUICK_SIZES if bench.quick else SIZES:
            found += _plans(bench, source, size)
    return found


def _plans(bench: Bench, source: str, size: int) -> list[Plan]:
    title, write = _SOURCES[source]
    files = _Files(bench, source, write)
    noun = "domain" if size == 1 else "domains"
    plans = [
        Plan(
            Topic(
                f"{name}-{source}-{size}",
                f"{name.capitalize()} {size:,} {noun}: {title}",
                "µs",
                about=about,
                baseline="tlsmgm, none",
            ),
            [],
            rounds=3 if size <= _COUNTABLE else 1,  # one takes a minute for each library
        )
        for name, about in (("load", _ABOUT), ("reload", _ABOUT + _RELOADED))
    ]
    present = tlsmgm.libraries()
    for library in _LIBRARIES:
        if library != "none" and library not in present:
            for plan in plans:
                plan.absent.append(f"{plan.topic.name}: tlsmgm has no {library}; run make")
            continue
        version = f"{library} {present[library].version}" if library in present else "none"
        process = _Process((source, library, files.path(1), files.path(size), str(size)))
        for name, plan in zip(("load", "reload"), plans, strict=True):
            plan.contestants.append(_contestant(library, version, process, name, size))
    return plans


class _Files:
    """Files with domains, each written once."""

    def __init__(
        self, bench: Bench, source: str, write: Callable[[Path, int, Identity], Path]
    ) -> None:
        self._bench = bench
        self._source = source
        self._write = write

    def path(self, size: int) -> str:
        """A file with so many domains."""
        folder = self._bench.folder / f"{self._source}-{size}"
        known = list(folder.glob("opensips.cfg")) + list(folder.glob("domains.db"))
        return str(known[0] if known else self._write(folder, size, self._bench.identity("ecdsa")))


def _contestant(library: str, version: str, process: _Process, name: str, size: int) -> Contestant:
    def turn(_: float) -> Turn:
        cost = process.cost(name)
        details = {"wall s": cost["wall"]}
        if size >= _COUNTABLE:
            details["kept kB a domain"] = cost["kept"] / 1024 / size
            details["peak kB a domain"] = cost["peak"] / 1024 / size
        return Turn(cost["cpu"] * 1e6 / size, details)

    # A process that ends leaves nothing warm behind.
    return Contestant(f"tlsmgm, {library}", version, turn, needs_warm_up=False)
