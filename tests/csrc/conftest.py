"""The C code as its tests see it: ``c`` is ``csrc`` compiled, ``backend`` one table of a library.

cffi makes ``c.lib.tlsmgm_X()`` of every function in the headers and ``c.lib.TLSMGM_X`` of every
constant.  Calls release the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import c_build
from tests.support.c_code import CCode


@pytest.fixture(scope="session")
def c() -> CCode:
    return CCode(c_build.load("portable"))


@pytest.fixture(autouse=True)
def nothing_is_left_behind(c: CCode) -> Iterator[None]:
    before = c.lib.tlsmgm_test_live()
    yield
    c.lib.tlsmgm_test_fail_after(-1)
    assert c.lib.tlsmgm_test_live() == before, "a test's objects were not all freed"
