"""The C core compiles with another C library than glibc: wheels for musllinux are made of it."""

import shutil
import subprocess
from pathlib import Path

import native_link
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "csrc").glob("**/*.c"))
LIBRARIES = {"openssl": native_link.OPENSSL, "wolfssl": native_link.WOLFSSL}
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-D_GNU_SOURCE"]


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="there is no musl-gcc here")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "csrc")))
def test_musl_takes_the_source(source):
    library = LIBRARIES.get(source.parent.name)
    headers = native_link.find_library(library).compile_args if library else []
    command = ["musl-gcc", "-fsyntax-only", *FLAGS, "-I", str(ROOT / "csrc"), *headers, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
