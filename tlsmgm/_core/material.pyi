"""What files held at one moment: read once, outside of Python's memory, and wiped in the end.

A context is built from exactly the bytes whose digest says whether anything has changed.
"""

import os
from collections.abc import Iterable
from typing import Self

from _typeshed import ReadableBuffer

_Path = str | os.PathLike[str]

def secret_digest(data: ReadableBuffer) -> bytes:
    """Digest of a secret in memory, as :attr:`Material.secret_digest` is of one in a file."""

class Material:
    """The content of one file, which is read when the object is made.

    The interpreter lock is released meanwhile. The bytes can be had as ``bytes(material)`` and by
    ``memoryview(material)``; nothing else shows them.

    Args:
        path: of a regular file, or of a pipe by its descriptor (``/dev/fd/3``). For a pipe this
            waits until its writers have closed it.

    Attributes:
        path: as it was given.

    Raises:
        ConfigError: it cannot be read, or is larger than 16 MiB. No parameter is named.
    """

    def __new__(cls, path: _Path) -> Self: ...
    @property
    def path(self) -> str:
        """Path of the file."""
    @property
    def digest(self) -> bytes:
        """SHA-256 of the content."""
    @property
    def secret_digest(self) -> bytes:
        """Digest of a secret: tells contents apart within this process, and nothing to others."""
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...

class Folder:
    """The files of a directory that count, and what of it could not be read.

    Args:
        path: of the directory.
        files: of :class:`Material`, in the order in which they count.
        unread: pairs of a path and a reason.
    """

    def __new__(
        cls, path: _Path, files: Iterable[Material], unread: Iterable[tuple[str, str]]
    ) -> Self: ...
    @property
    def path(self) -> str:
        """Path of the directory."""
    @property
    def files(self) -> tuple[Material, ...]:
        """Its files that were read."""
    @property
    def unread(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a path and a reason, of what could not be read."""
    @property
    def is_missing(self) -> bool:
        """Whether the directory itself could not be read."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what could not be read."""
    @property
    def digest(self) -> bytes:
        """SHA-256 of names and contents, and of what could not be read."""
