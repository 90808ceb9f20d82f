"""How is an extension module linked: what does it need, and what does it show?

Linux's modules are read with readelf and nm, those of macOS with its otool and nm.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

MACHO_MAGIC = b"\xcf\xfa\xed\xfe"

# Marks of the linker, not code.
LINKER_MARKS = {"_init", "_fini", "__bss_start", "_edata", "_end"}


@dataclass(frozen=True)
class Linkage:
    """The shared libraries that a module needs, where it looks for them, and what it exports."""

    needed: list[str]
    search_paths: list[str]
    exported: list[str]


def linkage_of(content: bytes) -> Linkage:
    """Read how a module is linked, from the bytes of its file."""
    with tempfile.NamedTemporaryFile(suffix=".so") as module:
        module.write(content)
        module.flush()
        if content.startswith(MACHO_MAGIC):
            return from_macho(
                output_of(["otool", "-L", module.name]),
                output_of(["otool", "-l", module.name]),
                output_of(["nm", "-gU", module.name]),
            )
        return from_elf(
            output_of(["readelf", "-d", "-W", module.name]),
            output_of(["nm", "-D", "--defined-only", module.name]),
        )


def from_elf(dynamic: str, symbols: str) -> Linkage:
    """Return what `readelf -d -W` and `nm -D --defined-only` say."""
    return Linkage(
        needed=re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic),
        search_paths=re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic),
        # Without the versions of symbols.
        exported=sorted({name.partition("@")[0] for name in names(symbols)} - LINKER_MARKS),
    )


def from_macho(libraries: str, commands: str, symbols: str) -> Linkage:
    """Return what `otool -L`, `otool -l` and `nm -gU` say."""
    return Linkage(
        needed=re.findall(r"^\s+(.+) \(compatibility version .*\)$", libraries, re.MULTILINE),
        search_paths=re.findall(r"cmd LC_RPATH\n.*\n\s+path (.+) \(offset \d+\)", commands),
        # Every name of C begins with an underscore there.
        exported=sorted({name.removeprefix("_") for name in names(symbols)}),
    )


def names(symbols: str) -> list[str]:
    """Return the last word of each line that nm prints."""
    return [line.split()[-1] for line in symbols.splitlines() if line.strip()]


def output_of(command: Sequence[str]) -> str:
    """Run a program and return what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
