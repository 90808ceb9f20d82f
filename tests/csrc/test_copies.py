"""What Python has copied out of the C core, because it must work without the sources."""

from __future__ import annotations

import re

import c_core

from tests.support.other_backends import choice
from tlsmgm._domains import values


def test_bounds_of_values_are_those_of_the_contract() -> None:
    """Values are checked without a native module."""
    header = (c_core.PUBLIC / "tlsmgm.h").read_text(encoding="utf-8")
    bounds = {
        "VERIFY_DEPTH_MAX": values._DEPTH_MAX,
        "RSA_BITS_MIN": values._RSA_MIN,
        "RSA_BITS_MAX": values._RSA_MAX,
    }
    for name, value in bounds.items():
        assert re.findall(rf"^#define TLSMGM_{name} +(\d+)$", header, re.MULTILINE) == [str(value)]


def test_our_own_backends_are_those_of_the_manifest() -> None:
    assert {row.name: row.module for row in c_core.BACKENDS.values()} == choice._OWN_MODULES
