"""Who is told of progress and says nothing."""

from __future__ import annotations

from benchmarks.model import Topic


class Silent:
    """A progress for tests; it counts."""

    def __init__(self) -> None:
        self.turns = 0

    def advance(self, topic: Topic, entrant: str) -> None:
        """One turn is done."""
        self.turns += 1
