"""Workers: threads of the engine, which carry connections from accept to the last byte."""

from typing import Any, Self

from tlsmgm._core.connection import Connection
from tlsmgm._core.handover import Handover, Handovers
from tlsmgm._core.plan import Plan, Routes
from tlsmgm._core.question import Questions
from tlsmgm._core.record import Records

_Listener = tuple[int, int, bool, bool, bool, bytes, int, Senders | None]

def clock() -> float:
    """Seconds of the clock that the engine's times are of."""

def status_words() -> tuple[str, ...]:
    """All words for how a connection can end."""

def failure_words() -> tuple[str, ...]:
    """All words for why a client's handshake has failed."""

class Admission:
    """Who may come in: counted over all workers that share it.

    Args:
        max_connections, max_handshakes, max_handshakes_per_network: 0 is no bound.
        ipv4_prefix, ipv6_prefix: bits of an address that tell its network.

    Raises:
        ConfigError: a prefix is too long.
    """

    def __new__(
        cls,
        *,
        max_connections: int,
        max_handshakes: int,
        max_handshakes_per_network: int,
        ipv4_prefix: int,
        ipv6_prefix: int,
    ) -> Self: ...
    def leave(self) -> None:
        """Gives back the place of a connection that was handed over; once for each of them."""
    def counts(self) -> dict[str, int]:
        """Connections and handshakes at this moment, and how often each limit has struck."""

class Senders:
    """Those who may send PROXY headers.

    Args:
        networks: tuples of 16 bytes, IPv4 mapped into IPv6, and how many bits of them count.
    """

    def __new__(cls, networks: list[tuple[bytes, int]]) -> Self: ...

class Worker:
    """One thread of the engine, with listening sockets of its own.

    Args:
        admission: who may come in.
        plan: what holds at first.
        listeners: tuples ``(descriptor, number, is_plain, has_wildcard, is_exclusive, address,
            port, senders)``; the descriptors are the worker's from now on, whatever happens; those
            that are exclusive nobody else has; with :class:`Senders`, connections begin with a
            PROXY header, with None they do not.
        records: where it tells what has become of its connections.
        bell: descriptor to which eight bytes are written when there is a record again.
        handovers: where it puts connections for the program.
        handover_bell: as bell.
        questions: where it puts clients whom no domain answers, if the plan says so; None: nobody
            would answer.
        question_bell: as bell.
        tells_ends: everything that is over leaves a record, with its TLS connections; else only
            what the program has sent on does.

    Raises:
        NoMemoryError: memory or descriptors are exhausted.
    """

    def __new__(
        cls,
        admission: Admission,
        plan: Plan,
        listeners: list[_Listener],
        records: Records[Any],
        bell: int,
        handovers: Handovers,
        handover_bell: int,
        questions: Questions | None,
        question_bell: int,
        *,
        tells_ends: bool,
    ) -> Self: ...
    def run(self) -> None:
        """Works until ``stop()``, or until nothing is left after ``drain()``; once."""
    def post(self, plan: Plan) -> None:
        """What holds for the connections that come in from now on.

        Args:
            plan: the caller keeps it as long as it is in use.
        """
    def drain(self, timeout: int) -> None:
        """No new connections; those that are there have so long. A second call may shorten that.

        Args:
            timeout: milliseconds.
        """
    def stop(self) -> None:
        """At once; whoever is there is reset."""
    def adopt(
        self, handover: Handover, connection: Connection | None, fd: int, routes: Routes
    ) -> None:
        """Relay a connection that was handed over.

        Args:
            handover: of it; its place of admission is the worker's again.
            connection: that was made of it, which can do nothing from now on; None: it is plain.
            fd: its descriptor, which is the worker's from now on.
            routes: with one route for all.

        Raises:
            ValueError: the connection has ended; then the client is reset, as in what follows.
            RuntimeError: the worker has ended; then the client is reset.
            NoMemoryError: memory is exhausted; the same.
        """
    def answer(self, token: int, plan: Plan | None) -> None:
        """Answer a question of this worker; nothing happens where nobody waits any more.

        Args:
            token: of the question.
            plan: under which the client goes on; the caller keeps it as long as it is in use.
                None: it is refused.

        Raises:
            NoMemoryError: memory is exhausted.
        """
    def hold(self) -> None:
        """Before a fork: wait until it does nothing, and let it do nothing."""
    def release(self) -> None:
        """After a fork, in the parent: let it go on."""
    def forget(self) -> None:
        """After a fork, in the child: close all descriptors; there is no thread of it here."""
    def counts(self) -> dict[str, int]:
        """What it has seen, by name; see :mod:`tlsmgm._engine.statistics`."""
