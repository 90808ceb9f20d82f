"""A timer that can be set anew and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Timer"]


class Timer:
    """Calls back once, at the time that was set last."""

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether it has still to call."""
        return self._handle is not None

    def set(self, seconds: float, then: Callable[[], None]) -> None:
        """Call back, and no more as was set before.

        Args:
            seconds: from now on.
            then: is called, with the timer ready to be set again.
        """
        self.cancel()
        self._handle = asyncio.get_running_loop().call_later(seconds, self._tick, then)

    def cancel(self) -> None:
        """Call nobody."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self, then: Callable[[], None]) -> None:
        self._handle = None
        then()
