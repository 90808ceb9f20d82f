"""The ring between a worker and what writes its records, compared with a queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode


class Ring:
    """A ring, with its records as bytes."""

    def __init__(self, c: CCode, raw: Any, size: int) -> None:
        self.c = c
        self.raw = raw
        self.size = size

    def push(self, record: bytes) -> tuple[bool, bool]:
        """Return whether it was kept, and whether the ring was empty before."""
        assert len(record) == self.size
        view, _keep = self.c.bytes_in(record)
        was_empty = self.c.ffi.new("bool *", True)
        kept = self.c.lib.tlsmgm_record_ring_push(self.raw, view.data, was_empty)
        return bool(kept), bool(was_empty[0])

    def take(self, count: int) -> list[bytes]:
        room = self.c.ffi.new("uint8_t[]", count * self.size or 1)
        taken = self.c.lib.tlsmgm_record_ring_take(self.raw, room, count)
        data = bytes(self.c.ffi.buffer(room, taken * self.size))
        return [data[at : at + self.size] for at in range(0, len(data), self.size)]

    def first(self) -> bytes | None:
        """Return the oldest record, which stays; None: there is none."""
        found = self.c.lib.tlsmgm_record_ring_first(self.raw)
        return bytes(self.c.ffi.buffer(found, self.size)) if found else None

    def lost(self) -> int:
        return int(self.c.lib.tlsmgm_record_ring_lost(self.raw))


@contextmanager
def new_ring(c: CCode, size: int, capacity: int) -> Iterator[Ring]:
    out = c.ffi.new("struct tlsmgm_record_ring **")
    error = c.error()
    status = c.lib.tlsmgm_record_ring_new(size, capacity, out, error)
    assert status == c.lib.TLSMGM_STATUS_OK, c.text(error)
    try:
        yield Ring(c, out[0], size)
    finally:
        c.lib.tlsmgm_record_ring_free(out[0])


@given(
    size=st.integers(1, 9),
    capacity=st.sampled_from([1, 2, 4, 16]),
    steps=st.lists(st.integers(-20, 20), max_size=60),
)
@settings(max_examples=500)
def test_it_is_a_queue_with_a_bound(c: CCode, size: int, capacity: int, steps: list[int]) -> None:
    """A step above 0 pushes so many, any other takes up to so many."""
    model: deque[bytes] = deque()
    lost = number = 0
    with new_ring(c, size, capacity) as ring:
        for step in steps:
            for _ in range(step):
                record = (number % 251).to_bytes(1, "big") * size
                number += 1
                fits = len(model) < capacity
                assert ring.push(record) == (fits, not model)
                lost += not fits
                if fits:
                    model.append(record)
            if step <= 0:
                expected = [model.popleft() for _ in range(min(-step, len(model)))]
                assert ring.take(-step) == expected
            assert ring.first() == (model[0] if model else None)
            assert ring.lost() == lost


def test_records_are_copied(c: CCode) -> None:
    with new_ring(c, 4, 2) as ring:
        record = c.ffi.new("uint8_t[]", b"abcd")
        was_empty = c.ffi.new("bool *")
        assert c.lib.tlsmgm_record_ring_push(ring.raw, record, was_empty)
        c.ffi.buffer(record)[:4] = b"####"
        assert ring.take(5) == [b"abcd"]


@pytest.mark.parametrize(
    ("size", "capacity", "parameter"),
    [(0, 4, "record_size"), (8, 0, "capacity"), (8, 3, "capacity"), (8, 2**63 + 1, "capacity")],
)
def test_sizes_that_make_no_sense(c: CCode, size: int, capacity: int, parameter: str) -> None:
    out = c.ffi.new("struct tlsmgm_record_ring **")
    error = c.error()
    status = c.lib.tlsmgm_record_ring_new(size, capacity, out, error)
    assert status == c.lib.TLSMGM_STATUS_CONFIG
    assert out[0] == c.ffi.NULL
    assert c.ffi.string(error.parameter).decode() == parameter


@pytest.mark.parametrize(("size", "capacity"), [(2**63, 2), (3, 2**63), (2**64 - 1, 1)])
def test_sizes_beyond_all_memory(c: CCode, size: int, capacity: int) -> None:
    out = c.ffi.new("struct tlsmgm_record_ring **")
    status = c.lib.tlsmgm_record_ring_new(size, capacity, out, c.error())
    assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
    assert out[0] == c.ffi.NULL


def test_there_may_be_no_memory_for_it(c: CCode) -> None:
    out = c.ffi.new("struct tlsmgm_record_ring **")
    c.lib.tlsmgm_test_fail_after(0)
    status = c.lib.tlsmgm_record_ring_new(8, 8, out, c.error())
    assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
    assert out[0] == c.ffi.NULL
    c.lib.tlsmgm_record_ring_free(c.ffi.NULL)
