"""What programs see of the thread that watches a database; it needs no SQLAlchemy by itself."""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Self

__all__ = ["DatabaseWatcher"]


class DatabaseWatcher(abc.ABC):
    """A thread that reloads the domains of a database as soon as they change.

    Made by ``TLSManager.watch_database()``; in a ``with`` statement it is stopped at the end.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @abc.abstractmethod
    def wait_until_watching(self, timeout: float | None = None) -> bool:
        """Wait until every later change will be noticed.

        Args:
            timeout: seconds; None waits for ever.

        Returns:
            Whether it is so.
        """

    @abc.abstractmethod
    def stop(self) -> None:
        """End the thread; a database is waited for within its deadline, files are not."""
