"""Which sockets of a server are ready: a single descriptor of the loop for all of them.

To begin and to end watching a descriptor takes asyncio's loop, which is written in Python, more
time than the rest of what a transport does for a short connection.  So a server's sockets are
watched by an epoll object of its own, and that one by the loop; where there is no epoll, the loop
watches them itself.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final, Protocol

__all__ = ["Watch", "Watcher", "watcher_of"]

#: Sockets that are told of their readiness before others have a turn.
_BATCH: Final = 64

_Callback = Callable[[], object]


class Watch(Protocol):
    """What watches sockets; every loop of asyncio does."""

    def add_reader(self, fd: int, callback: _Callback, /) -> Any:
        """Call this whenever there is something to read, until it is removed."""

    def remove_reader(self, fd: int, /) -> Any:
        """Do so no longer."""

    def add_writer(self, fd: int, callback: _Callback, /) -> Any:
        """Call this whenever there is room to write, until it is removed."""

    def remove_writer(self, fd: int, /) -> Any:
        """Do so no longer."""


def watcher_of(loop: asyncio.AbstractEventLoop) -> Watcher | None:
    """Return a new watcher for a loop; None: this system has no epoll."""
    return Watcher(loop) if sys.platform == "linux" else None


if sys.platform == "linux":

    class Watcher:
        """Watches many sockets for a loop, as the loop itself would.

        Callbacks run in the context in which they were added, one after the other; what one of them
        raises is told to the loop, and keeps no other from its turn.

        Args:
            loop: watches this until :meth:`close`.
        """

        def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
            self._loop = loop
            self._readers: dict[int, tuple[Context, _Callback]] = {}
            self._writers: dict[int, tuple[Context, _Callback]] = {}
            self._epoll = select.epoll()
            loop.add_reader(self._epoll.fileno(), self._on_ready)

        def close(self) -> None:
            """Nobody adds anything any more."""
            if not self._epoll.closed:
                self._loop.remove_reader(self._epoll.fileno())
                self._epoll.close()

        def add_reader(self, fd: int, callback: _Callback) -> None:
            """See :class:`Watch`."""
            self._add(fd, self._readers, callback, self._writers)

        def remove_reader(self, fd: int) -> None:
            """See :class:`Watch`."""
            self._remove(fd, self._readers, self._writers, select.EPOLLOUT)

        def add_writer(self, fd: int, callback: _Callback) -> None:
            """See :class:`Watch`."""
            self._add(fd, self._writers, callback, self._readers)

        def remove_writer(self, fd: int) -> None:
            """See :class:`Watch`."""
            self._remove(fd, self._writers, self._readers, select.EPOLLIN)

        def _add(
            self,
            fd: int,
            these: dict[int, tuple[Context, _Callback]],
            callback: _Callback,
            others: dict[int, tuple[Context, _Callback]],
        ) -> None:
            is_new = fd not in these
            these[fd] = copy_context(), callback
            if fd in others:
                self._epoll.modify(fd, select.EPOLLIN | select.EPOLLOUT)
            elif is_new:
                own = select.EPOLLIN if these is self._readers else select.EPOLLOUT
                self._epoll.register(fd, own)

        def _remove(
            self,
            fd: int,
            these: dict[int, tuple[Context, _Callback]],
            others: dict[int, tuple[Context, _Callback]],
            others_event: int,
        ) -> None:
            if these.pop(fd, None) is None:
                return
            if fd in others:
                self._epoll.modify(fd, others_event)
            else:
                self._epoll.unregister(fd)

        def _on_ready(self) -> None:
            """Errors and hang-ups are for both; what a callback removes is not called any more."""
            for fd, events in self._epoll.poll(0, _BATCH):
                if events & ~select.EPOLLOUT and (found := self._readers.get(fd)) is not None:
                    self._call(*found)
                if events & ~select.EPOLLIN and (found := self._writers.get(fd)) is not None:
                    self._call(*found)

        def _call(self, context: Context, callback: _Callback) -> None:
            try:
                context.run(callback)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                message = f"Exception in callback {callback!r}"
                self._loop.call_exception_handler({"message": message, "exception": error})
