"""What counts depend on besides our own code: they are compared only where all of it is equal."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from benchmarks.guard import callgrind
from benchmarks.native import build

sys.path.insert(0, str(build.ROOT / "wheels"))

import c_core
import native_link
import native_pins

__all__ = ["key", "processor_level", "python_key"]

#: Flags in /proc/cpuinfo that a level of the x86-64 psABI has in addition to the one before.
_LEVELS: Final = (
    ("x86-64-v2", {"cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    ("x86-64-v3", {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
)
#: What the libraries look for on ARM.
_ARM: Final = ("aes", "asimd", "pmull", "sha1", "sha2", "sha3", "sha512")


def key(library: str) -> dict[str, str]:
    """Return the facts, by name.

    Args:
        library: ``openssl`` or ``wolfssl``.

    Raises:
        LibraryMissingError: it is not there.
        ValgrindMissingError: there is no valgrind.
    """
    facts = build.facts(library)
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    return {
        "architecture": native_pins.processor(),
        "processor": processor_level(text),
        "library": f"{facts['library_version']}, linked {facts['linked']}",
        "library build": _library_build(library),
        "compiler": facts["compiler"],
        "cflags": facts["cflags"],
        "C library": " ".join(platform.libc_ver()).strip() or "unknown",
        "valgrind": callgrind.version(),
    }


def python_key(library: str) -> dict[str, str]:
    """Return the facts for the Python layer over a library, by name.

    Args:
        library: ``openssl`` or ``wolfssl``.

    Raises:
        LibraryMissingError: it is not there.
        ValgrindMissingError: there is no valgrind.
    """
    return {
        **key(library),
        "Python": f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.python_compiler()}",
        "Cython": metadata.version("Cython"),
    }


def processor_level(cpuinfo: str) -> str:
    """Name the kind of processor that a program sees in valgrind.

    Valgrind shows no more than x86-64-v3, so this machine's own riches do not matter.

    Args:
        cpuinfo: text of /proc/cpuinfo.
    """
    flags: set[str] = set()
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            flags = set(value.split())
            break
    if native_pins.processor() == "x86_64":
        level = "x86-64"
        for name, wanted in _LEVELS:
            if not wanted <= flags:
                break
            level = name
        return level
    return " ".join([native_pins.processor(), *(name for name in _ARM if name in flags)])


def _library_build(library: str) -> str:
    """A pinned library is known by the hash of how it is built, another one by its content."""
    link = native_link.find_library(c_core.BACKENDS[library])
    pin_key: str = native_pins.load_pins()[library].key()
    if pin_key in link.origin:
        return f"pinned {pin_key}"
    sha = hashlib.sha256()
    for name in link.depends:
        sha.update(Path(name).read_bytes())
    return f"other {sha.hexdigest()[:12]}" if link.depends else "the system's"
