"""CONTRIBUTING.md's map names whatever lies at the top, every folder of tests, every room in C."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def rows(title: str) -> dict[str, str]:
    """Return what the first column of the table under a title names, and its rows."""
    section = TEXT.partition(f"# {title}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return {
        name.rstrip("/"): line
        for line in lines
        for name in re.findall("`(.+?)`", line.split("|")[1])
    }


def known_to_git() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is a copy without git")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if (ROOT / path).exists()]


def folders(top: str) -> set[str]:
    """Return the folders right below one, each with it in front."""
    parts = [path.split("/") for path in known_to_git() if path.startswith(f"{top}/")]
    return {"/".join(part[:2]) for part in parts if len(part) > 2}


def test_everything_at_the_top_is_on_the_map() -> None:
    assert {path.split("/")[0] for path in known_to_git()} == rows("Where things are").keys()


def test_every_room_in_c_is_on_the_map() -> None:
    assert folders("csrc") == rows("Rooms of the C core").keys()


def test_every_folder_of_tests_is_on_the_map() -> None:
    assert folders("tests") | {"tests/conftest.py"} == rows("Where tests go").keys()


@pytest.mark.parametrize("title", ["Where things are", "Rooms of the C core", "Where tests go"])
def test_every_row_says_what_it_is(title: str) -> None:
    for line in rows(title).values():
        assert len(line.split("|")[2].split()) > 1, line


def test_the_quick_tests_are_those_that_are_marked() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    listed = re.search(r"^QUICK_TESTS = \$\(addprefix tests/,(.+?)\)$", makefile, re.MULTILINE)
    assert listed is not None
    column = " ".join(line.split("|")[1] for line in rows("Where tests go").values())
    marked = set(re.findall(r"`tests/(\w+)` \+", column))
    assert sorted(marked) == sorted(listed[1].split())
