"""Python programs of a few lines, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import tlsmgm
from tests.support.cases import cases_path
from tests.support.sanitizers import SANITIZER

TIMEOUT = 60

#: Where the package and the tests' helpers lie.
PATHS = (str(Path(tlsmgm.__file__).parents[1]), str(Path(__file__).parents[2]))

#: A clean one.
ENVIRONMENT = {"TLSMGM_CASES": str(cases_path()), "LC_ALL": "C", **SANITIZER}

PRELUDE = """
import gc, os, sys, threading
import tlsmgm
from tests.support.managers import *
library = sys.argv[1]
"""


def run_python(
    program: str,
    *arguments: str,
    options: Sequence[str] = (),
    prelude: str = PRELUDE,
    timeout: float = TIMEOUT,
) -> subprocess.CompletedProcess[str]:
    """Run a program in a clean environment.

    Args:
        program: its text.
        arguments: its ``sys.argv[1:]``; the prelude takes the first as library.
        options: of the interpreter.
        prelude: put before the program.
        timeout: seconds that it may take.
    """
    paths = f"import sys\nsys.path[:0] = {PATHS!r}\n"
    return subprocess.run(
        [sys.executable, *options, "-c", paths + prelude + textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
    )


def assert_silent(done: subprocess.CompletedProcess[str], code: int = 0) -> None:
    """Prove that a program ended well and complained about nothing."""
    assert (done.returncode, done.stderr) == (code, "")
