"""A worker answers whatever it is sent, line by line, and never dies of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.native.build import build
from benchmarks.native.worker import LAYERS, NativeError, Worker, once_command, words_of
from tests.benchmarks.native.conftest import Files, any_program
from tests.support.sanitizers import IS_SANITIZED

GARBAGE = [
    b"",
    b" \t ",
    b"nonsense",
    b"=",
    b"=x",
    b"op",
    b"op=",
    b"op=nonsense",
    b"op=handshake",
    b"op=handshake count=",
    b"op=handshake count=99999999999999999999999",
    b"op=handshake count=1 count=2",
    b"op=info more=1",
    b"op=setup certificate=%",
    b"op=setup certificate=%4",
    b"op=setup certificate=%zz",
    b"op=setup certificate=%00",
    b"op=setup certificate=" + b"x" * 5000,
    b"op=setup cipher=" + b"x" * 200,
    b"op=setup " + b" ".join(b"k%d=v" % i for i in range(100)),
    b"x" * 100_000,
    b"op=\0info",
    b"\xff\xfe=\xff",
    b'op="\\\x01',
]


def exchange(program: Path, lines: list[bytes]) -> list[dict[str, object]]:
    """Send lines, and return the answers; the program must end well."""
    data = b"".join(line + b"\n" for line in lines)
    done = subprocess.run([str(program)], input=data, capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.decode("ascii").splitlines()]


@pytest.mark.parametrize("layer", LAYERS)
def test_garbage_is_answered_and_survived(library: str, layer: str) -> None:
    answers = exchange(build(library, layer), [*GARBAGE, b"op=info"])
    assert len(answers) == len(GARBAGE) + 1
    for line, answer in zip(GARBAGE, answers, strict=False):
        assert answer["ok"] is False, line
        assert answer["error"], line
    assert answers[-1]["ok"] is True


# Whether "op=quit" ends it is another test's matter.
LINES = st.lists(
    st.binary(max_size=80).map(lambda line: line.replace(b"\n", b"").replace(b"quit", b"")),
    max_size=20,
)


@settings(max_examples=25, deadline=None)
@given(lines=LINES)
def test_every_line_has_one_answer(lines: list[bytes]) -> None:
    answers = exchange(any_program("contract"), [*lines, b"op=info"])
    assert len(answers) == len(lines) + 1
    assert answers[-1]["ok"] is True


def test_quit_ends_it_before_the_next_line(library: str) -> None:
    answers = exchange(build(library, "plain"), [b"op=quit", b"op=info"])
    assert [answer["op"] for answer in answers] == ["quit"]


def test_a_last_line_without_an_end_counts(library: str) -> None:
    program = str(build(library, "plain"))
    done = subprocess.run([program], input=b"op=info", capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["ok"] is True


def test_a_dead_worker_is_told(library: str) -> None:
    with Worker(library, "plain") as worker:
        worker.ask("quit")
        with pytest.raises(NativeError, match="ended without an answer"):
            worker.ask("info")


def test_a_closed_worker_is_not_asked(library: str) -> None:
    worker = Worker(library, "plain")
    worker.close()
    worker.close()
    with pytest.raises(ValueError, match="closed"):
        worker.ask("info")


def test_words_are_quoted() -> None:
    assert words_of({"a": True, "b": False, "c": 7, "d": "x y%\n", "e": "é"}) == [
        "a=yes",
        "b=no",
        "c=7",
        "d=x%20y%25%0a",
        "e=%c3%a9",
    ]
    for value in ("", "a\0b"):
        with pytest.raises(ValueError, match="key"):
            words_of({"key": value})


@pytest.mark.parametrize("layer", LAYERS)
def test_once_measures_once(library: str, layer: str, files: Files) -> None:
    command = once_command(library, layer, **files.server(), op="handshake", count=2, warmup=1)
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    answer = json.loads(done.stdout)
    assert (answer["ok"], answer["op"], answer["count"]) == (True, "handshake", 2)


@pytest.mark.parametrize(
    "words", [{"op": "nope"}, {"op": "bulk"}, {"side": "left"}, {"warmup": "x"}, {"what": 1}]
)
def test_once_fails_loudly(library: str, files: Files, words: dict[str, str | int]) -> None:
    right: dict[str, str | int] = {"op": "handshake", "count": 1}
    if words == {"op": "bulk"}:
        right = {}  # the count is missing
    command = once_command(library, "plain", **files.server(), **{**right, **words})
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert answer["error"]


def test_an_unknown_option_is_refused(library: str) -> None:
    command = [str(build(library, "plain")), "--twice"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "--once" in json.loads(done.stdout)["error"]


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(IS_SANITIZED, reason="sanitizers do not run in valgrind")
def test_callgrind_counts_one_side(library: str, files: Files, tmp_path: Path) -> None:
    def collected(side: str) -> int:
        words: dict[str, str | int] = {"op": "handshake", "count": 1, "warmup": 1, "side": side}
        command = once_command(library, "contract", **files.server(), **words)
        grind = ["valgrind", "--tool=callgrind", "--collect-atstart=no"]
        out = f"--callgrind-out-file={tmp_path / side}"
        done = subprocess.run(
            [*grind, out, *command], capture_output=True, text=True, timeout=100, check=True
        )
        match = re.search(r"Collected : (\d+)", done.stderr)
        assert match, done.stderr
        return int(match[1])

    assert _has_callgrind_header(library) == (collected("server") > 100_000)


def _has_callgrind_header(library: str) -> bool:
    """Whether the programs were compiled with the header; without it nothing can be switched."""
    include = '#if __has_include(<valgrind/callgrind.h>)\n"yes"\n#endif\n'
    command = ["cc", "-E", "-P", "-x", "c", "-"]
    done = subprocess.run(command, input=include, capture_output=True, text=True, check=True)
    return "yes" in done.stdout
