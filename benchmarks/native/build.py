"""Builds the C programs of the benchmarks: ``python -m benchmarks.native.build``.

For each library there are seven programs: ``plain`` and ``contract`` (bench_memory in its two
layers), ``hold-plain`` and ``hold-contract`` (bench_hold in the same), the servers ``engine`` and
``plain-relay``, and ``load``.  They are compiled with the flags that setup.py uses and linked with
the same library, which ``wheels/native_link.py`` finds.  What was built is kept under ``build/``,
in a folder named after everything that decides what comes out.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheels"))

import c_core  # noqa: E402 - found through the line above
import native_link  # noqa: E402

__all__ = ["LIBRARIES", "PROGRAMS", "BuildError", "LibraryMissingError", "build", "facts"]

LibraryMissingError = native_link.LibraryMissingError

NATIVE = Path(__file__).resolve().parent
CSRC = c_core.CSRC
BUILD = ROOT / "build" / "benchmarks-native"

LIBRARIES = tuple(c_core.BACKENDS)
PROGRAMS = ("plain", "contract", "hold-plain", "hold-contract", "engine", "plain-relay", "load")

_HOLD = "hold-"

# As setup.py compiles csrc; -g changes no code and gives names to profilers.
CFLAGS = [*c_core.FLAGS, *c_core.OPTIMIZATION, "-g", *c_core.WARNINGS, "-Werror"]
LINK_FLAGS = ["-Wl,--gc-sections", "-Wl,-z,relro,-z,now"]


class BuildError(Exception):
    """The compiler refused; the text is its complaint."""


@dataclass(frozen=True)
class _Recipe:
    """One program: what it is made of."""

    sources: list[Path]
    compile_args: list[str]
    link_args: list[str]
    depends: list[str]


def build(library: str, program: str) -> Path:
    """Build a program, unless that was done before.

    Args:
        library: ``openssl`` or ``wolfssl``.
        program: one of ``PROGRAMS``.

    Returns:
        The program's path.

    Raises:
        BuildError: the compiler refused.
        LibraryMissingError: the library is not there.
        ValueError: there is no such library or program.
    """
    if library not in LIBRARIES or program not in PROGRAMS:
        raise ValueError(f"there is no program {program!r} for the library {library!r}")
    recipe = _recipe(library, program)
    target = BUILD / f"{library}-{program}-{_digest(recipe)}" / f"bench_{program}_{library}"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may build at once; each renames its own, complete program.
        with tempfile.TemporaryDirectory(dir=BUILD) as work:
            _compile(recipe, Path(work)).replace(target)
    return target


def facts(library: str) -> dict[str, str]:
    """Say how the programs of a library are built, for the record beside the figures.

    Args:
        library: ``openssl`` or ``wolfssl``.

    Raises:
        LibraryMissingError: the library is not there.
    """
    link = native_link.find_library(c_core.BACKENDS[library])
    compiler = _run([*_compiler(), "--version"]).splitlines()[0]
    is_static = "(static" in link.origin
    return {
        "library_version": link.version,
        "linked": "statically" if is_static else "shared",
        "compiler": compiler,
        "cflags": " ".join(CFLAGS),
    }


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC", "cc"))


def _recipe(library: str, program: str) -> _Recipe:
    backend = c_core.BACKENDS[library]
    link = native_link.find_library(backend)
    is_plain = "plain" in program
    sources = [*sorted((NATIVE / "common").glob("*.c")), *_own_sources(library, program)]
    folders = ("common", "plain", "memory", "hold", "load", "plain_relay")
    includes = [word for name in folders for word in ("-I", str(NATIVE / name))]
    defines = [f'-DBENCH_LIBRARY="{library}"']
    if is_plain:
        sources.remove(NATIVE / "common" / "contract.c")
        sources.append(NATIVE / "plain" / f"{library}_context.c")
    else:
        sources += [*c_core.portable_sources(), *backend.sources]
        defines += [
            f"-DBENCH_BACKEND=tlsmgm_{library}_backend",
            f'-DBENCH_BACKEND_HEADER="{backend.header}"',
        ]
    compile_args = [*CFLAGS, *defines, *c_core.INCLUDES, *includes, *link.compile_args]
    return _Recipe(sources, compile_args, [*LINK_FLAGS, *link.link_args], link.depends)


def _own_sources(library: str, program: str) -> list[Path]:
    """The files that are of this program, or of its family, alone."""
    memory = NATIVE / "memory"
    if program in ("load", "engine"):
        return sorted((NATIVE / program).glob("*.c"))
    if program == "plain-relay":
        others = {f"tls_{name}.c" for name in LIBRARIES if name != library}
        found = sorted((NATIVE / "plain_relay").glob("*.c"))
        return [path for path in found if path.name not in others]
    layer = program.removeprefix(_HOLD)
    own = sorted(memory.glob(f"plain_{library}*.c" if layer == "plain" else "contract*.c"))
    if program.startswith(_HOLD):
        return [*sorted((NATIVE / "hold").glob("*.c")), memory / "pipe.c", *own]
    layers = ("plain_", "contract")
    return [path for path in sorted(memory.glob("*.c")) if not path.name.startswith(layers)] + own


def _digest(recipe: _Recipe) -> str:
    """Return a short word that changes when anything does that the program is made of."""
    sha = hashlib.sha256(repr((_compiler(), recipe.compile_args, recipe.link_args)).encode())
    headers = [*c_core.headers(), *NATIVE.rglob("*.h")]
    for path in sorted([*recipe.sources, *headers]):
        sha.update(path.read_bytes())
    sha.update(b"valgrind" if Path("/usr/include/valgrind/callgrind.h").exists() else b"")
    for name in recipe.depends:
        stat = Path(name).stat()
        sha.update(repr((name, stat.st_size, stat.st_mtime_ns)).encode())
    return sha.hexdigest()[:16]


def _compile(recipe: _Recipe, work: Path) -> Path:
    """Compile every file, one after the other, and link them."""
    objects = []
    for source in recipe.sources:
        target = work / f"{source.parent.name}-{source.stem}.o"
        _run([*_compiler(), *recipe.compile_args, "-c", str(source), "-o", str(target)])
        objects.append(str(target))
    program = work / "program"
    _run([*_compiler(), *objects, *recipe.link_args, "-lpthread", "-o", str(program)])
    return program


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{shlex.join(command)}\n{done.stderr}")
    return done.stdout


@functools.cache
def _available() -> tuple[str, ...]:
    found = []
    for name, backend in c_core.BACKENDS.items():
        try:
            native_link.find_library(backend)
        except LibraryMissingError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
        else:
            found.append(name)
    return tuple(found)


def main() -> int:
    """Build everything that can be built, and print where it is."""
    try:
        for library in _available():
            for program in PROGRAMS:
                print(build(library, program))
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if _available() else 2


if __name__ == "__main__":
    sys.exit(main())
