"""A backend meets the library that it was compiled for, or says which two do not fit."""

from __future__ import annotations

import pytest

from tests.support.c_code import CCode


def series(c: CCode, version: str) -> object:
    major, minor = map(int, version.split("."))
    return c.ffi.new("struct tlsmgm_series *", {"major": major, "minor": minor})[0]


@pytest.mark.parametrize(
    ("compiled", "running", "good"),
    [
        ("3.5", "3.5", True),
        ("4.0", "3.6", False),
        ("3.6", "4.0", False),
        ("3.5", "3.6", False),
        ("3.10", "3.1", False),
    ],
)
def test_series(c: CCode, compiled: str, running: str, good: bool) -> None:
    error = c.error()
    status = c.lib.tlsmgm_series_check(
        c.ffi.new("char[]", b"OpenSSL"),
        series(c, compiled),
        series(c, running),
        error,
    )
    if good:
        assert c.status_name(status) == "OK"
        return
    assert c.status_name(status) == "UNSUPPORTED"
    assert f"compiled for OpenSSL {compiled}, but OpenSSL {running}" in c.text(error)
