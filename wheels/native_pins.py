"""Which native libraries are wanted, and where do built ones live?

A built library lives in a directory of the cache that is named after the library, its version and
a key. The key is a hash of everything that decides what comes out of the build, so two settings
never share a directory and a finished directory never has to be checked again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PINS_FILE = Path(__file__).with_name("native_libs.toml")
PATCHES = Path(__file__).with_name("patches")

MACOS = sys.platform == "darwin"

# Raise this when the build script itself changes what it puts into a prefix.
RECIPE = 1


class NativeBuildError(Exception):
    """A library cannot be built; the text tells a person what to do about it."""


@dataclass(frozen=True)
class DebianSource:
    """How to get a library from Debian's source packages."""

    suites: list[str]
    apply_patches: bool
    skip_patches: list[str]
    only_security: bool = False


@dataclass(frozen=True)
class MacosChanges:
    """What is configured otherwise on macOS."""

    configure: list[str]
    leave_cppflags: list[str]


@dataclass(frozen=True)
class Pin:
    """One library: the wanted release, where it comes from and how it is built."""

    name: str
    version: str
    series: str
    oldest: str
    urls: list[str]
    sha256: str
    license: str
    cflags: str
    configure: list[str]
    debian: DebianSource
    cppflags: str = ""
    patches: list[str] = field(default_factory=list)
    configure_for: dict[str, list[str]] = field(default_factory=dict)
    macos: MacosChanges = field(default_factory=lambda: MacosChanges([], []))

    def configure_flags(self) -> list[str]:
        """Return the configure flags for this machine's processor and system."""
        flags = self.configure + self.configure_for.get(processor(), [])
        return flags + self.macos.configure if MACOS else flags

    def preprocessor_flags(self) -> str:
        """Return the preprocessor's flags for this machine's system."""
        left_out = self.macos.leave_cppflags if MACOS else []
        return " ".join(flag for flag in self.cppflags.split() if flag not in left_out)

    def patch_files(self) -> list[Path]:
        """Return the files of our own patches, in the order in which they are applied."""
        return [PATCHES / name for name in self.patches]

    def missing_patches(self) -> list[str]:
        """Return the patches that this tree lacks: a distribution has only its own library's."""
        return [path.name for path in self.patch_files() if not path.is_file()]

    def key(self) -> str:
        """Return the hash of everything that decides what the build makes."""
        facts = {**asdict(self), "recipe": RECIPE, "machine": machine_triple()}
        facts["patches"] = {
            path.name: file_hash(path) if path.is_file() else None for path in self.patch_files()
        }
        # What is not used is left out, so that its being there builds nothing anew.
        if not self.patches:
            del facts["patches"]
        if not self.debian.only_security:
            del facts["debian"]["only_security"]
        if MACOS:
            # The oldest macOS that the compiler makes code for; `-dumpmachine` does not tell it.
            facts["deployment_target"] = os.environ.get("MACOSX_DEPLOYMENT_TARGET", "")
        else:
            del facts["macos"]
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_pins(path: Path = PINS_FILE) -> dict[str, Pin]:
    """Read every pinned library from the TOML file."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    pins = {}
    for name, entry in table.items():
        debian = DebianSource(**entry.pop("debian"))
        entry["urls"] = [url.format(version=entry["version"]) for url in entry["urls"]]
        macos = MacosChanges(**entry.pop("macos", {"configure": [], "leave_cppflags": []}))
        pins[name] = Pin(name=name, debian=debian, macos=macos, **entry)
    return pins


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def numbers(version: str) -> list[int]:
    """Return the numbers in a version, to compare versions by."""
    return [int(part) for part in re.findall(r"\d+", version)]


def cache_root() -> Path:
    """Return the directory that holds the built libraries; it may not exist yet."""
    chosen = os.environ.get("TLSMGM_NATIVE_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser().resolve() / "tlsmgm" / "native"


def prefix_for(pin: Pin, version: str) -> Path:
    """Return where this release of the library is, or would be, installed."""
    return cache_root() / f"{pin.name}-{version}-{pin.key()}"


def installed_prefix(pin: Pin) -> Path | None:
    """Return the built library's prefix, or None if it is still to be built.

    The version in the directory's name differs from the pinned one where the sources could only
    give another patch release. The pinned version is in the key, so an old build never passes for
    a newly pinned one.
    """
    exact = prefix_for(pin, pin.version)
    others = sorted(cache_root().glob(f"{pin.name}-{pin.series}.*-{pin.key()}"))
    for prefix in [exact, *reversed(others)]:
        if (prefix / "manifest.json").is_file():
            return prefix
    return None


def read_manifest(prefix: Path) -> dict[str, Any]:
    """Return what the build wrote down about the library in a prefix of the cache."""
    manifest: dict[str, Any] = json.loads((prefix / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def compiler() -> str:
    """Return the C compiler's command, as the CC variable names it."""
    return os.environ.get("CC") or "cc"


def processor() -> str:
    """Return the processor family by the name that native_libs.toml uses."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


@cache
def machine_triple() -> str:
    """Return the machine the compiler makes code for, such as x86_64-linux-gnu."""
    command = compiler().split()
    if shutil.which(command[0]) is None:
        return f"{processor()}-{platform.system().lower()}"
    answer = subprocess.run([*command, "-dumpmachine"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or processor()
