"""What a fork leaves of engines in the child: nothing that works, or hinders the parent.

A forked process has copies of all descriptors, and none of the threads.  A copy of a listening
socket would keep the port, and take clients whom nobody serves; so it is let go of at once.  The C
core knows nothing of that, and closes its descriptors when it goes.  Therefore their numbers stay
taken, by ``/dev/null``: otherwise that would hit whatever has got the number in the meantime, or
end what the parent waits for, since both share the poller.
"""

from __future__ import annotations

import contextlib
import os
import stat
import weakref
from collections.abc import Iterable
from typing import Final, Protocol

__all__ = ["Handle", "children", "let_go"]


class Handle:
    """A listening socket that C has, and closes when it likes.

    Args:
        number: of its descriptor.
    """

    __slots__ = ("_identity", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._identity = _identity(number)

    @property
    def is_here(self) -> bool:
        """Whether the descriptor is still that of this socket."""
        with contextlib.suppress(OSError):
            return _identity(self.number) == self._identity
        return False


def _identity(number: int) -> tuple[int, int, bool]:
    found = os.fstat(number)
    return found.st_dev, found.st_ino, stat.S_ISSOCK(found.st_mode)


def let_go(handles: Iterable[Handle], others: Iterable[int]) -> None:
    """Have nothing behind descriptors any more, though they stay taken.

    Args:
        handles: of sockets; those that are closed are left alone.
        others: further ones, all of them open.
    """
    numbers = [handle.number for handle in handles if handle.is_here]
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for number in (*numbers, *others):
        os.dup2(nothing, number, inheritable=False)
    os.close(nothing)


class _Forgetful(Protocol):
    def forget(self) -> None: ...


class _Children:
    """Tells engines that they are in a forked process."""

    def __init__(self) -> None:
        self._engines: weakref.WeakSet[_Forgetful] = weakref.WeakSet()
        self._forgotten: list[_Forgetful] = []

    def tell(self, engine: _Forgetful) -> None:
        """Tell one from now on."""
        self._engines.add(engine)

    def begin(self) -> None:
        """Tell all, in the child; none is taken apart there, with locks that nobody opens."""
        self._forgotten += self._engines
        for engine in self._forgotten:
            engine.forget()
        self._engines.clear()


children: Final = _Children()
os.register_at_fork(after_in_child=children.begin)
