#!/usr/bin/env python3
"""Is a wheel fit to be handed out? Says everything that is wrong with it, and how large it is.

    python wheels/check_wheel.py dist/tlsmgm-*.whl --forbid /home/me --forbid /home/me/src

Needs the tools that come with every compiler: readelf and nm, or otool and nm on macOS.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from distributions import DISTRIBUTIONS, Distribution
from linkage import Linkage, linkage_of
from repeatable import metadata_folder, read_wheel

# What every system of the wheel's tag has: Linux with glibc, Linux with musl, macOS. A TLS library
# is not among them: it would be another build than the one that was tested.
SYSTEM_LIBRARIES = re.compile(
    r"lib(c|m|dl|pthread|rt)\.so\.\d+|ld-linux.*\.so\.\d+"
    r"|libc\.musl-.*\.so\.1|ld-musl-.*\.so\.1"
    r"|/usr/lib/libSystem\.B\.dylib"
)

# Wherever somebody builds, their sources and caches are below one of these.
BUILD_PLACES = re.compile(rb"/(?:home|root|Users|tmp|build|builds|work|github)/[\w.+-]+[\w./+-]*")


def init_symbol(name: str) -> str:
    """Return the one symbol that an extension module must export, by its file's name."""
    return "PyInit_" + name.rsplit("/", 1)[-1].split(".")[0]


def problems_of_module(name: str, linkage: Linkage) -> list[str]:
    """Return what is wrong with how an extension module is linked."""
    problems = [
        f"{name} needs {library}"
        for library in linkage.needed
        if not SYSTEM_LIBRARIES.fullmatch(library)
    ]
    problems += [f"{name} looks for libraries in {path}" for path in linkage.search_paths]
    wanted = [init_symbol(name)]
    found = linkage.exported
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
    problems = [
        f"{name} does not belong here" for name in strangers if name not in distribution.modules
    ]
    licenses = (f"{folder}/licenses/{path}LICENSE" for path in ("", f"{distribution.library}/"))
    wanted = [*licenses, *distribution.modules]
    return problems + [f"{name} is missing" for name in wanted if name not in files]


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
    """Return what is wrong with how the extension modules are linked."""
    problems = []
    modules = {name: content for name, content in files.items() if name.endswith(".so")}
    for name, content in sorted(modules.items()):
        problems += problems_of_module(name, linkage_of(content))
    return problems if modules else ["there is no extension module"]


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
