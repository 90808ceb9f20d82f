"""A path for bytes that are in no file system, for interfaces that read nothing but files."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

__all__ = ["path_of"]


@contextlib.contextmanager
def path_of(data: bytes) -> Iterator[str]:
    """Lend bytes a path under which this process can read them once, from start to end.

    They stay in memory: in a file of Linux's ``memfd_create(2)``, which has no name and is not
    inherited, or elsewhere in a pipe.

    Args:
        data: the bytes.

    Yields:
        The path; it is good until the block ends.
    """
    descriptor = _memory_file()
    if descriptor is None:
        with _pipe(data) as path:
            yield path
        return
    with open(descriptor, "wb", buffering=0) as file:
        _write(file.fileno(), data)
        yield f"/proc/self/fd/{file.fileno()}"


def _memory_file() -> int | None:
    """A new memory file; None where the system has none or forbids it."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        return os.memfd_create("tlsmgm", os.MFD_CLOEXEC)
    except OSError:
        return None


@contextlib.contextmanager
def _pipe(data: bytes) -> Iterator[str]:
    reading, writing = os.pipe()
    feeder = threading.Thread(target=_feed, args=(writing, data), daemon=True)
    feeder.start()
    try:
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)  # A feeder whose data nobody wanted ends by this.
        feeder.join()


def _feed(descriptor: int, data: bytes) -> None:
    try:
        with contextlib.suppress(BrokenPipeError):
            _write(descriptor, data)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
