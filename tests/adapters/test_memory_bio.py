"""Our buffer beside Python's own: same calls, same answers, same errors."""

from __future__ import annotations

import array
import copy
import gc
import mmap
import pickle
import random
import ssl
import sys
import threading
import unittest
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.support.threads import run_together
from tlsmgm import adapters


@pytest.fixture(params=["ours", "stock"])
def bio(request: pytest.FixtureRequest) -> Any:
    """Ours, and Python's own, for which the same tests hold."""
    return adapters.MemoryBIO() if request.param == "ours" else ssl.MemoryBIO()


def answer(call: Callable[[], object]) -> object:
    """Return what a call comes to: its result, or its error and what that says."""
    try:
        found = call()
    except Exception as error:
        return type(error), str(error)
    return type(found), found


class Index:
    """Something that can be taken for a number."""

    def __index__(self) -> int:
        return 3


#: Whatever may be asked for.
SIZES = st.one_of(
    st.integers(-3, 40),
    st.sampled_from((2**31 - 1, -(2**31), True, Index())),
)
NO_SIZES = st.sampled_from((2**31, -(2**31) - 1, 2**70, None, "1", 1.0, b"1"))
NO_BUFFERS = st.sampled_from((None, "text", 1, 1.5, [1], memoryview(bytes(10))[::2]))
PIECES = st.binary(max_size=20)


class Both(RuleBasedStateMachine):
    """The same is done with two buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.ours: Any = adapters.MemoryBIO()
        self.stock: Any = ssl.MemoryBIO()

    def both(self, call: Callable[[Any], object]) -> None:
        """Do something with both; whatever it is, it comes to the same."""
        found, wanted = (answer(lambda: call(self.ours)), answer(lambda: call(self.stock)))
        assert found == wanted

    @rule(piece=PIECES)
    def write_bytes(self, piece: bytes) -> None:
        """Write what is kept."""
        self.both(lambda bio: bio.write(piece))

    @rule(piece=PIECES, kind=st.sampled_from((bytearray, memoryview)))
    def write_other(self, piece: bytes, kind: Callable[[Any], Any]) -> None:
        """Write what is copied, for it may change."""
        room = bytearray(piece)
        self.both(lambda bio: bio.write(kind(room)))
        room[:] = bytes(len(room))

    @rule(what=NO_BUFFERS)
    def write_nonsense(self, what: object) -> None:
        """Write what is none."""
        self.both(lambda bio: bio.write(what))

    @rule(size=SIZES)
    def read(self, size: Any) -> None:
        """Read some."""
        self.both(lambda bio: bio.read(size))

    @rule()
    def read_all(self) -> None:
        """Read all."""
        self.both(lambda bio: bio.read())

    @rule(size=NO_SIZES)
    def read_nonsense(self, size: object) -> None:
        """Ask for what is no size."""
        found = answer(lambda: self.ours.read(size))
        wanted = answer(lambda: self.stock.read(size))
        assert isinstance(found, tuple)
        assert isinstance(wanted, tuple)
        assert found[0] is wanted[0]

    @rule(others=st.integers(0, 3))
    def write_eof(self, others: int) -> None:
        """Say that this was all; seldom, for little happens behind."""
        if others == 0:
            self.both(lambda bio: bio.write_eof())

    @invariant()
    def same_state(self) -> None:
        """What they say of themselves is the same."""
        self.both(lambda bio: (bio.pending, bio.eof))


def test_whatever_is_done() -> None:
    run_state_machine_as_test(
        Both, settings=settings(max_examples=300, stateful_step_count=40, deadline=None)
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda bio: bio.read(1, 2),
        lambda bio: bio.read(size=1),
        lambda bio: bio.write(),
        lambda bio: bio.write(b=b"x"),
        lambda bio: bio.write_eof(1),
        lambda bio: setattr(bio, "pending", 1),
        lambda bio: setattr(bio, "eof", True),
        lambda bio: setattr(bio, "other", 1),
        lambda bio: type(bio)(1),
        lambda bio: type(bio)(size=1),
        lambda bio: type("Below", (type(bio),), {}),
        copy.copy,
        pickle.dumps,
    ],
)
def test_what_cannot_be_done(call: Callable[[Any], object]) -> None:
    found, wanted = (
        answer(lambda: call(adapters.MemoryBIO())),
        answer(lambda: call(ssl.MemoryBIO())),
    )
    assert isinstance(found, tuple)
    assert isinstance(wanted, tuple)
    assert issubclass(wanted[0], Exception)
    assert found[0] is wanted[0]


def test_more_than_an_int_counts(bio: Any) -> None:
    with mmap.mmap(-1, 2**31) as room, pytest.raises(OverflowError, match="longer than 2147483647"):
        bio.write(room)
    assert bio.pending == 0


def test_nothing_behind_the_end(bio: Any) -> None:
    bio.write_eof()
    for nothing in (b"x", b"", bytearray(b"x")):
        with pytest.raises(ssl.SSLError, match=r"cannot write\(\) after write_eof\(\)") as caught:
            bio.write(nothing)
        assert type(caught.value) is ssl.SSLError
    assert bio.eof


def test_bytes_are_kept_and_not_copied() -> None:
    bio = adapters.MemoryBIO()
    for _ in range(2):
        piece = random.randbytes(100)
        bio.write(piece)
        assert bio.read() is piece
    bio.write(piece)
    bio.write(bytes(50))
    assert bio.read(100) is piece


def test_what_may_change_is_copied() -> None:
    class Below(bytes):
        pass

    bio = adapters.MemoryBIO()
    room = bytearray(b"abc")
    bio.write(room)
    bio.write(Below(b"def"))
    bio.write(array.array("H", [1, 2]))
    room[:] = b"xyz"
    found = bio.read(3)
    assert found == b"abc"
    rest = bio.read(3)
    assert rest == b"def"
    assert type(rest) is bytes
    assert bio.read() == array.array("H", [1, 2]).tobytes()


def test_nothing_is_kept_that_was_read() -> None:
    """Not by the buffer, however it was read; the numbers are those of references."""
    piece = random.randbytes(1000)
    before = sys.getrefcount(piece)
    bio = adapters.MemoryBIO()
    for _ in range(3):
        bio.write(piece)
        bio.write(piece)
        bio.read(600)
        bio.read(900)
        bio.read()
        bio.write(piece)
        bio.read()
    bio.write(piece)
    bio.write(piece)
    del bio
    assert sys.getrefcount(piece) == before


def test_many_pieces() -> None:
    bio = adapters.MemoryBIO()
    data = random.randbytes(100_000)
    for at in range(0, len(data), 10):
        bio.write(data[at : at + 10])
    assert bio.pending == len(data)
    found = bio.read(33)
    while bio.pending:
        found += bio.read(4321)
    assert found == data


def test_a_finalizer_that_writes_to_the_same_one() -> None:
    """Garbage may be collected in every allocation, also in one of the buffer's own."""

    class Garbage:
        def __init__(self, buffer: adapters.MemoryBIO) -> None:
            self.itself = self
            self.buffer = buffer

        def __del__(self) -> None:
            self.buffer.write(b"BBBB")
            self.buffer.write(b"CCCC")

    thresholds = gc.get_threshold()
    gc.freeze()  # all that was there before, so that to collect takes no time
    try:
        for soon in range(1, 60):
            buffer = adapters.MemoryBIO()
            buffer.write(b"AAAA")
            gc.collect()
            Garbage(buffer)
            gc.set_threshold(soon)
            buffer.write(b"DDDD")
            gc.set_threshold(0)
            gc.collect()
            assert sorted(buffer.read()) == sorted(b"AAAABBBBCCCCDDDD")
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_threads() -> None:
    """What one writes, others read: all of it, once."""
    bio = adapters.MemoryBIO()
    lock = threading.Lock()
    written, found = [0], [0]

    def write(random: random.Random) -> None:
        size = random.randrange(1, 50)
        bio.write(bytes(size))
        with lock:
            written[0] += size

    def read(random: random.Random) -> None:
        size = len(bio.read(random.randrange(-1, 60)))
        with lock:
            found[0] += size

    def look(_: object) -> None:
        assert not bio.eof
        assert bio.pending >= 0

    run_together([write, write, read, read, look], turns=3000)
    assert found[0] + len(bio.read()) == written[0]
    assert bio.pending == 0


def test_cpythons_own_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    test_ssl = pytest.importorskip("test.test_ssl")
    monkeypatch.setattr(ssl, "MemoryBIO", adapters.MemoryBIO)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(test_ssl.MemoryBIOTests).run(result)
    assert result.testsRun >= 5
    assert not result.errors + result.failures
