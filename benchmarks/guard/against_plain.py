"""What our C core adds to the library: ``python -m benchmarks.guard.against_plain``.

Counts the same work twice, done by plain C over the library and done over our contract, and lists
the functions that make the difference. For whoever wants to make the core leaner.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.guard import callgrind
from benchmarks.guard.callgrind import CountError, ValgrindMissingError
from benchmarks.guard.measure import OUT, available
from benchmarks.guard.subjects import SIDES, SUBJECTS, Side, Subject
from benchmarks.identity import Identity, make_identity
from benchmarks.native.build import CSRC, LIBRARIES, BuildError, build
from benchmarks.native.worker import LAYERS, once_command

__all__ = ["Difference", "compare", "difference", "main"]

#: Handshakes of a count; a few are too few where the allocator's state decides.
_TIMES: Final = 24

#: The field reader has no counterpart in plain C.
_COMPARED: Final = [subject for subject in SUBJECTS if subject.name != "fields"]


@dataclass(frozen=True)
class Difference:
    """Instructions for one operation.

    Attributes:
        plain: of the plain C program.
        contract: of ours.
        functions: what each function has more in ours, the largest differences first.
    """

    plain: int
    contract: int
    functions: list[tuple[str, int]]

    @property
    def ratio(self) -> float:
        """Ours in units of plain C's."""
        return self.contract / self.plain


def difference(plain: Counter[str], contract: Counter[str], operations: int) -> Difference:
    """Compare two counts.

    Args:
        plain: instructions of each function, in the plain C program.
        contract: the same, in ours.
        operations: how many operations were counted.
    """
    more = {name: contract[name] - plain[name] for name in plain | contract}
    functions = sorted(more.items(), key=lambda item: (-abs(item[1]), item[0]))
    return Difference(
        round(plain.total() / operations),
        round(contract.total() / operations),
        [(name, round(count / operations)) for name, count in functions if count != 0],
    )


def compare(library: str, subject: Subject, side: Side, identity: Identity) -> Difference:
    """Count one subject in both layers.

    Args:
        library: its name.
        subject: what to count.
        side: whose instructions.
        identity: certificates, of the subject's key type.

    Raises:
        CountError: a program cannot be counted.
        ValgrindMissingError: there is no valgrind.
    """
    words = subject.words_for(side, identity)
    operations = subject.operations
    if words["op"] == "handshake":
        operations = _TIMES
        words |= {"count": operations, "warmup": 2}
    counts = {}
    for layer in LAYERS:
        out = OUT / f"{library}-{subject.name}-{side}-{layer}.callgrind"
        callgrind.count(once_command(library, layer, **words), out, CSRC)
        with out.open(encoding="utf-8", errors="replace") as lines:
            counts[layer] = callgrind.functions(lines)
    return difference(counts["plain"], counts["contract"], operations)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the differences.

    Args:
        arguments: of the command line; None: those of the process.

    Returns:
        The exit code: 0, or 2 if nothing could be counted.
    """
    options = _parser().parse_args(arguments)
    libraries, absent = available(options.library or list(LIBRARIES))
    for reason in absent:
        print(reason, file=sys.stderr)
    names = options.only or [subject.name for subject in _COMPARED]
    subjects = [subject for subject in _COMPARED if subject.name in names]
    try:
        for library in libraries:
            _print_all(library, subjects, options.functions)
    except (BuildError, CountError, ValgrindMissingError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if libraries else 2


def _print_all(library: str, subjects: Sequence[Subject], functions: int) -> None:
    for layer in LAYERS:  # before all others, so that none of them waits for a compiler
        build(library, layer)
    jobs = [(subject, side) for subject in subjects for side in SIDES]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        identities = {
            key_type: make_identity(Path(folder) / key_type, key_type)
            for key_type in {subject.key_type for subject in subjects}
        }
        found = pool.map(
            lambda job: compare(library, job[0], job[1], identities[job[0].key_type]), jobs
        )
        for (subject, side), result in zip(jobs, found, strict=True):
            print(
                f"{library:8} {subject.name:14} {side:7} plain {result.plain:>10,}  "
                f"contract {result.contract:>10,}  {result.ratio:.3f}"
            )
            for name, count in result.functions[:functions]:
                print(f"{count:>+45,}  {name}")


def _parser() -> argparse.ArgumentParser:
    names = [subject.name for subject in _COMPARED]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guard.against_plain", description=__doc__
    )
    parser.add_argument(
        "--library", action="append", choices=LIBRARIES, help="only this one; may be repeated"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        help="only this one; may be repeated",
    )
    parser.add_argument(
        "--functions", type=int, default=0, metavar="N", help="list the N that differ most"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
