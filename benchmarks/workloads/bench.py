"""What every workload gets: where to write, certificates, and how much to do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.identity import Identity, KeyType, make_identity

__all__ = ["Bench"]


@dataclass
class Bench:
    """The surroundings of a run.

    Attributes:
        folder: temporary.
        quick: do just enough to see that everything works.
        scale: part of the usual amount of work, above 0.
        cpus: processors that this process had at its start.
        servers: who alone takes part over loopback, by their keys; empty: everybody.
    """

    folder: Path
    quick: bool = False
    scale: float = 1.0
    cpus: tuple[int, ...] = field(default_factory=lambda: tuple(sorted(os.sched_getaffinity(0))))
    servers: tuple[str, ...] = ()
    _identities: dict[KeyType, Identity] = field(default_factory=dict)

    def identity(self, key_type: KeyType = "ecdsa") -> Identity:
        """Return certificates; of each type they are made once.

        Args:
            key_type: ``ecdsa``, ``rsa`` or ``rsa4096``.
        """
        if key_type not in self._identities:
            self._identities[key_type] = make_identity(self.folder / key_type, key_type)
        return self._identities[key_type]

    def count(self, usual: int, part: float = 1.0) -> int:
        """Say how often to do something in a turn.

        Args:
            usual: in a full run.
            part: of a turn, above 0 up to 1.

        Returns:
            At least 1.
        """
        return max(1, round(usual * self.scale * part))

    def stay(self) -> None:
        """Keep this process, and what it starts from now on, on one processor.

        What takes turns in memory must not do so on processors with different neighbours.
        """
        os.sched_setaffinity(0, self.load_cpus[-1:])

    @property
    def server_cpus(self) -> tuple[int, ...]:
        """The processor for servers over loopback."""
        return self.cpus[:1]

    @property
    def load_cpus(self) -> tuple[int, ...]:
        """Those for whoever calls them; the same one on a machine that has only one."""
        return self.cpus[1:] or self.cpus
