"""Counts instructions: runs a program in ``valgrind --tool=callgrind`` and reads what it wrote.

The format is described in valgrind's manual, "Callgrind Format Specification".
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = [
    "PINNED",
    "Count",
    "CountError",
    "ValgrindMissingError",
    "command_for",
    "count",
    "count_between",
    "functions",
    "parts",
    "read",
    "version",
]

#: Seconds for one program; the longest takes a few.
_PATIENCE: Final = 300

#: What makes a program take the same path on every machine. Valgrind shows it a processor of the
#: x86-64-v3 kind, or a lesser one where the machine itself is lesser.
PINNED: Final = {
    # "rep movsb" is one instruction to a processor, and one for each byte to valgrind, and when it
    # is taken depends on the sizes of caches. Without it data is moved in whole vectors.
    "GLIBC_TUNABLES": "glibc.cpu.x86_rep_movsb_threshold=0x40000000"
    ":glibc.cpu.x86_rep_stosb_threshold=0x40000000"
    ":glibc.cpu.x86_non_temporal_threshold=0x8000000",
    # Without RDRAND; without RDSEED, ADX, AVX-512, SHA-NI, VAES and VPCLMULQDQ. See
    # OPENSSL_ia32cap(3).
    "OPENSSL_ia32cap": "~0x4000000000000000:~0x600f02f0000",
    # Where things stand in sets and dictionaries of Python.
    "PYTHONHASHSEED": "0",
}

_ROOT: Final = Path(__file__).resolve().parents[2]

_PLACE: Final = re.compile(r"(?P<what>c?f[lien])=\((?P<number>\d+)\)(?: (?P<name>.*))?")
_COST: Final = re.compile(r"[+\-]?\d+ (\d+)|\* (\d+)")


class ValgrindMissingError(Exception):
    """There is no valgrind; the text says how to get it."""


class CountError(Exception):
    """A program could not be counted; the text says why."""


@dataclass(frozen=True)
class Count:
    """Instructions.

    Attributes:
        total: all that were collected.
        own: those in files below the folder that was named, without what they call.
    """

    total: int
    own: int


def version() -> str:
    """Return valgrind's version.

    Raises:
        ValgrindMissingError: it is not there, or does not run.
    """
    try:
        done = subprocess.run(
            [_valgrind(), "--version"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ValgrindMissingError(f"valgrind does not run: {error}") from error
    return done.stdout.strip().removeprefix("valgrind-")


def count(command: Sequence[str], out: Path, own: Path) -> Count:
    """Run a program and count what it wants to have counted.

    Args:
        command: the program; it switches the collection on by itself.
        out: where callgrind's file goes; it stays, for ``callgrind_annotate``.
        own: folder whose files are told apart.

    Raises:
        CountError: the program failed, or asked for nothing to be counted.
        ValgrindMissingError: there is no valgrind.
    """
    _run(command, out, "--collect-atstart=no")
    found = _read_file(out, own)
    if found.total == 0:
        raise CountError(
            f"{command[0]} asked for nothing to be counted: it was built before valgrind's header "
            "callgrind.h was there.\nRemove the folder build/benchmarks-native and try again."
        )
    return found


def count_between(command: Sequence[str], out: Path, mark: str) -> list[int]:
    """Run a program that calls a C function at the end of each part of its work.

    Args:
        command: the program.
        out: where callgrind's files go: the name is completed with the number of the part.
        mark: the C function.

    Returns:
        Instructions of each part but the last one, which ends with the program.

    Raises:
        CountError: the program failed, or never called the function.
        ValgrindMissingError: there is no valgrind.
    """
    _run(command, out, f"--dump-before={mark}")
    found = parts(out, Path("/nowhere"))
    if not found:
        raise CountError(f"{command[0]} has not called {mark}")
    return [part.total for part in found]


def parts(out: Path, own: Path) -> list[Count]:
    """Read the files of a program's parts, in their order; the last one, up to its end, has none.

    Args:
        out: as ``command_for()`` took it.
        own: folder whose files are told apart.

    Raises:
        CountError: a file counts something else.
    """
    return [_read_file(part, own) for part in _part_files(out)]


def command_for(command: Sequence[str], out: Path, *options: str) -> list[str]:
    """Return the command that runs a program in callgrind, with nothing of an earlier run left.

    Args:
        command: the program.
        out: where callgrind's file goes.
        options: more of callgrind's.

    Raises:
        ValgrindMissingError: there is no valgrind.
    """
    # A percent sign in the name would begin a variable.
    target = f"--callgrind-out-file={str(out).replace('%', '%%')}"
    tool = [_valgrind(), "--tool=callgrind", target, *options]
    out.parent.mkdir(parents=True, exist_ok=True)
    for old in (out, *_part_files(out)):
        old.unlink(missing_ok=True)
    return [*tool, *command]


def _part_files(out: Path) -> list[Path]:
    return sorted(out.parent.glob(f"{out.name}.*"), key=lambda path: int(path.suffix[1:]))


def _run(command: Sequence[str], out: Path, *options: str) -> None:
    try:
        done = subprocess.run(
            command_for(command, out, *options),
            cwd=_ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise CountError(f"{command[0]} did not end within {_PATIENCE} seconds") from error
    if done.returncode != 0 or not out.is_file():
        said = (done.stdout + done.stderr[-2000:]).strip()
        raise CountError(f"{command[0]} failed in valgrind (exit {done.returncode}):\n{said}")


def _environment() -> dict[str, str]:
    """Ours, without what would be counted, too, or changes how Python works."""
    strangers = ("LD_PRELOAD", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(strangers)}
    return kept | PINNED


def _read_file(path: Path, own: Path) -> Count:
    with path.open(encoding="utf-8", errors="replace") as lines:
        return read(lines, own)


def read(lines: Iterable[str], own: Path) -> Count:
    """Add up a file of callgrind's.

    Args:
        lines: of the file.
        own: folder whose files are told apart.

    Raises:
        CountError: it is no such file, or counts something else.
    """
    prefix = f"{own}/"
    total = ours = 0
    for file, _, instructions in _costs(lines):
        total += instructions
        ours += instructions if file.startswith(prefix) else 0
    return Count(total, ours)


def functions(lines: Iterable[str]) -> Counter[str]:
    """Add up a file of callgrind's by function.

    Args:
        lines: of the file.

    Returns:
        Instructions of each function, without what it calls.

    Raises:
        CountError: it is no such file, or counts something else.
    """
    found: Counter[str] = Counter()
    for _, function, instructions in _costs(lines):
        found[function] += instructions
    return found


def _costs(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """File, function and instructions, as often as they are named."""
    names: dict[tuple[str, str], str] = {}
    file = function = ""
    is_call = has_events = False
    for line in lines:
        if cost := _COST.match(line):
            # The line behind "calls=" is the cost of what was called, which stands elsewhere, too.
            if not is_call:
                yield file, function, int(cost[1] or cost[2])
            is_call = False
        elif place := _PLACE.match(line):
            is_function = place["what"].endswith("fn")
            key = ("function" if is_function else "file", place["number"])
            if place["name"] is not None:
                names[key] = place["name"]
            if is_function and not place["what"].startswith("c"):
                function = names.get(key, "")
            elif not place["what"].startswith("c"):
                file = names.get(key, "")
        elif line.startswith("calls="):
            is_call = True
        elif line.startswith("events:"):
            has_events = line.split()[1:] == ["Ir"]
    if not has_events:
        raise CountError("this is no file of callgrind's that counts instructions and nothing else")


def _valgrind() -> str:
    path = shutil.which("valgrind")
    if path is None:
        raise ValgrindMissingError(
            "valgrind is needed to count instructions, and is not there. "
            'Install it (Debian: apt-get install valgrind), or run "make bench-check", which does.'
        )
    return path
