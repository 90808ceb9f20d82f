"""The C core compiles with another C library than glibc: wheels for musllinux are made of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import c_core
import native_link
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(c_core.CSRC.glob("**/*.c"))
FLAGS = [*c_core.FLAGS, *c_core.WARNINGS, "-Werror", *c_core.INCLUDES]


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="there is no musl-gcc here")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(c_core.CSRC)))
def test_musl_takes_the_source(source: Path) -> None:
    backend = c_core.BACKENDS.get(source.parent.name)
    headers = native_link.find_library(backend).compile_args if backend else []
    command = ["musl-gcc", "-fsyntax-only", *FLAGS, *headers, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
