"""Builds the C fuzz targets with clang and prints, for each, its name and its program.

A target that knows no TLS library is one file and the portable code.  A connection's is built once
for each backend, with the library that ``wheels/native_link.py`` finds; a library that is missing
costs its targets.  Object files and programs are kept in ``build/fuzz`` as long as nothing changes.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheels"))

import c_core  # noqa: E402 - found through the line above
import native_link  # noqa: E402

FUZZ = ROOT / "tests" / "fuzz"
BUILD = ROOT / "build" / "fuzz"
PKI = ROOT / "tests" / "cases" / "pki"

CONNECTIONS = ("server_connection", "client_connection")

CFLAGS = [*c_core.FLAGS, "-g", "-O1", *c_core.INCLUDES, *c_core.WARNINGS, "-Werror"]
SANITIZERS = ["-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined"]
# The clock and the random bytes of the TLS libraries; see connection/still.c.
WRAPPED = [f"-Wl,--wrap={name}" for name in ("time", "gettimeofday", "getrandom")]


@dataclass(frozen=True)
class Target:
    """A fuzz target: what it is made of."""

    name: str
    sources: list[Path]
    compile_args: list[str] = field(default_factory=list)
    link_args: list[str] = field(default_factory=list)
    depends: list[str] = field(default_factory=list)


def targets() -> list[Target]:
    """Return all targets that can be built here."""
    names = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.c"))
    portable = c_core.portable_sources()
    found = [
        Target(name, [FUZZ / f"fuzz_{name}.c", *portable])
        for name in names
        if name not in CONNECTIONS
    ]
    for library in c_core.BACKENDS:
        try:
            found += connection_targets(library)
        except native_link.LibraryMissingError as error:
            print(f"{library} is left out: {error}", file=sys.stderr)
    return found


def connection_targets(library: str) -> list[Target]:
    """Return the targets of one backend."""
    backend = c_core.BACKENDS[library]
    link = native_link.find_library(backend)
    sources = [*c_core.portable_sources(), *backend.sources, *FUZZ.glob("connection/*.c")]
    defines = [f"-DFUZZ_{library.upper()}", f'-DFUZZ_PKI="{PKI}"']
    return [
        Target(
            f"{name}_{library}",
            [FUZZ / f"fuzz_{name}.c", *sorted(sources)],
            [*link.compile_args, *defines],
            [*WRAPPED, *link.link_args],
            link.depends,
        )
        for name in CONNECTIONS
    ]


def clang() -> list[str]:
    """Return the compiler's command."""
    return shlex.split(os.environ.get("CLANG", "clang"))


def run(command: list[str]) -> None:
    """Run a command; what it complains about ends the build."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\n{done.stderr}")


def digest(target: Target, source: Path) -> str:
    """Return a short word that changes when the object file of a source must."""
    headers = [*c_core.headers(), *FUZZ.rglob("*.h")]
    sha = hashlib.sha256(repr([clang(), CFLAGS, SANITIZERS, target.compile_args]).encode())
    for path in [source, *sorted(headers)]:
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def compile_one(target: Target, source: Path) -> Path:
    """Compile a file, unless that was done before; targets of one backend share it."""
    word = digest(target, source)
    made = BUILD / "objects" / f"{source.parent.name}-{source.stem}-{word}.o"
    if not made.is_file():
        partial = made.with_suffix(f".{target.name}.part")
        command = [*clang(), *CFLAGS, *target.compile_args, *SANITIZERS]
        run([*command, "-c", str(source), "-o", str(partial)])
        partial.replace(made)
    return made


def build(target: Target, pool: ThreadPoolExecutor) -> Path:
    """Bring a target's program up to date and return its path."""
    objects = list(pool.map(lambda source: compile_one(target, source), target.sources))
    program = BUILD / "programs" / target.name
    linker = [*clang(), *SANITIZERS, *map(str, objects), *target.link_args, "-lpthread"]
    archives = [(name, Path(name).stat().st_mtime_ns) for name in target.depends]
    made_of = repr([linker, archives])
    note = program.with_suffix(".txt")
    if not (program.is_file() and note.is_file() and note.read_text() == made_of):
        run([*linker, "-o", str(program)])
        note.write_text(made_of)
    return program


def main() -> None:
    """Build every target; with names, only those."""
    wanted = sys.argv[1:]
    for folder in ("objects", "programs"):
        (BUILD / folder).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for target in targets():
            if not wanted or target.name in wanted:
                print(target.name, build(target, pool).relative_to(ROOT), flush=True)


if __name__ == "__main__":
    main()
