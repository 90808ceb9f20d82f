"""A run of the tests that lacks a library which must be there is no good one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.libraries import REQUIRE, check_required, needs_library, required
from tlsmgm._backends import libraries

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("text", ["", " ", ",", " , ", None])
def test_nothing_is_required(text: str | None) -> None:
    environment = {} if text is None else {REQUIRE: text}
    assert required(environment) == []
    check_required(environment)


def test_what_is_there_may_be_required() -> None:
    check_required({REQUIRE: ", ".join(libraries())})


@pytest.mark.parametrize("text", ["gnutls", "gnutls,{0}", "{0}, gnutls"])
def test_what_is_missing_is_an_error(text: str) -> None:
    written = text.format(next(iter(libraries())))
    with pytest.raises(pytest.UsageError, match=r"TLSMGM_REQUIRE names 'gnutls', .*not installed"):
        check_required({REQUIRE: written})


@pytest.mark.parametrize(("name", "code", "said"), [("gnutls", 4, "names 'gnutls'"), ("", 0, "")])
def test_the_whole_run_is_refused(name: str, code: int, said: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(ROOT / "tests" / "unit" / "test_methods.py")],
        env={**os.environ, REQUIRE: name},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stderr


def test_marks_of_tests_that_name_a_library() -> None:
    there = next(iter(libraries()))
    assert needs_library(there).args == (False,)
    mark = needs_library(there, "gnutls")
    assert mark.args == (True,)
    assert mark.kwargs == {"reason": "gnutls is not installed"}
