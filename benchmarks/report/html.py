"""The report as one page that needs nothing else: no script, no picture, no font from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from benchmarks.model import Row, Run, Topic
from benchmarks.report import svg
from benchmarks.report.figures import (
    Figure,
    Look,
    absences,
    alike,
    answers,
    figures,
    headlines,
    kicker,
    limit,
    looks,
    sections,
    silent,
)
from benchmarks.report.scale import Scale, is_wide, scale_of
from benchmarks.report.text import (
    NO_DIFFERENCE,
    NO_VALUE,
    clean,
    direction,
    number,
    quantity,
    ratio,
    rounds,
    spread,
    versus,
)

__all__ = ["page"]

_STYLE: Final = Path(__file__).with_name("report.css")

#: Facts about the machine that the page opens with.
_FIRST: Final = ("processor", "python", "openssl", "wolfssl")

_READING: Final = (
    "Everybody takes turns, round after round, so that whatever drifts hits all alike. A value is "
    "the median over the rounds.",
    "The whisker on a bar is where the middle half of the rounds lies; ± is half of its width, as "
    "a part of the median. On a logarithmic axis it may be hidden by its point.",
    "The ratio is to the baseline of the chart, which is named with it: the median of the ratios "
    "of all rounds. Below 1 is less than the baseline, above 1 is more; the line below a chart's "
    "title says which one is good.",
    f"Where the middle half of the ratios of two entrants has 1 in it, it says “{NO_DIFFERENCE}”: "
    "another run may well put them the other way round.",
    "The thin line in a chart is what plain C takes with the same library: the limit of "
    "whatever is built on that library.",
    "The entrants have the same colours in all charts: blue is tlsmgm, dark is plain C, grey is "
    "everybody else.",
    "Bars begin at zero and each chart has its own axis. Where values are more than 30 times apart "
    "there are points on a logarithmic axis instead, and equal distances mean equal factors.",
)


def page(run: Run) -> str:
    """Return the report as HTML.

    Args:
        run: what was measured.
    """
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<title>Benchmarks of tlsmgm</title>",
            f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
            *_Page(run).parts(),
            "</main>\n</body>\n</html>\n",
        )
    )


class _Page:
    """The parts of the page about one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._looks = looks(run)

    def parts(self) -> Iterable[str]:
        """Everything between head and foot, in order."""
        yield self._header()
        opening = headlines(self._run)
        for topic in opening:
            yield self._headline(topic)
        rest = [item for item in figures(self._run) if not set(item.topics) <= set(opening)]
        for section in sections(rest):
            cut = f"{section.title}: " if section.title else ""
            yield f"<h2>{_text(section.title)}</h2>" if section.title else "<h2>More</h2>"
            yield '<div class="cards">'
            for figure in section.figures:
                yield self._card(figure, figure.title.removeprefix(cut))
            yield "</div>"
        yield self._pinned()
        yield self._absent()
        yield f"<h2>Machine and software</h2>\n{_facts(self._run.machine)}"
        yield "<h2>How to read this</h2>\n" + _list(map(_text, _READING), "reading")

    def _header(self) -> str:
        run = self._run
        told = [run.started.replace("T", " "), rounds(run.rounds)]
        for name in _FIRST:
            fact = str(run.machine.get(name, ""))
            told += [f"{name} {fact}" if name.endswith("ssl") else fact] if fact else []
        text = " · ".join(_text(part) for part in told)
        quick = (
            '<p class="warning">This was a quick run. It shows that everything works; its numbers '
            "mean little.</p>"
            if run.is_quick
            else ""
        )
        return f'<header><h1>Benchmarks of tlsmgm</h1><p class="muted">{text}</p>{quick}</header>'

    def _headline(self, topic: Topic) -> str:
        return (
            f'<section class="headline"><p class="kicker">{kicker(topic)}</p>'
            f"<h2>{_text(topic.title)}</h2>"
            f'<p class="muted">{_text(direction(topic))}</p>'
            f"{self._tiles(topic)}{self._bars(topic)}{self._notes([topic])}"
            f"{self._numbers([topic])}</section>"
        )

    def _tiles(self, topic: Topic) -> str:
        rows, base = self._run.of(topic.name), self._run.baseline(topic)
        tiles = "".join(
            f'<li class="{self._look(row).role}"><span class="who">{_text(row.entrant)}</span>'
            f"<strong>{_text(quantity(row.median, topic.unit, 3))}</strong>"
            f"<span>{_compared(row, base)}</span>"
            f"<span>place {place} of {len(rows)}</span></li>"
            for place, row in enumerate(rows, 1)
            if self._look(row).is_tlsmgm
        )
        return f'<ul class="tiles">{tiles}</ul>' if tiles else ""

    def _card(self, figure: Figure, title: str) -> str:
        first = figure.topics[0]
        drawing = self._lines(figure) if figure.is_lines else self._bars(first)
        return (
            f'<section class="card{" wide" if figure.is_lines else ""}"><h3>{_text(title)}</h3>'
            f'<p class="muted">{_text(direction(first))}</p>{drawing}'
            f"{self._notes(figure.topics)}{self._numbers(figure.topics)}</section>"
        )

    def _bars(self, topic: Topic) -> str:
        rows, base = self._run.of(topic.name), self._run.baseline(topic)
        if not rows:
            return '<p class="empty">Nobody gave a value.</p>'
        scale = scale_of(rows)
        limits = [limit(self._run, topic, row) for row in rows]
        items = "".join(
            self._bar(row, topic, scale, base, end) for row, end in zip(rows, limits, strict=True)
        )
        axis = f'<li class="axis"><span></span>{svg.ticks(scale)}</li>' if scale.is_log else ""
        legend = f"<span>{svg.whisker_key()}middle half of the rounds</span>"
        if any(limits):
            legend += f"<span>{svg.limit_key()}plain C on the same library, its limit</span>"
        return f'<ol class="bars">{items}{axis}</ol><p class="legend">{legend}</p>'

    def _bar(self, row: Row, topic: Topic, scale: Scale, base: Row | None, end: Row | None) -> str:
        remark = versus(row, base)
        narrow = f'<small class="remark">{remark}</small>' if remark else ""
        return (
            f'<li class="{self._look(row).role}">'
            f'<span class="who">{_text(row.entrant)} <small>{_text(row.library)}</small>'
            f"{narrow}</span>"
            f"{svg.bar(row, topic.unit, scale, end)}"
            f'<span class="value">{_text(quantity(row.median, topic.unit, 3))}</span>'
            f'<span class="ratio">{ratio(row, base)}<small>{remark}</small></span></li>'
        )

    def _lines(self, figure: Figure) -> str:
        lines = {
            name: svg.Line(self._looks[name], points)
            for name, points in answers(self._run, figure).items()
        }
        rows = [row for line in lines.values() for _, row in line.points]
        if not rows:
            return '<p class="empty">Nobody gave a value.</p>'
        up = scale_of(rows)
        across = _across(figure.numbers)
        legend = "".join(
            f'<li class="{line.look.role} dash-{line.look.dash}"><svg aria-hidden="true">'
            f'<line class="line" x1="0" x2="100%" y1="50%" y2="50%"/>'
            f"{svg.marker(line.look.marker, 0.5, 0.5)}</svg>{_text(name)}</li>"
            for name, line in lines.items()
        )
        drawn = sorted(lines.values(), key=lambda line: line.look.is_tlsmgm)
        return (
            f'<ul class="key">{legend}</ul><div class="lines">{svg.y_axis(up)}'
            f"{svg.plot(drawn, across, up, figure.title)}<span></span>"
            f"{svg.labels(figure.numbers, across)}</div>"
            f'<p class="muted across">N{", logarithmic" if across.is_log else ""}</p>'
        )

    def _notes(self, topics: Sequence[Topic]) -> str:
        notes = [
            f"{_text(one.entrant)} and {_text(other.entrant)}"
            f"{f' ({_text(topic.title)})' if len(topics) > 1 else ''}: {NO_DIFFERENCE}."
            for topic in topics
            for one, other in alike(self._run, topic)
        ]
        notes += [
            f"{_text(name)} gave no value." for topic in topics for name in silent(self._run, topic)
        ]
        return _list(notes, "notes") if notes else ""

    def _numbers(self, topics: Sequence[Topic]) -> str:
        about = " ".join(dict.fromkeys(_text(topic.about) for topic in topics))
        tables = "".join(self._table(topic) for topic in topics)
        return f"<details><summary>All numbers</summary><p>{about}</p>{tables}</details>"

    def _table(self, topic: Topic) -> str:
        base = self._run.baseline(topic)
        rows = "".join(
            f"<tr><th>{_text(row.entrant)}</th><td>{_text(row.library)}</td>"
            f"<td>{number(row.median)}</td><td>{spread(row)}</td>"
            f"<td>{ratio(row, base)}<small>{versus(row, base)}</small></td>"
            f"<td>{_details(row)}</td></tr>"
            for row in self._run.of(topic.name)
        )
        return (
            f'<div class="scroll"><table><caption>{_text(topic.title)}</caption><tr><th>Entrant'
            f"</th><th>Library</th><th>Median, {_text(topic.unit)}</th><th>Spread</th>"
            f"<th>Ratio</th><th>Details</th></tr>{rows}</table></div>"
        )

    def _pinned(self) -> str:
        abouts: dict[str, list[str]] = {}
        for topic in self._run.topics:
            if topic.about:
                abouts.setdefault(topic.about, []).append(topic.title)
        items = [
            f"{_text(about)}<small>{' · '.join(_text(title) for title in titles)}</small>"
            for about, titles in abouts.items()
        ]
        return "<h2>What is measured, and what is pinned</h2>\n" + _list(items, "reading")

    def _absent(self) -> str:
        items = [
            _text(absence.reason)
            + (f"<small>{_text(' · '.join(absence.topics))}</small>" if absence.topics else "")
            for absence in absences(self._run)
        ]
        text = _list(items, "reading") if items else "<p>Everybody took part in everything.</p>"
        return f"<h2>Who did not take part, and why</h2>\n{text}"

    def _look(self, row: Row) -> Look:
        return self._looks[row.entrant]


def _across(numbers: Sequence[int]) -> Scale:
    """The axis of the numbers, which begins and ends with the first and the last."""
    return Scale(numbers[0], numbers[-1], is_wide(numbers))


def _compared(row: Row, base: Row | None) -> str:
    if base is None or row is base:
        return "the baseline"
    remark = versus(row, base)
    text = f"{ratio(row, base)} {_text(base.entrant)}"
    return f"{text}, {remark}" if remark else text


def _details(row: Row) -> str:
    told = [f"{_text(name)} {number(value)}" for name, value in row.details.items()]
    return "; ".join(told) or NO_VALUE


def _facts(facts: Mapping[str, Any]) -> str:
    items = "".join(
        f"<dt>{_text(str(name))}</dt>"
        f"<dd>{_facts(fact) if isinstance(fact, Mapping) else _text(str(fact))}</dd>"
        for name, fact in facts.items()
    )
    return f"<dl>{items}</dl>"


def _list(items: Iterable[str], kind: str) -> str:
    return f'<ul class="{kind}">' + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _text(text: str) -> str:
    return escape(clean(text))
