"""Requests to reload, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Reloads"]


class Reloads:
    """Runs one reload at a time, and one more after it, however many are asked for meanwhile.

    Args:
        reload: does it; it logs what goes wrong and raises nothing.
    """

    def __init__(self, reload: Callable[[], Awaitable[None]]) -> None:
        self._reload = reload
        self._task: asyncio.Task[None] | None = None
        self._is_wanted = False
        self._is_over = False

    def request(self) -> None:
        """Reload soon; what has changed by now will be seen."""
        if self._is_over:
            return
        self._is_wanted = True
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def finish(self, seconds: float) -> None:
        """Begin no more, and wait for the one that runs, but not for ever.

        Args:
            seconds: how long.
        """
        self._is_over, self._is_wanted = True, False
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)

    async def _run(self) -> None:
        try:
            while self._is_wanted:
                self._is_wanted = False
                await self._reload()
        finally:
            self._task = None
