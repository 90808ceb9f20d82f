"""signature_list.h: lists of signature schemes are taken apart within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode


def read(c: CCode, text: bytes) -> tuple[str, list[tuple[bytes, bool]]]:
    """Status, and the items with their mark."""
    out = c.ffi.new("struct tlsmgm_signature_list *")
    error = c.ffi.new("struct tlsmgm_error *")
    name = c.ffi.new("char[]", b"parameter")
    status = c.status_name(c.lib.tlsmgm_signature_list_read(text, name, out, error))
    if status != "OK":
        assert c.ffi.string(error.parameter) == b"parameter"
        return status, []
    return status, [
        (item_name(c, out.items[i]), out.items[i].is_optional) for i in range(out.count)
    ]


def item_name(c: CCode, item: Any) -> bytes:
    return bytes(c.ffi.string(item.name))


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (b"a", [(b"a", False)]),
        (b"a:?b:c", [(b"a", False), (b"b", True), (b"c", False)]),
        (b"RSA+SHA256:??", [(b"RSA+SHA256", False), (b"?", True)]),
        (b"x" * 47, [(b"x" * 47, False)]),
        (b":".join([b"a"] * 64), [(b"a", False)] * 64),
    ],
)
def test_items(c: CCode, text: bytes, items: list[tuple[bytes, bool]]) -> None:
    assert read(c, text) == ("OK", items)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"?",
        b":",
        b"a:",
        b":a",
        b"a::b",
        b"a:?",
        b"x" * 48,
        b"?" + b"x" * 48,
        b":".join([b"a"] * 65),
    ],
)
def test_refused(c: CCode, text: bytes) -> None:
    assert read(c, text) == ("CONFIG", [])


@given(text=st.binary(max_size=400).filter(lambda text: 0 not in text))
def test_any_text(c: CCode, text: bytes) -> None:
    words = text.split(b":")
    plain = [word.removeprefix(b"?") for word in words]
    is_good = len(words) <= 64 and all(0 < len(word) < 48 for word in plain)
    status, items = read(c, text)
    assert (status == "OK") == is_good
    if is_good:
        assert items == [
            (name, word.startswith(b"?")) for name, word in zip(plain, words, strict=True)
        ]
