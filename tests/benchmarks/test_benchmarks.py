"""The benchmarks run and print what they should; how fast anything is, is nobody's test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tlsmgm
from benchmarks.cohort import Entrant
from benchmarks.handshake import CIPHER, GROUP, measure
from tlsmgm.errors import TLSError

ROOT = Path(__file__).resolve().parents[2]


def test_prints_setting_and_ratios() -> None:
    if not tlsmgm.backends():
        pytest.skip("no TLS library is installed")
    command = [sys.executable, "-m", "benchmarks", "--rounds", "2", "--handshakes", "2"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert CIPHER in done.stdout
    assert GROUP in done.stdout
    head, *rows = done.stdout.partition("\n\n")[2].splitlines()
    assert head.split()[-1] == "ratio"
    assert len(rows) == 2 + len(tlsmgm.backends())
    assert rows[0].endswith(" 1.00")
    for row in rows:
        assert re.search(r" \d+\.\d +±\d+\.\d% +\d+\.\d\d$", row), row
    for library, info in tlsmgm.backends().items():
        assert f"{library} {info.version}" in done.stdout


def test_a_server_that_answers_nonsense_is_no_result() -> None:
    class Nonsense:
        def step(self, data: bytes) -> tuple[bool, bytes]:
            return False, b"nonsense" * 10

    with pytest.raises(TLSError):
        measure([Entrant("nonsense", "none", Nonsense)], 1, 1)
