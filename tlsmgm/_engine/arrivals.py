"""Connections that wait for the program: a bounded queue, from which whoever likes takes them.

A worker puts them into its ring and rings the bell where that was empty; whoever takes empties the
rings before sleeping, so nothing is missed.  The attendant looks once a second for those that
nobody has taken in time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
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

logger = logging.getLogger("tlsmgm")

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
        while True:
            with self._lock:
                if not self._waiting:
                    self._gather()
                if not self._waiting:
                    return None
                if len(self._waiting) > 1:
                    self._ring()  # whoever else waits has a turn
                handover = self._waiting.popleft()  # last, for nothing may fail behind it
            found = self._connection_of(handover)
            if found is not None:
                return found

    def take_many(self, most: int) -> list[AcceptedConnection]:
        """Return those that wait, the oldest first; the bell rings if there are more.

        Args:
            most: of them.
        """
        found: list[AcceptedConnection] = []
        with self._lock:
            self._gather()
        try:
            while len(found) < most and (handover := self._pop()) is not None:
                if (connection := self._connection_of(handover)) is not None:
                    found.append(connection)
            with self._lock:
                if self._waiting:
                    self._ring()
        except MemoryError:  # what is left is there the next time
            if not found:
                raise
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
        """Reset those that nobody has taken in time, and ring for the others once more."""
        with self._lock:
            self._gather()
        while (handover := self._pop(_is_late)) is not None:
            self._give_up(handover)
        with self._lock:
            if self._waiting:
                self._ring()

    def end(self) -> None:
        """No more will come; those that nobody has taken by now are reset."""
        with self._lock:
            try:
                self._gather()
            finally:
                self._is_over = True
                self._ring_out()
        while (handover := self._pop()) is not None:
            self._leave(handover)

    def forget(self) -> None:
        """After a fork, in the child: close the copies of all sockets; no lock opens here."""
        self._gather()
        for handover in self._waiting:
            os.close(handover.take_socket())
        self.bell.close()

    def _gather(self) -> None:
        """With the lock: after a MemoryError those that it has not found wait in their ring."""
        for ring in self.rings:
            ring.take(self._plans, self._waiting)

    def _pop(self, if_it: Callable[[Handover], bool] | None = None) -> Handover | None:
        """Take the oldest that was gathered, if it is so; None: it is not, or there is none."""
        with self._lock:
            if not self._waiting or (if_it is not None and not if_it(self._waiting[0])):
                return None
            return self._waiting.popleft()

    def _connection_of(self, handover: Handover) -> AcceptedConnection | None:
        """What the program gets; None: the client was reset, for it was late or has met a fault."""
        assert self._owner is not None
        try:
            is_late = _is_late(handover)
        except MemoryError:
            is_late = True
        if is_late:
            self._give_up(handover)
            return None
        try:
            return accept(self._owner, handover)
        except Exception:  # such as no memory; others still wait
            logger.exception("a connection could not be handed over; the client is reset")
            return None

    def _give_up(self, handover: Handover) -> None:
        self._leave(handover)
        self._late += 1

    def _leave(self, handover: Handover) -> None:
        """The client is reset, and nobody has it any more."""
        assert self._owner is not None
        handover.discard()
        self._owner.leave()


def _is_late(handover: Handover) -> bool:
    return clock() - handover.handed_over > _PATIENCE


def _resolve(future: asyncio.Future[None]) -> Callable[[], None]:
    def resolve() -> None:
        if not future.done():
            future.set_result(None)

    return resolve
