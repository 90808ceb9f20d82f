"""What a run of the benchmarks comes to: plain values, to JSON and back."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

__all__ = ["SCHEMA", "Better", "Row", "Run", "Topic", "middle_half"]

#: Grows whenever the meaning of the JSON changes.
SCHEMA: Final = 1

Better = Literal["lower", "higher"]


def middle_half(values: Sequence[float]) -> tuple[float, float]:
    """Return between which two quartiles the middle half of some values lies.

    Args:
        values: at least one.
    """
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


@dataclass(frozen=True)
class Topic:
    """A question that a run answers, with one value for each entrant.

    Attributes:
        name: short, for the command line and file names.
        title: for people.
        unit: of the values.
        better: which direction is good.
        about: what is measured and what is pinned, in a sentence or two.
        baseline: name of the entrant that ratios are to; None: the first one.
    """

    name: str
    title: str
    unit: str
    better: Better = "lower"
    about: str = ""
    baseline: str | None = None


@dataclass
class Row:
    """The values of one entrant for one topic.

    Attributes:
        topic: name of the topic.
        entrant: who.
        library: its TLS library, with the version.
        samples: one value for each round.
        details: other values of interest by name, medians over the rounds.
    """

    topic: str
    entrant: str
    library: str
    samples: list[float] = field(default_factory=list)
    details: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which the middle half of the rounds lies."""
        return middle_half(self.samples)

    @property
    def spread(self) -> float:
        """Half of the distance between the quartiles, as a part of the median."""
        low, high = self.quartiles
        return (high - low) / 2 / self.median if self.median else 0.0

    def ratios_to(self, base: Row) -> list[float]:
        """Return how many times another answer this one is, in each round.

        Turns of one round are neighbours in time, so that a processor that runs at another speed
        for some seconds, or has a busy neighbour, changes both.

        Args:
            base: an answer to the same question.

        Returns:
            One ratio for each round; that of the medians where rounds do not correspond; none if
            the other answer is 0.
        """
        if len(self.samples) == len(base.samples) and all(base.samples):
            return [own / other for own, other in zip(self.samples, base.samples, strict=True)]
        return [self.median / base.median] if base.median else []


@dataclass
class Run:
    """Everything about one run.

    Attributes:
        started: ISO time, UTC.
        rounds: of each workload.
        is_quick: whether the run only shows that everything works.
        machine: facts about machine and software by name.
        topics: the questions, in order.
        rows: the answers.
        absent: who could not take part in what, and why.
    """

    started: str
    rounds: int
    is_quick: bool
    machine: dict[str, Any]
    topics: list[Topic] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def of(self, topic: str) -> list[Row]:
        """Return the answers to a question, the best first.

        Args:
            topic: its name.
        """
        rows = [row for row in self.rows if row.topic == topic and row.samples]
        found = next(item for item in self.topics if item.name == topic)
        return sorted(rows, key=lambda row: row.median, reverse=found.better == "higher")

    def baseline(self, topic: Topic) -> Row | None:
        """Return the answer that ratios are to.

        Args:
            topic: the question.
        """
        rows = [row for row in self.rows if row.topic == topic.name and row.samples]
        named = [row for row in rows if row.entrant == topic.baseline]
        found = named or rows
        return found[0] if found else None

    def to_json(self) -> str:
        """Return the run as JSON."""
        return json.dumps({"schema": SCHEMA, **dataclasses.asdict(self)}, indent=1)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a run.

        Args:
            path: of the JSON file.

        Returns:
            The run.

        Raises:
            ValueError: the file is of another schema.
        """
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.pop("schema", None)
        if schema != SCHEMA:
            raise ValueError(f"{path} has schema {schema!r}, not {SCHEMA}")
        content["topics"] = [Topic(**item) for item in content["topics"]]
        content["rows"] = [Row(**item) for item in content["rows"]]
        return cls(**content)
