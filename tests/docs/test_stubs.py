"""The stubs say what the native modules have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tlsmgm

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted(f"tlsmgm._core.{path.stem}" for path in (ROOT / "tlsmgm" / "_core").glob("*.pyx"))
BACKENDS = {"openssl": "tlsmgm._backends._openssl", "wolfssl": "tlsmgm_wolfssl._wolfssl"}

#: What Cython puts into every module.
CYTHON_OWN = r".*\.__(pyx_capi|test|reduce_cython|setstate_cython)__"

#: The buffer protocol has a name in Python 3.12 and newer only (PEP 688).
BUFFERS = r".*\.__buffer__"


def test_every_native_module_has_a_stub() -> None:
    pyx = [
        path for folder in ("tlsmgm", "tlsmgm_wolfssl") for path in (ROOT / folder).rglob("*.pyx")
    ]
    assert pyx
    assert [path for path in pyx if not path.with_suffix(".pyi").exists()] == []


def test_stubs_fit(tmp_path: Path) -> None:
    pytest.importorskip("mypy.stubtest")
    allowed = tmp_path / "allowed"
    allowed.write_text(f"{CYTHON_OWN}\n{BUFFERS}\n")
    backends = [module for name, module in BACKENDS.items() if name in tlsmgm.libraries()]
    command = [sys.executable, "-m", "mypy.stubtest", "--concise", "--ignore-unused-allowlist"]
    # That a native class can be the only base with a layout is said by no stub yet.
    command += ["--ignore-disjoint-bases", "--allowlist", str(allowed), *CORE, *backends]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"MYPY_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
