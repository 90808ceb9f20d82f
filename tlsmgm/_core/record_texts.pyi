"""What records say, as texts: many values at a time, for logs that write a line per connection."""

from collections.abc import Callable, Sequence
from typing import Self

from tlsmgm._core.record import Record

KNOWN_NAMES: frozenset[str]

class Texts:
    """Reads the same values of many records.

    Args:
        names: of the values, in the order in which they are wanted.
        readers: for names that are none of :data:`KNOWN_NAMES`: gets the record, and returns text
            or None.

    Raises:
        KeyError: there is no reader for a name.
    """

    def __new__(
        cls, names: Sequence[str], readers: dict[str, Callable[[Record], str | None]]
    ) -> Self: ...
    def of(self, record: Record) -> list[str | None]:
        """The values of a record.

        Args:
            record: of a connection that has ended.

        Returns:
            A list of texts; None for a value that is not there.
        """
