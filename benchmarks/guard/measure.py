"""Counts every subject for every library, on all processors at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

import tlsmgm
from benchmarks.guard import callgrind, engine_path
from benchmarks.guard.compare import ENGINE, OWN, PYTHON
from benchmarks.guard.python_layer import MARK, PHASES
from benchmarks.guard.subjects import Side, Subject
from benchmarks.identity import Identity, KeyType, make_identity
from benchmarks.native import build
from benchmarks.native.worker import once_command

__all__ = ["OUT", "available", "measure", "out_file", "python_name"]

#: Where callgrind's files stay, to be looked at.
OUT: Final = build.ROOT / "build" / "bench-guard"

#: Instructions for one operation, by subject, then by part.
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class _Job:
    library: str
    subject: Subject
    side: Side
    identity: Identity


def available(libraries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell the libraries that are there from the others.

    Args:
        libraries: names.

    Returns:
        Those that are there, and for each of the others why it is left out.
    """
    there, absent = [], []
    for library in libraries:
        try:
            build.facts(library)
        except build.LibraryMissingError as error:
            absent.append(f"{library} is left out: {error}")
        else:
            there.append(library)
    return there, absent


def measure(
    libraries: Sequence[str],
    subjects: Sequence[Subject],
    folder: Path,
    *,
    python: bool = False,
    engine: bool = False,
) -> dict[str, Counts]:
    """Count instructions for one operation each.

    Args:
        libraries: names.
        subjects: what to count.
        folder: for certificates; a temporary one.
        python: whether to count the Python layer, too.
        engine: whether to count the engine's path, too.

    Returns:
        Counts by library, then by subject, then by part. Those of the Python layer are beside
        those of its library, see ``python_name``.

    Raises:
        BuildError: a program cannot be compiled.
        CountError: a program cannot be counted.
        LibraryMissingError: a library is not there.
        ValgrindMissingError: there is no valgrind.
    """
    identities: dict[KeyType, Identity] = {
        key_type: make_identity(folder / key_type, key_type)
        for key_type in ("ecdsa", *{subject.key_type for subject in subjects})
    }
    jobs = [
        _Job(library, subject, side, identities[subject.key_type])
        for library in libraries
        for subject in subjects
        for side in subject.sides
    ]
    counts: dict[str, Counts] = {library: {} for library in libraries if subjects or engine}
    # tlsmgm plays the client of the engine, too.
    with_python = [library for library in libraries if library in tlsmgm.libraries()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Long ones first.
        layers = {
            python_name(library): pool.submit(_count_python, library, identities["ecdsa"])
            for library in with_python
            if python
        }
        engines = {
            library: pool.submit(_count_engine, library, identities["ecdsa"])
            for library in with_python
            if engine
        }
        # Before the others, so that none of them waits for a compiler or runs it twice.
        if subjects:
            list(pool.map(lambda library: build.build(library, "contract"), libraries))
        for job, found in zip(jobs, pool.map(_count, jobs), strict=True):
            parts = counts[job.library].setdefault(job.subject.name, {})
            parts[job.side] = round(found.total / job.subject.operations)
            parts[job.side + OWN] = round(found.own / job.subject.operations)
        for library, path in engines.items():
            counts[library] |= path.result()
        counts |= {name: layer.result() for name, layer in layers.items()}
    return counts


def python_name(library: str) -> str:
    """Name the Python layer over a library in tables and in the baseline."""
    return PYTHON + library


def out_file(library: str, subject: str, side: str) -> Path:
    """Return where callgrind's file of a count is.

    Args:
        library: its name, or that of the Python layer over it.
        subject: its name.
        side: ``server``, ``client`` or ``both``.
    """
    if subject in engine_path.PHASES:
        number, _ = engine_path.PHASES[subject]
        return OUT / f"{library}-{ENGINE}.callgrind.{number}"
    if library.startswith(PYTHON):
        numbers, _ = PHASES[subject]
        return OUT / f"{library}.callgrind.{numbers[-1]}"
    return OUT / f"{library}-{subject}-{side}.callgrind"


def _count(job: _Job) -> callgrind.Count:
    words = job.subject.words_for(job.side, job.identity)
    command = once_command(job.library, "contract", **words)
    return callgrind.count(command, out_file(job.library, job.subject.name, job.side), build.CSRC)


def _count_engine(library: str, identity: Identity) -> Counts:
    build.build(library, "engine")
    found = engine_path.count(library, identity, OUT / f"{library}-{ENGINE}.callgrind")
    counts: Counts = {}
    for name, (_, operations) in engine_path.PHASES.items():
        counts[name] = {
            "server": round(found[name].total / operations),
            "server" + OWN: round(found[name].own / operations),
        }
    return counts


def _count_python(library: str, identity: Identity) -> Counts:
    """Both sides together: what Python costs is the same for both."""
    program = [sys.executable, "-m", "benchmarks.guard.python_layer", library]
    out = OUT / f"{python_name(library)}.callgrind"
    parts = callgrind.count_between([*program, *astuple(identity)], out, MARK)
    return {
        name: {"both": round(min(parts[number - 1] for number in numbers) / operations)}
        for name, (numbers, operations) in PHASES.items()
    }
