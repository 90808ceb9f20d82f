"""Until when a call may wait, and what for."""

from __future__ import annotations

import math
import select
import time
from typing import Final

from tlsmgm.errors import WantReadError, WantWriteError

__all__ = ["READ", "WRITE", "Deadline", "wait"]

#: What ``poll()`` is asked for.
READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT

#: Milliseconds of one wait; ``poll()`` counts them in an int.
_LONGEST: Final = 2**31 - 1


class Deadline:
    """A moment after which a call gives up.

    Args:
        timeout: seconds from now; None: there is none; 0: the call does not wait at all.
        until: another bound, in seconds of ``time.monotonic()``; the earlier one counts.
        reason: what is said once that one has passed.

    Attributes:
        waits: whether there is any waiting.
    """

    __slots__ = ("_reason", "_until", "waits")

    def __init__(self, timeout: float | None, until: float = math.inf, reason: str = "") -> None:
        self.waits = timeout != 0
        own = time.monotonic() + timeout if timeout else math.inf
        self._until = min(own, until)
        self._reason = reason if until < own else "timed out"

    def left(self) -> float:
        """Seconds that are left; infinite without a bound.

        Raises:
            TimeoutError: none are.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError(self._reason)
        return left


def wait(descriptor: int, wanted: int, deadline: Deadline) -> None:
    """Wait until a socket is ready.

    Args:
        descriptor: of the socket.
        wanted: READ, WRITE or both; either of them ends the wait.
        deadline: until when.

    Raises:
        WantReadError: there is no waiting, and bytes of the peer are wanted.
        WantWriteError: there is no waiting, and room for bytes is wanted.
        TimeoutError: the time is up.
    """
    left = deadline.left()
    if not deadline.waits:
        raise WantReadError if wanted & READ else WantWriteError
    poller = select.poll()
    poller.register(descriptor, wanted)
    poller.poll(None if left == math.inf else min(math.ceil(left * 1000), _LONGEST))
