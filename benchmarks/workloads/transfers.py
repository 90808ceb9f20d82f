"""Application data in memory: 1 MB in one piece each way, and messages of 1 KB there and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.members import memory_entrants
from benchmarks.cohort.memory import ClientEnd, End, Entrant, handshake
from benchmarks.cohort.setting import Absent, check_facts
from benchmarks.model import Topic
from benchmarks.native.build import BuildError, LibraryMissingError
from benchmarks.native.worker import Turn as NativeTurn
from benchmarks.native.worker import Worker
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.cpu_clock import clock, clock_cost
from benchmarks.workloads.handshakes import client_library, native_worker
from benchmarks.workloads.kinds import KINDS

__all__ = ["plans"]

_MEGABYTE: Final = 1 << 20
_MESSAGE: Final = 1024

#: Bytes that a program hands over at once.
_PIECE: Final = 64 << 10

#: Transfers of a turn, and messages; these go over so many connections that take turns.
_TRANSFERS: Final = 40
_MESSAGES: Final = 3000
_CONNECTIONS: Final = 16

_KIND: Final = KINDS[0]

_ABOUT_BULK: Final = (
    "CPU time of the server's side for 1 MB (2^20 bytes), handed over in pieces of 64 KB; TLS 1.3, "
    "TLS_AES_128_GCM_SHA256."
)

_TOPICS: Final = (
    Topic(
        "bulk-down",
        "1 MB from server to client, in memory",
        "µs",
        about=_ABOUT_BULK,
        baseline="plain C, openssl",
    ),
    Topic(
        "bulk-up",
        "1 MB from client to server, in memory",
        "µs",
        about=_ABOUT_BULK,
        baseline="plain C, openssl",
    ),
    Topic(
        "message",
        "A message of 1 KB and its answer, in memory",
        "µs",
        about="CPU time of the server's side for reading a message of 1 KB and sending one back.",
        baseline="plain C, openssl",
    ),
)


def plans(bench: Bench) -> Iterator[Plan]:
    """One topic for each way of moving data."""
    bench.stay()
    entrants, absent = memory_entrants()
    for topic in _TOPICS:
        plan = Plan(topic, [], list(absent))
        for library in ("openssl", "wolfssl"):
            for layer in ("plain", "contract"):
                try:
                    plan.contestants.append(_native(bench, topic, library, layer))
                except (Absent, LibraryMissingError, BuildError) as reason:
                    plan.absent.append(f"{topic.name}: {reason}")
        for entrant in entrants:
            try:
                plan.contestants.append(_python(bench, topic, entrant))
            except Absent as reason:
                plan.absent.append(f"{topic.name}: {reason}")
        yield plan


def _native(bench: Bench, topic: Topic, library: str, layer: str) -> Contestant:
    worker, facts = native_worker(bench, _KIND, library, layer)
    name = f"plain C, {library}" if layer == "plain" else f"C contract, {library}"

    def turn(part: float) -> Turn:
        done = _measure(worker, topic, bench, part)
        return Turn(
            done.server_ns / done.count / 1000, {"client µs": done.client_ns / done.count / 1000}
        )

    label = f"{library} {facts.get('library_version', '')}".strip()
    return Contestant(name, label, turn, worker.close)


def _measure(worker: Worker, topic: Topic, bench: Bench, part: float) -> NativeTurn:
    if topic.name == "message":
        return worker.messages(bench.count(_MESSAGES // _CONNECTIONS, part), size=_MESSAGE)
    return worker.bulk(bench.count(_TRANSFERS, part), upload=topic.name == "bulk-up")


def _python(bench: Bench, topic: Topic, entrant: Entrant) -> Contestant:
    identity = bench.identity()
    accept = entrant.server(identity, _KIND.setting)
    connect = Managed(client_library(entrant)).client(identity, _KIND.setting)
    pairs = [(connect(None), accept()) for _ in range(_CONNECTIONS)]
    for client, server in pairs:
        handshake(client, server)
        check_facts(client.facts(), _KIND.setting, entrant.name)

    def turn(part: float) -> Turn:
        if topic.name == "message":
            count = bench.count(_MESSAGES // _CONNECTIONS, part)
            return Turn(_messages(pairs, count) / count / _CONNECTIONS / 1000)
        client, server = pairs[0]
        count = bench.count(_TRANSFERS, part)
        move = _up if topic.name == "bulk-up" else _down
        return Turn(sum(move(client, server) for _ in range(count)) / count / 1000)

    def close() -> None:
        for client, server in pairs:
            client.close()
            server.close()

    return Contestant(entrant.name, entrant.library, turn, close)


def _down(client: ClientEnd, server: End) -> int:
    """Nanoseconds of the server's side for a megabyte to the client."""
    data = bytes(_PIECE)
    spent = 0
    for _ in range(_MEGABYTE // _PIECE):
        begin = clock()
        wire = server.seal(data)
        spent += clock() - begin - clock_cost()
        _expect(len(client.open(wire)), _PIECE)
    return spent


def _up(client: ClientEnd, server: End) -> int:
    """Nanoseconds of the server's side for a megabyte from the client."""
    data = bytes(_PIECE)
    spent = 0
    for _ in range(_MEGABYTE // _PIECE):
        wire = client.seal(data)
        begin = clock()
        got = server.open(wire)
        spent += clock() - begin - clock_cost()
        _expect(len(got), _PIECE)
    return spent


def _messages(pairs: Sequence[tuple[ClientEnd, End]], count: int) -> int:
    """Nanoseconds of the servers' side for messages there and back, one on each connection."""
    data = bytes(_MESSAGE)
    spent = 0
    for _ in range(count):
        wires = [client.seal(data) for client, _ in pairs]
        begin = clock()
        answers = [
            server.seal(server.open(wire)) for (_, server), wire in zip(pairs, wires, strict=True)
        ]
        spent += clock() - begin - clock_cost()
        for (client, _), answer in zip(pairs, answers, strict=True):
            _expect(len(client.open(answer)), _MESSAGE)
    return spent


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} bytes arrived, not {wanted}")
