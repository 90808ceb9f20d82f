"""The example for embedders, built once for all tests of this folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import tlsmgm

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path, headers: str) -> Path:
    """Build a copy of the example as its own setup.py does, against other headers.

    Returns:
        The extension module.
    """
    shutil.copytree(ROOT / "examples" / "embedding", folder, dirs_exist_ok=True)
    program = (
        "import runpy, tlsmgm\n"
        f"tlsmgm.get_include = lambda: {headers!r}\n"
        "runpy.run_path('setup.py', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "-q", "build_ext", "--inplace"],
        cwd=folder,
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT),
            "CFLAGS": "-O1 -Wall -Wextra -Werror"
            " -Wno-unused-parameter -Wno-missing-field-initializers",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / f"echo_tls{sysconfig.get_config_var('EXT_SUFFIX')}"


def load(path: Path) -> Any:
    """Import the example from where it was built."""
    spec = importlib.util.spec_from_file_location("echo_tls", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def example_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module, which knows no library: the same serves both backends."""
    return build(tmp_path_factory.mktemp("embedding"), tlsmgm.get_include())


@pytest.fixture(scope="session")
def example(example_file: Path) -> Any:
    return load(example_file)
