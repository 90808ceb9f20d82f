"""The key ring of a TLS domain, which seals its session tickets."""

from collections.abc import Sequence
from typing import Protocol, Self

KEY_SIZE: int
RING_MAX: int

class _Schedule(Protocol):
    """Says which keys seal and open tickets; :mod:`tlsmgm._material.ticket_schedule` has them."""

    def turn(self) -> tuple[Sequence[bytes], float]:
        """Return the keys, the one that seals in front, and in how many seconds to ask again."""

class TicketKeys:
    """Keys that seal and open the session tickets of one domain (RFC 5077 section 4).

    Args:
        schedule: says which keys are in force, see :mod:`tlsmgm._material.ticket_schedule`. Connections ask
            it again as soon as its last answer is too old, so no thread is needed.

    Raises:
        ValueError: the schedule gives no key, too many, or one of another size.
    """

    def __new__(cls, schedule: _Schedule) -> Self: ...
    @property
    def schedule(self) -> _Schedule:
        """Says which keys there are, and until when."""
    def turn(self) -> None:
        """Asks the schedule now."""
