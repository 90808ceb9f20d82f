"""Servers over loopback: new connections per second, and what each costs the server.

The server has a processor of its own; the load generator and the plain upstream share the others.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.cohort.loopback import LoopbackServer
from benchmarks.cohort.members import loopback_servers
from benchmarks.cohort.setting import Absent
from benchmarks.cohort.upstream import Upstream
from benchmarks.model import Topic
from benchmarks.native.worker import run_load
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.kinds import KINDS, Kind, native_words

__all__ = ["load_words", "plans", "serve"]

#: Connections of a turn, and how many are open at a time.
_COUNT: Final = 800
_OPEN: Final = 16

_KINDS: Final = [
    kind
    for kind in KINDS
    if kind.name in ("tls13-ecdsa", "tls13-resumed", "tls13-mutual", "tls12-ecdsa", "tls13-rsa")
]

_ABOUT: Final = (
    "CPU time of the whole server for a connection: accept, handshake, one byte to a plain "
    "upstream and back, close. Beside it: connections per second, and how busy load generator and "
    "upstream were."
)


def plans(bench: Bench) -> Iterator[Plan]:
    """One topic for each kind of handshake."""
    for kind in _KINDS:
        yield _plan(bench, kind)


def _plan(bench: Bench, kind: Kind) -> Plan:
    topic = Topic(
        f"loopback-{kind.name}",
        f"New connection over loopback: {kind.title}",
        "µs",
        about=_ABOUT,
        baseline="asyncio ssl=",
    )
    upstream = Upstream(cpus=bench.load_cpus)
    servers, absent = loopback_servers(
        upstream.echo_port, cpus=bench.server_cpus, only=bench.servers
    )
    plan = Plan(topic, [], absent)
    closing = contextlib.ExitStack()
    closing.callback(upstream.stop)
    for server in servers:
        try:
            plan.contestants.append(_contestant(bench, kind, server, upstream, closing))
        except Absent as reason:
            plan.absent.append(f"{topic.name}: {reason}")
    return plan


def _contestant(
    bench: Bench,
    kind: Kind,
    server: LoopbackServer,
    upstream: Upstream,
    closing: contextlib.ExitStack,
) -> Contestant:
    port = serve(bench, kind, server)
    closing.callback(server.stop)
    words = load_words(bench, kind, port) | {"mode": "handshake", "connections": _OPEN}

    def turn(part: float) -> Turn:
        count = bench.count(_COUNT, part)
        before, before_upstream = server.cpu_seconds(), upstream.cpu_seconds()
        report = run_load("openssl", timeout=120.0, count=count, warmup=_OPEN, **words)
        spent = server.cpu_seconds() - before
        total = count + _OPEN
        wall = report["wall_ns"] / 1e9
        busy = (report["cpu_ns"] / 1e9 + upstream.cpu_seconds() - before_upstream) / wall
        return Turn(
            spent / total * 1e6,
            {"per second": count / wall, "load busy": busy / len(bench.load_cpus)},
        )

    # The first to be closed closes all: none of them is asked again after that.
    return Contestant(server.name, server.library, turn, closing.close)


def serve(bench: Bench, kind: Kind, server: LoopbackServer) -> int:
    """Start a server with the kind's certificate and setting.

    Args:
        bench: has the certificates.
        kind: what is pinned.
        server: not started yet.

    Returns:
        Its port.

    Raises:
        Absent: it cannot do what is pinned.
    """
    return server.start(bench.identity(kind.key_type), kind.setting)


def load_words(bench: Bench, kind: Kind, port: int) -> dict[str, Any]:
    """Say in the words of the load generator whom to call, and how.

    Args:
        bench: has the certificates.
        kind: what is pinned.
        port: of the server on 127.0.0.1.
    """
    identity = bench.identity(kind.key_type)
    words: dict[str, Any] = {
        **native_words(kind.setting, resumed=kind.resumed),
        "target": f"127.0.0.1:{port}",
        "cpu": bench.load_cpus[-1],
    }
    if kind.setting.mutual:
        words["ca"] = identity.ca
        words["client_certificate"] = identity.client_certificate
        words["client_key"] = identity.client_key
    return words
