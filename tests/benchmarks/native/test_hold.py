"""The C program that holds connections obeys frames, and ends with a sentence where it cannot."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.native.worker import LAYERS, hold_command
from tests.benchmarks.native.conftest import Files, any_program

TOO_LONG = 1 << 20


def frame(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def run(command: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)


def answers(data: bytes) -> list[bytes]:
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def server(library: str, layer: str, files: Files) -> list[str]:
    return hold_command(library, layer, "server", **files.server(), tickets=True)


@pytest.mark.parametrize("side", ["server", "client"])
def test_every_command_has_an_answer(library: str, layer: str, files: Files, side: str) -> None:
    frames = [b"n", b"s", b"n", b"s", b"c2", b"m"]
    command = hold_command(library, layer, side, **files.server())
    done = run(command, b"".join(map(frame, frames)))
    assert (done.returncode, done.stderr) == (0, b"")
    found = answers(done.stdout)
    assert [len(answer) for answer in found[0::2]] == [0, 0, 0]
    for step in (found[1], found[3]):
        assert step[0] == 0  # it waits
        assert (len(step) > 1) == (side == "client")  # who begins


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (frame(b"x"), "no command 0x78"),
        (frame(b""), "a frame of 0 bytes"),
        (frame(b"n" + bytes(TOO_LONG)), "a frame of 1048577 bytes"),
        (frame(b"n")[:-1], "cut off"),
        (b"\0\0", "cut off"),
        (frame(b"s"), "no end yet"),
        (frame(b"w"), "no end yet"),
        (frame(b"c"), "a number of contexts"),
        (frame(b"c-1"), "a number of contexts"),
        (frame(b"c1x"), "a number of contexts"),
        (frame(b"c" + b"9" * 30), "a number of contexts"),
        (frame(b"n") + frame(b"snonsense"), ": "),
    ],
)
def test_what_cannot_be_obeyed(server: list[str], data: bytes, complaint: str) -> None:
    done = run(server, data)
    assert done.returncode == 1
    assert complaint in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"side": "both"}, "side=server or side=client"),
        ({"surprise": "1"}, '"surprise" means nothing'),
        ({"version": "1.1"}, "1.2 or 1.3 is wanted"),
    ],
)
def test_words_that_mean_nothing(
    library: str, files: Files, change: dict[str, str], complaint: str
) -> None:
    words = {"side": "server", **files.server(), **change}
    done = run(hold_command(library, "plain", words.pop("side"), **words), b"")
    assert done.returncode == 1
    assert complaint in done.stderr.decode()


def test_a_certificate_that_is_not_there(library: str, layer: str, files: Files) -> None:
    words = {**files.server(), "certificate": files.path("nowhere.pem")}
    done = run(hold_command(library, layer, "server", **words), frame(b"n"))
    assert done.returncode == 1
    assert done.stderr


@settings(max_examples=25, deadline=None)
@given(data=st.lists(st.binary(max_size=80)), tail=st.binary(max_size=8))
def test_garbage_ends_it_properly(data: list[bytes], tail: bytes) -> None:
    command = [str(any_program("hold-plain")), "side=server"]
    done = run(command, b"".join(map(frame, data)) + tail)
    assert done.returncode in {0, 1}  # and of no signal
    assert (done.returncode == 1) == bool(done.stderr)
