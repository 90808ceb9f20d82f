from collections.abc import Sequence
from typing import Protocol, Self

KEY_SIZE: int
RING_MAX: int

class Schedule(Protocol):
    def turn(self) -> tuple[Sequence[bytes], float]: ...

class TicketKeys:
    def __new__(cls, schedule: Schedule) -> Self: ...
    @property
    def schedule(self) -> Schedule: ...
    def turn(self) -> None: ...
