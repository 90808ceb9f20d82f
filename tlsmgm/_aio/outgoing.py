"""Data that waits to be sent, and the limits at which a protocol is told to pause."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["AT_ONCE", "Outgoing", "limits_of"]

#: Bytes, as asyncio has them.
_HIGH: Final = 64 * 1024

#: Bytes of data that are encrypted at a time.  Their records stay below 128 KiB, from where on
#: malloc gets pages of the system for each piece, and gives them back.
AT_ONCE: Final = 120 * 1024

#: Pieces shorter than this are put together before they are encrypted: a record each costs more.
_SHORT: Final = 16 * 1024


class Outgoing:
    """Application data in order, not encrypted yet: records are made when they can be sent.

    So whatever gathers while a peer is slow leaves in full records, and is in memory once.

    Attributes:
        size: bytes that wait.
    """

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: deque[bytes | memoryview] = deque()
        self.size = 0

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Put data behind what waits; what may change later is copied."""
        piece = data if type(data) is bytes else bytes(data)
        self._pieces.append(piece)
        self.size += len(piece)

    def take(self) -> bytes | memoryview:
        """Take what is to be encrypted next."""
        first = self._pieces.popleft()
        if len(first) > AT_ONCE:
            rest = memoryview(first)
            first = rest[:AT_ONCE]
            self._pieces.appendleft(rest[AT_ONCE:])
        elif len(first) < _SHORT and self._pieces:
            first = self._gather(first)
        self.size -= len(first)
        return first

    def _gather(self, first: bytes | memoryview) -> bytes:
        gathered, size = [first], len(first)
        while self._pieces and size + len(self._pieces[0]) <= AT_ONCE:
            gathered.append(self._pieces.popleft())
            size += len(gathered[-1])
        return b"".join(gathered)

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self.size = 0


def limits_of(high: int | None, low: int | None) -> tuple[int, int]:
    """Return both limits, as ``set_write_buffer_limits()`` takes them.

    Args:
        high: bytes above which a protocol is told to pause; None: 64 KiB, or four times the other.
        low: bytes down to which it then waits; None: a quarter of the other.

    Raises:
        ValueError: they are not in this order.
    """
    if high is None:
        high = _HIGH if low is None else 4 * low
    if low is None:
        low = high // 4
    if not high >= low >= 0:
        raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
    return high, low
