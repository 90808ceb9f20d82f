"""One change of a manager at a time, without the two ways in which a plain lock hangs for ever."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType

from tlsmgm.errors import ConfigError

__all__ = ["ChangeLock"]


class ChangeLock:
    """A lock that can be held once.

    A thread that holds it and comes again gets an error instead of waiting for itself: that is a
    signal handler that reloads in the middle of a reload.  A process that was forked while another
    thread held it begins with a new one, because that thread is not in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        _locks.add(self)

    def __enter__(self) -> None:
        if self._holder == threading.get_ident():
            raise ConfigError(
                "this very thread is changing the domains",
                hint="a signal handler should only note that a reload is wanted",
            )
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._holder = None
        self._lock.release()

    def renew(self) -> None:
        """Begin anew, in a forked process."""
        self._lock = threading.Lock()
        self._holder = None


_locks: weakref.WeakSet[ChangeLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in _locks:
        lock.renew()


os.register_at_fork(after_in_child=_renew_all)
