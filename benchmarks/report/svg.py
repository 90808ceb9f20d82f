"""Drawings for the page: SVG in per cent to fit any width, coloured by the style sheet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from benchmarks.model import Row
from benchmarks.report.figures import Look
from benchmarks.report.scale import Scale
from benchmarks.report.text import clean, quantity, short_number

__all__ = ["Line", "bar", "labels", "limit_key", "marker", "plot", "ticks", "whisker_key", "y_axis"]

#: Shapes of 10 by 10 around the origin.
_SHAPES: Final = {
    "circle": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "square": "M-3.6 -3.6h7.2v7.2h-7.2z",
    "triangle": "M0 -4.6L4.6 3.6H-4.6z",
    "diamond": "M0 -5L5 0L0 5L-5 0z",
    "down": "M0 4.6L4.6 -3.6H-4.6z",
    "plus": "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
}


@dataclass(frozen=True)
class Line:
    """The answers of one entrant over a number.

    Attributes:
        look: of the entrant.
        points: numbers with answers, ascending.
    """

    look: Look
    points: Sequence[tuple[float, Row]]


def bar(row: Row, unit: str, scale: Scale, limit: Row | None) -> str:
    """Draw one answer: a bar from zero, or a point where the axis is logarithmic.

    Args:
        row: the answer.
        unit: of it.
        scale: of the axis.
        limit: gets a thin line.
    """
    low, high = row.quartiles
    told = f"{quantity(row.median, unit)}, middle half {quantity(low, unit)} to "
    told += quantity(high, unit)
    parts = []
    if scale.is_log:
        parts += [_upright(scale.place(value), "grid") for value in scale.ticks()]
        parts.append(_level(0.0, scale.place(row.median), "stem"))
    else:
        begin, end = sorted((scale.place(0.0), scale.place(row.median)))
        parts.append(
            f'<rect class="fill" x="{_part(begin)}" width="{_part(end - begin)}" y="22%"'
            ' height="56%" rx="2"/>'
        )
    if limit is not None:
        parts += [_upright(scale.place(limit.median), kind) for kind in ("limit-halo", "limit")]
    if len(row.samples) > 1:
        parts += _whisker(*_inside(scale, low, high))
    if scale.is_log:
        parts.append(marker("circle", scale.place(row.median), 0.5))
    return f'<svg class="bar" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>'


def whisker_key() -> str:
    """Draw a whisker for the legend."""
    return f'<svg aria-hidden="true">{"".join(_whisker(0.1, 0.9))}</svg>'


def limit_key() -> str:
    """Draw a limit for the legend."""
    return f'<svg aria-hidden="true">{_upright(0.5, "limit")}</svg>'


def _inside(scale: Scale, low: float, high: float) -> tuple[float, float]:
    if scale.is_log:
        low, high = max(low, scale.low), max(high, scale.low)
    return scale.place(low), scale.place(high)


def _whisker(low: float, high: float) -> Iterable[str]:
    """The middle half of the samples, drawn twice: a halo, then the line."""
    for kind in ("halo", "whisker"):
        yield _level(low, high, kind)
        for end in (low, high):
            x = _part(end)
            yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="36%" y2="64%"/>'


def _part(value: float) -> str:
    return f"{100 * value:.3f}%"


def _upright(place: float, kind: str) -> str:
    x = _part(place)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="100%"/>'


def _level(begin: float, end: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{_part(begin)}" x2="{_part(end)}" y1="50%" y2="50%"/>'


def ticks(scale: Scale) -> str:
    """Draw round numbers below an axis.

    Args:
        scale: of the axis.
    """
    return labels(scale.ticks(), scale)


def labels(values: Sequence[float], scale: Scale) -> str:
    """Draw numbers below an axis.

    Args:
        values: which ones.
        scale: of the axis.
    """
    text = ""
    for value in values:
        place = scale.place(value)
        kind = "start" if place < 0.02 else "end" if place > 0.98 else "middle"
        text += f'<text x="{_part(place)}" y="12" text-anchor="{kind}">{short_number(value)}</text>'
    return f'<svg class="ticks" aria-hidden="true">{text}</svg>'


def marker(shape: str, x: float, y: float) -> str:
    """Draw the point of an entrant.

    Args:
        shape: one of ``figures.MARKERS``.
        x: from 0 to 1, from the left.
        y: from 0 to 1, from the top.
    """
    path = f'<path class="point" d="{_SHAPES[shape]}"/>'
    return f'<svg x="{_part(x)}" y="{_part(y)}" overflow="visible">{path}</svg>'


def y_axis(scale: Scale) -> str:
    """Draw the numbers beside a plot.

    Args:
        scale: of the axis.
    """
    text = "".join(
        f'<text x="100%" y="{_part(1 - scale.place(value))}" text-anchor="end" dy="4">'
        f"{short_number(value)}</text>"
        for value in scale.ticks()
    )
    return f'<svg class="beside" aria-hidden="true">{text}</svg>'


def plot(lines: Sequence[Line], across: Scale, up: Scale, title: str) -> str:
    """Draw lines over a number, with the middle half of the samples at each point.

    Args:
        lines: in the order of drawing.
        across: axis of the numbers.
        up: axis of the answers.
        title: for those who cannot see it.
    """
    parts = []
    for value in up.ticks():
        y = _part(1 - up.place(value))
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
    for line in lines:
        parts.append(f'<g class="{line.look.role} dash-{line.look.dash}">')
        parts += _line(line, across, up)
        parts.append("</g>")
    head = f'<svg class="plot" role="img" aria-label="{escape(clean(title))}">'
    return f"{head}{''.join(parts)}</svg>"


def _line(line: Line, across: Scale, up: Scale) -> list[str]:
    places = [(across.place(x), 1 - up.place(row.median)) for x, row in line.points]
    parts = [
        f'<line class="line" x1="{_part(x1)}" y1="{_part(y1)}" x2="{_part(x2)}" y2="{_part(y2)}"/>'
        for (x1, y1), (x2, y2) in itertools.pairwise(places)
    ]
    for (x, y), (_, row) in zip(places, line.points, strict=True):
        low, high = _inside(up, *row.quartiles)
        parts.append(
            f'<line class="range" x1="{_part(x)}" x2="{_part(x)}" y1="{_part(1 - low)}"'
            f' y2="{_part(1 - high)}"/>'
        )
        parts.append(marker(line.look.marker, x, y))
    return parts
