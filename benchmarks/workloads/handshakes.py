"""Handshakes in memory: what the server's side costs, in CPU time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.members import memory_entrants
from benchmarks.cohort.memory import Accept, Connect, Entrant
from benchmarks.cohort.setting import Absent, Setting, check_facts
from benchmarks.model import Topic
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.native.worker import NativeError, Worker
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.cpu_clock import clock, clock_cost
from benchmarks.workloads.kinds import KINDS, Kind, native_words

__all__ = ["client_library", "native_worker", "plans"]

#: Handshakes of a turn.
_COUNT: Final = 200

#: In the C programs each handshake of a turn resumes the one before it; wolfSSL ends long chains.
_LONGEST_CHAIN: Final = 150

_ABOUT: Final = (
    "CPU time of the server's side of one handshake, in memory, without sockets. Clients "
    "run over the same library as the server; those of Python's entrants are tlsmgm's."
)


def plans(bench: Bench) -> Iterator[Plan]:
    """One topic for each kind of handshake."""
    bench.stay()
    entrants, absent = memory_entrants()
    for kind in KINDS:
        yield _plan(bench, kind, entrants, absent)


def _plan(bench: Bench, kind: Kind, entrants: list[Entrant], absent: list[str]) -> Plan:
    topic = Topic(
        f"handshake-{kind.name}",
        f"Handshake in memory: {kind.title}",
        "µs",
        about=_ABOUT,
        baseline="plain C, openssl",
    )
    plan = Plan(topic, [], list(absent))
    for library in ("openssl", "wolfssl"):
        for layer in ("plain", "contract"):
            _add(plan, lambda: _native(bench, kind, library, layer))  # noqa: B023  # called at once
    for entrant in entrants:
        _add(plan, lambda: _python(bench, kind, entrant))  # noqa: B023  # called at once
    return plan


def _add(plan: Plan, make: Any) -> None:
    try:
        plan.contestants.append(make())
    except (Absent, LibraryMissingError, BuildError) as reason:
        plan.absent.append(f"{plan.topic.name}: {reason}")


def native_worker(
    bench: Bench, kind: Kind, library: str, layer: str
) -> tuple[Worker, dict[str, Any]]:
    """Start a native program with the kind's setting.

    Args:
        bench: has the certificates.
        kind: what is pinned.
        library: ``openssl`` or ``wolfssl``.
        layer: ``plain`` or ``contract``.

    Returns:
        The worker, and what it says about itself.

    Raises:
        Absent: the library cannot do what is pinned.
    """
    identity = bench.identity(kind.key_type)
    worker = Worker(library, layer)
    try:
        words: dict[str, Any] = {
            **native_words(kind.setting, resumed=kind.resumed),
            "certificate": identity.certificate,
            "key": identity.key,
        }
        if kind.setting.mutual:
            words |= {
                "ca": identity.ca,
                "client_certificate": identity.client_certificate,
                "client_key": identity.client_key,
            }
        return worker, worker.setup(**words)
    except NativeError as error:
        worker.close()
        raise Absent(f"{layer} {library}: {error}") from None


def _native(bench: Bench, kind: Kind, library: str, layer: str) -> Contestant:
    worker, facts = native_worker(bench, kind, library, layer)
    name = f"plain C, {library}" if layer == "plain" else f"C contract, {library}"

    longest = _LONGEST_CHAIN if kind.resumed else _COUNT

    def turn(part: float) -> Turn:
        done = worker.handshakes(min(bench.count(_COUNT, part), longest))
        return Turn(
            done.server_ns / done.count / 1000,
            {
                "client µs": done.client_ns / done.count / 1000,
                "wall µs": done.wall_ns / done.count / 1000,
            },
        )

    return Contestant(
        name, f"{library} {facts.get('library_version', '')}".strip(), turn, worker.close
    )


def _python(bench: Bench, kind: Kind, entrant: Entrant) -> Contestant:
    if kind.resumed and not entrant.resumes:
        raise Absent(f"{entrant.name}: it resumes no sessions")
    identity = bench.identity(kind.key_type)
    accept = entrant.server(identity, kind.setting)
    connect = Managed(client_library(entrant)).client(identity, kind.setting)
    session = _Session(kind.resumed)

    def turn(part: float) -> Turn:
        count = bench.count(_COUNT, part)
        begin = time.perf_counter_ns()
        spent = sum(
            _handshake(accept, connect, kind.setting, entrant.name, session) for _ in range(count)
        )
        wall = time.perf_counter_ns() - begin
        return Turn(spent / count / 1000, {"wall µs": wall / count / 1000})

    return Contestant(entrant.name, entrant.library, turn)


def client_library(entrant: Entrant) -> str:
    """Say over which library an entrant's clients run: its own, as in the C programs.

    The code of another library would push the server's out of the processor's caches, which costs
    a fifth of the fastest handshakes.

    Args:
        entrant: the server.
    """
    return "wolfssl" if "wolfssl" in entrant.library.lower() else "openssl"


class _Session:
    """The session that the next handshake offers, where handshakes are resumed."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.current: object | None = None


def _handshake(
    accept: Accept, connect: Connect, setting: Setting, who: str, session: _Session
) -> int:
    """Nanoseconds of CPU time that the server's side took."""
    offered = session.current
    client = connect(offered)
    done, wire = client.step(b"")
    begin = clock()
    server = accept()
    complete, answer = server.step(wire)
    spent = clock() - begin - clock_cost()
    while not done:
        done, wire = client.step(answer)
        answer = b""
        if wire:
            begin = clock()
            complete, answer = server.step(wire)
            spent += clock() - begin - clock_cost()
    if not complete:
        raise RuntimeError(f"{who}: the handshake is stuck")
    client.open(answer)  # tickets of TLS 1.3
    check_facts(client.facts(), setting, who, reused=None if offered is None else True)
    if session.wanted:
        session.current = session.current or client.session()
    server.close()
    client.close()
    return spent
