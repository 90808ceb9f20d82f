from typing import Self

from _typeshed import ReadableBuffer

KEY_SIZE: int

class TicketKeys:
    def __new__(cls, material: ReadableBuffer | None = None) -> Self: ...
    def rotate(self, material: ReadableBuffer | None = None) -> None: ...
