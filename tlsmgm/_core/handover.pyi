"""Handovers: connections whose handshake the engine has done, on their way to the program."""

from collections import deque
from collections.abc import Callable
from typing import Self, TypeVar

from tlsmgm._core.plan import Plan
from tlsmgm._core.ring import Ring

_Made = TypeVar("_Made")

class Handover:
    """A connection that belongs to the program; whoever drops it resets the client."""

    @property
    def plan(self) -> Plan | None:
        """Under which it came in; None: it is not known any more."""
    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none."""
    @property
    def local(self) -> tuple[str, int]:
        """The same of the end that it has come in at."""
    @property
    def listener(self) -> int:
        """The number of the listening socket."""
    @property
    def accepted(self) -> float:
        """When it was accepted, in seconds of :func:`tlsmgm._core.worker.clock`."""
    @property
    def handed_over(self) -> float:
        """When the worker let it go, in the same."""
    def discard(self) -> None:
        """Reset the client, unless somebody has taken it; more than once does no harm.

        Without an interpreter lock an object lives on for a while when another thread has made it.
        """
    def fileno(self) -> int:
        """Its descriptor, which stays here; -1: it was taken, or closed."""
    def close_socket(self) -> None:
        """Close the socket, unless somebody has taken it."""
    def take_socket(self) -> int:
        """Its descriptor, which is the caller's from now on; -1: it was taken."""
    def return_socket(self, descriptor: int) -> None:
        """The opposite.

        Args:
            descriptor: that was taken.
        """
    def take_connection(self, make: Callable[..., _Made]) -> _Made | None:
        """Make a connection of it.

        Args:
            make: is called with ``given=...``.

        Returns:
            What that returns; None for a client that speaks plain TCP.
        """

class Handovers(Ring):
    """The handovers of one worker, the oldest first; one thread at a time takes them.

    Args:
        capacity: how many may wait, a power of two; those beyond are reset and counted.
    """

    def __new__(cls, capacity: int) -> Self: ...
    def take(self, plans: dict[int, Plan], waiting: deque[Handover]) -> None:
        """Move all that are there to the end of a queue.

        Args:
            plans: all that may still be in use, by number.
            waiting: the queue, of :class:`Handover`.

        Raises:
            MemoryError: there is none for more; those that are left are there the next time.
        """
