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
class Library:
    """What a backend needs to know of its library: how to find and how to recognise it."""

    name: str
    title: str
    variable: str
    oldest: str
    package: str
    archives: list[str]
    version_header: str
    version_pattern: str
    system_libraries: list[str]
    advice: str


OPENSSL = Library(
    name="openssl",
    title="OpenSSL",
    variable="TLSMGM_OPENSSL_PREFIX",
    oldest="3.0.0",
    package="openssl",
    archives=["ssl", "crypto"],
    version_header="openssl/opensslv.h",
    version_pattern=r'define\s+OPENSSL_VERSION_STR\s+"([0-9.]+)"',
    system_libraries=["-lpthread", "-ldl"],
    advice="or install the system's own (Debian: libssl-dev)",
)

WOLFSSL = Library(
    name="wolfssl",
    title="wolfSSL",
    variable="TLSMGM_WOLFSSL_PREFIX",
    oldest="5.9.2",
    package="wolfssl",
    archives=["wolfssl"],
    version_header="wolfssl/version.h",
    version_pattern=r'define\s+LIBWOLFSSL_VERSION_STRING\s+"([0-9.]+)"',
    system_libraries=["-lpthread", "-lm"],
    advice="or install a system package that is new enough, with its headers",
)


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


def find_library(library: Library) -> Link:
    """Return how to link with the library; raise LibraryMissingError if there is no usable one."""
    named = os.environ.get(library.variable)
    if named:
        return link_prefix(library, Path(named), library.variable)
    cached = installed_prefix(load_pins()[library.name])
    if cached is not None:
        return link_prefix(library, cached, "the cache of built libraries")
    return link_system(library)


def link_prefix(library: Library, prefix: Path, origin: str) -> Link:
    """Link with the library installed below a prefix: statically if it can be, else shared."""
    version = header_version(library, prefix / "include")
    if version is None:
        raise missing(library, f"{origin} names {prefix}, which has no {library.version_header}")
    refuse_old(library, version, f"{prefix}, which {origin} names,")
    archives = library_files(library, prefix, FOLDERS, "a")
    files = archives or library_files(library, prefix, SHARED_FOLDERS, SHARED_SUFFIX)
    if not files:
        raise missing(
            library,
            f"{origin} names {prefix}, which has the headers of {library.title} {version}, but "
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
        link_args=[*files, *search, *library.system_libraries],
        depends=files,
        source=manifest.get("source", ""),
        patches=manifest.get("patches", []),
    )


def library_files(library: Library, prefix: Path, folders: Sequence[str], suffix: str) -> list[str]:
    """Return the paths of the libraries of one kind in link order, or nothing if one is missing."""
    for folder in folders:
        paths = [prefix / folder / f"lib{name}.{suffix}" for name in library.archives]
        if all(path.is_file() for path in paths):
            return [str(path) for path in paths]
    return []


def header_version(library: Library, include: Path) -> str | None:
    """Read the library's version from its own header."""
    header = include / library.version_header
    if not header.is_file():
        return None
    text = header.read_text(encoding="utf-8", errors="replace")
    match = re.search(library.version_pattern, text)
    return match.group(1) if match else None


def link_system(library: Library) -> Link:
    """Link with the system's shared library, as pkg-config describes it."""
    tool = os.environ.get("PKG_CONFIG") or "pkg-config"
    if shutil.which(tool) is None:
        raise missing(library, "it is not in the cache, and there is no pkg-config to find another")
    version = pkg_config(tool, "--modversion", library.package)
    if version is None:
        raise missing(library, "it is neither in the cache nor known to pkg-config")
    refuse_old(library, version, "the system, as pkg-config says,")
    return Link(
        version=version,
        origin="the system (shared, from pkg-config)",
        compile_args=(pkg_config(tool, "--cflags", library.package) or "").split(),
        link_args=(pkg_config(tool, "--libs", library.package) or "").split(),
    )


def pkg_config(tool: str, option: str, package: str) -> str | None:
    """Ask pkg-config one question; return None if it does not know the package."""
    answer = subprocess.run([tool, option, package], capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


def refuse_old(library: Library, version: str, place: str) -> None:
    """Raise if this version is older than the oldest that is safe to use."""
    if numbers(version) < numbers(library.oldest):
        raise missing(library, f"{place} has {library.title} {version}, which is too old")


def missing(library: Library, reason: str) -> LibraryMissingError:
    """Return the error that says what was looked for and how to get it."""
    return LibraryMissingError(
        f"{library.title} {library.oldest} or newer was looked for: {reason}.\n"
        f"To get it, run: python wheels/build_native_libs.py {library.name}\n"
        f"{library.advice},\nor set {library.variable} to where it is installed."
    )
