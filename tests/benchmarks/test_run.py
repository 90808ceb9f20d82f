"""The engine and the command line; how fast anything is, is nobody's test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.model import Row, Run, Topic
from benchmarks.rounds import Contestant, Plan, Turn, compare
from benchmarks.workloads import WORKLOADS, fields
from benchmarks.workloads.bench import Bench
from tests.benchmarks.workloads.silent import Silent
from tlsmgm._backends import libraries

ROOT = Path(__file__).resolve().parents[2]


def test_contestants_take_turns_and_the_first_one_changes() -> None:
    calls: list[tuple[str, float]] = []
    closed: list[str] = []

    def contestant(name: str) -> Contestant:
        def turn(part: float) -> Turn:
            calls.append((name, part))
            return Turn(float(len(calls)), {"calls": len(calls)})

        return Contestant(name, "lib 1", turn, lambda: closed.append(name))

    silent = Silent()
    plan = Plan(Topic("t", "T", "µs"), [contestant(name) for name in "abc"])
    rows = compare(plan, 3, silent)
    assert [name for name, part in calls if part < 1] == ["a", "b", "c"]
    assert "".join(name for name, part in calls if part == 1) == "abcbcacab"
    assert sorted(closed) == ["a", "b", "c"]
    assert silent.turns == 9
    assert rows[0].samples == [4.0, 9.0, 11.0]
    assert rows[0].median == 9.0
    assert rows[0].details == {"calls": 9}


def test_a_failure_ends_the_run_and_closes_everybody() -> None:
    closed: list[str] = []

    def fail(_: float) -> Turn:
        raise RuntimeError("something else was negotiated")

    bad = Contestant("bad", "lib", fail, lambda: closed.append("bad"))
    with pytest.raises(RuntimeError, match="something else"):
        compare(Plan(Topic("t", "T", "µs"), [bad]), 1, Silent())
    assert closed == ["bad"]


def test_a_run_survives_json(tmp_path: Path) -> None:
    run = Run("2026-01-01", 3, True, {"processor": "x"}, [Topic("t", "T", "µs", baseline="a")])
    run.rows = [Row("t", "b", "lib", [3.0, 1.0, 2.0], {"d": 1.0}), Row("t", "a", "lib", [4.0])]
    path = tmp_path / "run.json"
    path.write_text(run.to_json(), encoding="utf-8")
    again = Run.load(path)
    assert again == run
    assert [row.entrant for row in again.of("t")] == ["b", "a"]
    base = again.baseline(again.topics[0])
    assert base is not None
    assert base.entrant == "a"
    path.write_text(json.dumps({"schema": 999}), encoding="utf-8")
    with pytest.raises(ValueError, match="schema 999"):
        Run.load(path)


def test_one_workload_from_the_command_line_to_the_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--only", "fields", "--scale", "0.01"]
    done = subprocess.run(
        [*command, "--rounds", "1", "--quick", "--output", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = Run.load(tmp_path / "results.json")
    assert run.topics
    assert all(row.samples for row in run.rows)
    assert {"processor", *libraries(), "build flags"} <= run.machine.keys()
    assert "tlsmgm" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_only_the_topics_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []
    closed: list[str] = []

    def plans(_: Bench) -> Iterator[Plan]:
        for name in "abc":

            def turn(_: float, name: str = name) -> Turn:
                done.append(name)
                return Turn(1.0)

            def close(name: str = name) -> None:
                closed.append(name)

            yield Plan(Topic(name, name, "µs"), [Contestant("x", "lib", turn, close)])

    monkeypatch.setattr(fields, "plans", plans)
    command = ["--only", "fields", "--rounds", "1", "--output", str(tmp_path)]
    assert main([*command, "--topics", "c,a"]) == 0
    assert set(done) == {"a", "c"}
    assert closed == ["a", "b", "c"]
    assert [topic.name for topic in Run.load(tmp_path / "results.json").topics] == ["a", "c"]
    assert main([*command, "--topics", "a,nonsense"]) == 2
    assert "no topic nonsense in fields" in capsys.readouterr().err


def test_only_the_servers_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[tuple[str, ...]] = []

    def plans(bench: Bench) -> Iterator[Plan]:
        chosen.append(bench.servers)
        yield Plan(Topic("a", "a", "µs"), [Contestant("x", "lib", lambda _: Turn(1.0))])

    monkeypatch.setattr(fields, "plans", plans)
    command = ["--only", "fields", "--rounds", "1", "--output", str(tmp_path)]
    assert main([*command, "--servers", "engine-openssl,nginx"]) == 0
    assert main(command) == 0
    assert chosen == [("engine-openssl", "nginx"), ()]


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(WORKLOADS)
    with pytest.raises(SystemExit) as caught:
        main(["--only", "nonsense"])
    assert caught.value.code == 2
    assert "there is no workload nonsense" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["--servers", "nginx,nonsense"])
    assert caught.value.code == 2
    assert "there is no server nonsense" in capsys.readouterr().err
