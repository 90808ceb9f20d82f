"""Running CPython's own tests: every test gets its outcome, whatever becomes of the process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.external import cpython_suites

SUITE = """
import os
import signal
import sys
import threading
import unittest


class Test(unittest.TestCase):
    def test_1_passes(self):
        print("not an outcome")
        print("not one either", file=sys.stderr)

    def test_2_never_ends(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        threading.Event().wait()

    def test_3_fails(self):
        self.fail()

    def test_4_fails_in_parts(self):
        for part in range(3):
            with self.subTest(part=part):
                self.fail()

    def test_5_kills_the_process(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def test_6_is_skipped(self):
        self.skipTest("for no reason")

    def test_7_leaves_a_thread(self):
        threading.Thread(target=threading.Event().wait).start()
"""


def test_every_test_has_an_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "suite_of_many_ends.py").write_text(SUITE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cpython_suites, "MODULES", ["suite_of_many_ends"])
    monkeypatch.setattr(cpython_suites, "ONE_TEST", 10)
    found = cpython_suites.outcomes_of("ssl")
    assert {name.rpartition(".")[2]: outcome for name, outcome in found.items()} == {
        "test_1_passes": "passed",
        "test_2_never_ends": "came to no end",
        "test_3_fails": "failed",
        "test_4_fails_in_parts": "failed",
        "test_5_kills_the_process": "came to no end",
        "test_6_is_skipped": "skipped",
        "test_7_leaves_a_thread": "passed",
    }


def test_what_came_to_no_end_counts_as_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = ["passed", "failed", "came to no end", "skipped", "passed", "passed"]
    found = {f"test_{number}": outcome for number, outcome in enumerate(outcomes)}
    monkeypatch.setattr(cpython_suites, "outcomes_of", lambda who: found)
    assert cpython_suites.measured("ssl") == 2
    row = capsys.readouterr().out.removeprefix(cpython_suites.version_of("ssl"))
    assert row.split(maxsplit=3) == ["3", "2", "1", "1 of them came to no end\n"]
