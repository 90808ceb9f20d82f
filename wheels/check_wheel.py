#!/usr/bin/env python3
"""Is a wheel fit to be handed out? Says everything that is wrong with it, and how large it is.

    python wheels/check_wheel.py dist/tlsmgm-*.whl --forbid /home/me --forbid /home/me/src

Needs readelf and nm of the binutils, which come with every compiler.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from distributions import DISTRIBUTIONS, Distribution
from repeatable import metadata_folder, read_wheel

# What every Linux of the wheel's tag has. A TLS library is not among them: it would be another
# build than the one that was tested.
SYSTEM_LIBRARIES = re.compile(r"(lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux.*\.so\.\d+)")

# Marks of the linker, not code.
LINKER_MARKS = {"_init", "_fini", "__bss_start", "_edata", "_end"}

# Wherever somebody builds, their sources and caches are below one of these.
BUILD_PLACES = re.compile(rb"/(?:home|root|Users|tmp|build|builds|work|github)/[\w.+-]+[\w./+-]*")


def needed_libraries(dynamic: str) -> list[str]:
    """Return the shared libraries that `readelf -d` says are needed."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)


def search_paths(dynamic: str) -> list[str]:
    """Return where `readelf -d` says the module looks for shared libraries."""
    return re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic)


def exported_symbols(symbols: str) -> list[str]:
    """Return the names that `nm -D --defined-only` lists, without their versions."""
    lines = [line for line in symbols.splitlines() if line.strip()]
    names = {line.split()[-1].partition("@")[0] for line in lines}
    return sorted(names - LINKER_MARKS)


def init_symbol(name: str) -> str:
    """Return the one symbol that an extension module must export, by its file's name."""
    return "PyInit_" + name.rsplit("/", 1)[-1].split(".")[0]


def problems_of_module(name: str, dynamic: str, symbols: str) -> list[str]:
    """Return what is wrong with how an extension module is linked."""
    problems = [
        f"{name} needs {library}"
        for library in needed_libraries(dynamic)
        if not SYSTEM_LIBRARIES.fullmatch(library)
    ]
    problems += [f"{name} looks for libraries in {path}" for path in search_paths(dynamic)]
    wanted = [init_symbol(name)]
    found = exported_symbols(symbols)
    if found != wanted:
        problems.append(f"{name} exports {', '.join(found) or 'nothing'}, not {wanted[0]} alone")
    return problems


def problems_of_paths(files: Mapping[str, bytes], forbidden: Iterable[str]) -> list[str]:
    """Return which files tell of the machine that they were built on."""
    problems = []
    needles = [path.encode() for path in forbidden]
    for name, content in sorted(files.items()):
        found = {needle for needle in needles if needle in content}
        if name.endswith(".so"):
            found.update(BUILD_PLACES.findall(content))
        problems += [f"{name} contains {path.decode()}" for path in sorted(found)]
    return problems


def problems_of_contents(files: Mapping[str, bytes], distribution: Distribution) -> list[str]:
    """Return what is in the wheel but belongs elsewhere, and what should be there."""
    folder = metadata_folder(files)
    own = (f"{distribution.package}/", f"{folder}/")
    strangers = [name for name in sorted(files) if not name.startswith(own)]
    problems = [f"{name} does not belong here" for name in strangers]
    licenses = f"{folder}/licenses"
    for name in (f"{licenses}/LICENSE", f"{licenses}/{distribution.library}/LICENSE"):
        if name not in files:
            problems.append(f"{name} is missing")
    return problems


def problems_of_metadata(metadata: str, distribution: Distribution) -> list[str]:
    """Return what the wheel's metadata say wrongly about its licence."""
    lines = metadata.partition("\n\n")[0].splitlines()
    wanted = [
        f"License-Expression: {distribution.license}",
        "License-File: LICENSE",
        f"License-File: {distribution.library}/LICENSE",
    ]
    return [f"METADATA lacks '{line}'" for line in wanted if line not in lines]


def problems_of_bill(files: Mapping[str, bytes], distribution: Distribution) -> list[str]:
    """Return what the bill of materials leaves out."""
    name = f"{metadata_folder(files)}/sboms/{distribution.library}.cdx.json"
    if name not in files:
        return [f"{name} is missing"]
    components = json.loads(files[name])["components"]
    listed = [part for part in components if part["name"] == distribution.library]
    if not listed:
        return [f"{name} does not list {distribution.library}"]
    # The library says its version in a text; the bill must name that one.
    version = listed[0]["version"].encode()
    modules = [content for path, content in files.items() if path.endswith(".so")]
    if not any(version in content for content in modules):
        return [f"{name} lists {distribution.library} {version.decode()}, which is in no module"]
    return []


def problems_of_modules(files: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong with how the extension modules are linked; needs binutils."""
    problems = []
    modules = {name: content for name, content in files.items() if name.endswith(".so")}
    for name, content in sorted(modules.items()):
        with tempfile.NamedTemporaryFile(suffix=".so") as module:
            module.write(content)
            module.flush()
            dynamic = output_of(["readelf", "-d", "-W", module.name])
            symbols = output_of(["nm", "-D", "--defined-only", module.name])
        problems += problems_of_module(name, dynamic, symbols)
    return problems if modules else ["there is no extension module"]


def output_of(command: Sequence[str]) -> str:
    """Run a program and return what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def distribution_of(wheel: Path) -> Distribution:
    """Return whose wheel it is, by its file's name."""
    package = wheel.name.split("-")[0]
    (found,) = [one for one in DISTRIBUTIONS if one.package == package]
    return found


def problems_of(wheel: Path, forbidden: Iterable[str]) -> list[str]:
    """Return everything that is wrong with a wheel."""
    files = read_wheel(wheel)
    distribution = distribution_of(wheel)
    metadata = files[f"{metadata_folder(files)}/METADATA"].decode()
    return [
        *problems_of_contents(files, distribution),
        *problems_of_metadata(metadata, distribution),
        *problems_of_bill(files, distribution),
        *problems_of_paths(files, forbidden),
        *problems_of_modules(files),
    ]


def size_line(wheel: Path) -> str:
    """Return one line with the wheel's size, packed and installed, in MB."""
    unpacked = sum(map(len, read_wheel(wheel).values()))
    return f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {unpacked / 1e6:.2f} MB installed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Check wheels before they are handed out.")
    parser.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    parser.add_argument("--forbid", action="append", default=[], help="a text no file may contain")
    options = parser.parse_args(arguments)
    failed = False
    for wheel in options.wheels:
        print(size_line(wheel))
        for problem in problems_of(wheel, options.forbid):
            print(f"  {problem}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
