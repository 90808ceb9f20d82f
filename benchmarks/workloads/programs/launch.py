"""Starts the programs of this folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["ProgramError", "command", "environment", "run"]

_ROOT: Final = Path(__file__).resolve().parents[3]

#: Seconds; above a hundred thousand domains on a slow machine.
_PATIENCE: Final = 1800.0


class ProgramError(RuntimeError):
    """A program failed; the text is what it said last."""


def command(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a program.

    Args:
        name: of its module in this package.
        *arguments: for it.
    """
    return [sys.executable, "-m", f"benchmarks.workloads.programs.{name}", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a program, wherever we were started."""
    return os.environ | {"PYTHONPATH": str(_ROOT)}


def run(name: str, *arguments: str) -> str:
    """Run a program to its end.

    Args:
        name: of its module in this package.
        *arguments: for it.

    Returns:
        What it printed.

    Raises:
        ProgramError: it failed.
        subprocess.TimeoutExpired: it took half an hour.
    """
    done = subprocess.run(
        command(name, *arguments),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.strip().rpartition("\n")[2]
        raise ProgramError(f"{name} {' '.join(arguments)}: {said or 'failed without a word'}")
    return done.stdout
