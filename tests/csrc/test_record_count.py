"""Where TLS records begin and end, however the wire is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size)


def ends_of(sizes: list[int]) -> set[int]:
    """Offsets at which no record is open; the records stand one behind the other."""
    found = {0}
    at = 0
    for size in sizes:
        at += 5 + size
        found.add(at)
    return found


def check(c: CCode, sizes: list[int], cuts: list[int]) -> None:
    """Take the wire in pieces, and compare after each."""
    wire = b"".join(map(record, sizes))
    ends = ends_of(sizes)
    count = c.ffi.new("struct tlsmgm_record_count *")
    assert c.lib.tlsmgm_record_count_is_between(count)
    before, whole = 0, 0
    for at in [*(cut for cut in cuts if cut < len(wire)), len(wire)]:
        view, _keep = c.bytes_in(wire[before:at])
        c.lib.tlsmgm_record_count_take(count, view.data, view.size)
        assert c.lib.tlsmgm_record_count_is_between(count) is (at in ends), at
        whole += sum(before < end <= at for end in ends)
        assert count.whole == whole
        before = at


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100])
def test_equal_pieces(c: CCode, step: int) -> None:
    sizes = [0, 1, 6, 0, 9]
    check(c, sizes, list(range(step, 100, step)))


@given(
    sizes=st.lists(st.sampled_from([0, 0, 1, 2, 255, 256, 257, 16_640, 65_535]), max_size=5),
    cuts=st.lists(st.integers(0, 70_000), max_size=20),
)
def test_any_pieces(c: CCode, sizes: list[int], cuts: list[int]) -> None:
    """The longest of all lengths, too: nobody has looked at the header yet."""
    check(c, sizes, sorted(cuts))
