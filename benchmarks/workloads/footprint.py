"""Memory of an idle connection, the server's end and the client's, and of a context.

What is weighed is alone in a process (``programs/holder.py``; in C ``native/hold``); the
other ends of its connections are here. So nobody's cost has to be guessed and taken off.
"""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final

from benchmarks.cohort.managed import Managed
from benchmarks.cohort.members import MEMORY
from benchmarks.cohort.memory import ClientEnd, End, handshake
from benchmarks.cohort.processes import memory_of
from benchmarks.cohort.setting import Absent, Facts, Setting, check_facts
from benchmarks.identity import Identity
from benchmarks.model import Topic
from benchmarks.native.build import LIBRARIES, BuildError, LibraryMissingError, build, facts
from benchmarks.native.worker import LAYERS, hold_command
from benchmarks.rounds import Contestant, Plan, Turn
from benchmarks.workloads.bench import Bench
from benchmarks.workloads.kinds import native_words
from benchmarks.workloads.programs.holder import read_frame, write_frame
from benchmarks.workloads.programs.launch import ProgramError, command, environment

__all__ = [
    "ENTRANTS",
    "NATIVE",
    "Remote",
    "introduce",
    "plans",
    "weigh_connections",
    "weigh_contexts",
]

#: Programs in C: library and layer. Their ends share the buffers of the wire, and the libraries
#: give back theirs as far as they can.
NATIVE: Final[Mapping[str, tuple[str, str]]] = {
    f"{layer}-{library}": (library, layer) for layer in LAYERS for library in LIBRARIES
}

#: Who takes part. The wolfssl of PyPI needs a socket for each connection, which is not comparable.
ENTRANTS: Final = (*NATIVE, "tlsmgm-openssl", "tlsmgm-wolfssl", "ssl", "pyopenssl")

_COUNT: Final = 1_000
_ROUNDS: Final = 3
_QUICK_COUNT: Final = 100

#: Made first and not counted: with them comes what is allocated once.
_FIRST: Final = 20

_MESSAGE: Final = bytes(1024)

_ABOUT: Final = (
    "Growth of the proportional set size of a process with so many more of them, divided by their "
    "number ({count:,}). "
)
_CONNECTION: Final = (
    "TLS 1.3 with one ticket; 1 KB has gone each way, then the connection idles. The other ends "
    "are in another process. Buffers of sockets are the kernel's and not part of it."
)
_CONTEXT: Final = (
    "A server's context with an ECDSA certificate and key from files. With tlsmgm it is a domain "
    "of one manager, its place in the match index and its ticket keys included."
)


class Remote:
    """An end of a connection in another process; the process goes with the object.

    Args:
        entrant: one of ``ENTRANTS``.
        role: ``server`` or ``client``.
        identity: certificates.

    Raises:
        BuildError: a program in C cannot be compiled.
        LibraryMissingError: its library is not there.
    """

    def __init__(self, entrant: str, role: str, identity: Identity) -> None:
        self._who = f"{entrant}, {role}"
        self._process = subprocess.Popen(
            _command(entrant, role, identity),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()  # Its input ends, and so does it.

    def _ask(self, letter: bytes, body: bytes = b"") -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            write_frame(self._process.stdin, letter + body)  # type: ignore[arg-type]
            answer = read_frame(self._process.stdout)  # type: ignore[arg-type]
        except BrokenPipeError:
            answer = None
        if answer is None:
            raise ProgramError(f"{self._who}: the process that holds it has died")
        return answer

    def begin(self) -> None:
        """Begin another connection; that before stays as it is."""
        self._ask(b"n")

    def memory(self) -> int:
        """Bytes of memory of the process, without its garbage."""
        self._ask(b"m")
        found = memory_of(self._process.pid)
        if found == 0:
            raise ProgramError(f"{self._who}: the process that holds it cannot be weighed")
        return found

    def add_contexts(self, count: int) -> None:
        """Make contexts.

        Args:
            count: how many more.
        """
        self._ask(b"c", str(count).encode())

    def step(self, wire: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake."""
        answer = self._ask(b"s", wire)
        return answer[0] == 1, answer[1:]

    def seal(self, data: bytes) -> bytes:
        """Send data."""
        return self._ask(b"w", data)

    def open(self, wire: bytes) -> bytes:
        """Take data."""
        return self._ask(b"r", wire)

    def facts(self) -> Facts:
        """It says nothing; the other end does."""
        return Facts(None, None, None, None, None)

    def close(self) -> None:
        """Nothing: the connection stays."""

    def session(self) -> object | None:
        """None is handed out."""
        return None


def _command(entrant: str, role: str, identity: Identity) -> list[str]:
    if entrant not in NATIVE:
        return command("holder", entrant, role, *dataclasses.astuple(identity))
    words = native_words(Setting(), resumed=False)
    files = {"certificate": identity.certificate, "key": identity.key}
    library, layer = NATIVE[entrant]
    return hold_command(library, layer, role, **words, **files)


def plans(bench: Bench) -> list[Plan]:
    """The server's end, the client's end, and contexts."""
    count = _QUICK_COUNT if bench.quick else _COUNT
    about = _ABOUT.format(count=count)
    identity = bench.identity("ecdsa")
    return [
        _plan(
            Topic(
                f"footprint-{role}",
                f"Memory of an idle connection, the {role}'s end",
                "kB",
                about=about + _CONNECTION,
                baseline="ssl",
            ),
            lambda entrant, role=role: weigh_connections(entrant, role, identity, count),  # type: ignore[misc]
        )
        for role in ("server", "client")
    ] + [
        _plan(
            Topic(
                "footprint-context",
                "Memory of a server's context",
                "kB",
                about=about + _CONTEXT,
                baseline="ssl",
            ),
            lambda entrant: weigh_contexts(entrant, identity, count),
        )
    ]


def _plan(topic: Topic, weigh: Callable[[str], float]) -> Plan:
    plan = Plan(topic, [], rounds=_ROUNDS)
    for name in ENTRANTS:
        try:
            title, library = introduce(name)
        except (Absent, BuildError, LibraryMissingError) as reason:
            plan.absent.append(f"{topic.name}: {reason}")
            continue
        plan.contestants.append(_contestant(name, title, library, weigh))
    return plan


def introduce(name: str) -> tuple[str, str]:
    """Say who an entrant is.

    Args:
        name: one of ``ENTRANTS``.

    Returns:
        Its name and its library, for tables.

    Raises:
        Absent: it cannot take part.
        BuildError: its program cannot be compiled.
        LibraryMissingError: its library is not there.
    """
    if name not in NATIVE:
        entrant = MEMORY[name]()
        return entrant.name, entrant.library
    library, layer = NATIVE[name]
    build(library, f"hold-{layer}")  # here, so that who cannot be built is absent
    title = f"plain C, {library}" if layer == "plain" else f"C contract, {library}"
    return title, f"{library} {facts(library)['library_version']}"


def _contestant(name: str, title: str, library: str, weigh: Callable[[str], float]) -> Contestant:
    def turn(_: float) -> Turn:
        return Turn(weigh(name) / 1024)

    # A process that ends leaves nothing warm behind.
    return Contestant(title, library, turn, needs_warm_up=False)


def weigh_connections(entrant: str, role: str, identity: Identity, count: int) -> float:
    """Weigh one end of idle connections.

    Args:
        entrant: one of ``ENTRANTS``.
        role: the end that is weighed, ``server`` or ``client``.
        identity: certificates.
        count: of connections.

    Returns:
        Bytes of one.
    """
    accept, connect = _others(identity)
    with Remote(entrant, role, identity) as remote:
        before = 0
        for number in range(_FIRST + count):
            if number == _FIRST:
                before = remote.memory()
            remote.begin()
            if role == "server":
                client = connect()
                _use(client, remote)
                check_facts(client.facts(), Setting(), entrant)
            else:
                server = accept()
                _use(remote, server)
                check_facts(server.facts(), Setting(), entrant)
        return (remote.memory() - before) / count


def _others(identity: Identity) -> tuple[Callable[[], End], Callable[[], ClientEnd]]:
    other = Managed("openssl")
    connect = other.client(identity, Setting())
    return other.server(identity, Setting()), lambda: connect(None)


def _use(client: ClientEnd, server: End) -> None:
    handshake(client, server)
    for sender, receiver in ((client, server), (server, client)):
        if receiver.open(sender.seal(_MESSAGE)) != _MESSAGE:
            raise RuntimeError("a message came to another one than it was")


def weigh_contexts(entrant: str, identity: Identity, count: int) -> float:
    """Weigh contexts.

    Args:
        entrant: one of ``ENTRANTS``.
        identity: certificates.
        count: of contexts.

    Returns:
        Bytes of one.
    """
    with Remote(entrant, "server", identity) as remote:
        remote.add_contexts(_FIRST)
        before = remote.memory()
        remote.add_contexts(count)
        return (remote.memory() - before) / count
