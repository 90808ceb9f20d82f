"""Relaying over loopback: bulk each way and messages, through a standing connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.cohort.loopback import LoopbackServer
from benchmarks.cohort.members import loopback_servers
from benchmarks.cohort.setting import Absent
from benchmarks.cohort.upstream import Upstream
from benchmarks.model import Topic
from benchmarks.native.worker import run_load
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.kinds import KINDS
from benchmarks.workloads.loopback import load_words, serve

__all__ = ["plans"]

_KIND: Final = KINDS[0]
_ENDLESS: Final = 1 << 60
_MEGABYTE: Final = 1 << 20


@dataclass(frozen=True)
class _Way:
    """A way of moving data.

    Attributes:
        topic: the question.
        mode: of the load generator.
        size: bytes of an operation.
        count: operations of a turn.
        connections: how many at a time.
    """

    topic: Topic
    mode: str
    size: int
    count: int
    connections: int


_WAYS: Final = (
    _Way(
        Topic(
            "relay-down",
            "1 MB relayed from the upstream to a client",
            "µs",
            about="CPU time of the whole server for 1 MB, over loopback.",
            baseline="asyncio ssl=",
        ),
        "down",
        _MEGABYTE,
        300,
        4,
    ),
    _Way(
        Topic(
            "relay-up",
            "1 MB relayed from a client to the upstream",
            "µs",
            about="CPU time of the whole server for 1 MB, over loopback.",
            baseline="asyncio ssl=",
        ),
        "up",
        _MEGABYTE,
        300,
        4,
    ),
    _Way(
        Topic(
            "relay-message",
            "A message of 1 KB and its answer, relayed",
            "µs",
            about="CPU time of the whole server for a message to an echoing upstream, and back.",
            baseline="asyncio ssl=",
        ),
        "echo",
        1024,
        5000,
        16,
    ),
)


def plans(bench: Bench) -> Iterator[Plan]:
    """One topic for each way of moving data."""
    for way in _WAYS:
        yield _plan(bench, way)


def _plan(bench: Bench, way: _Way) -> Plan:
    upstream = Upstream(amount=_ENDLESS, cpus=bench.load_cpus)
    port = {
        "down": upstream.source_port,
        "up": upstream.discard_port,
        "echo": upstream.echo_port,
    }[way.mode]
    servers, absent = loopback_servers(port, cpus=bench.server_cpus, only=bench.servers)
    plan = Plan(way.topic, [], absent)
    closing = contextlib.ExitStack()
    closing.callback(upstream.stop)
    for server in servers:
        try:
            plan.contestants.append(_contestant(bench, way, server, closing))
        except Absent as reason:
            plan.absent.append(f"{way.topic.name}: {reason}")
    return plan


def _contestant(
    bench: Bench, way: _Way, server: LoopbackServer, closing: contextlib.ExitStack
) -> Contestant:
    port = serve(bench, _KIND, server)
    closing.callback(server.stop)
    words = load_words(bench, _KIND, port)
    words |= {"mode": way.mode, "connections": way.connections, "bytes": way.size}

    def turn(part: float) -> Turn:
        count = max(way.connections, bench.count(way.count, part))
        before = server.cpu_seconds()
        report = run_load("openssl", timeout=120.0, count=count, **words)
        spent = server.cpu_seconds() - before
        done = report.get("count", count)
        return Turn(spent / done * 1e6, {"per second": done / (report["wall_ns"] / 1e9)})

    return Contestant(server.name, server.library, turn, closing.close)
