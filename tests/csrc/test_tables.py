"""The tables of statuses and reasons, and the constants that Python must share with C."""

from __future__ import annotations

import re

from c_core import PUBLIC

from tests.support.c_code import CCode
from tlsmgm import errors


def enumeration(c: CCode, name: str) -> dict[str, int]:
    members: dict[str, int] = c.ffi.typeof(f"enum {name}").relements
    return members


def test_every_status_has_a_text_of_its_own(c: CCode) -> None:
    numbers = enumeration(c, "tlsmgm_status").values()
    texts = [c.ffi.string(c.lib.tlsmgm_status_text(number)) for number in numbers]
    assert all(texts)
    assert len(set(texts)) == len(texts)
    assert c.lib.tlsmgm_status_text(len(texts)) == c.ffi.NULL


def test_every_status_names_an_exception_that_exists() -> None:
    table = (PUBLIC / "status.def").read_text(encoding="utf-8")
    rows = re.findall(r'^TLSMGM_STATUS\((\w+), ".*", "(.*)"\)$', table, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^TLSMGM_STATUS\(", table, re.MULTILINE))
    values = {"OK", "WANT_READ", "WANT_WRITE", "CLOSED"}
    for status, exception in rows:
        if status in values:
            assert exception == "-"
            continue
        assert exception in errors.__all__
        assert issubclass(getattr(errors, exception), errors.TLSError)


def test_every_reason_has_a_word_of_its_own(c: CCode) -> None:
    numbers = enumeration(c, "tlsmgm_verify_reason").values()
    words = [c.ffi.string(c.lib.tlsmgm_verify_reason_word(n)).decode() for n in numbers]
    assert len(set(words)) == len(words)
    assert all(re.fullmatch("[a-z_]+", word) for word in words)
    assert c.lib.tlsmgm_verify_reason_word(len(words)) == c.ffi.NULL


def test_success_is_zero(c: CCode) -> None:
    assert c.lib.TLSMGM_STATUS_OK == 0
    assert c.lib.TLSMGM_VERIFY_NONE == 0


def test_errors_are_optional_and_bounded(c: CCode) -> None:
    word = c.ffi.new("char[]", b"x" * 1000)
    assert c.lib.tlsmgm_fail_memory(c.ffi.NULL) == c.lib.TLSMGM_STATUS_NO_MEMORY
    c.lib.tlsmgm_error_clear(c.ffi.NULL)
    error = c.error()
    status = c.lib.tlsmgm_fail_parameter(error, c.ffi.NULL, b"%s", word)
    assert status == error.status == c.lib.TLSMGM_STATUS_CONFIG
    assert c.text(error) == "x" * 255
    assert error.alert == c.lib.TLSMGM_NO_ALERT
