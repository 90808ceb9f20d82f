"""How much memory this process has."""

from __future__ import annotations

import gc
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.sanitizers import IS_SANITIZED

#: A Python without the interpreter lock collects garbage only once there is a quarter more of it,
#: and keeps a heap for each thread. Two batches of the same then differ by more.
_NOISE = 16 if sysconfig.get_config_var("Py_GIL_DISABLED") else 1


def allowance(slack: int) -> int:
    """Return how much more memory a batch may take, of the bytes where there is little noise."""
    return slack * _NOISE


def resident() -> int:
    """Return the resident memory of this process in bytes; skips where that cannot be known.

    It is 0 with a sanitizer, whose own bookkeeping grows with what passes through it.
    """
    if IS_SANITIZED:
        return 0
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        pytest.skip("there is no /proc here")
    return pages * 4096


def assert_it_settles(batch: Callable[[], object], slack: int, *, batches: int = 5) -> None:
    """Do the same again and again until it takes no more memory; a leak takes more each time.

    The allocator keeps pieces of what threads had at the same moment, and how much that is depends
    on the scheduler, so a single batch may well stand out.

    Args:
        batch: what is done; the first time does not count.
        slack: bytes that one more batch may add, see :func:`allowance`.
        batches: after so many it must have settled.
    """
    batch()
    memory = [resident_when_collected()]
    for _ in range(batches - 1):
        batch()
        memory.append(resident_when_collected())
        if len(memory) > 2 and memory[-1] - memory[-2] < allowance(slack):
            return
    raise AssertionError(f"each batch takes more memory: {memory}")


def resident_when_collected() -> int:
    """Return the resident memory without what only the collector can free."""
    gc.collect()
    return resident()
