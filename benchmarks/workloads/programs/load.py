"""Loads domains and reloads them unchanged, in a process of its own, and prints what it took.

A first manager is thrown away before anything is measured: with it come the modules that are
imported late and what a TLS library allocates once.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import tlsmgm
from benchmarks.cohort.processes import memory_of
from benchmarks.workloads.programs.domains import sqlite_url

__all__ = ["Cost", "load", "main", "measure"]

#: Seconds that reading a table may take.
_TIMEOUT: Final = 600.0

#: Domains that are loaded at least, for the sake of the clock.
_LEAST: Final = 20

_STATUS: Final = re.compile(r"^(VmHWM|VmRSS):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """What loading or reloading took.

    Attributes:
        cpu: seconds of CPU time, for all domains once.
        wall: seconds by the clock on the wall.
        kept: bytes of memory more than before the load (proportional set size): the domains, and
            what the allocator keeps of what was in use meanwhile.
        peak: bytes of memory more than before the load at the worst moment (resident set size).
    """

    cpu: float
    wall: float
    kept: int
    peak: int


def load(source: str, path: Path, library: str) -> tlsmgm.TLSManager:
    """Load domains into a new manager.

    Args:
        source: ``script`` or ``sqlite``.
        path: of the file.
        library: as ``TLSManager`` takes it.
    """
    if source == "script":
        return tlsmgm.TLSManager.from_config(path, library=library)
    manager = tlsmgm.TLSManager(library)
    report = manager.attach_database(sqlite_url(path), timeout=_TIMEOUT)
    if report.failed:
        raise RuntimeError(f"{path}: {report.failed[0]}")
    return manager


def measure(source: str, path: Path, library: str, count: int) -> dict[str, Cost]:
    """Load and reload.

    Args:
        source: ``script`` or ``sqlite``.
        path: of the file.
        library: as ``TLSManager`` takes it.
        count: how many domains there must be.

    Returns:
        The costs of ``load`` and of ``reload``.

    Raises:
        RuntimeError: something else was loaded, or a reload found a change.
    """
    times = max(1, _LEAST // count)
    managers: list[tlsmgm.TLSManager] = []
    begin = memory_of(os.getpid()), _status("VmRSS")
    loaded = _measured(lambda: managers.append(load(source, path, library)), times, begin)
    if {len(manager.domains) for manager in managers} != {count}:
        raise RuntimeError(f"{path}: there must be {count} domains, not {len(managers[0].domains)}")
    manager = managers[0]
    managers.clear()
    gc.collect()
    reloaded = _measured(lambda: _reload(manager), times, begin)
    return {"load": loaded, "reload": reloaded}


def _reload(manager: tlsmgm.TLSManager) -> None:
    report = manager.reload()
    if report.added or report.changed or report.removed or report.failed:
        raise RuntimeError(f"a reload of unchanged domains found changes: {report}")


def _measured(work: Callable[[], None], times: int, begin: tuple[int, int]) -> Cost:
    """The memory is that of the first time, the time the mean of all."""
    gc.collect()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # proc(5): forget the peak so far
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = _status("VmHWM")
    gc.collect()
    kept = memory_of(os.getpid())
    for _ in range(times - 1):
        start = time.process_time(), time.perf_counter()
        work()
        cpu += time.process_time() - start[0]
        wall += time.perf_counter() - start[1]
    return Cost(cpu / times, wall / times, kept - begin[0], peak - begin[1])


def _status(name: str) -> int:
    """A number of bytes from proc(5).

    The peak is not getrusage()'s: that one counts the memory of our parent before exec, too.
    """
    text = Path("/proc/self/status").read_text("ascii", "replace")
    return int(dict(_STATUS.findall(text))[name]) * 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print JSON.

    Args:
        arguments: of the command line; None: those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=("script", "sqlite"))
    parser.add_argument("library", choices=("none", "openssl", "wolfssl"))
    parser.add_argument("first", type=Path, help="the same kind of file with a few domains")
    parser.add_argument("path", type=Path)
    parser.add_argument("count", type=int)
    options = parser.parse_args(arguments)
    load(options.source, options.first, options.library)
    gc.collect()
    costs = measure(options.source, options.path, options.library, options.count)
    print(json.dumps({name: asdict(cost) for name, cost in costs.items()}))


if __name__ == "__main__":
    main()
