"""Where records end (RFC 8446 section 5.1), so that nothing behind close_notify is lost.

What stands behind it belongs to whoever gets the plain socket back, and a connection that was fed
with it would not return it.  So a connection gets no more at once than up to the end of a record
that may be close_notify.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Framing"]

_HEADER: Final = 5  # bytes
_ALERT: Final = 21
_APPLICATION_DATA: Final = 23
_CONTENT_TYPES: Final = range(20, 25)

#: Bytes of an encrypted alert of TLS 1.3, which does not say what it is: level and description,
#: the true content type, and the tag.  Nobody pads them.
_HIDDEN_ALERT: Final = 2 + 1 + 16


class Framing:
    """Follows the records of what is received.

    Args:
        is_known: whether the next byte begins a record; otherwise nobody knows where they end.
    """

    __slots__ = ("_header", "_is_known", "_left", "_may_close")

    def __init__(self, is_known: bool) -> None:
        self._is_known = is_known
        self._header = b""
        self._left = 0
        self._may_close = False

    def missing(self, size: int) -> int:
        """How many bytes may be received, so that they reach into one record only.

        Args:
            size: at most so many.
        """
        if not self._is_known:
            return size
        return min(size, self._left or _HEADER - len(self._header))

    def advance(self, data: bytes | memoryview) -> int:
        """Go on over bytes that were received.

        Returns:
            How many of them come first: up to the end of a record that may be close_notify, or all.
        """
        place, size = 0, len(data)
        if self._left == 0 and not self._header and _is_one_record(data, size):
            return size  # the usual case
        while place < size and self._is_known:
            if self._left == 0:
                place = self._begin(data, place)
                continue
            step = min(self._left, size - place)
            self._left -= step
            place += step
            if self._left == 0 and self._may_close:
                return place
        return size

    def _begin(self, data: bytes | memoryview, place: int) -> int:
        header = self._header + data[place : place + _HEADER - len(self._header)]
        place += len(header) - len(self._header)
        if len(header) < _HEADER:
            self._header = header
            return place
        self._header = b""
        kind, self._left = header[0], int.from_bytes(header[3:])
        self._is_known = kind in _CONTENT_TYPES  # of anything else the library says what it is
        hides = kind == _APPLICATION_DATA and self._left <= _HIDDEN_ALERT
        self._may_close = kind == _ALERT or hides
        return place


def _is_one_record(data: bytes | memoryview, size: int) -> bool:
    return (
        size > _HEADER and data[0] == _APPLICATION_DATA and data[3] << 8 | data[4] == size - _HEADER
    )
