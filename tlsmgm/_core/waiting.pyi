"""Until when a call may wait, and what for."""

from typing import Final, Self

READ: Final[int]
WRITE: Final[int]

class Deadline:
    """A moment after which a call gives up.

    Args:
        timeout: seconds from now; None: there is none; 0: the call does not wait at all.
        until: another bound, in seconds of ``time.monotonic()``; the earlier one counts.
        reason: what is said once that one has passed.

    Attributes:
        waits: whether there is any waiting.
    """

    def __new__(cls, timeout: float | None, until: float = ..., reason: str = "") -> Self: ...
    @property
    def waits(self) -> bool:
        """Whether there is any waiting."""
    def left(self) -> float:
        """Seconds that are left; infinite without a bound.

        Raises:
            TimeoutError: none are.
        """

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

def is_ready(descriptor: int, wanted: int, seconds: float) -> bool:
    """Wait until a socket is ready; whether it is, in time.

    Args:
        descriptor: of the socket.
        wanted: READ, WRITE or both; either of them ends the wait.
        seconds: how long at most.
    """
