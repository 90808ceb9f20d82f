"""What a fork leaves of engines in the child: nothing that works, or hinders the parent.

A forked process has copies of all descriptors and locks, and none of the threads.  A copy of a
listening socket would keep the port, and take clients whom nobody serves; one of a client's would
keep him from hearing that the parent has ended; a lock of a TLS library that a thread of the engine
has in that moment would never open in the child.  So all threads stand still while a process forks,
and the child closes its copies.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol

__all__ = ["forks"]


class _Engine(Protocol):
    def hold(self) -> None: ...
    def release(self) -> None: ...
    def forget(self) -> None: ...


class _Forks:
    """Tells engines of forks."""

    def __init__(self) -> None:
        self._engines: weakref.WeakSet[_Engine] = weakref.WeakSet()
        self._forgotten: list[_Engine] = []
        self._mine = threading.local()

    def tell(self, engine: _Engine) -> None:
        """Tell one from now on."""
        self._engines.add(engine)

    def before(self) -> None:
        """Let all stand still; always in the same order, for several threads may fork."""
        self._mine.held = sorted(self._engines, key=id)
        for engine in self._mine.held:
            engine.hold()

    def after_in_parent(self) -> None:
        """Let them go on."""
        for engine in self._mine.held:
            engine.release()
        self._mine.held = []

    def after_in_child(self) -> None:
        """Forget them; none is taken apart, with locks that nobody opens."""
        self._forgotten += self._mine.held
        for engine in self._mine.held:
            engine.forget()
        self._mine.held = []
        self._engines.clear()


forks: Final = _Forks()
os.register_at_fork(
    before=forks.before,
    after_in_parent=forks.after_in_parent,
    after_in_child=forks.after_in_child,
)
