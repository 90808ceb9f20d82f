"""The report as Markdown: a table for each topic."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.model import Row, Run, Topic
from benchmarks.report.figures import absences, alike, figures, headlines, silent
from benchmarks.report.text import (
    NO_DIFFERENCE,
    clean,
    direction,
    number,
    ratio,
    rounds,
    spread,
    versus,
)

__all__ = ["document", "table"]

_HEADS = ("Entrant", "Library", "Median", "Spread", "Ratio", "Details")


def document(run: Run, plots: str) -> str:
    """Return the report as Markdown.

    Args:
        run: what was measured.
        plots: folder of the plots, beside the document.
    """
    parts = ["# Benchmarks of tlsmgm", _summary(run)]
    if headlines(run):
        parts.append(f"![{_text(headlines(run)[0].title)}]({plots}/headline.svg)")
    parts.append(
        "Ratios are to the baseline of each table: the median of the ratios of all rounds. The"
        " spread is half of the distance between the quartiles, as a part of the median. Where the"
        f" middle half of the ratios of two entrants has 1 in it, it says: {NO_DIFFERENCE}."
    )
    for figure in figures(run):
        if figure.is_lines:
            parts.append(f"## {_text(figure.title)}")
        if any(run.of(topic.name) for topic in figure.topics):
            picture = f"![{_text(figure.title)}]({plots}/{figure.name}.svg)"
        else:
            picture = ""
        for topic in figure.topics:
            parts += _topic(run, topic, "###" if figure.is_lines else "##", picture)
            picture = ""
    parts += ["## Not there", _list(_absent(run)) or "Everybody took part."]
    parts += ["## Machine", _list(_facts(run.machine))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(run: Run) -> str:
    text = f"Started {_text(run.started)}, {rounds(run.rounds)}."
    if run.is_quick:
        text += " **This was a quick run: it shows that everything works, and no more.**"
    return text


def _topic(run: Run, topic: Topic, heading: str, picture: str) -> list[str]:
    parts = [f"{heading} {_text(topic.title)}", picture, _text(topic.about)]
    parts.append(f"In {_text(direction(topic))}.")
    parts.append(table(run, topic) if run.of(topic.name) else "Nobody gave a value.")
    parts += [
        f"{_text(one.entrant)} and {_text(other.entrant)}: {NO_DIFFERENCE}."
        for one, other in alike(run, topic)
    ]
    parts += [f"{_text(name)} gave no value." for name in silent(run, topic)]
    return parts


def table(run: Run, topic: Topic) -> str:
    """Return the answers to a question as a table, the best first.

    Args:
        run: what was measured.
        topic: the question.
    """
    base = run.baseline(topic)
    lines = [_line(_HEADS), "|---|---|--:|--:|--:|---|"]
    lines += [_line(_cells(row, topic, base)) for row in run.of(topic.name)]
    return "\n".join(lines)


def _cells(row: Row, topic: Topic, base: Row | None) -> Sequence[str]:
    remark = versus(row, base)
    return (
        _text(row.entrant),
        _text(row.library),
        f"{number(row.median)} {_text(topic.unit)}".strip(),
        spread(row),
        ratio(row, base) + (f" ({remark})" if remark else ""),
        "; ".join(f"{_text(name)} {number(value)}" for name, value in row.details.items()),
    )


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _absent(run: Run) -> list[str]:
    return [
        _text(absence.reason) + (f" ({_text(', '.join(absence.topics))})" if absence.topics else "")
        for absence in absences(run)
    ]


def _facts(facts: Mapping[str, Any]) -> list[str]:
    found = []
    for name, fact in facts.items():
        if isinstance(fact, Mapping):
            found += [f"{_text(name)}, {text}" for text in _facts(fact)]
        else:
            found.append(f"{_text(name)}: {_text(str(fact))}")
    return found


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"* {item}" for item in items)


def _text(text: str) -> str:
    """Text that is nothing but text in Markdown, on one line."""
    plain = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#$])", r"\\\1", plain)
