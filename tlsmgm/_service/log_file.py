"""A file that lines are appended to, which follows its name when somebody moves it away.

Whoever calls this waits for the disk: :mod:`~tlsmgm._service.log_writer` has a thread for that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import Final

from tlsmgm.errors import ConfigError

__all__ = ["LogFile", "cannot_write"]

logger = logging.getLogger("tlsmgm.proxy")

_LINE_END: Final = ord("\n")


class LogFile:
    """Appends lines; what the disk does not take is lost, and the next line begins a line again.

    A ``WatchedFileHandler`` of Python closes the old file before it knows that there will be a new
    one; here the old one stays in use until then.

    Args:
        path: of the file; None is standard error.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._is_torn = False  # the last write has ended within a line
        self._missing_is_told = False
        self._open()

    def append(self, lines: list[bytes]) -> int:
        """Write lines, to a new file if another one, or none, has the name by now.

        Args:
            lines: each with its end.

        Returns:
            How many of them were lost.
        """
        self._follow()
        rest = memoryview(b"\n" * self._is_torn + b"".join(lines))
        with contextlib.suppress(OSError, ValueError):  # ValueError: standard error was closed
            while rest:
                size = self._write(rest)
                self._is_torn = rest[size - 1] != _LINE_END
                rest = rest[size:]
        return min(bytes(rest).count(b"\n"), len(lines))

    def reopen(self) -> None:
        """Open the file anew; an error is logged, and the old one stays in use."""
        try:
            self._open()
        except OSError as error:
            self._tell_that_it_stays(error)
        else:
            self._missing_is_told = False

    def close(self) -> None:
        """Close the file."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)

    def _open(self) -> None:
        if self._path is None:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        old, self._fd = self._fd, os.open(self._path, flags, 0o666)
        identity = _identity(os.fstat(self._fd))
        if identity != self._identity:
            self._identity = identity
            self._is_torn = False
        if old >= 0:
            with contextlib.suppress(OSError):  # what a full disk has not taken is lost
                os.close(old)

    def _follow(self) -> None:
        if self._path is None:
            return
        try:
            is_here = _identity(os.stat(self._path)) == self._identity
        except OSError:
            is_here = False
        if is_here:
            self._missing_is_told = False
            return
        try:
            self._open()
        except OSError as error:
            if not self._missing_is_told:
                self._missing_is_told = True
                self._tell_that_it_stays(error)

    def _write(self, data: memoryview) -> int:
        if self._path is not None:
            return os.write(self._fd, data)
        sys.stderr.write(bytes(data).decode("utf-8"))
        sys.stderr.flush()
        return len(data)

    def _tell_that_it_stays(self, error: OSError) -> None:
        logger.error("the access log stays where it is: %s", cannot_write(self._path, error))


def cannot_write(path: str | None, error: OSError) -> ConfigError:
    """Return what to tell of an error.

    Args:
        path: of the file.
        error: that came when it was opened.

    Returns:
        An error that names the parameter of the command line.
    """
    return ConfigError(f"cannot write {path!r}: {error.strerror}", parameter="--access-log")


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
