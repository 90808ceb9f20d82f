"""Shell patterns, compared with Python's fnmatch and with the plain matcher of our own."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support import reference_matcher
from tests.support.c_code import CCode

NAMES = st.text("abAB.-", max_size=12).map(str.encode)
# Where both have the same rules: no escapes, no '^' at the head of a set, no bent ranges.
SIMPLE = st.lists(
    st.sampled_from(["*", "?", "a", "b", "A", ".", "-", "[ab]", "[!a]", "[a-c]", "[!.-]", "[]a]"]),
    max_size=8,
).map("".join)
ANY_PATTERN = st.text("*?[]!^-\\abB.", max_size=12).map(str.encode)


def matches(c: CCode, pattern: bytes, name: bytes) -> bool:
    pattern_view, _keep1 = c.bytes_in(pattern)
    name_view, _keep2 = c.bytes_in(name)
    return bool(c.lib.tlsmgm_glob_match(pattern_view, name_view))


@given(pattern=SIMPLE, name=NAMES)
@settings(max_examples=1000)
@example("**a*?", b"aab")
@example("[]a]", b"]")
def test_it_matches_what_fnmatch_matches(c: CCode, pattern: str, name: bytes) -> None:
    expression = re.compile(fnmatch.translate(pattern.lower()))
    expected = expression.match(name.decode().lower()) is not None
    assert matches(c, pattern.encode(), name) == expected


@given(pattern=ANY_PATTERN, name=NAMES)
@settings(max_examples=1500)
@example(b"[", b"[")
@example(b"[!", b"[!")
@example(b"[]", b"[]")
@example(b"[^]a]", b"b")
@example(b"[a\\]b]", b"]")
@example(b"[b-a]", b"a")
@example(b"[\\a-b]", b"b")
@example(b"a\\", b"a\\")
@example(b"\\*", b"*")
@example(b"[A-B]", b"a")
@example(b"[a-]", b"-")
@example(b"[--.]", b".")
def test_any_pattern_is_read_as_the_plain_matcher_reads_it(
    c: CCode, pattern: bytes, name: bytes
) -> None:
    expression, literals = reference_matcher.compile_pattern(pattern)
    assert matches(c, pattern, name) == (expression.fullmatch(name) is not None)
    view, _keep = c.bytes_in(pattern)
    assert c.lib.tlsmgm_glob_literals(view) == literals
    assert c.lib.tlsmgm_glob_is_plain(view) == (literals == len(pattern))


def test_a_plain_pattern_matches_itself_in_any_case(c: CCode) -> None:
    assert matches(c, b"Dom1.Example", b"dOM1.eXAMPLE")
    assert not matches(c, b"dom1.example", b"dom1.example.")
    assert not matches(c, b"dom1.example", b"")
    assert matches(c, b"", b"")


def test_only_ascii_letters_have_a_case(c: CCode) -> None:
    assert not matches(c, "ü".encode(), "Ü".encode())
    assert not matches(c, b"@", b"`")
    assert not matches(c, b"[", b"{")


@pytest.mark.timeout(10)
def test_many_stars_take_no_time(c: CCode) -> None:
    assert not matches(c, b"*a" * 120 + b"b", b"a" * 255)
    assert not matches(c, b"*[!b]" * 50 + b"*b", b"a" * 255)
