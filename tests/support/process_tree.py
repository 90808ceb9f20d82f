"""A process and all below it, whatever process groups they have moved to (Linux only)."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def signal_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and all below it; those that are gone meanwhile do not count."""
    for each in family_of(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, number)


def family_of(pid: int) -> list[int]:
    """Return a process and all below it."""
    parents = {
        int(entry.name): parent
        for entry in Path("/proc").glob("[0-9]*")
        if (parent := _status(int(entry.name))[1]) is not None
    }
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def state_of(pid: int) -> str:
    """Return a process's state, such as ``T`` for stopped; ``Z`` when it is gone."""
    return _status(pid)[0]


def _status(pid: int) -> tuple[str, int | None]:
    """Return a process's state and parent, from proc(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return "Z", None
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)
