"""The guard as it is used: it counts, and its exit code says what came of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tlsmgm
from benchmarks.guard import __main__ as guard
from benchmarks.guard import baseline, measure
from benchmarks.guard.baseline import Setup
from benchmarks.guard.callgrind import CountError
from benchmarks.native import build
from tests.support.sanitizers import IS_SANITIZED

COUNTS = {"tls13-ecdsa": {"server": 1000, "server, csrc": 100}, "bulk-up": {"server": 500}}
SETUP = Setup("openssl", {"architecture": "x86_64"}, COUNTS)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    baseline.store(path, [SETUP])
    return path


@pytest.fixture(autouse=True)
def out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the files that stay."""
    for module in (guard, measure):
        monkeypatch.setattr(module, "OUT", tmp_path / "out")
    return tmp_path / "out"


def run(
    monkeypatch: pytest.MonkeyPatch,
    path: Path,
    counts: dict[str, dict[str, int]],
    *arguments: str,
    key: dict[str, str] = SETUP.key,
) -> int:
    """Run the guard on made-up counts."""
    found = [replace(SETUP, key=key, counts=counts)]
    monkeypatch.setattr(guard, "_measure", lambda libraries, kinds: found)
    return guard.main(["--baseline", str(path), *arguments])


def test_the_same_is_good(
    monkeypatch: pytest.MonkeyPatch, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, stored, COUNTS) == 0
    assert (
        "Nothing is worse by more than 1% (messages through Python: 2%, csrc alone: 5%, "
        "of the engine's path: 2%)" in capsys.readouterr().out
    )


def test_worse_fails_and_says_where_to_look(
    monkeypatch: pytest.MonkeyPatch, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = COUNTS | {"bulk-up": {"server": 506}}
    assert run(monkeypatch, stored, counts) == 1
    said = capsys.readouterr().out
    assert "WORSE: 1 counts grew" in said
    assert "callgrind_annotate" in said
    assert "openssl-bulk-up-server.callgrind" in said


def test_a_worse_engine_has_its_file_named(
    monkeypatch: pytest.MonkeyPatch, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {"engine-message": {"server": 1000, "server, csrc": 100}}
    baseline.store(stored, [replace(SETUP, counts=counts)])
    # 3% is less than csrc may grow elsewhere.
    worse = {"engine-message": {"server": 1003, "server, csrc": 103}}
    assert run(monkeypatch, stored, worse, "--only", "engine") == 1
    assert "openssl-engine.callgrind.5" in capsys.readouterr().out


def test_better_is_good_and_wants_a_new_baseline(
    monkeypatch: pytest.MonkeyPatch, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, stored, COUNTS | {"bulk-up": {"server": 400}}) == 0
    said = capsys.readouterr().out
    assert "1 counts are better" in said
    assert "make bench-baseline" in said


def test_no_baseline_for_this_setup(
    monkeypatch: pytest.MonkeyPatch,
    stored: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = SETUP.key | {"compiler": "another"}
    assert run(monkeypatch, stored, {"bulk-up": {"server": 9999}}, key=key) == 0
    said = capsys.readouterr().out
    assert "NO BASELINE FOR THIS SETUP of openssl: nothing was compared." in said
    assert "compiler: another here, unknown there" in said
    assert "Nothing is worse" not in said
    assert baseline.load(out / "baseline.json")[0].key == key
    assert baseline.load(stored) == [SETUP]


def test_what_was_not_asked_for_is_not_gone(
    monkeypatch: pytest.MonkeyPatch, stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = {"bulk-up": COUNTS["bulk-up"]}
    assert run(monkeypatch, stored, part, "--only", "bulk-up") == 0
    assert "gone" not in capsys.readouterr().out
    assert run(monkeypatch, stored, part) == 0
    assert "2 are gone" in capsys.readouterr().out


def test_update(monkeypatch: pytest.MonkeyPatch, stored: Path) -> None:
    counts = COUNTS | {"bulk-up": {"server": 9999}}
    assert run(monkeypatch, stored, counts, "--update") == 0
    assert baseline.load(stored)[0].counts == counts


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--only", "nope"], "there is no kind nope"),
        (["--update", "--only", "bulk-up"], "a baseline is stored whole"),
        (["--library", "nope"], "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        guard.main(arguments)
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


def test_failures_are_told_apart_from_worse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert guard.main([]) == 2
    assert "valgrind is needed" in capsys.readouterr().err

    def fail(*arguments: Any) -> list[Setup]:
        raise CountError("the program is broken")

    monkeypatch.setattr(guard, "_measure", fail)
    assert guard.main([]) == 2
    assert "the program is broken" in capsys.readouterr().err


def test_the_stored_baseline_can_be_read() -> None:
    setups = baseline.load(baseline.PATH)
    assert setups
    for setup in setups:
        assert all(count > 0 for parts in setup.counts.values() for count in parts.values())


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.parametrize("library", list(build.LIBRARIES))
def test_it_counts_and_notices(
    tmp_path: Path, library: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counted, stored, compared: once as it is, and once with a baseline that was cheaper."""
    there, absent = measure.available([library])
    if not there:
        pytest.skip(absent[0])
    path = tmp_path / "baseline.json"
    words = ["--library", library, "--only", "message,fields", "--baseline", str(path)]
    assert guard.main(words) == 0
    assert "the baseline has nothing about" in capsys.readouterr().out
    shutil.copy(tmp_path / "out" / "baseline.json", path)
    content = json.loads(path.read_text())
    counts = content["setups"][0]["counts"]
    assert counts["message"]["server"] > counts["message"]["server, csrc"] > 0
    assert set(counts["fields"]) == {"client", "client, csrc"}
    counts["message"]["server"] = round(counts["message"]["server"] / 1.05)
    path.write_text(json.dumps(content))
    assert guard.main(words) == 1
    said = capsys.readouterr().out
    worse = [line for line in said.splitlines() if line.endswith("  WORSE")]
    assert [line.split()[:2] for line in worse] == [["message", "server"]]
    assert (tmp_path / "out" / f"{library}-message-server.callgrind").is_file()


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.skipif(IS_SANITIZED, reason="sanitizers do not run in valgrind")
def test_the_python_layer_has_its_phases(tmp_path: Path) -> None:
    there, _ = measure.available(list(build.LIBRARIES))
    library = next((name for name in there if name in tlsmgm.libraries()), None)
    if library is None:
        pytest.skip("no backend is built")
    counts = measure.measure([library], [], tmp_path / "identity", python=True)
    parts = counts[measure.python_name(library)]
    assert parts["handshake"]["both"] > 10 * parts["message"]["both"] > 0
    assert measure.out_file(measure.python_name(library), "message", "both").is_file()
