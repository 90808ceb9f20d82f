"""Where records end (RFC 8446 section 5.1), so that nothing behind close_notify is lost.

What stands behind it belongs to whoever gets the plain socket back, and a connection that was fed
with it would not return it.  So a connection gets no more at once than up to the end of a record
that may be close_notify.
"""

from typing import Self

from _typeshed import ReadableBuffer

class Framing:
    """Follows the records of what is received.

    Args:
        is_known: whether the next byte begins a record; otherwise nobody knows where they end.
    """

    def __new__(cls, is_known: bool) -> Self: ...
    def missing(self, size: int) -> int:
        """How many bytes may be received, so that they reach into one record only.

        Args:
            size: at most so many.
        """
    def advance(self, data: ReadableBuffer) -> int:
        """Go on over bytes that were received.

        Args:
            data: any contiguous buffer of bytes.

        Returns:
            How many of them come first: up to the end of a record that may be close_notify, or all.
        """
