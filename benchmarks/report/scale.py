"""Axes: where a value lies between the ends of one, and which values are written at it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.model import Row

__all__ = ["LOG_FROM", "Scale", "is_wide", "scale_of"]

#: Values that are further apart than this factor get a logarithmic axis.
LOG_FROM: Final = 30

_MOST_TICKS: Final = 6


@dataclass(frozen=True)
class Scale:
    """An axis.

    Attributes:
        low: value at its beginning.
        high: value at its end, above low.
        is_log: whether equal distances are equal factors.
    """

    low: float
    high: float
    is_log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, is_log: bool) -> Scale:
        """Return an axis for some values.

        Args:
            values: what has to fit; without any the axis goes from 0 to 1.
            is_log: from power of ten to power of ten, instead of from zero.
        """
        if is_log:
            first = math.floor(math.log10(min(values)))
            last = math.ceil(math.log10(max(values)))
            return cls(10.0**first, 10.0 ** max(last, first + 1), True)
        low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
        return cls(low, high if high > low else low + 1)

    def place(self, value: float) -> float:
        """Say where a value lies, from 0 to 1; what lies outside is at the end.

        Args:
            value: above 0 if the axis is logarithmic.
        """
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return min(max((value - low) / (high - low), 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return the values to write at the axis: round ones."""
        if self.is_log:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            every = math.ceil((last - first) / _MOST_TICKS)
            return [10.0**exponent for exponent in range(first, last + 1, every)]
        rough = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        first, last = math.ceil(self.low / step), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def is_wide(values: Sequence[float]) -> bool:
    """Say whether values are so far apart that they need a logarithmic axis.

    Args:
        values: any.
    """
    return bool(values) and min(values) > 0 and max(values) / min(values) > LOG_FROM


def scale_of(rows: Sequence[Row]) -> Scale:
    """Return the axis that answers need, their quartiles included.

    Args:
        rows: each with values.
    """
    medians = [row.median for row in rows]
    wide = is_wide(medians)
    ends = [end for row in rows for end in row.quartiles if end > 0 or not wide]
    return Scale.over(medians + ends, is_log=wide)
