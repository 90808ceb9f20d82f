"""Memory of an idle relayed connection, in servers over loopback."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Callable, Iterator
from typing import Final

from benchmarks.cohort.loopback import LoopbackServer
from benchmarks.cohort.managed import make_client
from benchmarks.cohort.members import loopback_servers
from benchmarks.cohort.probe import Probe
from benchmarks.cohort.setting import Absent
from benchmarks.cohort.upstream import Upstream
from benchmarks.identity import SERVER_NAME
from benchmarks.model import Topic
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.kinds import KINDS
from benchmarks.workloads.loopback import serve

__all__ = ["plans", "weigh"]

_KIND: Final = KINDS[0]

_COUNT: Final = 1_000
_QUICK_COUNT: Final = 100
_ROUNDS: Final = 3

#: Opened first and not counted: with them comes what is allocated once.
_FIRST: Final = 20

#: Files of this process, and of a server, beside the connections; a server has two for each.
_OTHER_FILES: Final = 100

_TIMEOUT: Final = 20.0
_MESSAGE: Final = bytes(1024)

_ABOUT: Final = (
    "Growth of the proportional set size of a whole server with {count:,} more connections, "
    "divided by their number. TLS 1.3 with one ticket; 1 KB has gone to a plain upstream and back, "
    "then the connection idles. Each turn begins with a new server. Buffers of sockets are the "
    "kernel's and not part of it."
)


def plans(bench: Bench) -> Iterator[Plan]:
    """One topic."""
    count = _count(_QUICK_COUNT if bench.quick else _COUNT)
    topic = Topic(
        "idle-relayed",
        "Memory of an idle relayed connection",
        "kB",
        about=_ABOUT.format(count=count),
        baseline="asyncio ssl=",
    )
    upstream = Upstream(cpus=bench.load_cpus)
    servers, absent = loopback_servers(
        upstream.echo_port, cpus=bench.server_cpus, only=bench.servers
    )
    plan = Plan(topic, [], absent, rounds=_ROUNDS)
    for server in servers:
        try:
            server.check(_KIND.setting)
        except Absent as reason:
            plan.absent.append(f"{topic.name}: {reason}")
            continue
        plan.contestants.append(_contestant(bench, server, count, upstream.stop))
    yield plan


def _count(usual: int) -> int:
    """No more than there may be files; the bound of this process, and so its children's, rises."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(usual, (hard - _OTHER_FILES) // 2)


def _contestant(
    bench: Bench, server: LoopbackServer, count: int, close: Callable[[], None]
) -> Contestant:
    def turn(_: float) -> Turn:
        # What an earlier turn has left free in its heap would be used again.
        with server:
            return Turn(weigh(bench, server, count) / 1024)

    return Contestant(server.name, server.library, turn, close, needs_warm_up=False)


def weigh(bench: Bench, server: LoopbackServer, count: int) -> float:
    """Weigh idle connections.

    Args:
        bench: has the certificates.
        server: is started for it, in front of an upstream that echoes.
        count: of connections.

    Returns:
        Bytes of one.
    """
    port = serve(bench, _KIND, server)
    manager = make_client("auto", bench.identity(_KIND.key_type), _KIND.setting)
    before = 0
    with contextlib.ExitStack() as open_ones:
        for number in range(_FIRST + count):
            if number == _FIRST:
                before = server.memory()
            sock = socket.create_connection(("127.0.0.1", port), _TIMEOUT)
            open_ones.enter_context(sock)
            client = Probe(sock, manager.client_connection("client", server_name=SERVER_NAME))
            client.send(_MESSAGE)
            if client.read_exactly(len(_MESSAGE)) != _MESSAGE:
                raise RuntimeError(f"{server.name}: a message came to another one than it was")
        return (server.memory() - before) / count
