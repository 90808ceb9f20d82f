"""Compiles the C code for its tests, with cffi in between.

A *variant* is one Python extension module: ``portable`` has the rooms that know no library; each
backend's variant adds its own room and the library; ``kqueue`` is the poller alone, over libkqueue,
for Linux.  ``csrc/base/alloc.c`` is replaced by
``tests/csrc/failing_alloc.c`` in all of them, and the other files of ``tests/csrc`` are added.  The
declarations come out of the C preprocessor, so that they cannot drift from the headers.

``TLSMGM_TEST_SANITIZE=1`` builds with address and undefined-behaviour sanitizers.  Python must then
run with their libraries preloaded, and when it does they are used without being asked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import cffi

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "wheels"))

import c_core  # noqa: E402 - found through the line above
import native_link  # noqa: E402

TEST_CSRC = ROOT / "tests" / "csrc"
BUILD = ROOT / "build" / "tests-csrc"
BACKENDS = tuple(c_core.BACKENDS)
KQUEUE = "kqueue"
LibraryMissingError = native_link.LibraryMissingError

#: What the files of the worker share: sockets and threads, of which cffi knows nothing.
WORKER_PARTS = {
    f"engine/{name}.h"
    for name in (
        "worker_state",
        "slots",
        "connecting",
        "channels",
        "accepting",
        "introducing",
        "turning_away",
        "records",
        "counters",
        "mailbox",
        "handing_over",
        "asking",
    )
}

CFLAGS = [*c_core.FLAGS, "-O1", "-g"]
WARNINGS = [*c_core.WARNINGS, "-Werror"]
SANITIZE_FLAGS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# What cffi does not know by itself; the compiler fills the dots in.
FAKE_HEADERS = {
    "stdatomic.h": "#pragma once\n"
    "typedef struct { ...; } atomic_flag;\n"
    "typedef struct { ...; } atomic_size_t;\n"
}
PRELOAD_HINT = (
    "TLSMGM_TEST_SANITIZE needs the sanitizers' libraries in the process; run it like this:\n"
    "  ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc TLSMGM_TEST_SANITIZE=1 \\\n"
    '  LD_PRELOAD="$(cc -print-file-name=libasan.so) $(cc -print-file-name=libubsan.so)" \\\n'
    "  python -m pytest tests/csrc"
)


def compiler() -> list[str]:
    """Return the C compiler's command."""
    return shlex.split(os.environ.get("CC", "cc"))


def run(command: list[str]) -> str:
    """Run a command and return what it prints; an error shows its complaints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stderr}")
    return done.stdout


@functools.cache
def is_sanitized() -> bool:
    """Tell whether to build with sanitizers."""
    preloaded = hasattr(ctypes.CDLL(None), "__asan_init")
    if os.environ.get("TLSMGM_TEST_SANITIZE", "0") not in {"", "0"} and not preloaded:
        raise RuntimeError(PRELOAD_HINT)
    return preloaded


def portable_headers() -> list[str]:
    """Return the headers of the C code that knows no library, and of what tests add to it."""
    paths = [path.relative_to(c_core.CSRC) for path in c_core.headers() if path.suffix == ".h"]
    portable = [str(path) for path in paths if path.parts[0] != "backends"]
    portable = [name for name in portable if name not in WORKER_PARTS]
    return [*portable, "failing_alloc.h", "own_stack.h", "worker_turn.h"]


def headers_of(variant: str) -> list[str]:
    """Return the headers whose declarations a variant offers."""
    if variant == KQUEUE:
        return ["base/error.h", "engine/poller.h", "failing_alloc.h"]
    if variant not in BACKENDS:
        return portable_headers()
    own = ["signature.h", "swap_staple.h", "ticket_stack.h", "verify_chain.h"]
    return [*portable_headers(), c_core.BACKENDS[variant].header, *own]


def sources_of(variant: str) -> list[Path]:
    """Return the C files of a variant."""
    if variant == KQUEUE:
        below = [c_core.CSRC / "base" / name for name in ("alert.c", "error.c")]
        pollers = sorted((c_core.CSRC / "engine").glob("poller_*.c"))
        return [*below, *pollers, TEST_CSRC / "failing_alloc.c"]
    files = [path for path in c_core.portable_sources() if path.name != "alloc.c"]
    if variant in BACKENDS:
        files += c_core.BACKENDS[variant].sources + sorted((TEST_CSRC / variant).glob("*.c"))
    return [*files, *sorted(TEST_CSRC.glob("*.c"))]


def declarations(variant: str) -> str:
    """Return what the headers declare, in the part of C that cffi understands."""
    with tempfile.TemporaryDirectory() as folder:
        for name in system_headers():
            (Path(folder) / name).write_text(FAKE_HEADERS.get(name, ""), encoding="utf-8")
        source = Path(folder) / "all.c"
        source.write_text(include_lines(variant), encoding="utf-8")
        command = [*compiler(), "-E", "-U__GNUC__", "-nostdinc", "-I", folder]
        command += [*c_core.INCLUDES, "-I", str(TEST_CSRC), str(source)]
        text = run([*command, "-P"])
        macros = run([*command, "-dM"])
    return f"{constants(macros)}\n{without_bodies(text)}"


def system_headers() -> set[str]:
    """Return the system's headers that ours include; cffi knows what they declare."""
    texts = (path.read_text(encoding="utf-8") for path in c_core.headers())
    return {name for text in texts for name in re.findall(r"#include <(\w+\.h)>", text)}


def include_lines(variant: str) -> str:
    """Return the #include lines for all headers of a variant."""
    return "".join(f'#include "{header}"\n' for header in headers_of(variant))


def constants(macros: str) -> str:
    """Return our macros that stand for a number; cffi asks the compiler for their values."""
    number = re.compile(r"^#define (TLSMGM_\w+) ([-\w\s+*()<|]+)$", re.MULTILINE)
    return "\n".join(f"#define {found[1]} ..." for found in number.finditer(macros))


def without_bodies(text: str) -> str:
    """Turn inline functions into declarations."""
    out, at = "", 0
    while (start := text.find("static inline", at)) >= 0:
        brace = text.index("{", start)
        out += text[at:start] + text[start + len("static inline") : brace] + ";"
        at = past_closing_brace(text, brace)
    return out + text[at:]


def past_closing_brace(text: str, brace: int) -> int:
    """Return the position after the brace that closes the one at ``brace``."""
    # A brace in a character or string literal would need more than counting; there is none.
    depth = 0
    for at in range(brace, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    raise ValueError("a function that is never closed")


@functools.cache
def load(variant: str) -> Any:
    """Compile a variant, unless that was done before, and import it.

    Args:
        variant: ``portable``, ``kqueue``, or the name of a backend.

    Returns:
        The extension module, which has ``ffi`` and ``lib``.

    Raises:
        RuntimeError: the compiler refused.
        LibraryMissingError: the variant's library is not there.
    """
    name = f"_csrc_{variant}"
    cdef = declarations(variant)
    compile_args, link_args, depends = link_with(variant)
    sanitizers = SANITIZE_FLAGS if is_sanitized() else []
    flags = [*CFLAGS, *compile_args, *sanitizers]
    headers = [*c_core.headers(), *TEST_CSRC.glob("*.h")]
    inputs = [Path(__file__), *sources_of(variant), *headers]
    settings = repr((compiler(), sys.version, flags, link_args, cdef))
    folder = BUILD / f"{variant}-{digest([*inputs, *map(Path, depends)], settings)}"
    module = folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    if not module.is_file():
        BUILD.mkdir(parents=True, exist_ok=True)
        # Several pytest processes may build at once; each renames its own, complete module.
        with tempfile.TemporaryDirectory(dir=BUILD) as work:
            built = build(variant, Path(work), name, cdef, flags, [*link_args, *sanitizers])
            folder.mkdir(exist_ok=True)
            built.replace(module)
    return import_from(name, module)


def digest(inputs: list[Path], settings: str) -> str:
    """Return a short word that changes when any input or setting does."""
    sha = hashlib.sha256(settings.encode())
    for path in sorted(inputs):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:16]


def link_with(variant: str) -> tuple[list[str], list[str], list[str]]:
    """Return compiler arguments, linker arguments and files to watch for a variant's library."""
    if variant == KQUEUE:
        return link_with_kqueue()
    if variant not in BACKENDS:
        return [], [], []
    link = native_link.find_library(c_core.BACKENDS[variant])
    return link.compile_args, link.link_args, link.depends


def link_with_kqueue() -> tuple[list[str], list[str], list[str]]:
    """Return the same for libkqueue, where the system's own poller is another."""
    if not sys.platform.startswith("linux"):
        raise LibraryMissingError("libkqueue is for Linux; here the portable variant has kqueue")
    ask = ["pkg-config", "libkqueue"]
    try:
        flags = run([*ask, "--cflags"]).split()
        libraries = run([*ask, "--libs"]).split()
        folder = run([*ask, "--variable=libdir"]).strip()
    except (OSError, RuntimeError):
        raise LibraryMissingError("pkg-config knows no libkqueue, to play kqueue here") from None
    # It may lie where the loader does not look by itself.
    return ["-DTLSMGM_POLLER_KQUEUE", *flags], [*libraries, f"-Wl,-rpath,{folder}"], []


def build(
    variant: str, work: Path, name: str, cdef: str, flags: list[str], link_args: list[str]
) -> Path:
    """Compile every file of a variant and link them; return the module's path."""
    ffi = cffi.FFI()
    ffi.cdef(cdef)
    ffi.set_source(name, include_lines(variant))
    glue = work / f"{name}.c"
    with contextlib.redirect_stdout(io.StringIO()):
        ffi.emit_c_code(str(glue))
    includes = [*c_core.INCLUDES, "-I", str(TEST_CSRC)]
    python = ["-isystem", sysconfig.get_paths()["include"], "-Wno-unused"]
    jobs = [(path, [*WARNINGS, *includes]) for path in sources_of(variant)]
    jobs.append((glue, [*python, *includes]))

    def compile_one(job: tuple[Path, list[str]]) -> str:
        source, extra = job
        # Files of the backend and of its tests may have the same name.
        target = work / ("-".join(source.relative_to(ROOT).with_suffix("").parts) + ".o")
        run([*compiler(), *flags, *extra, "-c", str(source), "-o", str(target)])
        return str(target)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, jobs))
    module = work / f"{name}.so"
    bundle = ["-bundle", "-undefined", "dynamic_lookup"]
    # Python's ssl module brings another OpenSSL into the process; neither may see the other's.
    shared = bundle if sys.platform == "darwin" else ["-shared", "-Wl,--exclude-libs,ALL"]
    run([*compiler(), *shared, *objects, *link_args, "-lpthread", "-o", str(module)])
    return module


def import_from(name: str, path: Path) -> ModuleType:
    """Import an extension module from where it lies."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
