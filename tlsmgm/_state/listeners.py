"""Who wants to know of changes, and telling them.

Changes are noted while the manager's lock is held, so their order is that in which they were made.
They are told without any lock: whoever has made a change tells what has been noted, unless somebody
is at it already, who then tells this, too.  So callbacks run one at a time and in order, a callback
may change the manager itself, and nobody waits for anybody.
"""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

from tlsmgm._domains.report import ReloadEvent

__all__ = ["Listeners"]

logger = logging.getLogger("tlsmgm")

_Callback = Callable[[ReloadEvent], object]


class Listeners:
    """The callbacks of one manager."""

    def __init__(self) -> None:
        self._callbacks: dict[object, _Callback] = {}  # each step on it is atomic
        self._noted: deque[ReloadEvent] = deque()
        self._turn = threading.Lock()  # of who tells; nobody waits for it
        self._process = os.getpid()

    def __bool__(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._callbacks)

    def add(self, callback: _Callback) -> Callable[[], None]:
        """Call somebody after each change from now on.

        Args:
            callback: is called with the event.

        Returns:
            A function that takes the callback off again; calling it twice does no harm.

        Raises:
            TypeError: it is no plain function.
        """
        if not callable(callback):
            raise TypeError(f"the callback must be a function, not {type(callback).__name__}")
        if inspect.iscoroutinefunction(callback):
            raise TypeError(
                "the callback must be a plain function: let one call loop.call_soon_threadsafe()"
            )
        key = object()
        self._callbacks[key] = callback

        def remove() -> None:
            self._callbacks.pop(key, None)

        return remove

    def note(self, event: ReloadEvent) -> None:
        """Take note of a change; one at a time, by who makes it."""
        if self._callbacks:
            self._noted.append(event)

    def tell(self) -> None:
        """Tell what has been noted, unless somebody is at it."""
        if self._process != os.getpid():  # A thread that was at it is not in a forked process.
            self._turn, self._process = threading.Lock(), os.getpid()
        turn = self._turn
        while self._noted:  # Once more behind the release: who has noted in between found no turn.
            if not turn.acquire(blocking=False):
                return
            try:
                while self._noted:
                    self._tell(self._noted.popleft())
            finally:
                turn.release()

    def _tell(self, event: ReloadEvent) -> None:
        for key, callback in list(self._callbacks.items()):
            if key not in self._callbacks:
                continue  # another callback has taken it off
            try:
                callback(event)
            except Exception:
                # By name: the repr of a partial has its arguments, which may be secret.
                name = getattr(callback, "__qualname__", type(callback).__name__)
                logger.exception("callback %s for changes of TLS domains failed", name)
