"""Many threads that do something at the same time, until all have done enough."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence

#: What a thread does again and again; it gets a source of randomness of its own.
Work = Callable[[random.Random], object]

#: Seconds between two switches of threads; Python's own 5 ms are an age for what is tested here.
SWITCH_INTERVAL = 1e-5


@contextlib.contextmanager
def many_switches() -> Iterator[None]:
    """Let each thread run for a short time only."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_together(works: Sequence[Work], turns: int) -> None:
    """Run each work in a thread of its own, until every one has had its turns.

    Args:
        works: one for each thread.
        turns: how often each of them is called at least; nobody stops before the last one, so
            that all of them have company all the time.

    Raises:
        BaseException: the first one of any thread, which stops all of them.
    """
    errors: list[BaseException] = []
    start = threading.Barrier(len(works))
    left = len(works)
    lock = threading.Lock()
    stopping = threading.Event()

    def has_done_its_part() -> None:
        nonlocal left
        with lock:
            left -= 1
            if left == 0:
                stopping.set()

    def body(work: Work, seed: int) -> None:
        chance = random.Random(seed)
        done = 0
        try:
            start.wait()
            while not stopping.is_set():
                work(chance)
                done += 1
                if done == turns:
                    has_done_its_part()
        except BaseException as error:
            errors.append(error)
            stopping.set()

    threads = [
        threading.Thread(target=body, args=(work, seed), name=getattr(work, "__name__", None))
        for seed, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
