"""FIFOs and sockets in the file system: what an earlier run left may go, nothing else."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from tlsmgm.errors import ConfigError

__all__ = [
    "Identity",
    "clear_stale_fifo",
    "clear_stale_socket",
    "identity",
    "identity_of",
    "remove_own",
]

#: Tells a file from another one that took its name: device and inode.
Identity = tuple[int, int]

_IN_USE = "is in use by another program"
_OTHER_FILE = "there is a file of another kind, which is not replaced"


def identity_of(found: os.stat_result) -> Identity:
    """Return which file was looked at."""
    return found.st_dev, found.st_ino


def identity(path: str) -> Identity:
    """Return which file has a name now.

    Args:
        path: is not followed if it is a symbolic link.

    Raises:
        OSError: there is none.
    """
    return identity_of(os.lstat(path))


def remove_own(path: str, own: Identity | None) -> None:
    """Remove a file unless somebody else has taken its name.

    Args:
        path: its name.
        own: which file it was; None: there was none.
    """
    with contextlib.suppress(OSError):
        if own is not None and identity(path) == own:
            os.unlink(path)


def clear_stale_fifo(path: str) -> None:
    """Remove a FIFO that nobody reads.

    Args:
        path: where a FIFO shall be made; nothing need be there.

    Raises:
        ConfigError: somebody reads it, or it is another kind of file.
        OSError: it cannot be removed.
    """
    if not _is_there(path, stat.S_IFIFO):
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ENXIO:  # there is no reader
            raise ConfigError(_IN_USE, origin=path) from None
        os.unlink(path)
        return
    os.close(descriptor)
    raise ConfigError(_IN_USE, origin=path)


def clear_stale_socket(path: str) -> None:
    """Remove a datagram socket that nobody has open.

    Args:
        path: where a socket shall be made; nothing need be there.

    Raises:
        ConfigError: somebody has it open, or it is another kind of file.
        OSError: it cannot be removed.
    """
    if not _is_there(path, stat.S_IFSOCK):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError:
            pass  # a socket of another type, or of somebody else
    raise ConfigError(_IN_USE, origin=path)


def _is_there(path: str, kind: int) -> bool:
    try:
        found = stat.S_IFMT(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False
    if found != kind:
        raise ConfigError(_OTHER_FILE, origin=path)
    return True
