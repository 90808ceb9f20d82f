"""The C core as builds see it: what ``csrc/manifest.toml`` says, and the files in its rooms.

A backend's sources are those of its own room; everybody else's know no TLS library.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "BACKENDS",
    "CSRC",
    "FLAGS",
    "FLOORS",
    "INCLUDES",
    "OPTIMIZATION",
    "PUBLIC",
    "WARNINGS",
    "Backend",
    "headers",
    "portable_sources",
    "public_headers",
    "rooms",
]

CSRC = Path(__file__).resolve().parent.parent / "csrc"

_OF_BACKENDS = "backends/"


@dataclass(frozen=True)
class Backend:
    """A row of the manifest: one backend, and how its library is found and recognised."""

    name: str
    title: str
    module: str
    variable: str
    oldest: str
    package: str
    archives: list[str]
    version_header: str
    version_pattern: str
    system_libraries: list[str]
    advice: str

    @property
    def room(self) -> Path:
        """Return the folder of the backend's C files."""
        return CSRC / _OF_BACKENDS / self.name

    @property
    def sources(self) -> list[Path]:
        """Return the backend's C files, in a stable order."""
        return sorted(self.room.glob("*.c"))

    @property
    def header(self) -> str:
        """Return what declares the backend's table, as an include has it."""
        return f"{_OF_BACKENDS}{self.name}/backend.h"

    @property
    def pyx(self) -> str:
        """Return the path of the backend's Cython file."""
        return self.module.replace(".", "/") + ".pyx"


@functools.cache
def _manifest() -> dict[str, Any]:
    return tomllib.loads((CSRC / "manifest.toml").read_text(encoding="utf-8"))


#: Rooms, lowest floor first.
FLOORS: list[list[str]] = _manifest()["floors"]

FLAGS: list[str] = _manifest()["flags"]
WARNINGS: list[str] = _manifest()["warnings"]
OPTIMIZATION: list[str] = _manifest()["optimization"]

#: The folder of the headers that others may compile against.
PUBLIC = CSRC / "include"

#: By quotes only: no header of ours may stand before one of the system's.
INCLUDES = ["-iquote", str(CSRC)]

BACKENDS = {name: Backend(name=name, **row) for name, row in _manifest()["backends"].items()}


def rooms() -> list[str]:
    """Return all rooms, lowest floor first."""
    return [room for floor in FLOORS for room in floor]


def portable_sources() -> list[Path]:
    """Return the C files that know no TLS library, in a stable order."""
    portable = [room for room in rooms() if not room.startswith(_OF_BACKENDS)]
    return [path for room in portable for path in sorted((CSRC / room).glob("*.c"))]


def headers() -> list[Path]:
    """Return every header and table of the core, in a stable order."""
    return sorted([*CSRC.rglob("*.h"), *CSRC.rglob("*.def")])


def public_headers() -> list[Path]:
    """Return what is installed with the package, in a stable order."""
    return [path for path in headers() if path.parent == PUBLIC]
