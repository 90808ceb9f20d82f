"""Compares counts with those of the baseline; plain numbers in, verdicts and a table out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = [
    "ENGINE",
    "ENGINE_OWN_LIMIT",
    "LIMIT",
    "MESSAGE_LIMIT",
    "OWN",
    "OWN_LIMIT",
    "PYTHON",
    "Row",
    "Verdict",
    "compare",
    "table",
]

#: How much more a whole operation may cost than in the baseline; see README.md for why.
LIMIT: Final = 0.01

#: The same for messages through Python, whose count depends on what the allocator finds free.
MESSAGE_LIMIT: Final = 0.02

#: The same for instructions in csrc alone. Beside a handshake they are few: were they to double,
#: the whole would grow by a few thousandths. So they are looked at apart.
OWN_LIMIT: Final = 0.05

#: The same for csrc alone where a connection goes through the engine. There it does five times as
#: much as in a handshake alone, and 2% is about as many instructions.
ENGINE_OWN_LIMIT: Final = 0.02

#: How the name of a subject begins that goes through the engine, before a hyphen.
ENGINE: Final = "engine"

#: How the name of a part ends that counts csrc alone.
OWN: Final = ", csrc"

#: How the name of the Python layer over a library begins.
PYTHON: Final = "python-"

Counts = Mapping[str, Mapping[str, int]]


class Verdict(Enum):
    """What a comparison comes to."""

    SAME = "same"
    BETTER = "better"
    WORSE = "WORSE"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Row:
    """One count beside that of the baseline.

    Attributes:
        subject: what was done.
        library: by which library.
        part: ``server`` or ``client``, or csrc's share of one of them.
        before: instructions for one operation in the baseline; None: it has none.
        now: instructions for one operation; None: no longer counted.
    """

    subject: str
    library: str
    part: str
    before: int | None
    now: int | None

    @property
    def limit(self) -> float:
        """The part by which the count may grow."""
        if self.part.endswith(OWN):
            return ENGINE_OWN_LIMIT if self.subject.startswith(f"{ENGINE}-") else OWN_LIMIT
        is_message = self.library.startswith(PYTHON) and self.subject == "message"
        return MESSAGE_LIMIT if is_message else LIMIT

    @property
    def ratio(self) -> float | None:
        """Now to before; None where one of them is missing or before is nothing."""
        if self.now is None or not self.before:
            return None
        return self.now / self.before

    @property
    def verdict(self) -> Verdict:
        """Whether the difference is more than the limit."""
        if self.now is None:
            return Verdict.GONE
        if self.before is None:
            return Verdict.NEW
        if self.now > self.before * (1 + self.limit):
            return Verdict.WORSE
        if self.now < self.before * (1 - self.limit):
            return Verdict.BETTER
        return Verdict.SAME


def compare(library: str, before: Counts, now: Counts) -> list[Row]:
    """Put counts beside each other.

    Args:
        library: whose counts they are.
        before: counts of the baseline, by subject, then by part.
        now: counts of this tree.

    Returns:
        A row for each count that is in one of them, in the order of now.
    """
    names = [(subject, part) for subject, parts in now.items() for part in parts]
    names += [
        (subject, part)
        for subject, parts in before.items()
        for part in parts
        if part not in now.get(subject, {})
    ]
    return [
        Row(
            subject,
            library,
            part,
            before.get(subject, {}).get(part),
            now.get(subject, {}).get(part),
        )
        for subject, part in names
    ]


def table(rows: Sequence[Row]) -> str:
    """Lay rows out for people, one line each, under a line of headings.

    Args:
        rows: in the order to show them.
    """
    lines = [("kind", "side", "library", "baseline", "now", "ratio", "verdict")]
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.4f}"
        numbers = (_number(row.before), _number(row.now))
        lines.append((row.subject, row.part, row.library, *numbers, ratio, row.verdict.value))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, words to the left."""
    laid = [
        cell.rjust(width) if 3 <= column <= 5 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(laid).rstrip()


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
