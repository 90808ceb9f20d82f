"""A buffer as ``ssl.MemoryBIO`` is one, which keeps the bytes that it is given.

Python's own copies everything in, and out again.
"""

from typing import SupportsIndex, final

from _typeshed import ReadableBuffer

@final
class MemoryBIO:
    """A buffer between a program and an ``ssl.SSLObject``, as ``ssl.MemoryBIO``.

    Contexts of ours take both kinds in ``wrap_bio()``, Python's own take theirs. What is written as
    ``bytes`` is kept, and not copied; ``read()`` of all of it returns that object.

    Any thread may use it at any time.
    """

    def read(self, size: SupportsIndex = -1, /) -> bytes:
        """Take bytes, oldest first.

        Args:
            size: how many at most; below zero: all.

        Returns:
            ``bytes``; ``b""`` if there are none now.
        """
    def write(self, data: ReadableBuffer, /) -> int:
        """Add bytes.

        Args:
            data: any contiguous buffer of bytes. A ``bytes`` object is kept until it is read,
                anything else is copied.

        Returns:
            How many there were.

        Raises:
            TypeError: that is no buffer.
            BufferError: it is not contiguous.
            OverflowError: it has 2 GiB or more.
            ssl.SSLError: ``write_eof()`` was called.
        """
    def write_eof(self) -> None:
        """Say that nothing more will be written."""
    @property
    def pending(self) -> int:
        """How many bytes wait."""
    @property
    def eof(self) -> bool:
        """Whether all has been read that there will ever be."""
