"""The plots as files, SVG and PNG, with matplotlib."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator

from benchmarks.model import Row, Run, Topic
from benchmarks.report.figures import (
    Figure,
    Look,
    answers,
    figures,
    headlines,
    kicker,
    limit,
    looks,
)
from benchmarks.report.scale import Scale, is_wide, scale_of
from benchmarks.report.text import clean, direction, quantity, ratio, short_number, versus

__all__ = ["headline_svg", "write_plots"]

_INK: Final = "#171b21"
_MUTED: Final = "#5b6675"
_GRID: Final = "#e3e7ec"
_COLOURS: Final = {
    "tlsmgm": "#0a52c4",
    "tlsmgm-2": "#4f93ee",
    "limit": "#3d4653",
    "peer": "#a3adba",
}
_MARKERS: Final = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "down": "v",
    "plus": "P",
}
_DASHES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)))

#: Inches.
_WIDTH: Final = 9.0
_LEFT: Final = 2.3
_RIGHT: Final = 2.1
_HEAD: Final = 0.85
_FOOT: Final = 0.45
_FOOT_WITH_AXIS: Final = 0.7
_ROW: Final = 0.42

#: Names may hold dollar signs, which are no formulas, and files do not differ without a reason.
_STYLE: Final[Any] = {
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": _INK,
    "svg.hashsalt": "tlsmgm",
    "svg.fonttype": "path",
}


def headline_svg(run: Run) -> str:
    """Draw the first topic that a report opens with.

    Args:
        run: what was measured.

    Returns:
        An SVG document.

    Raises:
        ValueError: the run has no values.
    """
    topics = headlines(run)
    if not topics:
        raise ValueError("there is nothing to draw: the run has no values")
    with _style():
        return _svg(_draw_headline(run, topics[0]))


def write_plots(run: Run, folder: Path) -> None:
    """Write ``headline.svg``, and each figure under its name; beside each SVG a PNG.

    Args:
        run: what was measured.
        folder: is made if it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _style():
        for topic in headlines(run)[:1]:
            _save(_draw_headline(run, topic), folder / "headline")
        for figure in figures(run):
            if any(run.of(topic.name) for topic in figure.topics):
                drawn = _draw_lines if figure.is_lines else _draw_only
                _save(drawn(run, figure), folder / figure.name)


@contextlib.contextmanager
def _style() -> Iterator[None]:
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks gets boxes in the plot; the page has it in full.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        yield


def _save(canvas: Canvas, path: Path) -> None:
    path.with_name(path.name + ".svg").write_text(_svg(canvas), encoding="utf-8")
    canvas.savefig(path.with_name(path.name + ".png"), dpi=150)


def _svg(canvas: Canvas) -> str:
    content = io.StringIO()
    canvas.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


def _draw_headline(run: Run, topic: Topic) -> Canvas:
    return _draw_bars(run, topic, kicker(topic), f"{clean(topic.title)} · {direction(topic)}")


def _draw_only(run: Run, figure: Figure) -> Canvas:
    topic = figure.topics[0]
    return _draw_bars(run, topic, figure.title, direction(topic))


def _canvas(
    height: float, title: str, below: str, margins: tuple[float, float, float]
) -> tuple[Canvas, Axes]:
    left, right, foot = margins
    canvas = Canvas(figsize=(_WIDTH, height), facecolor="white")
    canvas.text(0.2 / _WIDTH, 1 - 0.32 / height, clean(title), size=13, weight="bold", va="center")
    canvas.text(0.2 / _WIDTH, 1 - 0.58 / height, below, color=_MUTED, va="center")
    bottom = foot / height
    axes = canvas.add_axes(
        (left / _WIDTH, bottom, 1 - (left + right) / _WIDTH, 1 - _HEAD / height - bottom)
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=_MUTED)
    axes.set_axisbelow(True)
    return canvas, axes


def _draw_bars(run: Run, topic: Topic, title: str, below: str) -> Canvas:
    rows, base, found = run.of(topic.name), run.baseline(topic), looks(run)
    scale = scale_of(rows)
    foot = _FOOT_WITH_AXIS if scale.is_log else _FOOT
    height = _HEAD + foot + _ROW * len(rows)
    canvas, axes = _canvas(height, title, below, (_LEFT, _RIGHT, foot))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks([])
    _bar_axis(axes, scale)
    for place, row in enumerate(rows):
        _bar(axes, place, row, found[row.entrant], scale.is_log)
        _beside(axes, place, row, topic, base, found[row.entrant])
        end = limit(run, topic, row)
        if end is not None:
            for colour, width in (("#ffffff99", 2.6), (_COLOURS["limit"], 0.9)):
                axes.vlines(end.median, place - 0.5, place + 0.5, color=colour, lw=width)
    told = "whiskers: quartiles"
    if scale.is_log:
        told += ", where they are wider than the point"
    if any(limit(run, topic, row) for row in rows):
        told = f"thin line: plain C on the same library, its limit; {told}"
    canvas.text(0.2 / _WIDTH, 0.2 / height, told, color=_MUTED, size=8, va="center")
    return canvas


def _bar_axis(axes: Axes, scale: Scale) -> None:
    """Only a logarithmic axis has ticks: a bar from zero has its value beside it."""
    axes.set_xscale("log" if scale.is_log else "linear")
    axes.set_xlim(scale.low, scale.high)
    axes.set_xticks([])
    if scale.is_log:
        axes.xaxis.set_major_locator(FixedLocator(scale.ticks()))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
        axes.grid(axis="x", color=_GRID)
    axes.xaxis.set_minor_locator(NullLocator())


def _bar(axes: Axes, place: int, row: Row, look: Look, wide: bool) -> None:
    colour = _COLOURS[look.role]
    if wide:
        axes.plot([row.median], [place], "o", color=colour, ms=8, clip_on=False, zorder=4)
    else:
        axes.barh(place, row.median, height=0.58, color=colour)
    if len(row.samples) < 2:
        return
    low, high = row.quartiles
    for tone, width in (("white", 3.2), (_INK, 1.2)):
        alpha = 0.6 if tone == "white" else 1.0
        style: Any = {"color": tone, "lw": width, "alpha": alpha, "clip_on": False, "zorder": 3}
        axes.hlines(place, low, high, **style)
        axes.vlines([low, high], place - 0.13, place + 0.13, **style)


def _beside(axes: Axes, place: int, row: Row, topic: Topic, base: Row | None, look: Look) -> None:
    """Names on the left of a bar, values on its right."""
    weight = "bold" if look.is_tlsmgm else "normal"
    across = axes.get_yaxis_transform()
    length = 1 / (_WIDTH - _LEFT - _RIGHT)
    name, library = clean(row.entrant), clean(row.library)
    begin = (0.2 - _LEFT) * length
    axes.text(begin, place - 0.17, _short(name), transform=across, va="center", weight=weight)
    small: Any = {"color": _MUTED, "size": 7.5, "va": "center", "transform": across}
    axes.text(begin, place + 0.2, _short(library), **small)
    middle, end = 1 + 1.05 * length, 1 + (_RIGHT - 0.2) * length
    remark = versus(row, base)
    line = place - 0.17 if remark else place  # the remark stands below, and is wide
    value: Any = {"transform": across, "ha": "right", "va": "center"}
    axes.text(middle, line, _short(quantity(row.median, topic.unit, 3)), weight=weight, **value)
    axes.text(end, line, ratio(row, base), color=_MUTED, **value)
    axes.text(end, place + 0.2, remark, ha="right", **small)


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _draw_lines(run: Run, figure: Figure) -> Canvas:
    found = looks(run)
    points = answers(run, figure)
    below = direction(figure.topics[0])
    canvas, axes = _canvas(4.7, figure.title, below, (0.75, 2.3, _FOOT_WITH_AXIS))
    up = scale_of([row for line in points.values() for _, row in line])
    axes.set_yscale("log" if up.is_log else "linear")
    axes.set_ylim(up.low, up.high)
    axes.yaxis.set_major_locator(FixedLocator(up.ticks()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.set_xscale("log" if is_wide(figure.numbers) else "linear")
    axes.xaxis.set_major_locator(FixedLocator(figure.numbers))
    axes.set_xlabel("N", color=_MUTED)
    axes.xaxis.set_major_formatter(FixedFormatter([short_number(n) for n in figure.numbers]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(axis="y", color=_GRID)
    for name, line in sorted(points.items(), key=lambda item: found[item[0]].is_tlsmgm):
        _line(axes, clean(name), line, found[name])
    legend = axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.02))
    for text in legend.get_texts():
        text.set_fontweight("bold" if text.get_text().startswith("tlsmgm") else "normal")
    return canvas


def _line(axes: Axes, name: str, line: list[tuple[int, Row]], look: Look) -> None:
    colour = _COLOURS[look.role]
    numbers = [value for value, _ in line]
    low, high = zip(*(row.quartiles for _, row in line), strict=True)
    axes.vlines(numbers, low, high, color=colour, lw=4, alpha=0.4, clip_on=False)
    axes.plot(
        numbers,
        [row.median for _, row in line],
        color=colour,
        marker=_MARKERS[look.marker],
        markersize=6.5,
        markeredgecolor="white",
        linestyle=_DASHES[look.dash % len(_DASHES)],
        linewidth=1.8,
        clip_on=False,
        # A leading underscore would keep a line out of the legend.
        label=_short(name).lstrip("_") or "?",
        zorder=3,
    )
