"""Files of callgrind's are added up as its manual says, and what goes wrong is said plainly."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.guard import callgrind
from benchmarks.guard.callgrind import Count, CountError, ValgrindMissingError

OWN = Path("/tree/csrc")

FILE = """\
# callgrind format
version: 1
cmd:  ./program
positions: line
events: Ir
summary: 1137

ob=(1) /tree/program
fl=(1) /tree/csrc/buffer.c
fn=(1) buffer_append
10 5
+2 20
* 2
cfi=(2) /libc/memcpy.S
cfn=(2) memcpy
calls=4 7
-1 900
fi=(3) /tree/csrc/cursor.h
3 10
fe=(1)
13 50

fl=(2)
fn=(2)
7 900

fl=(4) /tree/csrc-of-others/main.c
fn=(3) main
1 100
cfi=(1)
cfn=(1)
calls=1 10
2 987
fl=(1)
fn=(4) buffer_free
20 50
"""


def test_own_instructions_are_told_apart() -> None:
    assert callgrind.read(FILE.splitlines(), OWN) == Count(1137, 5 + 20 + 2 + 10 + 50 + 50)


def test_functions_are_told_apart() -> None:
    found = callgrind.functions(FILE.splitlines())
    assert found == {"buffer_append": 87, "memcpy": 900, "main": 100, "buffer_free": 50}


def test_nothing_collected() -> None:
    assert callgrind.read(["events: Ir", "summary: 0"], OWN) == Count(0, 0)


@pytest.mark.parametrize("text", ["", "nonsense\n1 2\n", "events: Ir Dr\nfl=(1) a.c\n1 2 3\n"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(CountError, match="no file of callgrind's"):
        callgrind.read(text.splitlines(), OWN)


def test_valgrind_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValgrindMissingError, match="apt-get install valgrind"):
        callgrind.version()
    with pytest.raises(ValgrindMissingError, match="make bench-check"):
        callgrind.count(["true"], tmp_path / "out", OWN)


@pytest.fixture
def pretender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program in valgrind's place: it runs what it is given, in a shell, with $out set."""
    program = tmp_path / "bin" / "valgrind"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        "for word; do case $word in --callgrind-out-file=*) out=${word#*=};; esac; done\n"
        'export out; eval "$word"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "there" / "out"


def test_a_program_that_fails(pretender: Path) -> None:
    with pytest.raises(CountError, match=r"(?s)failed in valgrind \(exit 3\).*no such domain"):
        callgrind.count(["echo no such domain; exit 3"], pretender, OWN)


def test_a_program_that_leaves_no_counts(pretender: Path) -> None:
    pretender.parent.mkdir()
    pretender.write_text("events: Ir\n1 2\n")  # an old one is no answer
    with pytest.raises(CountError, match=r"\(exit 0\)"):
        callgrind.count(["true"], pretender, OWN)


def test_a_program_that_was_built_without_the_header(pretender: Path) -> None:
    with pytest.raises(CountError, match="Remove the folder build/benchmarks-native"):
        callgrind.count(['echo "events: Ir" > $out'], pretender, OWN)


def test_paths_are_pinned(pretender: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is told to take the same path on every machine."""
    monkeypatch.setenv("PYTHONMALLOC", "malloc")
    checks = [
        'test "$PYTHONHASHSEED" = 0',
        'test -n "$OPENSSL_ia32cap"',
        'echo "$GLIBC_TUNABLES" | grep -q rep_movsb_threshold=',
        'test -z "${LD_PRELOAD+set}${PYTHONMALLOC+set}"',
    ]
    command = 'echo "events: Ir" > $out; echo 1 7 >> $out'
    assert callgrind.count([" && ".join([command, *checks])], pretender, OWN).total == 7


def test_nothing_of_an_earlier_run_is_left(pretender: Path) -> None:
    pretender.parent.mkdir()
    for name in ("out", "out.1", "out.12", "other"):
        (pretender.parent / name).write_text("events: Ir\n1 5\n")
    command = callgrind.command_for(["program", "word"], pretender.with_name("100%"), "--option")
    assert command[1:] == [
        "--tool=callgrind",
        f"--callgrind-out-file={pretender.parent}/100%%",
        "--option",
        "program",
        "word",
    ]
    assert callgrind.parts(pretender, OWN) == [Count(5, 0), Count(5, 0)]
    callgrind.command_for(["program"], pretender)
    assert callgrind.parts(pretender, OWN) == []
    assert [path.name for path in pretender.parent.iterdir()] == ["other"]


def test_parts_come_in_the_order_of_their_numbers(pretender: Path) -> None:
    write = "for i in 2 10 1; do printf 'events: Ir\\n1 %s\\n' $i > $out.$i; done; touch $out"
    assert callgrind.count_between([write], pretender, "mark") == [1, 2, 10]
    with pytest.raises(CountError, match="has not called mark"):
        callgrind.count_between(["touch $out"], pretender, "mark")
