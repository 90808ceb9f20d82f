"""The floors of the C core: includes name a room, point downwards, and never run in a circle.

The rooms and their floors stand in ``csrc/manifest.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import c_core
import pytest

CSRC = c_core.CSRC
FLOOR = {room: number for number, floor in enumerate(c_core.FLOORS) for room in floor}
FILES = sorted(path for path in CSRC.rglob("*") if path.suffix in {".c", ".h", ".def"})
INCLUDE = re.compile(r'^ *# *include "([^"]+)"', re.MULTILINE)


def room_of(path: Path) -> str:
    return str(path.parent.relative_to(CSRC))


def included(path: Path) -> Iterator[Path]:
    """Yield the files of ours that a file includes; public headers name each other alone."""
    for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        yield path.parent / name if room_of(path) == "include" else CSRC / name


def unit(path: Path) -> str:
    """Return a file's name without its ending: a header and its source are one."""
    return str(path.relative_to(CSRC).with_suffix(""))


def test_every_file_is_in_a_room() -> None:
    assert {room_of(path) for path in FILES} == set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=unit)
def test_includes_name_a_file_below(path: Path) -> None:
    here = room_of(path)
    for other in included(path):
        assert other.is_file(), f"{other} is not where its include says"
        there = room_of(other)
        assert here == there or FLOOR[there] < FLOOR[here], f"{path} may not include {other}"


def test_no_unit_includes_itself_in_the_end() -> None:
    graph: dict[str, set[str]] = {}
    for path in FILES:
        graph.setdefault(unit(path), set()).update(map(unit, included(path)))
    for name, others in graph.items():
        others.discard(name)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def headers_of(backend: c_core.Backend) -> str:
    """Return the folder in which a library's headers are."""
    return f"{Path(backend.version_header).parent}/"


FOREIGN = re.compile(
    f"# *include <((?:{'|'.join(map(headers_of, c_core.BACKENDS.values()))})[^>]+)>"
)


@pytest.mark.parametrize("path", FILES, ids=unit)
def test_only_backends_name_their_library(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    foreign = FOREIGN.findall(text)
    owner = c_core.BACKENDS.get(Path(room_of(path)).name)
    allowed = None if owner is None else headers_of(owner)
    for header in foreign:
        assert allowed is not None
        # wolfSSL has OpenSSL's names in a folder of its own.
        assert header.startswith(allowed), f"{path} includes {header}"


@pytest.mark.parametrize("path", FILES, ids=unit)
def test_no_file_knows_python(path: Path) -> None:
    assert "Python.h" not in path.read_text(encoding="utf-8")


COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
NAME = re.compile(r"\w+")
DEFINED = re.compile(r"^(?!static\b)\w[\w *]*?\b(\w+)\([^;]*?\) \{$", re.MULTILINE)


@pytest.mark.parametrize("folder", sorted(c_core.BACKENDS))
def test_files_of_a_backend_call_downwards(folder: str) -> None:
    """They share a header, so circles show in the names that one uses of another only."""
    texts = {
        path.stem: COMMENT.sub("", path.read_text(encoding="utf-8"))
        for path in (CSRC / "backends" / folder).glob("*.c")
    }
    owner = {name: stem for stem, text in texts.items() for name in DEFINED.findall(text)}
    assert len(owner) > 20
    graph = {
        stem: {owner[name] for name in NAME.findall(text) if name in owner} - {stem}
        for stem, text in texts.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


#: Who asks the system what time it is; everybody else is told.
CLOCKS = {"kit/clock", "engine/worker", "engine/mailbox"}  # the last one only waits


def test_the_time_is_asked_for_in_few_places() -> None:
    asks = re.compile(r"\b(?:time|clock_gettime|gettimeofday)\(")
    sources = [path for path in FILES if path.suffix == ".c"]
    found = {unit(path) for path in sources if asks.search(path.read_text(encoding="utf-8"))}
    assert found == CLOCKS
