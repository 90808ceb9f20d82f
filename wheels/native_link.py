"""Which TLS library does a backend link with?

The order is: a prefix named in the environment, the library that build_native_libs.py built into
the cache, the system's own through pkg-config. A library that is missing or too old costs its
backend and nothing else; the text says what was looked for and how to get it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from c_core import Backend
from native_pins import (
    MACOS,
    installed_prefix,
    load_pins,
    machine_triple,
    numbers,
    read_manifest,
)

# Where libraries lie below a prefix, and how shared ones end. Debian's own are in the last of them;
# its static ones are not made for modules of Python.
FOLDERS = ("lib", "lib64")
SHARED_FOLDERS = (*FOLDERS, f"lib/{machine_triple()}")
SHARED_SUFFIX = "dylib" if MACOS else "so"


class LibraryMissingError(Exception):
    """No usable library was found; the text says where we looked and what to do."""


@dataclass(frozen=True)
class Link:
    """How to compile and link against one found library."""

    version: str
    origin: str
    compile_args: list[str] = field(default_factory=list)
    link_args: list[str] = field(default_factory=list)
    depends: list[str] = field(default_factory=list)
    # What build_native_libs.py wrote down of it; nothing of what others have built.
    source: str = ""
    patches: list[str] = field(default_factory=list)


def find_library(backend: Backend) -> Link:
    """Return how to link with its library; raise LibraryMissingError if there is no usable one."""
    named = os.environ.get(backend.variable)
    if named:
        return link_prefix(backend, Path(named), backend.variable)
    cached = installed_prefix(load_pins()[backend.name])
    if cached is not None:
        return link_prefix(backend, cached, "the cache of built libraries")
    return link_system(backend)


def link_prefix(backend: Backend, prefix: Path, origin: str) -> Link:
    """Link with the library installed below a prefix: statically if it can be, else shared."""
    version = header_version(backend, prefix / "include")
    if version is None:
        raise missing(backend, f"{origin} names {prefix}, which has no {backend.version_header}")
    refuse_old(backend, version, f"{prefix}, which {origin} names,")
    archives = library_files(backend, prefix, FOLDERS, "a")
    files = archives or library_files(backend, prefix, SHARED_FOLDERS, SHARED_SUFFIX)
    if not files:
        raise missing(
            backend,
            f"{origin} names {prefix}, which has the headers of {backend.title} {version}, but "
            f"neither static nor shared libraries in {', '.join(SHARED_FOLDERS)}",
        )
    # Found by path, not by -L and -l: in front of our -L stands the folder of Python's own library,
    # where a distribution also has its OpenSSL.
    manifest = read_manifest(prefix) if (prefix / "manifest.json").is_file() else {}
    search = [] if archives else [f"-Wl,-rpath,{Path(files[0]).parent}"]
    return Link(
        version=version,
        origin=f"{prefix} ({'static' if archives else 'shared'}, named by {origin})",
        # As system headers, so that our strict warnings are about our own code.
        compile_args=["-isystem", str(prefix / "include")],
        link_args=[*files, *search, *backend.system_libraries],
        depends=files,
        source=manifest.get("source", ""),
        patches=manifest.get("patches", []),
    )


def library_files(backend: Backend, prefix: Path, folders: Sequence[str], suffix: str) -> list[str]:
    """Return the paths of the libraries of one kind in link order, or nothing if one is missing."""
    for folder in folders:
        paths = [prefix / folder / f"lib{name}.{suffix}" for name in backend.archives]
        if all(path.is_file() for path in paths):
            return [str(path) for path in paths]
    return []


def header_version(backend: Backend, include: Path) -> str | None:
    """Read the library's version from its own header."""
    header = include / backend.version_header
    if not header.is_file():
        return None
    text = header.read_text(encoding="utf-8", errors="replace")
    match = re.search(backend.version_pattern, text)
    return match.group(1) if match else None


def link_system(backend: Backend) -> Link:
    """Link with the system's shared library, as pkg-config describes it."""
    tool = os.environ.get("PKG_CONFIG") or "pkg-config"
    if shutil.which(tool) is None:
        raise missing(backend, "it is not in the cache, and there is no pkg-config to find another")
    version = pkg_config(tool, "--modversion", backend.package)
    if version is None:
        raise missing(backend, "it is neither in the cache nor known to pkg-config")
    refuse_old(backend, version, "the system, as pkg-config says,")
    return Link(
        version=version,
        origin="the system (shared, from pkg-config)",
        compile_args=(pkg_config(tool, "--cflags", backend.package) or "").split(),
        link_args=(pkg_config(tool, "--libs", backend.package) or "").split(),
    )


def pkg_config(tool: str, option: str, package: str) -> str | None:
    """Ask pkg-config one question; return None if it does not know the package."""
    answer = subprocess.run([tool, option, package], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def refuse_old(backend: Backend, version: str, place: str) -> None:
    """Raise if this version is older than the oldest that is safe to use."""
    if numbers(version) < numbers(backend.oldest):
        raise missing(backend, f"{place} has {backend.title} {version}, which is too old")


def missing(backend: Backend, reason: str) -> LibraryMissingError:
    """Return the error that says what was looked for and how to get it."""
    return LibraryMissingError(
        f"{backend.title} {backend.oldest} or newer was looked for: {reason}.\n"
        f"To get it, run: python wheels/build_native_libs.py {backend.name}\n"
        f"{backend.advice},\nor set {backend.variable} to where it is installed."
    )
