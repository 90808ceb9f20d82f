"""Numbers and names as text, the same in tables, plots and the page."""

from __future__ import annotations

import math
import re
import statistics
from typing import Final

from benchmarks.model import Row, Topic, middle_half

__all__ = [
    "NO_DIFFERENCE",
    "NO_VALUE",
    "are_alike",
    "clean",
    "direction",
    "number",
    "quantity",
    "ratio",
    "rounds",
    "short_number",
    "slug",
    "spread",
    "versus",
]

NO_DIFFERENCE: Final = "no difference seen"
ONE_SAMPLE: Final = "one sample"
BASELINE: Final = "baseline"

#: What stands where a value cannot be given.
NO_VALUE: Final = "–"  # noqa: RUF001  # an en dash is what is meant

_POWERS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def clean(text: str) -> str:
    """Return a name on one line, without characters that XML 1.0 (section 2.2) forbids.

    Args:
        text: any name.
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def slug(name: str) -> str:
    """Return a name as part of a file's name.

    Args:
        name: of a topic.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "topic"


def number(value: float, digits: int = 4) -> str:
    """Return a value with so many digits that count; whole numbers keep all of theirs.

    Args:
        value: any.
        digits: at least 1.
    """
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(decimals, 0)}f}" if decimals < 8 else f"{value:.{digits - 1}e}"


def short_number(value: float) -> str:
    """Return a number for an axis: 1000 is 1k.

    Args:
        value: any.
    """
    for power, letter in _POWERS:
        if abs(value) >= power:
            return f"{value / power:g}{letter}"
    return f"{value:g}"


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """Return a value with its unit.

    Args:
        value: any.
        unit: as in the topic.
        digits: that count.
    """
    return f"{number(value, digits)} {clean(unit)}".strip()


def ratio(row: Row, base: Row | None) -> str:
    """Return how many times the baseline an answer is: the median of the rounds' ratios.

    Args:
        row: an answer.
        base: the answer that ratios are to.
    """
    found = row.ratios_to(base) if base is not None else []
    if not found:
        return NO_VALUE
    value = statistics.median(found)
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{decimals}f}×"  # noqa: RUF001  # the sign for "times"


def spread(row: Row) -> str:
    """Return the spread of an answer in percent, as far as there is one.

    Args:
        row: an answer.
    """
    return f"±{row.spread:.1%}" if len(row.samples) > 1 else ONE_SAMPLE


def rounds(count: int) -> str:
    """Return a number of rounds in words.

    Args:
        count: at least 1.
    """
    return f"{count} round" if count == 1 else f"{count} rounds"


def are_alike(one: Row, other: Row) -> bool:
    """Say whether two answers cannot be told apart: 1 lies in the middle half of their ratios.

    The middle half, and not all rounds, so that a disturbed one does not hide a difference.  Where
    rounds do not correspond, it is the middle halves of the samples that overlap.

    Args:
        one: an answer.
        other: to the same question.
    """
    if len(one.samples) == len(other.samples) > 1 and (found := one.ratios_to(other)):
        low, high = middle_half(found)
        return low <= 1 <= high
    (low, high), (other_low, other_high) = one.quartiles, other.quartiles
    return low <= other_high and other_low <= high


def versus(row: Row, base: Row | None) -> str:
    """Say how an answer's ratio to the baseline is to be taken.

    Args:
        row: an answer.
        base: the answer that ratios are to.

    Returns:
        Some words, or nothing where the ratio says it all.
    """
    if base is None or row is base:
        return BASELINE if base else ""
    if are_alike(row, base):
        return NO_DIFFERENCE
    return ONE_SAMPLE if min(len(row.samples), len(base.samples)) < 2 else ""


def direction(topic: Topic) -> str:
    """Return unit and good direction of a topic, for below its title.

    Args:
        topic: the question.
    """
    return f"{clean(topic.unit)}, {topic.better} is better"
