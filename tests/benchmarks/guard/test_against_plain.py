"""What the C core adds to plain C is counted, and by which functions."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.guard import against_plain, measure
from benchmarks.guard.against_plain import Difference, difference
from benchmarks.guard.callgrind import CountError
from benchmarks.native import build


def test_functions_that_differ_most_come_first() -> None:
    plain = Counter({"encrypt": 1000, "copy": 90, "same": 5})
    contract = Counter({"encrypt": 1010, "wire_take": 40, "same": 5})
    found = difference(plain, contract, 5)
    assert found == Difference(219, 211, [("copy", -18), ("wire_take", 8), ("encrypt", 2)])
    assert found.ratio == pytest.approx(211 / 219)


def test_what_cannot_be_counted_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> None:
        raise CountError("the program is broken")

    monkeypatch.setattr(against_plain, "available", lambda names: (names, ["none is left out"]))
    monkeypatch.setattr(against_plain, "_print_all", fail)
    assert against_plain.main([]) == 2
    assert capsys.readouterr().err == "none is left out\nthe program is broken\n"


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("library", list(build.LIBRARIES))
def test_it_counts_both_layers(
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there, absent = measure.available([library])
    if not there:
        pytest.skip(absent[0])
    monkeypatch.setattr(against_plain, "OUT", tmp_path)
    arguments = ["--library", library, "--only", "message", "--functions", "500"]
    assert against_plain.main(arguments) == 0
    said = capsys.readouterr().out
    rows = re.findall(r"^(\w+) +message +(\w+) +plain +([\d,]+) +contract +([\d,]+) ", said, re.M)
    assert [row[:2] for row in rows] == [(library, "server"), (library, "client")]
    assert all(int(number.replace(",", "")) > 0 for row in rows for number in row[2:])
    assert re.search(r"^ +\+\d+  tlsmgm_wire_take$", said, re.M)
