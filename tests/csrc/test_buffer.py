"""The wire buffer, compared with Python's bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.c_code import CCode

LIMIT = 20_000
STEPS = st.lists(
    st.tuples(st.just("append"), st.integers(0, LIMIT + 1))
    | st.tuples(st.sampled_from(["consume", "take"]), st.integers(0, LIMIT + 1))
    | st.tuples(st.just("fail"), st.integers(1, LIMIT)),
    max_size=20,
)


@contextmanager
def new_buffer(c: CCode, limit: int = LIMIT) -> Iterator[Any]:
    buffer = c.ffi.new("struct tlsmgm_buffer *")
    c.lib.tlsmgm_buffer_init(buffer, limit)
    try:
        yield buffer
    finally:
        c.lib.tlsmgm_buffer_free(buffer)


def contents(c: CCode, buffer: Any) -> bytes:
    view = c.bytes_out(c.lib.tlsmgm_buffer_view(buffer))
    assert len(view) == c.lib.tlsmgm_buffer_size(buffer)
    return view


def pattern(size: int, seed: int) -> bytes:
    return bytes((seed * 31 + i) & 0xFF for i in range(size))


@given(steps=STEPS)
@settings(max_examples=300)
def test_it_is_a_queue_of_bytes(c: CCode, steps: list[tuple[str, int]]) -> None:
    model = b""
    with new_buffer(c) as buffer:
        for number, (step, size) in enumerate(steps):
            if step == "append":
                data = pattern(size, number)
                status = c.lib.tlsmgm_buffer_append(buffer, data, size)
                fits = len(model) + size <= LIMIT
                assert status == (c.lib.TLSMGM_STATUS_OK if fits else c.lib.TLSMGM_STATUS_NO_MEMORY)
                model += data if fits else b""
            elif step == "consume":
                c.lib.tlsmgm_buffer_consume(buffer, size)
                model = model[size:]
            elif step == "take":
                room = c.ffi.new("uint8_t[]", size or 1)
                count = c.lib.tlsmgm_buffer_take(buffer, room, size)
                assert bytes(c.ffi.buffer(room, count)) == model[:size]
                model = model[size:]
            else:
                model = append_without_memory(c, buffer, model, size)
            assert contents(c, buffer) == model
            assert buffer.start <= buffer.end <= buffer.capacity


def append_without_memory(c: CCode, buffer: Any, model: bytes, size: int) -> bytes:
    """Append while no memory can be had; it may still fit into the block that is there."""
    data = pattern(size, 7)
    c.lib.tlsmgm_test_fail_after(0)
    status = c.lib.tlsmgm_buffer_append(buffer, data, size)
    c.lib.tlsmgm_test_fail_after(-1)
    if status == c.lib.TLSMGM_STATUS_OK:
        return model + data
    assert status == c.lib.TLSMGM_STATUS_NO_MEMORY
    return model


def test_nothing_is_allocated_before_the_first_byte(c: CCode) -> None:
    before = c.lib.tlsmgm_test_live()
    with new_buffer(c) as buffer:
        assert c.lib.tlsmgm_buffer_append(buffer, c.ffi.NULL, 0) == c.lib.TLSMGM_STATUS_OK
        assert c.lib.tlsmgm_test_live() == before
        assert contents(c, buffer) == b""


def test_an_empty_buffer_gives_large_blocks_back(c: CCode) -> None:
    before = c.lib.tlsmgm_test_live()
    with new_buffer(c) as buffer:
        c.lib.tlsmgm_buffer_append(buffer, bytes(LIMIT), LIMIT)
        assert c.lib.tlsmgm_test_live() == before + 1
        c.lib.tlsmgm_buffer_consume(buffer, LIMIT - 1)
        assert c.lib.tlsmgm_test_live() == before + 1
        c.lib.tlsmgm_buffer_consume(buffer, 1)
        assert c.lib.tlsmgm_test_live() == before
        assert buffer.capacity == 0


def test_an_empty_buffer_keeps_a_small_block(c: CCode) -> None:
    with new_buffer(c) as buffer:
        c.lib.tlsmgm_buffer_append(buffer, b"x", 1)
        block = buffer.block
        c.lib.tlsmgm_buffer_consume(buffer, 1)
        c.lib.tlsmgm_buffer_append(buffer, b"y", 1)
        assert buffer.block == block


@pytest.mark.parametrize("limit", [0, 1, 4096, 4097])
def test_the_limit_is_exact(c: CCode, limit: int) -> None:
    with new_buffer(c, limit) as buffer:
        assert c.lib.tlsmgm_buffer_append(buffer, bytes(limit), limit) == c.lib.TLSMGM_STATUS_OK
        assert c.lib.tlsmgm_buffer_append(buffer, b"x", 1) == c.lib.TLSMGM_STATUS_NO_MEMORY
        assert contents(c, buffer) == bytes(limit)


def test_a_freed_buffer_can_be_used_again(c: CCode) -> None:
    with new_buffer(c, 5) as buffer:
        c.lib.tlsmgm_buffer_append(buffer, b"hello", 5)
        c.lib.tlsmgm_buffer_free(buffer)
        assert contents(c, buffer) == b""
        assert c.lib.tlsmgm_buffer_append(buffer, b"again!", 6) == c.lib.TLSMGM_STATUS_NO_MEMORY
        assert c.lib.tlsmgm_buffer_append(buffer, b"again", 5) == c.lib.TLSMGM_STATUS_OK
        assert contents(c, buffer) == b"again"
