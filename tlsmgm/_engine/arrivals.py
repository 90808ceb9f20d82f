"""Connections that wait for the program: a bounded queue, from which whoever likes takes them.

A worker puts them into its ring and rings the bell where that was empty; whoever takes empties the
rings before sleeping, so nothing is missed.  The attendant looks once a second for those that
nobody has taken in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from tlsmgm._core.handover import Handover, Handovers
from tlsmgm._core.plan import Plan
from tlsmgm._core.worker import clock
from tlsmgm._engine.accepted import AcceptedConnection, Owner, accept
from tlsmgm._engine.bell import Bell

__all__ = ["Arrivals"]

#: Connections of one worker that may wait; more are reset, and counted.
_CAPACITY: Final = 1024

#: Seconds in which the program must have taken one.
_PATIENCE: Final = 10.0


class Arrivals:
    """What the workers of one engine have handed over.

    Args:
        workers: how many there are.
        plans: all that may still be in use, by number.
    """

    def __init__(self, workers: int, plans: dict[int, Plan]) -> None:
        self.rings = [Handovers(_CAPACITY) for _ in range(workers)]
        self.bell = Bell()
        self._plans = plans
        self._owner: Owner | None = None
        self._lock = threading.Lock()  # of the next four, and of the bell's end
        self._waiting: deque[Handover] = deque()
        self._late = 0
        self._is_over = False
        self._ears = 0  # how many listen to the bell
        self._is_awaited = False

    def belong_to(self, owner: Owner) -> None:
        """Say to whom connections come back."""
        self._owner = owner

    @property
    def late(self) -> int:
        """How many were reset, since nobody took them in time."""
        return self._late

    @property
    def is_over(self) -> bool:
        """Whether no more will come; some may still wait."""
        return self._is_over

    def take(self) -> AcceptedConnection | None:
        """Return the oldest that waits; None: there is none."""
        assert self._owner is not None
        while True:
            with self._lock:
                if not self._waiting:
                    self._gather()
                if not self._waiting:
                    return None
                handover = self._waiting.popleft()
                if self._waiting:
                    self._ring()  # whoever else waits has a turn
            if self._is_late(handover):
                self._give_up(handover)
                continue
            found = accept(self._owner, handover)
            if found is not None:
                return found

    def take_many(self, most: int) -> list[AcceptedConnection]:
        """Return those that wait, the oldest first; the bell rings if there are more.

        Args:
            most: of them.
        """
        assert self._owner is not None
        found = []
        with self._lock:
            self._gather()
            count = min(most, len(self._waiting))
            handovers = [self._waiting.popleft() for _ in range(count)]
            if self._waiting:
                self._ring()
        for handover in handovers:
            if self._is_late(handover):
                self._give_up(handover)
            elif (connection := accept(self._owner, handover)) is not None:
                found.append(connection)
        return found

    def wait(self, seconds: float | None) -> AcceptedConnection | None:
        """Return the oldest, and wait until there is one.

        Args:
            seconds: how long; None: until there is none any more.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            is_over = self._is_over  # before the look: what comes in between is not missed
            found = self.take()
            if found is not None or is_over:
                return found
            left = _PATIENCE if end is None else end - time.monotonic()
            if left <= 0:
                return None
            with self._listens() as hears:
                if hears:
                    self.bell.wait(min(left, _PATIENCE))

    async def next(self) -> AcceptedConnection | None:
        """Return the oldest, and wait until there is one; None: there will be none.

        Raises:
            RuntimeError: another task waits already.
        """
        while True:
            is_over = self._is_over
            found = self.take()
            if found is not None or is_over:
                return found
            if self._is_awaited:
                raise RuntimeError("another task waits for the connections of this listener")
            self._is_awaited = True
            try:
                with self._listens() as hears:
                    if hears:
                        await self._rung()
            finally:
                self._is_awaited = False

    def attend(self) -> bool:
        """Keep the bell until :meth:`quit`, for somebody who listens; False: it rings no more."""
        with self._lock:
            hears = not self._is_over
            self._ears += hears
        return hears

    def quit(self) -> None:
        """Listen no more, after :meth:`attend`."""
        with self._lock:
            self._ears -= 1
            self._ring_out()

    @contextlib.contextmanager
    def _listens(self) -> Iterator[bool]:
        hears = self.attend()
        try:
            yield hears
        finally:
            if hears:
                self.quit()

    def _ring_out(self) -> None:
        """With the lock: wake all who listen, one after the other; the last one closes the bell."""
        if not self._is_over:
            return
        if self._ears:
            self._ring()
        else:
            self.bell.close()

    def _ring(self) -> None:
        """With the lock, for others may close it."""
        if self.bell.descriptors:
            self.bell.ring()

    async def _rung(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self.bell.ear, _resolve(future))
        try:
            await future
        finally:
            loop.remove_reader(self.bell.ear)
        self.bell.wait(0)

    def sweep(self) -> None:
        """Reset those that nobody has taken in time."""
        with self._lock:
            self._gather()
            late = []
            while self._waiting and self._is_late(self._waiting[0]):
                late.append(self._waiting.popleft())
        for handover in late:
            self._give_up(handover)

    def end(self) -> None:
        """No more will come; those that nobody has taken by now are reset."""
        with self._lock:
            self._gather()
            waiting, self._waiting = self._waiting, deque()
            self._is_over = True
            self._ring_out()
        for handover in waiting:
            self._leave(handover)

    def forget(self) -> None:
        """After a fork, in the child: close the copies of all sockets; no lock opens here."""
        for ring in self.rings:
            while batch := ring.take(self._plans):
                self._waiting += batch
        for handover in self._waiting:
            os.close(handover.take_socket())
        self.bell.close()

    def _gather(self) -> None:
        for ring in self.rings:
            while batch := ring.take(self._plans):
                self._waiting += batch

    @staticmethod
    def _is_late(handover: Handover) -> bool:
        return clock() - handover.handed_over > _PATIENCE

    def _give_up(self, handover: Handover) -> None:
        self._late += 1
        self._leave(handover)

    def _leave(self, handover: Handover) -> None:
        """The client is reset, and nobody has it any more."""
        assert self._owner is not None
        handover.discard()
        self._owner.leave()


def _resolve(future: asyncio.Future[None]) -> Callable[[], None]:
    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    return resolve
