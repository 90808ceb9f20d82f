from collections.abc import Sequence
from typing import Protocol, Self

KEY_SIZE: int
RING_MAX: int

class _Schedule(Protocol):
    def turn(self) -> tuple[Sequence[bytes], float]: ...

class TicketKeys:
    def __new__(cls, schedule: _Schedule) -> Self: ...
    @property
    def schedule(self) -> _Schedule: ...
    def turn(self) -> None: ...
