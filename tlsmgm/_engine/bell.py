"""What wakes a thread of Python from C: eight bytes in a descriptor."""

from __future__ import annotations

import contextlib
import os
import select
import weakref
from collections.abc import Set

__all__ = ["Bell"]

_CHUNK = 65536


class Bell:
    """Rings until somebody has listened; that it has rung twice is not told.

    Whoever writes to the handle must have ended when it is closed, or nobody has the bell any more.

    Attributes:
        handle: the descriptor to which eight bytes are written.
        ear: the one that becomes readable then.
    """

    def __init__(self) -> None:
        if hasattr(os, "eventfd"):
            self.handle = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self.ear = self.handle
        else:
            self.ear, self.handle = os.pipe()
            os.set_blocking(self.ear, False)
            os.set_blocking(self.handle, False)
        self._descriptors = {self.ear, self.handle}
        # In the end of the interpreter somebody may still write to it.
        self._closing = weakref.finalize(self, _close, self._descriptors)
        self._closing.atexit = False

    def ring(self) -> None:
        """Ring it."""
        with contextlib.suppress(BlockingIOError):  # it rings
            os.write(self.handle, (1).to_bytes(8, "little"))

    def wait(self, seconds: float) -> bool:
        """Wait until it rings, and stop it.

        Args:
            seconds: how long.

        Returns:
            Whether it has rung.
        """
        poll = select.poll()  # one for each: several threads may wait
        poll.register(self.ear, select.POLLIN)
        if not poll.poll(max(seconds, 0) * 1000):
            return False
        self.stop()
        return True

    def stop(self) -> None:
        """Let it ring no longer, if it does."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.ear, _CHUNK)

    @property
    def descriptors(self) -> Set[int]:
        """All that are open."""
        return self._descriptors if self._closing.alive else frozenset()

    def close(self) -> None:
        """Nobody rings any more; more than once does no harm."""
        self._closing()


def _close(descriptors: Set[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
