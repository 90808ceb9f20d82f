"""What is drawn: which topics make a figure, which figures a section, and who looks how."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.model import Row, Run, Topic
from benchmarks.report.text import are_alike, clean, slug

__all__ = [
    "DASHES",
    "MARKERS",
    "Absence",
    "Figure",
    "Look",
    "Role",
    "Section",
    "absences",
    "alike",
    "answers",
    "figures",
    "headlines",
    "kicker",
    "limit",
    "looks",
    "sections",
    "silent",
]

Role = Literal["tlsmgm", "tlsmgm-2", "limit", "peer"]

#: Shapes that tell lines apart without colour.
MARKERS: Final = ("circle", "square", "triangle", "diamond", "down", "plus")

#: Line styles, for when there are more entrants than shapes.
DASHES: Final = 3

#: The place among the shapes that the first of each role has.
_FIRST_MARKER: Final[dict[Role, int]] = {"tlsmgm": 0, "tlsmgm-2": 1, "peer": 2, "limit": 3}

_NUMBERED: Final = re.compile(r"(?P<prefix>.+)-(?P<number>\d+)")

#: What the names of topics begin with that a report opens with: server CPU for each handshake, in
#: memory and over loopback. Of each line, the first topic of the first beginning that is there.
_HEADLINES: Final = (("handshake-tls13-ecdsa", "handshake-"), ("loopback",))


@dataclass(frozen=True)
class Look:
    """How an entrant is drawn, wherever it appears.

    Attributes:
        role: what its colour follows from.
        marker: shape of its points, one of ``MARKERS``.
        dash: number of its line style, from 0 to below ``DASHES``.
    """

    role: Role
    marker: str
    dash: int

    @property
    def is_tlsmgm(self) -> bool:
        """Whether it has the accent colour."""
        return self.role.startswith("tlsmgm")


@dataclass(frozen=True)
class Figure:
    """One topic as bars, or topics that differ only in a number as lines over that number.

    Attributes:
        name: for file names; no two figures of a run share one.
        title: for people.
        topics: one, or one for each number.
        numbers: those of the topics, ascending; empty: bars.
    """

    name: str
    title: str
    topics: tuple[Topic, ...]
    numbers: tuple[int, ...] = ()

    @property
    def is_lines(self) -> bool:
        """Whether the figure is drawn as lines."""
        return bool(self.numbers)


@dataclass(frozen=True)
class Section:
    """Figures that belong together.

    Attributes:
        title: what their titles begin with; empty: nothing.
        figures: in order.
    """

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Absence:
    """Why somebody did not take part.

    Attributes:
        reason: in words.
        topics: names of the topics; empty: unknown, or all.
    """

    reason: str
    topics: tuple[str, ...]


def looks(run: Run) -> dict[str, Look]:
    """Give every entrant its look.

    Args:
        run: what was measured.
    """
    names = list(dict.fromkeys(row.entrant for row in run.rows))
    found: dict[str, Look] = {}
    counts: Counter[Role] = Counter()
    for name in names:
        role = _role(name)
        place = _FIRST_MARKER[role] + counts[role]
        found[name] = Look(role, MARKERS[place % len(MARKERS)], counts[role] % DASHES)
        counts[role] += 1
    return found


def _role(entrant: str) -> Role:
    name = entrant.lower()
    if name.startswith("tlsmgm"):
        return "tlsmgm-2" if "wolfssl" in name else "tlsmgm"
    return "limit" if name.startswith("plain c") else "peer"


def limit(run: Run, topic: Topic, row: Row) -> Row | None:
    """Return what plain C takes with the library of an entrant, which is its limit.

    Args:
        run: what was measured.
        topic: the question.
        row: the entrant's answer.

    Returns:
        The answer of plain C; None if there is none or the row is that answer.
    """
    for other in run.of(topic.name):
        if _role(other.entrant) == "limit" and _family(other) == _family(row):
            return None if other is row else other
    return None


def _family(row: Row) -> str:
    return (row.library.split() or [""])[0].lower()


def headlines(run: Run) -> list[Topic]:
    """Return the topics that a report opens with.

    Args:
        run: what was measured.

    Returns:
        At most one for each line of ``_HEADLINES``; if that is none, the first topic with values.
    """
    answered = [topic for topic in run.topics if run.of(topic.name)]
    found = []
    for beginnings in _HEADLINES:
        fitting = [
            topic
            for beginning in beginnings
            for topic in answered
            if topic.name.startswith(beginning)
        ]
        found += fitting[:1]
    return found or answered[:1]


def answers(run: Run, figure: Figure) -> dict[str, list[tuple[int, Row]]]:
    """Return the points of each entrant's line: numbers with answers, ascending.

    Args:
        run: what was measured.
        figure: with numbers.
    """
    found: dict[str, list[tuple[int, Row]]] = {}
    for value, topic in zip(figure.numbers, figure.topics, strict=True):
        for row in run.of(topic.name):
            found.setdefault(row.entrant, []).append((value, row))
    return found


def kicker(topic: Topic) -> str:
    """Return what stands above the title of a topic that a report opens with.

    Args:
        topic: one of ``headlines``.
    """
    if topic.name.startswith("handshake-"):
        return "Server CPU per handshake"
    return "As a proxy, over loopback" if topic.name.startswith("loopback") else "The headline"


def figures(run: Run) -> list[Figure]:
    """Say what is drawn, in the order of the topics.

    Args:
        run: what was measured.
    """
    families: dict[tuple[str, ...], list[tuple[int, Topic]]] = {}
    for topic in run.topics:
        match = _NUMBERED.fullmatch(topic.name)
        name = ("lines", match["prefix"], topic.unit, topic.better) if match else ("", topic.name)
        families.setdefault(name, []).append((int(match["number"]) if match else 0, topic))
    found: list[Figure] = []
    taken: set[str] = set()
    for (kind, prefix, *_), members in families.items():
        if kind and len({number for number, _ in members}) == len(members) > 1:
            members.sort(key=lambda member: member[0])
            found.append(_lines(_free(prefix, taken), members))
        else:
            found += [_bars(_free(topic.name, taken), topic) for _, topic in members]
    return found


def _free(name: str, taken: set[str]) -> str:
    base = slug(name)
    found = next(
        text
        for text in itertools.chain([base], (f"{base}-again-{more}" for more in itertools.count(2)))
        if text not in taken
    )
    taken.add(found)
    return found


def _bars(name: str, topic: Topic) -> Figure:
    return Figure(name, clean(topic.title) or clean(topic.name), (topic,))


def _lines(name: str, members: list[tuple[int, Topic]]) -> Figure:
    titles = Counter(_with_n(topic.title, value) for value, topic in members)
    numbers = tuple(value for value, _ in members)
    return Figure(name, titles.most_common(1)[0][0], tuple(topic for _, topic in members), numbers)


def _with_n(title: str, value: int) -> str:
    pattern = rf"(?<![\d.,])(?:{value}|{value:,})(?![\d]|[.,]\d)"
    return re.sub(pattern, "N", clean(title))


def sections(all_figures: Iterable[Figure]) -> list[Section]:
    """Put figures together whose titles have the same beginning, up to a colon.

    Args:
        all_figures: in order.
    """
    found: list[Section] = []
    for title, group in itertools.groupby(all_figures, lambda item: item.title.partition(": ")[0]):
        members = tuple(group)
        if len(members) > 1:
            found.append(Section(title, members))
        elif found and not found[-1].title:
            found[-1] = Section("", (*found[-1].figures, *members))
        else:
            found.append(Section("", members))
    return found


def alike(run: Run, topic: Topic) -> list[tuple[Row, Row]]:
    """Return neighbours that cannot be told apart, the baseline's pairs left out.

    Args:
        run: what was measured.
        topic: the question.
    """
    base = run.baseline(topic)
    return [
        pair
        for pair in itertools.pairwise(run.of(topic.name))
        if are_alike(*pair) and base is not pair[0] and base is not pair[1]
    ]


def silent(run: Run, topic: Topic) -> list[str]:
    """Return who was to answer but gave no value.

    Args:
        run: what was measured.
        topic: the question.
    """
    rows = [row for row in run.rows if row.topic == topic.name and not row.samples]
    return [clean(row.entrant) for row in rows]


def absences(run: Run) -> list[Absence]:
    """Return who did not take part, each reason once.

    Args:
        run: its texts may begin with the name of a topic and a colon.
    """
    names = {topic.name for topic in run.topics}
    found: dict[str, list[str]] = {}
    for text in run.absent:
        head, _, rest = text.partition(": ")
        where = [head] if head in names else []
        found.setdefault(clean(rest if where else text), []).extend(where)
    return [Absence(reason, tuple(map(clean, where))) for reason, where in found.items()]
