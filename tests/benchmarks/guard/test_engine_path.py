"""The engine's path is counted, phase by phase, and the same tree counts the same."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tlsmgm
from benchmarks.guard import __main__ as guard
from benchmarks.guard import engine_path, measure
from benchmarks.guard.callgrind import CountError
from benchmarks.identity import make_identity
from benchmarks.native import build
from tests.support.sanitizers import IS_SANITIZED

needs_valgrind = pytest.mark.skipif(
    shutil.which("valgrind") is None or IS_SANITIZED,
    reason="valgrind is not installed, or sanitizers do not run in it",
)


def there(library: str) -> str:
    found, absent = measure.available([library])
    if not found:
        pytest.skip(absent[0])
    if library not in tlsmgm.libraries():
        pytest.skip(f"the backend of {library} is not built")
    return library


def any_library() -> str:
    return there(next(iter(tlsmgm.libraries()), build.LIBRARIES[0]))


@needs_valgrind
@pytest.mark.parametrize("library", list(build.LIBRARIES))
def test_it_counts_the_same_and_notices(
    library: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Counted twice; against the first time, but for one count that was 3% less."""
    path = tmp_path / "baseline.json"
    words = ["--library", there(library), "--only", "engine", "--baseline", str(path)]
    for module in (guard, measure):
        monkeypatch.setattr(module, "OUT", tmp_path / "out")
    assert guard.main(words) == 0
    shutil.copy(tmp_path / "out" / "baseline.json", path)
    content = json.loads(path.read_text())
    [setup] = content["setups"]
    counts = setup["counts"]
    assert setup["library"] == library
    assert list(counts) == list(engine_path.PHASES)
    for parts in counts.values():
        assert parts["server"] > parts["server, csrc"] > 0
    new, resumed, message = (counts[name]["server"] for name in engine_path.PHASES)
    assert new > resumed > 10 * message
    counts["engine-message"]["server, csrc"] = round(
        counts["engine-message"]["server, csrc"] / 1.03
    )
    path.write_text(json.dumps(content))
    capsys.readouterr()
    assert guard.main(words) == 1
    said = capsys.readouterr().out
    verdicts = [line.split()[-1] for line in said.splitlines() if line.startswith("engine-")]
    assert verdicts == ["same", "same", "same", "same", "same", "WORSE"]
    assert f"{library}-engine.callgrind.5" in said
    assert measure.out_file(library, "engine-message", "server").is_file()


@needs_valgrind
def test_an_engine_without_marks_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_path, "MARK", "no_such_function")
    identity = make_identity(tmp_path / "identity", "ecdsa")
    with pytest.raises(CountError, match="has not called no_such_function often enough"):
        engine_path.count(any_library(), identity, tmp_path / "out")


def test_an_engine_that_ends_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = any_library()
    valgrind = tmp_path / "bin" / "valgrind"
    valgrind.parent.mkdir()
    valgrind.write_text("#!/bin/sh\necho there is no such tool >&2; exit 3\n")
    valgrind.chmod(0o755)
    monkeypatch.setenv("PATH", f"{valgrind.parent}:/usr/bin:/bin")
    identity = make_identity(tmp_path / "identity", "ecdsa")
    with pytest.raises(CountError, match=f"(?s)engine over {library} .*there is no such tool"):
        engine_path.count(library, identity, tmp_path / "out")
