"""Cipher lists, cut into words and into the halves before and from TLS 1.3."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.c_code import CCode

TEXT = st.text(alphabet="AT_LSab1!+:, \t\r\n", max_size=80)


def words(c: CCode, text: str) -> list[str]:
    whole = c.ffi.new("char[]", text.encode())
    at = c.ffi.new("char **", whole)
    found = []
    while (word := c.lib.tlsmgm_cipher_word_next(at)).size:
        found.append(c.bytes_out(word).decode())
    end = at[0]
    assert end == whole + len(text.encode())
    assert c.lib.tlsmgm_cipher_word_next(at).size == 0
    assert at[0] == end
    return found


def halves(c: CCode, text: str) -> tuple[str, str]:
    out = c.ffi.new("struct tlsmgm_cipher_list *")
    whole = c.ffi.new("char[]", text.encode())
    assert c.lib.tlsmgm_cipher_list_split(whole, out, c.ffi.NULL) == c.lib.TLSMGM_STATUS_OK
    found = (c.ffi.string(out.older).decode(), c.ffi.string(out.tls1_3).decode())
    c.lib.tlsmgm_cipher_list_free(out)
    assert out.older == out.tls1_3 == c.ffi.NULL
    return found


@pytest.mark.parametrize(
    ("text", "older", "tls1_3"),
    [
        ("", "", ""),
        (" :,:\t\n ", "", ""),
        ("AES128-SHA", "AES128-SHA", ""),
        ("TLS_AES_128_GCM_SHA256", "", "TLS_AES_128_GCM_SHA256"),
        ("A,B C:D\tE\nF;G", "A:B:C:D:E:F:G", ""),
        ("A;TLS_X", "A", "TLS_X"),
        ("TLS_A:B:TLS_C , D", "B:D", "TLS_A:TLS_C"),
        ("HIGH:!aNULL:-MD5:@SECLEVEL=0", "HIGH:!aNULL:-MD5:@SECLEVEL=0", ""),
        ("TLS_", "TLS_", ""),
        ("TLS_x", "", "TLS_x"),
        ("tls_aes", "tls_aes", ""),
        ("xTLS_A", "xTLS_A", ""),
    ],
)
def test_a_list_is_cut_in_two(c: CCode, text: str, older: str, tls1_3: str) -> None:
    assert halves(c, text) == (older, tls1_3)


@given(text=TEXT)
def test_no_word_is_lost_and_order_stays(c: CCode, text: str) -> None:
    expected = [word for word in re.split(r"[:, \t\r\n]+", text) if word]
    assert words(c, text) == expected
    older, tls1_3 = halves(c, text)
    is_new = [len(word) > 4 and word.startswith("TLS_") for word in expected]
    assert tls1_3 == ":".join(w for w, new in zip(expected, is_new, strict=True) if new)
    assert older == ":".join(w for w, new in zip(expected, is_new, strict=True) if not new)


def test_a_list_may_be_long(c: CCode) -> None:
    text = ":".join(["A" * 50, "TLS_" + "B" * 50] * 2000)
    older, tls1_3 = halves(c, text)
    assert len(older) == 51 * 2000 - 1
    assert len(tls1_3) == 55 * 2000 - 1


def test_names_of_a_library(c: CCode) -> None:
    table = c.ffi.new("struct tlsmgm_cipher_names *")
    names = [c.ffi.new("char[]", name) for name in (b"AES128", b"TLS_A", b"AES128-SHA")]
    for name in names:
        c.lib.tlsmgm_cipher_names_add(table, name)
    found = [c.lib.tlsmgm_cipher_names_at(table, i) for i in range(4)]
    assert found == [*names, c.ffi.NULL]
    for word, known in ((b"AES128", True), (b"AES", False), (b"AES128-SHA1", False), (b"", False)):
        view, _keep = c.bytes_in(word)
        assert c.lib.tlsmgm_cipher_names_have(table, view) is known


def test_names_that_find_no_room_are_left_out(c: CCode) -> None:
    table = c.ffi.new("struct tlsmgm_cipher_names *")
    name, late = c.ffi.new("char[]", b"A"), c.ffi.new("char[]", b"B")
    for _ in range(c.lib.TLSMGM_CIPHERS_MAX):
        c.lib.tlsmgm_cipher_names_add(table, name)
    c.lib.tlsmgm_cipher_names_add(table, late)
    assert c.lib.tlsmgm_cipher_names_at(table, c.lib.TLSMGM_CIPHERS_MAX) == c.ffi.NULL
    view, _keep = c.bytes_in(b"B")
    assert not c.lib.tlsmgm_cipher_names_have(table, view)
