"""Numbers that only grow, for people and for programs that watch a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Counters"]


class Counters(Mapping[str, int]):
    """Counters by name; all of them are there from the start, at 0.

    One thread counts, such as that of an event loop.  Any thread may read; what it reads of
    several counters may be from moments that lie a little apart.

    Args:
        names: in ``snake_case``, ending in ``_total``, so that an exporter can take them over.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._values = dict.fromkeys(names, 0)

    def add(self, name: str, amount: int = 1) -> None:
        """Count.

        Args:
            name: which counter.
            amount: by how much; not below 0.

        Raises:
            KeyError: there is no such counter.
        """
        self._values[name] += amount

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        seen = ", ".join(f"{name}={value}" for name, value in self._values.items() if value)
        return f"<Counters {seen or 'all 0'}>"
