"""A folder that a fuzz target may use, and no other file while an input runs."""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import idna

__all__ = ["FOLDER", "files_shut"]

_kept = tempfile.TemporaryDirectory(prefix="tlsmgm_fuzz_")

#: The folder; it goes away with the process.
FOLDER = Path(os.path.realpath(_kept.name))

# Python loads codecs when they are first asked for, and idna its tables.
_ON_DEMAND = (sysconfig.get_path("stdlib"), os.path.dirname(os.path.realpath(idna.__file__)))
_ALLOWED = tuple(f"{folder}{os.sep}" for folder in (FOLDER, *_ON_DEMAND))

_is_shut = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse files of others: a script of random bytes may include any path."""
    if not _is_shut or event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if not path.startswith(_ALLOWED):
        raise PermissionError(13, "not while an input runs", path)


sys.addaudithook(_refuse)


@contextlib.contextmanager
def files_shut() -> Iterator[None]:
    """Let nothing be opened outside of the folder but what loads itself on demand."""
    global _is_shut
    _is_shut = True
    try:
        yield
    finally:
        _is_shut = False
