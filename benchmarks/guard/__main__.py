"""Compare instruction counts with the baseline: ``python -m benchmarks.guard``.

Exit codes: 0 nothing is worse, or there is no baseline for this setup; 1 something is worse;
2 nothing could be counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.guard import baseline, environment
from benchmarks.guard.baseline import BaselineError, Setup
from benchmarks.guard.callgrind import CountError, ValgrindMissingError, version
from benchmarks.guard.compare import (
    ENGINE,
    ENGINE_OWN_LIMIT,
    LIMIT,
    MESSAGE_LIMIT,
    OWN,
    OWN_LIMIT,
    Row,
    Verdict,
    compare,
    table,
)
from benchmarks.guard.measure import OUT, available, measure, out_file, python_name
from benchmarks.guard.subjects import SUBJECTS
from benchmarks.native.build import LIBRARIES, ROOT, BuildError

_PYTHON = "python"
_KINDS = [*(subject.name for subject in SUBJECTS), ENGINE, _PYTHON]

# What stops everything, and speaks for itself.
_FAILURES = (BaselineError, BuildError, CountError, ValgrindMissingError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, then compare or store.

    Args:
        arguments: of the command line; None: those of the process.

    Returns:
        The exit code.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.update and len(options.only) < len(_KINDS):
        parser.error("a baseline is stored whole: --update and --only do not go together")
    try:
        setups = _measure(options.library or list(LIBRARIES), options.only)
        if not setups:
            print("There is no TLS library to measure.", file=sys.stderr)
            return 2
        if options.update:
            baseline.store(options.baseline, setups)
            print(f"The baseline is in {_shown(options.baseline)}.")
            return 0
        return _check(setups, options.only, options.baseline)
    except _FAILURES as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--update", action="store_true", help="store what is counted as baseline")
    parser.add_argument(
        "--library", action="append", choices=LIBRARIES, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--only",
        type=_kinds,
        default=_KINDS,
        metavar="A,B",
        help="only these: " + ", ".join(_KINDS),
    )
    parser.add_argument(
        "--baseline", type=Path, default=baseline.PATH, metavar="FILE", help="another baseline"
    )
    return parser


def _kinds(text: str) -> list[str]:
    kinds = text.split(",")
    unknown = sorted(set(kinds) - set(_KINDS))
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no kind {', '.join(unknown)}")
    return kinds


def _measure(libraries: Sequence[str], kinds: Sequence[str]) -> list[Setup]:
    begun = time.monotonic()
    print(f"Counting instructions with valgrind {version()} ...", flush=True)
    there, absent = available(libraries)
    for text in absent:
        print(text, file=sys.stderr)
    subjects = [subject for subject in SUBJECTS if subject.name in kinds]
    with tempfile.TemporaryDirectory(prefix="tlsmgm-guard-") as folder:
        counts = measure(
            there, subjects, Path(folder), python=_PYTHON in kinds, engine=ENGINE in kinds
        )
    keys = {name: environment.key(name) for name in there}
    keys |= {python_name(name): environment.python_key(name) for name in there}
    print(f"Counted in {time.monotonic() - begun:.0f} seconds.\n")
    return [Setup(name, keys[name], found) for name, found in counts.items()]


def _check(setups: Sequence[Setup], kinds: Sequence[str], path: Path) -> int:
    stored = baseline.load(path)
    rows: list[Row] = []
    strangers: list[Setup] = []
    is_whole = len(kinds) == len(_KINDS)
    for setup in setups:
        fitting = baseline.fitting(stored, setup.library, setup.key)
        before = fitting.counts if fitting else {}
        if fitting is None:
            strangers.append(setup)
        if not is_whole:  # the others are not gone, they were not asked for
            before = {kind: before[kind] for kind in setup.counts if kind in before}
        rows += compare(setup.library, before, setup.counts)
    print(table(rows))
    _tell_strangers(strangers, stored)
    return _conclude(rows)


def _tell_strangers(strangers: Sequence[Setup], stored: Sequence[Setup]) -> None:
    """Say plainly that nothing was compared, and why."""
    for setup in strangers:
        print(f"\nNO BASELINE FOR THIS SETUP of {setup.library}: nothing was compared.")
        for text in baseline.difference(stored, setup.library, setup.key):
            print(f"  {text}")
    if strangers:
        would_be = OUT / "baseline.json"
        would_be.unlink(missing_ok=True)
        baseline.store(would_be, strangers)
        print(
            f"What it would be is in {_shown(would_be)}. "
            'To make it the baseline, run "make bench-baseline".'
        )


def _conclude(rows: Sequence[Row]) -> int:
    better, gone, worse = (
        [row for row in rows if row.verdict is verdict]
        for verdict in (Verdict.BETTER, Verdict.GONE, Verdict.WORSE)
    )
    limits = (
        f"{LIMIT:.0%} (messages through Python: {MESSAGE_LIMIT:.0%}, csrc alone: {OWN_LIMIT:.0%}, "
        f"of the engine's path: {ENGINE_OWN_LIMIT:.0%})"
    )
    if better or gone:
        print(
            f"\n{len(better)} counts are better by more than {limits}, {len(gone)} are gone. "
            'Update the baseline with "make bench-baseline", and commit it with the change.'
        )
    if not worse:
        if any(row.before is not None for row in rows):
            print(f"\nNothing is worse by more than {limits}.")
        return 0
    print(f"\nWORSE: {len(worse)} counts grew by more than {limits}.")
    row = max(worse, key=lambda each: each.ratio or 0)
    out = _shown(out_file(row.library, row.subject, row.part.removesuffix(OWN)))
    print(f"To see where the instructions of the worst one go:\n  callgrind_annotate {out}")
    print('If that is the price of something worth it, run "make bench-baseline", and say so.')
    return 1


def _shown(path: Path) -> str:
    """A path as seen from the top of the tree."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    sys.exit(main())
