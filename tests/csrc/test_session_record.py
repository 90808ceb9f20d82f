"""Saved sessions in bytes: to whom they belong, and what is no record at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode

SCOPE_MAX, NAME_MAX = 31, 255


def owner(c: CCode, scope: bytes, name: bytes, checked: bytes = b"peer") -> Any:
    out, inner = c.ffi.new("struct tlsmgm_session_owner **"), c.ffi.new("struct tlsmgm_scope *")
    scope_view, _keep_scope = c.bytes_in(scope)
    name_view, _keep_name = c.bytes_in(name)
    assert c.lib.tlsmgm_scope_set(inner, scope_view)
    status = c.lib.tlsmgm_session_owner_new(inner, name_view, checked, out, c.ffi.NULL)
    assert status == c.lib.TLSMGM_STATUS_OK
    return c.ffi.gc(out[0], c.lib.tlsmgm_session_owner_free)


def record(c: CCode, scope: bytes, name: bytes, session: bytes) -> bytes:
    who = owner(c, scope, name)
    size = c.lib.tlsmgm_session_record_size(who, len(session))
    room = c.ffi.new("uint8_t[]", size)
    rest = c.lib.tlsmgm_session_record_begin(who, room)
    assert rest - room == size - len(session)
    c.ffi.memmove(rest, session, len(session))
    return bytes(c.ffi.buffer(room))


def read(c: CCode, data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return scope, name and session, or None where this is no record."""
    out, session = c.ffi.new("struct tlsmgm_session_owner **"), c.ffi.new("struct tlsmgm_bytes *")
    view, _keep = c.bytes_in(data)
    error = c.error()
    if c.lib.tlsmgm_session_record_read(view, out, session, error) != c.lib.TLSMGM_STATUS_OK:
        assert c.ffi.string(error.text) == b"this is no saved session"
        assert out[0] == c.ffi.NULL
        return None
    who = c.ffi.gc(out[0], c.lib.tlsmgm_session_owner_free)
    rest = c.ffi.new("uint8_t[]", c.lib.tlsmgm_session_record_size(who, 0))
    c.lib.tlsmgm_session_record_begin(who, rest)
    scope_size = rest[1]
    name_size = rest[2 + scope_size]
    scope, name = rest[2 : 2 + scope_size], rest[3 + scope_size : 3 + scope_size + name_size]
    assert c.bytes_out(c.lib.tlsmgm_session_owner_name(who)) == bytes(name)
    return bytes(scope), bytes(name), c.bytes_out(session[0])


@given(
    scope=st.binary(max_size=SCOPE_MAX),
    name=st.binary(max_size=NAME_MAX),
    session=st.binary(min_size=1, max_size=300),
)
def test_what_was_written_is_read(c: CCode, scope: bytes, name: bytes, session: bytes) -> None:
    assert read(c, record(c, scope, name, session)) == (scope, name, session)


def test_every_beginning_of_a_record_is_none(c: CCode) -> None:
    data = record(c, b"scope", b"name", b"x")
    assert [read(c, data[:size]) for size in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_format_is_none(c: CCode, version: int) -> None:
    assert read(c, bytes([version]) + record(c, b"s", b"n", b"x")[1:]) is None


def test_a_scope_of_32_bytes_is_none(c: CCode) -> None:
    assert read(c, b"\1" + bytes([31]) + bytes(31) + b"\0\0x") == (bytes(31), b"", b"x")
    assert read(c, b"\1" + bytes([32]) + bytes(32) + b"\0\0x") is None
    scope = c.ffi.new("struct tlsmgm_scope *")
    view, _keep = c.bytes_in(bytes(32))
    assert not c.lib.tlsmgm_scope_set(scope, view)
    assert scope.size == 0


def test_a_name_of_256_bytes_has_no_owner(c: CCode) -> None:
    out, scope = c.ffi.new("struct tlsmgm_session_owner **"), c.ffi.new("struct tlsmgm_scope *")
    error = c.error()
    view, _keep = c.bytes_in(bytes(NAME_MAX + 1))
    status = c.lib.tlsmgm_session_owner_new(scope, view, c.ffi.NULL, out, error)
    assert status == c.lib.TLSMGM_STATUS_CONFIG
    assert out[0] == c.ffi.NULL
    assert c.ffi.string(error.parameter) == b"server_name"


@given(data=st.binary(max_size=400))
def test_any_bytes_may_come(c: CCode, data: bytes) -> None:
    found = read(c, data)
    if found is not None:
        assert record(c, *found) == data


@pytest.mark.parametrize(
    "other", [(b"", b"name"), (b"scopf", b"name"), (b"scop", b"ename"), (b"scope", b"")]
)
def test_owners_differ_in_scope_or_name(c: CCode, other: tuple[bytes, bytes]) -> None:
    mine = owner(c, b"scope", b"name")
    assert c.lib.tlsmgm_session_owner_matches(mine, owner(c, b"scope", b"name"))
    assert not c.lib.tlsmgm_session_owner_matches(mine, owner(c, *other))
    assert not c.lib.tlsmgm_session_owner_matches(owner(c, *other), mine)


def test_without_a_scope_there_is_no_owner(c: CCode) -> None:
    assert not c.lib.tlsmgm_session_owner_matches(owner(c, b"", b"name"), owner(c, b"", b"name"))


@pytest.mark.parametrize("name", [b"", b".example.com", bytes([97]) * (NAME_MAX + 1)])
def test_a_name_that_cannot_be_checked_has_no_owner(c: CCode, name: bytes) -> None:
    out, scope = c.ffi.new("struct tlsmgm_session_owner **"), c.ffi.new("struct tlsmgm_scope *")
    error = c.error()
    view, _keep = c.bytes_in(b"sent")
    status = c.lib.tlsmgm_session_owner_new(scope, view, name, out, error)
    assert status == c.lib.TLSMGM_STATUS_CONFIG
    assert c.ffi.string(error.parameter) == b"verify_name"


@pytest.mark.parametrize(
    ("other", "matches"),
    [
        ((b"s", b"n", b"c"), True),
        ((b"t", b"n", b"c"), False),
        ((b"s", b"m", b"c"), False),
        ((b"s", b"n", b"d"), False),
        ((b"s", b"nc", b"c"), False),
    ],
)
def test_a_session_belongs_to_one_owner(
    c: CCode, other: tuple[bytes, bytes, bytes], matches: bool
) -> None:
    one, two = owner(c, b"s", b"n", b"c"), owner(c, *other)
    assert c.lib.tlsmgm_session_owner_matches(one, two) is matches


def test_without_a_scope_nothing_matches(c: CCode) -> None:
    one = owner(c, b"", b"n")
    assert not c.lib.tlsmgm_session_owner_has_scope(one)
    assert not c.lib.tlsmgm_session_owner_matches(one, one)


def test_the_owner_lives_as_long_as_somebody_has_it(c: CCode) -> None:
    one = owner(c, b"s", b"name")
    two = c.ffi.gc(c.lib.tlsmgm_session_owner_ref(one), c.lib.tlsmgm_session_owner_free)
    c.ffi.release(one)
    assert c.bytes_out(c.lib.tlsmgm_session_owner_name(two)) == b"name"
