"""Echo servers under asyncio and uvloop: ``tlsmgm.aio`` beside ``ssl=``.

The protocol is the same for all, and there is no upstream: what differs is TLS and its transport.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from benchmarks.cohort.loopback import LoopbackServer
from benchmarks.cohort.members import echo_servers
from benchmarks.cohort.setting import Absent, Setting
from benchmarks.model import Topic
from benchmarks.native.worker import run_load
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.idle import weigh
from benchmarks.workloads.kinds import KINDS, Kind
from benchmarks.workloads.loopback import load_words, serve

__all__ = ["plans"]

_KIND: Final = KINDS[0]
_STORM: Final = Kind("tls13-rsa4096", "TLS 1.3, RSA-4096, X25519", Setting(), "rsa4096")

#: Operations of a turn, and how many connections are open at a time.
_ACCEPTED: Final = 800
_MESSAGES: Final = 20_000
_OPEN: Final = 16

#: Connections that idle.
_IDLE: Final = 1_000
_QUICK_IDLE: Final = 100
_IDLE_ROUNDS: Final = 3

#: Seconds of a storm in a full turn, and connections that echo meanwhile.
_STORM_SECONDS: Final = 4
_CALM: Final = 4

_BASELINE: Final = "asyncio ssl="

#: What measures one turn of a server at a port.
_Measure = Callable[[LoopbackServer, int, float], Turn]


def plans(bench: Bench) -> Iterator[Plan]:
    """Connections, messages, idle memory, and messages during a storm of handshakes."""
    yield _plan(
        bench,
        Topic(
            "echo-accept",
            "New connection to an echo server under asyncio",
            "µs",
            about="CPU time of the whole server for a connection: accept, handshake, one byte and "
            "back, close. TLS 1.3, ECDSA P-256.",
            baseline=_BASELINE,
        ),
        _KIND,
        lambda server, port, part: _accept(bench, server, port, part),
    )
    yield _plan(
        bench,
        Topic(
            "echo-message",
            "A message of 1 KB and its echo under asyncio",
            "µs",
            about="CPU time of the whole server for a message, and back.",
            baseline=_BASELINE,
        ),
        _KIND,
        lambda server, port, part: _messages(bench, server, port, part),
    )
    yield _idle_plan(bench)
    yield _plan(
        bench,
        Topic(
            "echo-storm",
            "Latency of an echo during a storm of RSA-4096 handshakes",
            "µs",
            about=f"The 99th percentile of {_CALM} connections that send 1 KB and wait for it, "
            f"while {_OPEN} others connect, again and again, to a server with an RSA key of "
            "4096 bits on one processor. The first echo of a connection does not count, for the "
            "server may still be about its handshake; how long newcomers take stands beside it: "
            "the median from connect to the answer to their first byte.",
            baseline=_BASELINE,
        ),
        _STORM,
        lambda server, port, part: _storm(bench, port, part),
    )


def _plan(bench: Bench, topic: Topic, kind: Kind, measure: _Measure) -> Plan:
    servers, absent = echo_servers(cpus=bench.server_cpus, only=bench.servers)
    plan = Plan(topic, [], absent)
    closing = contextlib.ExitStack()
    for server in servers:
        try:
            port = serve(bench, kind, server)
        except Absent as reason:
            plan.absent.append(f"{topic.name}: {reason}")
            continue
        closing.callback(server.stop)
        plan.contestants.append(_contestant(server, port, measure, closing.close))
    return plan


def _contestant(
    server: LoopbackServer, port: int, measure: _Measure, close: Callable[[], None]
) -> Contestant:
    return Contestant(server.name, server.library, lambda part: measure(server, port, part), close)


def _accept(bench: Bench, server: LoopbackServer, port: int, part: float) -> Turn:
    words = load_words(bench, _KIND, port) | {"mode": "handshake", "connections": _OPEN}
    count = bench.count(_ACCEPTED, part)
    before = server.cpu_seconds()
    report = run_load("openssl", timeout=120.0, count=count, warmup=_OPEN, **words)
    spent = server.cpu_seconds() - before
    return Turn(spent / (count + _OPEN) * 1e6, {"per second": count / (report["wall_ns"] / 1e9)})


def _messages(bench: Bench, server: LoopbackServer, port: int, part: float) -> Turn:
    words = load_words(bench, _KIND, port)
    words |= {"mode": "echo", "connections": _OPEN, "bytes": 1024}
    count = max(_OPEN, bench.count(_MESSAGES, part))
    before = server.cpu_seconds()
    report = run_load("openssl", timeout=120.0, count=count, **words)
    spent = server.cpu_seconds() - before
    return Turn(spent / count * 1e6, {"per second": count / (report["wall_ns"] / 1e9)})


def _idle_plan(bench: Bench) -> Plan:
    count = _QUICK_IDLE if bench.quick else _IDLE
    topic = Topic(
        "echo-idle",
        "Memory of an idle connection under asyncio",
        "kB",
        about=f"Growth of the proportional set size of an echo server with {count:,} more "
        "connections, divided by their number; 1 KB has gone both ways on each. Each turn begins "
        "with a new server.",
        baseline=_BASELINE,
    )
    servers, absent = echo_servers(cpus=bench.server_cpus, only=bench.servers)
    plan = Plan(topic, [], absent, rounds=_IDLE_ROUNDS)
    for server in servers:
        try:
            server.check(_KIND.setting)
        except Absent as reason:
            plan.absent.append(f"{topic.name}: {reason}")
            continue
        plan.contestants.append(_idle_contestant(bench, server, count))
    return plan


def _idle_contestant(bench: Bench, server: LoopbackServer, count: int) -> Contestant:
    def turn(_: float) -> Turn:
        with server:
            return Turn(weigh(bench, server, count) / 1024)

    return Contestant(server.name, server.library, turn, server.stop, needs_warm_up=False)


def _storm(bench: Bench, port: int, part: float) -> Turn:
    words = load_words(bench, _STORM, port)
    seconds = max(1, round(_STORM_SECONDS * part * bench.scale))
    calm = {"mode": "echo", "connections": _CALM, "bytes": 1024, "seconds": seconds}
    # The storm begins before the connections that echo, and blows until they are done.
    storm = {"mode": "handshake", "connections": _OPEN, "seconds": seconds + 1, "patience": 60}
    with ThreadPoolExecutor(1) as pool:
        blowing = pool.submit(_load, words | storm)
        report = _load(words | calm)
        handshakes = blowing.result()
    return Turn(
        report["latency_p99_ns"] / 1e3,
        {
            "median µs": report["latency_p50_ns"] / 1e3,
            "longest µs": report["latency_max_ns"] / 1e3,
            "newcomers µs": handshakes["latency_p50_ns"] / 1e3,
            "echoes per second": report["operations"] / (report["wall_ns"] / 1e9),
            "handshakes per second": handshakes["operations"] / (handshakes["wall_ns"] / 1e9),
        },
    )


def _load(words: dict[str, Any]) -> dict[str, Any]:
    return run_load("openssl", timeout=120.0, **words)
