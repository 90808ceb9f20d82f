"""Holds many ends of connections, or many contexts, in a process of its own, to be weighed.

The other ends of the connections are in the process that asks, and are none of the weight. Frames
go over standard input and output: a length of four bytes, a letter, a body. Every command has an
answer, which may be empty::

    n         a new end takes the place of the one before, which is kept
    s wire    handshake; answer: a byte 1 when it is complete, else 0, then wire
    w data    seal; answer: wire
    r wire    open; answer: data
    c count   so many contexts more
    m         let go of garbage, so that this process can be weighed

``native/hold`` obeys the same frames.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, Final

import tlsmgm
from benchmarks.cohort.members import MEMORY
from benchmarks.cohort.memory import Accept, End
from benchmarks.cohort.setting import Setting
from benchmarks.identity import Identity
from benchmarks.workloads.programs.domains import name_of

__all__ = ["LENGTH", "Holder", "main", "read_frame", "write_frame"]

#: Bytes of a frame's length.
LENGTH: Final = 4


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read a frame.

    Args:
        stream: of the other side.

    Returns:
        Letter and body; None at the end.
    """
    head = stream.read(LENGTH)
    return stream.read(int.from_bytes(head, "big")) if len(head) == LENGTH else None


def write_frame(stream: BinaryIO, content: bytes) -> None:
    """Write a frame.

    Args:
        stream: to the other side.
        content: letter and body, or an answer.
    """
    stream.write(len(content).to_bytes(LENGTH, "big") + content)
    stream.flush()


class Holder:
    """Obeys frames.

    Args:
        entrant: one of ``MEMORY``.
        role: ``server`` or ``client``.
        identity: certificates.
    """

    def __init__(self, entrant: str, role: str, identity: Identity) -> None:
        self._entrant = entrant
        self._role = role
        self._identity = identity
        self._begin: Callable[[], End] | None = None
        self._ends: list[End] = []
        self._contexts: list[Any] = []

    def obey(self, frame: bytes) -> bytes:
        """Do what a frame says.

        Args:
            frame: letter and body.

        Returns:
            The answer.

        Raises:
            ValueError: there is no such letter.
        """
        letter, body = frame[:1], frame[1:]
        if letter == b"n":
            self._ends.append(self._new())
            return b""
        if letter == b"s":
            complete, wire = self._ends[-1].step(body)
            return bytes([complete]) + wire
        if letter == b"w":
            return self._ends[-1].seal(body)
        if letter == b"r":
            return self._ends[-1].open(body)
        if letter == b"c":
            self._add_contexts(int(body))
        elif letter == b"m":
            gc.collect()
        else:
            raise ValueError(f"there is no command {letter!r}")
        return b""

    def _new(self) -> End:
        if self._begin is None:
            entrant = MEMORY[self._entrant]()
            if self._role == "server":
                self._begin = entrant.server(self._identity, Setting())
            else:
                connect = entrant.client(self._identity, Setting())
                self._begin = lambda: connect(None)
        return self._begin()

    def _add_contexts(self, count: int) -> None:
        """Contexts of tlsmgm are those of domains, so a manager with as many is what is held."""
        library = self._entrant.removeprefix("tlsmgm-")
        if library == self._entrant:
            entrant = MEMORY[self._entrant]()
            accepts: list[Accept] = [
                entrant.server(self._identity, Setting()) for _ in range(count)
            ]
            self._contexts.append(accepts)
            return
        manager = tlsmgm.TLSManager(library)
        manager.add_domains(
            tlsmgm.Domain(
                name_of(number),
                "server",
                match_sip_domain=f"{name_of(number)}.bench.example",
                verify_cert=False,
                certificate=self._identity.certificate,
                private_key=self._identity.key,
            )
            for number in range(count)
        )
        self._contexts.append(manager)


def main(arguments: Sequence[str] | None = None) -> None:
    """Obey until the input ends.

    Args:
        arguments: of the command line; None: those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entrant", choices=MEMORY)
    parser.add_argument("role", choices=("server", "client"))
    parser.add_argument("files", nargs=5, help="the paths of an Identity")
    options = parser.parse_args(arguments)
    holder = Holder(options.entrant, options.role, Identity(*options.files))
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        write_frame(sys.stdout.buffer, holder.obey(frame))


if __name__ == "__main__":
    main()
