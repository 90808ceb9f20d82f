"""Two threads at once: how many handshakes more than one thread alone.

Client and server share the two processors, so each thread does both ends of its handshakes. The
client's end is tlsmgm on OpenSSL for all that are driven from Python, since not every library's own
client can pin what is pinned; C drives its own. What is compared is an entrant with itself.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.members import MEMORY
from benchmarks.cohort.memory import Accept, Connect, handshake
from benchmarks.cohort.setting import Absent, Setting, check_facts
from benchmarks.model import Topic
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.native.worker import LAYERS
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.handshakes import native_worker
from benchmarks.workloads.kinds import KINDS

__all__ = ["ENTRANTS", "THREADS", "plans", "spread", "wall_time"]

THREADS: Final = 2

#: Who takes part.
ENTRANTS: Final = ("tlsmgm-openssl", "tlsmgm-wolfssl", "ssl", "pyopenssl", "wolfssl-py")

_LIBRARIES: Final = ("openssl", "wolfssl")

_COUNT: Final = 300
_QUICK_COUNT: Final = 20

_ABOUT: Final = (
    "Handshakes a second of two threads on two processors, divided by those of one thread just "
    "before, by the clock on the wall: 2 is the best, 1 says that the interpreter's lock is held. "
    "Each thread does both ends of full TLS 1.3 handshakes (ECDSA P-256, X25519), one after the "
    "other; the client is tlsmgm on OpenSSL for all that are driven from Python, and releases the "
    "lock; C drives its own. The threads share the server's context, and the client's. Where "
    "'processors used' is well below 2 for plain C, the machine was busy with something else."
)


@dataclass(frozen=True)
class _Times:
    """One thread, then two, each with as many handshakes.

    Attributes:
        one: seconds of one thread.
        two: seconds of two of them.
        used: CPU time of both for each second; well below 2 without a lock in the way, the
            machine was busy.
    """

    one: float
    two: float
    used: float


def plans(bench: Bench) -> list[Plan]:
    """One topic; none where there is one processor."""
    topic = Topic(
        "threads-2",
        "Two threads: handshakes compared with one thread",
        "times",
        "higher",
        _ABOUT,
        "plain C, openssl",
    )
    plan = Plan(topic, [])
    if len(bench.cpus) < THREADS:
        plan.absent.append(f"threads-2: it takes {THREADS} processors, and here is one")
        return [plan]
    for library in _LIBRARIES:
        for layer in LAYERS:
            _add(plan, functools.partial(_native, bench, library, layer))
    for name in ENTRANTS:
        _add(plan, functools.partial(_python, bench, name))
    return [plan]


def _add(plan: Plan, make: Callable[[], Contestant]) -> None:
    try:
        plan.contestants.append(make())
    except (Absent, LibraryMissingError, BuildError) as reason:
        plan.absent.append(f"{plan.topic.name}: {reason}")


def _native(bench: Bench, library: str, layer: str) -> Contestant:
    worker, facts = native_worker(bench, KINDS[0], library, layer)
    os.sched_setaffinity(worker.pid, bench.cpus[:THREADS])
    name = f"plain C, {library}" if layer == "plain" else f"C contract, {library}"

    def measure(count: int) -> _Times:
        one, two = (worker.handshakes(count, threads) for threads in (1, THREADS))
        used = (two.server_ns + two.client_ns) / two.wall_ns
        return _Times(one.wall_ns / 1e9, two.wall_ns / 1e9, used)

    version = f"{library} {facts.get('library_version', '')}".strip()
    return _contestant(bench, name, version, measure, worker.close)


def _python(bench: Bench, name: str) -> Contestant:
    entrant = MEMORY[name]()
    identity, setting = bench.identity("ecdsa"), Setting()
    accept = entrant.server(identity, setting)
    connect = Managed("openssl").client(identity, setting)
    _check(accept, connect, setting, entrant.name)

    def work(count: int) -> None:
        for _ in range(count):
            client, server = connect(None), accept()
            handshake(client, server)
            server.close()
            client.close()

    def measure(count: int) -> _Times:
        with spread(bench.cpus[:THREADS]):
            one = wall_time(work, count, 1)
            begin = time.process_time()
            two = wall_time(work, count, THREADS)
            return _Times(one, two, (time.process_time() - begin) / two)

    return _contestant(bench, entrant.name, entrant.library, measure)


def _check(accept: Accept, connect: Connect, setting: Setting, who: str) -> None:
    client, server = connect(None), accept()
    handshake(client, server)
    check_facts(client.facts(), setting, who)
    server.close()
    client.close()


def _contestant(
    bench: Bench,
    name: str,
    library: str,
    measure: Callable[[int], _Times],
    close: Callable[[], None] = lambda: None,
) -> Contestant:
    """A turn is one thread, then two; ``measure`` takes the handshakes of a thread."""
    count = _QUICK_COUNT if bench.quick else _COUNT

    def turn(part: float) -> Turn:
        number = max(1, round(count * part))
        times = measure(number)
        return Turn(
            THREADS * times.one / times.two,
            {
                "1 thread a second": number / times.one,
                "2 threads a second": THREADS * number / times.two,
                "processors used": times.used,
            },
        )

    return Contestant(name, library, turn, close)


@contextlib.contextmanager
def spread(cpus: Collection[int]) -> Iterator[None]:
    """Let threads that are started inside run on these processors.

    Other workloads keep this process on one of them.

    Args:
        cpus: their numbers.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def wall_time(work: Callable[[int], None], count: int, threads: int) -> float:
    """Do something in several threads that begin at the same time.

    Args:
        work: takes how often.
        count: how often in each thread.
        threads: how many.

    Returns:
        Seconds from the first beginning to the last end.

    Raises:
        Exception: what went wrong in one of them.
    """
    start = threading.Barrier(threads)

    def run() -> tuple[float, float]:
        start.wait()
        begin = time.perf_counter()
        work(count)
        return begin, time.perf_counter()

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run) for _ in range(threads)]
        spans = [future.result() for future in futures]
    return max(end for _, end in spans) - min(begin for begin, _ in spans)
