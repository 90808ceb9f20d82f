"""Requests in the bytes of a FIFO, whole, in pieces, and broken."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlsmgm.mi._framing import MAX_NAME, Frame, Framer, is_reply_name
from tlsmgm.mi._jsonrpc import MAX_REQUEST

ONE = b'{"jsonrpc":"2.0","id":"1","method":"which","params":{}}'


def frames_of(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(frame.name, frame.body) for frame in Framer().feed(data)]


@pytest.mark.parametrize("tail", [b"", b"\n", b"\r\n", b"  "])
def test_one_request(tail: bytes) -> None:
    assert frames_of(b":reply_1_2:" + ONE + tail) == [(b"reply_1_2", ONE)]


@pytest.mark.parametrize("between", [b"", b"\n", b"garbage\n", b"}}]]", b" , "])
def test_many_requests(between: bytes) -> None:
    data = between.join([b":a:" + ONE, b":b:[" + ONE + b"]", b":c:{}"])
    assert frames_of(data) == [(b"a", ONE), (b"b", b"[" + ONE + b"]"), (b"c", b"{}")]


def test_byte_by_byte() -> None:
    framer = Framer()
    found: list[Frame] = []
    for byte in b":a:" + ONE + b":b:" + ONE:
        found += framer.feed(bytes([byte]))
    assert found == [Frame(b"a", ONE), Frame(b"b", ONE)]
    assert not framer.is_pending


@pytest.mark.parametrize(
    "body",
    [
        rb'{"a":"}{:b:{\"\\"}', b'{"a":1,"b":{"c":[1,true,null]}}', b'{ "a" :\n 1 }',
        b'{"a":-1.5e3,"b":"x:y:["}', b"[[[]]]", b'{"a":{}, "b":[{}]}', b'[":x:{"]',
    ],
)  # fmt: skip
def test_the_end_of_json(body: bytes) -> None:
    assert frames_of(b":a:" + body + b":b:{}") == [(b"a", body), (b"b", b"{}")]
    framer = Framer()
    found = [frame for byte in b":a:" + body for frame in framer.feed(bytes([byte]))]
    assert found == [Frame(b"a", body)]


@pytest.mark.parametrize("broken", [b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":true', b'{"a":{}'])
def test_the_next_request_ends_a_broken_one(broken: bytes) -> None:
    assert frames_of(b":a:" + broken + b":b:{}") == [(b"a", broken), (b"b", b"{}")]


def test_a_line_end_ends_a_broken_string() -> None:
    assert frames_of(b':a:{"x\n:b:{}') == [(b"a", b'{"x\n'), (b"b", b"{}")]


def test_a_broken_string_ends_when_time_is_up() -> None:
    framer = Framer()
    data = b':a:{"id":"1' + b":b:" + ONE + b":c:" + ONE
    early = framer.feed(data)
    assert framer.is_pending
    late = framer.expire()
    found = [(frame.name, frame.body) for frame in [*early, *late]]
    assert found == [(b"a", b'{"id":"1'), (b"b", ONE), (b"c", ONE)]
    assert not framer.is_pending


@pytest.mark.parametrize("garbage", [b":a:hello\n", b':a:"text"\n', b":a:}{\n", b":a:5\n"])
def test_what_is_no_object_ends_with_the_line(garbage: bytes) -> None:
    name, body = frames_of(garbage + b":b:{}")[0]
    assert (name, body) == (b"a", garbage[3:])
    assert frames_of(garbage + b":b:{}")[1:] == [(b"b", b"{}")]


@pytest.mark.parametrize("garbage", [b"garbage", b"\0" * 1000, b"a:b c", b":" * 100, b"x" * 70_000])
def test_garbage_before_a_request(garbage: bytes) -> None:
    framer = Framer()
    found = framer.feed(garbage + b":b:" + ONE)
    assert found[-1] == Frame(b"b", ONE)
    assert all(not is_reply_name(frame.name) for frame in found[:-1])


def test_an_incomplete_name_waits_for_its_rest() -> None:
    framer = Framer()
    assert framer.feed(b":some") == []
    assert framer.is_pending
    assert framer.feed(b"body:{}") == [Frame(b"somebody", b"{}")]


def test_an_incomplete_name_is_forgotten_in_time() -> None:
    framer = Framer()
    framer.feed(b":some")
    assert framer.expire() == []
    assert not framer.is_pending
    assert framer.feed(b":a:{}") == [Frame(b"a", b"{}")]


def test_a_huge_request_is_cut_and_the_next_one_is_found() -> None:
    framer = Framer()
    found = framer.feed(b":a:[")
    for _ in range(20):
        found += framer.feed(b"1," * 30_000)
        assert len(framer._buffer) <= MAX_REQUEST + 60_000
    assert found[0].name == b"a"
    assert len(found[0].body) == MAX_REQUEST + 1
    assert framer.feed(b"]:b:{}")[-1] == Frame(b"b", b"{}")


@pytest.mark.parametrize(
    "name",
    [
        b"", b".", b"..", b"../x", b"a/b", b"a\\b", b"a.b", b"a\0b", b"a b", b"a\n", b"\x7f",
        b'"', b"{", b"a,b", b"x" * (MAX_NAME + 1),
    ],
)  # fmt: skip
def test_bad_reply_names(name: bytes) -> None:
    assert not is_reply_name(name)


@pytest.mark.parametrize("name", [b"opensips_fifo_reply_1_2", b"a", b"-", b"x" * MAX_NAME, b"\xe9"])
def test_good_reply_names(name: bytes) -> None:
    assert is_reply_name(name)


def test_a_request_with_a_bad_name_is_taken_as_a_whole() -> None:
    assert frames_of(b":../x:" + ONE + b":b:{}") == [(b"../x", ONE), (b"b", b"{}")]
    assert frames_of(b"::" + ONE) == [(b"", ONE)]


# A busy machine is no failure.
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PIECES = st.lists(
    st.binary(max_size=20)
    | st.sampled_from(
        [b":", b":a:", b":b:{", b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", ONE, b" "]
    )
)


@QUIET
@given(PIECES, st.booleans())
def test_nothing_makes_it_fail_or_deaf(pieces: list[bytes], expires: bool) -> None:
    framer = Framer()
    for piece in pieces:
        framer.feed(piece)
        if expires:
            framer.expire()
    while framer.is_pending:
        framer.expire()
    assert framer.feed(b":last:" + ONE) == [Frame(b"last", ONE)]


@QUIET
@given(PIECES)
def test_how_the_stream_is_cut_makes_no_difference(pieces: list[bytes]) -> None:
    whole = Framer()
    expected = whole.feed(b"".join(pieces))
    framer = Framer()
    found = [frame for byte in b"".join(pieces) for frame in framer.feed(bytes([byte]))]
    assert found == expected
    assert framer.expire() == whole.expire()


JSON_OBJECTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).filter(lambda value: isinstance(value, (dict, list)))


@QUIET
@given(st.lists(JSON_OBJECTS), st.booleans())
def test_any_json_is_found_again(values: list[Any], as_ascii: bool) -> None:
    bodies = [json.dumps(value, ensure_ascii=as_ascii).encode() for value in values]
    data = b"".join(b":n:" + body for body in bodies)
    assert frames_of(data) == [(b"n", body) for body in bodies]
