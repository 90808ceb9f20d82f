"""Watching something that should move."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.support.proxy import TIMEOUT
from tlsmgm._service.stillness import Stillness

SHORT = 0.02


class Watched:
    """A value that is what an iterator says, and notes on what came of it."""

    def __init__(self, values: Iterator[int | None]) -> None:
        self.values = values
        self.looks = 0
        self.calls = 0
        self.done = asyncio.Event()
        self.watch = Stillness(SHORT, self.look, self.struck)

    def look(self) -> int | None:
        self.looks += 1
        value = next(self.values)
        if value is None:
            self.done.set()
        return value

    def struck(self) -> None:
        self.calls += 1
        self.done.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.done.wait(), TIMEOUT)
        self.done.clear()


def after(*values: int | None, then: int | None) -> Iterator[int | None]:
    yield from values
    while True:
        yield then


def test_it_strikes_once_and_not_while_something_moves() -> None:
    async def run() -> None:
        watched = Watched(after(*range(30), then=30))
        watched.watch.start()
        await watched.wait()
        assert watched.looks == 30 + 1 + 4
        await asyncio.sleep(2 * SHORT)
        assert (watched.looks, watched.calls) == (35, 1)

    asyncio.run(run())


def test_going_back_is_moving_too() -> None:
    async def run() -> None:
        watched = Watched(after(*[1, 0] * 10, then=7))
        watched.watch.start()
        await watched.wait()
        assert watched.looks == 20 + 1 + 4

    asyncio.run(run())


def test_nothing_to_watch_ends_it_and_it_can_start_again() -> None:
    async def run() -> None:
        watched = Watched(after(5, 5, None, then=5))
        watched.watch.start()
        await watched.wait()
        assert watched.calls == 0
        watched.watch.start()
        watched.watch.start()  # it watches already
        await watched.wait()
        assert (watched.looks, watched.calls) == (3 + 1 + 4, 1)

    asyncio.run(run())


def test_stopped() -> None:
    async def run() -> None:
        watched = Watched(after(then=5))
        watched.watch.stop()
        watched.watch.start()
        watched.watch.stop()
        await asyncio.sleep(2 * SHORT)
        assert (watched.looks, watched.calls) == (1, 0)

    asyncio.run(run())
