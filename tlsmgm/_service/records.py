"""Where TLS records begin and end on the wire (RFC 8446 section 5.1)."""

from __future__ import annotations

from typing import Final

__all__ = ["RecordCounter"]

_HEADER_SIZE: Final = 5


class RecordCounter:
    """Knows whether the bytes so far are whole records, without a look into them."""

    def __init__(self) -> None:
        self._header = b""
        self._left = 0

    @property
    def is_between(self) -> bool:
        """Whether no record has begun that is not there to its end."""
        return not self._left and not self._header

    def take(self, data: memoryview) -> None:
        """Go on.

        Args:
            data: the next bytes from the wire.
        """
        at, size = 0, len(data)
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
                at += step
                continue
            piece = bytes(data[at : at + _HEADER_SIZE - len(self._header)])
            self._header += piece
            at += len(piece)
            if len(self._header) == _HEADER_SIZE:
                self._left = int.from_bytes(self._header[3:], "big")
                self._header = b""
