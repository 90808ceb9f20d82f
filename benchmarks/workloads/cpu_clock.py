"""CPU time of short stretches of work, less what reading the clock costs.

Reading a thread's CPU clock is a call of the kernel, which takes half as long as a small message of
TLS. The C programs take the same off, see ``native/memory/meter.c``.
"""

from __future__ import annotations

import functools
import time
from typing import Final

__all__ = ["clock", "clock_cost"]

#: Nanoseconds of CPU time of the calling thread.
clock: Final = time.thread_time_ns

_SAMPLES: Final = 1000


@functools.cache
def clock_cost() -> int:
    """Nanoseconds that an empty stretch seems to take: the least of many, so never too much."""
    return min(_empty_stretch() for _ in range(_SAMPLES))


def _empty_stretch() -> int:
    begin = clock()
    return clock() - begin
