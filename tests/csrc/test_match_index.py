"""The match index, compared with the rules said plainly in ``tests/support``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import reference_matcher
from tests.support.c_code import CCode, hash_key, match_entries
from tests.support.reference_matcher import Entry

ADDRESSES = [bytes(10) + b"\xff\xff\x0a\0\0" + bytes([last]) for last in range(3)]
LABELS = st.sampled_from(["a", "b", "A", "sip", "x-y", "*", "?", "[ab]", "[!a]", "\\*", "**", ""])
PATTERNS = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(bool).map(str.encode)
PLAIN = st.sampled_from(["a", "b", "A", "B", "sip", "c", "x-y", "*", ""])
IPS = st.sampled_from([b"192.0.2.1", b"192.0.2.2", b"2001:db8::1", b"::ffff:192.0.2.1", b"192.0.2"])
NAMES = st.lists(PLAIN, min_size=1, max_size=4).map(".".join).map(str.encode) | IPS
ENTRIES = st.lists(
    st.tuples(
        st.none() | st.sampled_from(ADDRESSES),
        st.integers(1, 2),
        st.none() | st.just(b"*") | PATTERNS | NAMES.filter(bool),
    ),
    max_size=12,
).map(lambda rows: [(*row, number) for number, row in enumerate(rows)])


@contextmanager
def new_index(c: CCode, entries: Sequence[Entry]) -> Iterator[Any]:
    array, alive = match_entries(c, entries)
    out = c.ffi.new("struct tlsmgm_match_index **")
    error = c.error()
    status = c.lib.tlsmgm_match_index_new(array, len(entries), hash_key(c), out, error)
    assert status == c.lib.TLSMGM_STATUS_OK, c.text(error)
    for keep in alive:
        if keep:
            # It copied everything, so what we lent may change.
            c.ffi.buffer(keep[0])[:] = b"#" * len(keep[0])
    try:
        yield out[0]
    finally:
        c.lib.tlsmgm_match_index_free(out[0])


def find(c: CCode, index: Any, address: bytes, port: int, name: bytes | None) -> int | None:
    view, _keep = c.bytes_in(name)
    domain: int = c.lib.tlsmgm_match_index_find(index, address, port, view)
    return None if domain == c.lib.TLSMGM_MATCH_NONE else domain


@given(entries=ENTRIES, names=st.lists(st.none() | NAMES, min_size=1, max_size=6))
@settings(max_examples=600)
def test_the_index_answers_as_the_rules_say(
    c: CCode, entries: list[Entry], names: list[bytes | None]
) -> None:
    own = [pattern for _, _, pattern, _ in entries]
    with new_index(c, entries) as index:
        for name in [*names, *own]:
            for address in ADDRESSES:
                for port in (1, 2):
                    expected = reference_matcher.find(entries, address, port, name)
                    assert find(c, index, address, port, name) == expected


def test_many_names_are_found(c: CCode) -> None:
    count = 3000
    entries: list[Entry] = [(None, 0, b"d%d.example" % n, n) for n in range(count)]
    entries += [(None, 0, b"*.s%d.example" % n, count + n) for n in range(count)]
    with new_index(c, entries) as index:
        for n in range(count):
            assert find(c, index, ADDRESSES[0], 1, b"D%d.Example" % n) == n
            assert find(c, index, ADDRESSES[0], 1, b"a.b.s%d.example" % n) == count + n
        assert find(c, index, ADDRESSES[0], 1, b"d3000.example") is None
        assert find(c, index, ADDRESSES[0], 1, b"s1.example") is None


def test_many_addresses_are_found(c: CCode) -> None:
    addresses = [bytes(14) + n.to_bytes(2, "big") for n in range(2000)]
    entries: list[Entry] = [(address, 5061, b"*", n) for n, address in enumerate(addresses)]
    with new_index(c, entries) as index:
        for n, address in enumerate(addresses):
            assert find(c, index, address, 5061, b"x") == n
            assert find(c, index, address, 5062, b"x") is None


def test_an_empty_index_answers_nothing(c: CCode) -> None:
    out = c.ffi.new("struct tlsmgm_match_index **")
    assert (
        c.lib.tlsmgm_match_index_new(c.ffi.NULL, 0, hash_key(c), out, c.error())
        == c.lib.TLSMGM_STATUS_OK
    )
    assert find(c, out[0], ADDRESSES[0], 1, b"x") is None
    assert find(c, out[0], ADDRESSES[0], 1, None) is None
    assert c.lib.tlsmgm_match_index_memory(out[0]) > 0
    c.lib.tlsmgm_match_index_free(out[0])


def test_names_and_patterns_up_to_the_bound(c: CCode) -> None:
    name = b"a" * 255
    with new_index(c, [(None, 0, name, 1), (None, 0, b"*." + name[2:], 2)]) as index:
        assert find(c, index, ADDRESSES[0], 1, name) == 1
        assert find(c, index, ADDRESSES[0], 1, name + b"a") is None
        assert find(c, index, ADDRESSES[0], 1, b"x." + name[2:]) == 2
        assert find(c, index, ADDRESSES[0], 1, b"xx." + name[2:]) is None


def test_a_name_too_long_is_not_answered_by_a_star(c: CCode) -> None:
    with new_index(c, [(None, 0, b"*", 1)]) as index:
        assert find(c, index, ADDRESSES[0], 1, b"a" * 255) == 1
        assert find(c, index, ADDRESSES[0], 1, b"a" * 256) is None


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        ((None, 0, b"", 1), "CONFIG"),
        ((None, 0, b"a" * 256, 1), "CONFIG"),
        ((None, 0, b"a", 0xFFFFFFFF), "INTERNAL"),
        ((None, 0, None, 0xFFFFFFFF), "INTERNAL"),
    ],
)
def test_bad_entries_are_refused(c: CCode, entry: Entry, status: str) -> None:
    array, _alive = match_entries(c, [(None, 0, b"good", 7), entry])
    out = c.ffi.new("struct tlsmgm_match_index **", c.ffi.cast("void *", 1))
    error = c.error()
    assert c.status_name(c.lib.tlsmgm_match_index_new(array, 2, hash_key(c), out, error)) == status
    assert out[0] == c.ffi.NULL
    assert c.status_name(error.status) == status
    assert c.text(error)


@pytest.mark.parametrize("address", [b"192.0.2.1", b"2001:DB8::1", b"::1", b"1.2.3.4"])
def test_an_address_is_no_name(c: CCode, address: bytes) -> None:
    """RFC 6066 section 3; some clients send one all the same."""
    entries: list[Entry] = [(None, 0, b"*", 1), (None, 0, b"*[0-9a-f:]*", 2), (None, 0, None, 3)]
    with new_index(c, entries) as index:
        assert find(c, index, ADDRESSES[0], 1, address) == 3
        assert find(c, index, ADDRESSES[0], 1, address + b".example") == 2
    with new_index(c, entries[:2]) as index:
        assert find(c, index, ADDRESSES[0], 1, address) == 2
    with new_index(c, [*entries, (None, 0, address.lower(), 4)]) as index:
        assert find(c, index, ADDRESSES[0], 1, address) == 4


@pytest.mark.parametrize("text", [b"192.0.2", b"192.0.2.256", b"1.2.3.4.5", b"[::1]", b"::g"])
def test_what_looks_like_an_address_is_a_name(c: CCode, text: bytes) -> None:
    with new_index(c, [(None, 0, b"*", 1), (None, 0, None, 2)]) as index:
        assert find(c, index, ADDRESSES[0], 1, text) == 1
