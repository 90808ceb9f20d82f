"""The engine: who is compared takes turns, so that whatever drifts hits all alike.

A *contestant* is one entrant of one topic.  After a warm-up, each round gives every contestant one
turn; the order rotates from round to round (A B C, B C A, ...).  A turn gives one value, or none if
something went wrong, which ends the run: a benchmark that hides failures is of no use.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.model import Row, Topic

__all__ = ["Contestant", "Plan", "Progress", "Turn", "compare"]


@dataclass(frozen=True)
class Turn:
    """What one turn came to.

    Attributes:
        value: in the topic's unit.
        details: other values of interest, by name.
    """

    value: float
    details: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contestant:
    """One entrant of a topic.

    Attributes:
        entrant: name, for tables.
        library: TLS library and version.
        turn: does the work once; its argument is a part of the full amount, above 0 up to 1.
        close: lets go of what the entrant holds.
        needs_warm_up: whether a turn finds anything that an earlier one has left.
    """

    entrant: str
    library: str
    turn: Callable[[float], Turn]
    close: Callable[[], None] = lambda: None
    needs_warm_up: bool = True


@dataclass
class Plan:
    """A topic with those who take part.

    Attributes:
        topic: the question.
        contestants: who.
        absent: who not, and why.
        rounds: at the most, where a turn takes long; None: as many as all have.
    """

    topic: Topic
    contestants: list[Contestant]
    absent: list[str] = field(default_factory=list)
    rounds: int | None = None


class Progress(Protocol):
    """Who is told how far a comparison has come."""

    def advance(self, topic: Topic, entrant: str) -> None:
        """One turn is done."""


#: Part of the full amount that the warm-up does.
_WARM_UP = 0.1


def compare(plan: Plan, rounds: int, progress: Progress) -> list[Row]:
    """Let everybody take turns.

    Args:
        plan: who answers what.
        rounds: turns of each.
        progress: is told of each turn.

    Returns:
        A row for each contestant.
    """
    rows = [Row(plan.topic.name, item.entrant, item.library) for item in plan.contestants]
    details: list[dict[str, list[float]]] = [{} for _ in rows]
    with contextlib.ExitStack() as stack:
        for contestant in plan.contestants:
            stack.callback(contestant.close)
        for contestant in plan.contestants:
            if contestant.needs_warm_up:
                _turn(contestant, _WARM_UP)
        for place in _places(len(rows), min(rounds, plan.rounds or rounds)):
            turn = _turn(plan.contestants[place], 1.0)
            rows[place].samples.append(turn.value)
            for name, value in turn.details.items():
                details[place].setdefault(name, []).append(value)
            progress.advance(plan.topic, rows[place].entrant)
    for row, values in zip(rows, details, strict=True):
        row.details = {name: _median(found) for name, found in values.items()}
    return rows


def _places(count: int, rounds: int) -> Iterator[int]:
    for number in range(rounds):
        for step in range(count):
            yield (number + step) % count


def _turn(contestant: Contestant, part: float) -> Turn:
    """A turn without the garbage of others; a collection inside of it would be its bad luck."""
    gc.collect()
    gc.disable()
    try:
        return contestant.turn(part)
    finally:
        gc.enable()


def _median(values: Sequence[float] | Iterable[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
