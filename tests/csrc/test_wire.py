"""The wire of a connection, compared with Python's bytes: what is lent is in order, and whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode

INPUT_MAX = 4 << 20
SIZES = st.integers(0, 9000)
INPUT_STEPS = st.lists(
    st.tuples(st.sampled_from(["feed", "lend", "reclaim", "take"]), SIZES), max_size=25
)
OUTPUT_STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "lend", "reclaim", "carry"]), SIZES), max_size=25
)


@contextmanager
def new_wire(c: CCode) -> Iterator[Any]:
    wire = c.ffi.new("struct tlsmgm_wire *")
    c.lib.tlsmgm_wire_init(wire)
    try:
        yield wire
    finally:
        c.lib.tlsmgm_wire_free(wire)


def pattern(size: int, seed: int) -> bytes:
    return bytes((seed * 31 + i) & 0xFF for i in range(size))


def take(c: CCode, wire: Any, size: int) -> bytes:
    room = c.ffi.new("uint8_t[]", size or 1)
    count = c.lib.tlsmgm_wire_take(wire, room, size)
    return bytes(c.ffi.buffer(room, count))


def scribble(block: Any) -> None:
    """Spoil memory that is no longer lent; whoever still looks at it reads something else."""
    block[0 : len(block)] = b"\xee" * len(block)


@given(steps=INPUT_STEPS)
@settings(max_examples=300)
def test_input_is_one_queue_whether_fed_or_lent(c: CCode, steps: list[tuple[str, int]]) -> None:
    model = b""
    lent = bytearray()
    with new_wire(c) as wire:
        for number, (step, size) in enumerate(steps):
            data = pattern(size, number)
            if step == "feed":
                assert (
                    c.lib.tlsmgm_wire_feed(wire, data, size, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
                )
                scribble(lent)
                model += data
            elif step == "lend":
                block = bytearray(data)
                view = c.ffi.from_buffer("uint8_t[]", block)
                assert c.lib.tlsmgm_wire_lend_input(wire, view, size, c.ffi.NULL) == 0
                scribble(lent)
                lent, model = block, model + data
            elif step == "reclaim":
                assert c.lib.tlsmgm_wire_reclaim_input(wire, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
                scribble(lent)
            else:
                assert take(c, wire, size) == model[:size]
                model = model[size:]
            assert c.lib.tlsmgm_wire_has_input(wire) == bool(model)


@given(steps=OUTPUT_STEPS)
@settings(max_examples=300)
def test_output_keeps_its_order_over_rooms(c: CCode, steps: list[tuple[str, int]]) -> None:
    sent = carried = b""
    room = c.ffi.new("uint8_t[1]")
    with new_wire(c) as wire:

        def reclaim() -> bytes:
            return bytes(c.ffi.buffer(room, c.lib.tlsmgm_wire_reclaim_output(wire)))

        for number, (step, size) in enumerate(steps):
            if step == "put":
                data = pattern(size, number)
                assert c.lib.tlsmgm_wire_put(wire, data, size) == c.lib.TLSMGM_STATUS_OK
                sent += data
            elif step == "lend":
                carried += reclaim()
                room = c.ffi.new("uint8_t[]", size or 1)
                c.lib.tlsmgm_wire_lend_output(wire, room, size)
            else:
                carried += reclaim()
            if step == "carry":
                view = c.bytes_out(c.lib.tlsmgm_buffer_view(c.ffi.addressof(wire, "output")))
                carried += view
                c.lib.tlsmgm_buffer_consume(c.ffi.addressof(wire, "output"), len(view))
                assert carried == sent
            assert sent.startswith(carried)


def test_a_room_of_the_right_size_spares_the_buffer(c: CCode) -> None:
    room = c.ffi.new("uint8_t[10]")
    with new_wire(c) as wire:
        c.lib.tlsmgm_wire_lend_output(wire, room, 10)
        c.lib.tlsmgm_wire_put(wire, b"01234", 5)
        c.lib.tlsmgm_wire_put(wire, b"56789", 5)
        assert wire.output.block == c.ffi.NULL
        assert c.lib.tlsmgm_wire_reclaim_output(wire) == 10
        assert c.ffi.buffer(room)[:] == b"0123456789"
        assert c.lib.tlsmgm_wire_reclaim_output(wire) == 0


def test_rooms_count_towards_the_high_water_mark(c: CCode) -> None:
    mark = c.lib.TLSMGM_OUTPUT_HIGH_WATER
    room = c.ffi.new("uint8_t[]", mark)
    with new_wire(c) as wire:
        c.lib.tlsmgm_wire_lend_output(wire, room, mark)
        c.lib.tlsmgm_wire_put(wire, bytes(mark - 1), mark - 1)
        assert not c.lib.tlsmgm_wire_is_full(wire)
        c.lib.tlsmgm_wire_put(wire, b"x", 1)
        assert c.lib.tlsmgm_wire_is_full(wire)


def test_lending_has_the_bound_of_feeding(c: CCode) -> None:
    block = bytes(INPUT_MAX)
    with new_wire(c) as wire:
        assert c.lib.tlsmgm_wire_feed(wire, b"x", 1, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
        error = c.error()
        status = c.lib.tlsmgm_wire_lend_input(wire, block, INPUT_MAX, error)
        assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
        assert f"{INPUT_MAX} bytes" in c.text(error)
        assert c.lib.tlsmgm_wire_lend_input(wire, block, INPUT_MAX - 1, c.ffi.NULL) == 0
        assert c.lib.tlsmgm_wire_feed(wire, b"x", 1, error) == c.lib.TLSMGM_STATUS_NO_MEMORY
        assert take(c, wire, 2) == b"x\0"


def test_what_cannot_be_copied_ends_the_connection(c: CCode) -> None:
    """A gap in the stream must never look like a whole one."""
    with new_wire(c) as wire:
        assert c.lib.tlsmgm_wire_lend_input(wire, b"lost", 4, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
        c.lib.tlsmgm_test_fail_after(0)
        assert c.lib.tlsmgm_wire_reclaim_input(wire, c.ffi.NULL) == c.lib.TLSMGM_STATUS_NO_MEMORY
        c.lib.tlsmgm_test_fail_after(-1)
        error = c.error()
        assert c.lib.tlsmgm_wire_status(wire, error) == c.lib.TLSMGM_STATUS_NO_MEMORY
        assert "memory" in c.text(error)
