"""So many requests at a time, and no more are read while one has to wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

__all__ = ["WORKERS", "Workers"]

logger = logging.getLogger("tlsmgm.mi")

#: Requests of one endpoint at a time.
WORKERS: Final = 32

T = TypeVar("T")


class Workers(Generic[T]):
    """Tasks that do one kind of work.

    Args:
        work: does one piece of it.
        pause: is called when a piece has to wait: bring no more.
        resume: is called at the start, and when none waits any more.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[None]],
        pause: Callable[[], None],
        resume: Callable[[], None],
    ) -> None:
        self._work = work
        self._pause = pause
        self._resume = resume
        self._queue: asyncio.Queue[T] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._busy = 0
        self._is_paused = False

    def start(self) -> None:
        """Start the tasks, and have work brought."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()) for _ in range(WORKERS)]
        self._resume()

    def put(self, piece: T) -> None:
        """Hand a piece of work over.

        Args:
            piece: is worked on as soon as a task is free.
        """
        self._queue.put_nowait(piece)
        if not self._is_paused and self._busy + self._queue.qsize() >= WORKERS:
            self._is_paused = True
            self._pause()

    async def stop(self) -> None:
        """End the tasks; what they have not done stays undone."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _run(self) -> None:
        while True:
            piece = await self._queue.get()
            self._busy += 1
            try:
                await self._work(piece)
            except Exception:
                logger.exception("a management request failed")
            finally:
                self._busy -= 1
            if self._is_paused and self._queue.empty():
                self._is_paused = False
                self._resume()
