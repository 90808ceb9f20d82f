"""Drives the C programs: a worker that measures in memory on command, and the load generator.

A worker stays, so that entrants can take turns and each turn finds a warm program::

    with Worker("openssl", "contract") as worker:
        worker.setup(version="1.3", certificate=..., key=..., ca=..., server_name=...)
        turn = worker.handshakes(300)
        print(turn.server_ns / turn.count)

What the words mean stands in ``common/setting.h``, ``memory/commands.h`` and ``load/options.h``.
Who holds connections to be weighed is ``hold/main.c``; its commands are frames, and are sent by
``workloads/footprint.py``.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from benchmarks.native.build import build

__all__ = ["LAYERS", "NativeError", "Turn", "Worker", "hold_command", "once_command", "run_load"]

LAYERS = ("plain", "contract")

# Seconds that a worker has to finish its turn when it is closed.
_PATIENCE = 5

# A word of a command: text, a number, or yes and no.
Value = str | int | bool


class NativeError(Exception):
    """A program refused, failed or died; the text is what it said."""


@dataclass(frozen=True)
class Turn:
    """What one turn of a worker took.

    Attributes:
        count: operations: handshakes, transfers, messages there and back, or certificates read.
        server_ns: CPU time of the server's side, nanoseconds.
        client_ns: CPU time of the client's side, nanoseconds.
        wall_ns: time by the clock on the wall, nanoseconds.
        reply: everything that the program answered, what was negotiated included.
    """

    count: int
    server_ns: int
    client_ns: int
    wall_ns: int
    reply: Mapping[str, Any]


class Worker:
    """One running ``bench_memory``.

    Args:
        library: ``openssl`` or ``wolfssl``.
        layer: ``plain`` or ``contract``.

    Raises:
        BuildError: the program cannot be compiled.
        LibraryMissingError: the library is not there.
        ValueError: there is no such library or layer.
    """

    def __init__(self, library: str, layer: str) -> None:
        if layer not in LAYERS:
            raise ValueError(f"there is no layer {layer!r}, only {', '.join(LAYERS)}")
        self.library, self.layer = library, layer
        self._process = subprocess.Popen(
            [str(build(library, layer))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="ascii",
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def close(self) -> None:
        """End the process and wait for it. More than once does no harm."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):  # it is dead already
                self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:  # in the midst of a turn that nobody waits for any more
            self._process.kill()
            self._process.wait()

    def ask(self, operation: str, **words: Value) -> dict[str, Any]:
        """Send a command and wait for its answer.

        Args:
            operation: the word ``op``.
            **words: the others; True and False become yes and no.

        Returns:
            The answer.

        Raises:
            NativeError: the program refused or failed, or has died.
            ValueError: the worker is closed, or a word cannot be sent.
        """
        line = " ".join(words_of({"op": operation, **words}))
        return self.ask_line(line)

    def ask_line(self, line: str) -> dict[str, Any]:
        """Send a line as it is; see :meth:`ask`."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the answer below is missing, too
            process.stdin.write(line + "\n")
            process.stdin.flush()
        return _answer(process.stdout.readline(), f"the worker {self.layer} over {self.library}")

    def setup(self, **setting: Value) -> dict[str, Any]:
        """Pin a setting; one handshake is done to see that it can be had.

        Args:
            **setting: see ``common/setting.h``.

        Returns:
            Names and the version of the library.

        Raises:
            NativeError: the setting cannot be had; the worker then has none.
        """
        return self.ask("setup", **setting)

    def handshakes(self, count: int, threads: int = 1) -> Turn:
        """Measure new connections, as the setting says: full or resumed.

        Args:
            count: how many, in each thread.
            threads: how many at once.
        """
        return _turn(self.ask("handshake", count=count, threads=threads))

    def bulk(self, count: int, *, upload: bool = False, size: int = 1 << 20) -> Turn:
        """Measure transfers in one direction over one connection.

        Args:
            count: how many.
            upload: from the client to the server.
            size: bytes of each.
        """
        direction = "up" if upload else "down"
        return _turn(self.ask("bulk", count=count, bytes=size, direction=direction))

    def messages(self, count: int, *, size: int = 1024, connections: int = 16) -> Turn:
        """Measure messages to the server and back, one under way on each connection.

        Args:
            count: how many on each connection; the turn's count is that of all.
            size: bytes of each.
            connections: how many take turns.
        """
        reply = self.ask("message", count=count, bytes=size, connections=connections)
        return _turn(reply, connections)

    def fields(self, count: int) -> Turn:
        """Measure reading every field of the server's certificate; its cost is the client's.

        Args:
            count: how often.

        Raises:
            NativeError: the layer ``plain`` has no such thing.
        """
        return _turn(self.ask("fields", count=count))


def once_command(library: str, layer: str, **words: Value) -> list[str]:
    """Return the command that measures once, to be run in ``valgrind --tool=callgrind``.

    Args:
        library: ``openssl`` or ``wolfssl``.
        layer: ``plain`` or ``contract``.
        **words: those of a setting and of an operation together, and ``warmup`` and ``side``; see
            ``memory/main.c``.
    """
    return [str(build(library, layer)), "--once", *words_of(words)]


def hold_command(library: str, layer: str, side: str, **setting: Value) -> list[str]:
    """Return the command that holds ends of connections.

    Args:
        library: ``openssl`` or ``wolfssl``.
        layer: ``plain`` or ``contract``.
        side: whose ends: ``server`` or ``client``.
        **setting: see ``common/setting.h``.

    Raises:
        BuildError: the program cannot be compiled.
        LibraryMissingError: the library is not there.
        ValueError: there is no such library or layer.
    """
    return [str(build(library, f"hold-{layer}")), *words_of({"side": side, **setting})]


def run_load(
    library: str, *, timeout: float | None = None, prefix: Sequence[str] = (), **words: Value
) -> dict[str, Any]:
    """Run the load generator to its end.

    Args:
        library: of the client: ``openssl`` or ``wolfssl``.
        timeout: seconds until it is killed; None waits.
        prefix: a command to run it with, such as ``taskset``.
        **words: see ``load/options.h``.

    Returns:
        What it reports.

    Raises:
        NativeError: it could not start, or a connection failed, or something else than the pinned
            values was negotiated. The text is the first failure, the attribute ``__notes__`` has
            the whole report.
        subprocess.TimeoutExpired: it took too long.
    """
    command = [*prefix, str(build(library, "load")), *words_of(words)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, encoding="ascii", timeout=timeout, check=False
    )
    try:
        return _answer(done.stdout, "the load generator")
    except NativeError as error:
        error.add_note(done.stdout.strip())
        raise


def words_of(words: Mapping[str, Value]) -> list[str]:
    """Return words as the programs read them.

    Args:
        words: keys and values.

    Raises:
        ValueError: a value is empty or has a NUL in it.
    """
    return [f"{key}={_quoted(key, value)}" for key, value in words.items()]


def _quoted(key: str, value: Value) -> str:
    """Write what would end a word, and what is no ASCII, as %XX."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    data = str(value).encode()
    if not data or 0 in data:
        raise ValueError(f"{key} is empty or has a NUL in it")
    return "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte != 0x25 else f"%{byte:02x}" for byte in data
    )


def _answer(line: str, who: str) -> dict[str, Any]:
    if not line.endswith("\n"):
        raise NativeError(f"{who} ended without an answer")
    answer: dict[str, Any] = json.loads(line)
    if answer.get("ok") is not True:
        raise NativeError(f"{who}: {answer.get('error', 'no reason given')}")
    return answer


def _turn(reply: dict[str, Any], connections: int = 1) -> Turn:
    return Turn(
        reply["count"] * connections,
        reply["server_ns"],
        reply["client_ns"],
        reply["wall_ns"],
        reply,
    )
