"""Programs as processes: started on a leash, pinned, and asked what they cost (Linux only)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

__all__ = ["Program", "cpu_seconds_of", "family_of", "memory_of"]

_LEASH = Path(__file__).with_name("programs") / "leash.py"

#: Seconds for the leash to end the program; its own grace is shorter.
_STOP_TIME = 10.0

_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


class Program:
    """A running program.

    It ends with ``stop()``, when the object is left as a context manager, or when this process
    ends, however that happens.

    Args:
        command: program and arguments.
        log: file for its output.
        cpus: processors that it may run on; None leaves it to the system.
        environment: variables to add.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cpus: Iterable[int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        pinned = ",".join(str(cpu) for cpu in cpus or ()) or "-"
        with log.open("wb") as out:
            self._leash = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), pinned, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C is for the harness alone
            )
        assert self._leash.stdout is not None
        line = self._leash.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"{command[0]} cannot be started: {self.log().strip()}")
        self.pid = int(line)

    def is_running(self, wait: float = 0.0) -> bool:
        """Tell whether it still runs.

        Args:
            wait: seconds to wait for its end.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leash.wait(wait)
        return self._leash.returncode is None

    def log(self) -> str:
        """Return what it has written."""
        return self._log.read_text("utf-8", "replace")

    def pids(self) -> list[int]:
        """Return its process and all below it."""
        return family_of(self.pid)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its living processes and their threads, dead threads too."""
        return sum(cpu_seconds_of(pid) for pid in self.pids())

    def memory(self) -> int:
        """Return its memory in bytes; what processes share counts in parts."""
        return sum(memory_of(pid) for pid in self.pids())

    def stop(self) -> None:
        """End it and all below it; legal more than once."""
        assert self._leash.stdin is not None
        assert self._leash.stdout is not None
        self._leash.stdin.close()
        try:
            self._leash.wait(_STOP_TIME)
        finally:
            self._leash.stdout.close()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def family_of(pid: int) -> list[int]:
    """Return a process and all below it that are there; empty when it is gone."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # proc(5): the name, in parentheses, may hold anything; then state and parent.
            state, parent = (
                (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
            )
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    found = [pid] if pid in parents else []
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU time of a process, user and system, all threads; 0 when it is gone.

    clock_getcpuclockid(3) counts nanoseconds, where proc(5) has hundredths of a second.
    """
    clock = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        return 0.0
    try:
        return time.clock_gettime(clock.value)
    except OSError:
        return 0.0


def memory_of(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 when it is gone."""
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"))
    except OSError:
        return 0
    return 0 if found is None else int(found[1]) * 1024
