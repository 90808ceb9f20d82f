"""The files of a report: JSON, Markdown, plots; and the command that writes them again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.model import Row, Run, Topic
from benchmarks.report import headline_svg, write_report
from benchmarks.report.__main__ import main
from benchmarks.report.figures import figures, looks, sections
from benchmarks.report.markdown import document, table
from benchmarks.report.scale import Scale
from benchmarks.report.text import (
    NO_DIFFERENCE,
    NO_VALUE,
    are_alike,
    number,
    ratio,
    short_number,
    versus,
)

ROOT = Path(__file__).resolve().parents[3]


def test_writes_everything(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_report(run, folder)
    assert Run.load(folder / "results.json") == run
    assert (folder / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    text = (folder / "results.md").read_text(encoding="utf-8")
    pictures = re.findall(r"^!\[.*\]\((\S+)\)$", text, re.MULTILINE)
    assert len(pictures) == 1 + len(figures(run))
    for picture in pictures:
        ET.parse(folder / picture)
        png = (folder / picture).with_suffix(".png").read_bytes()
        assert png.startswith(b"\x89PNG")
    written = {path.name for path in (folder / "plots").iterdir()}
    assert {"headline.svg", "match.svg", "bulk-down.png"} <= written


def test_hostile_names_stay_in_the_folder(hostile: Run, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    write_report(hostile, folder)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 6
    for path in files:
        assert path.is_relative_to(folder)
        assert re.fullmatch(r"[a-z0-9.-]+", path.name)
    for path in (folder / "plots").glob("*.svg"):
        ET.parse(path)
    assert "silent.svg" not in {path.name for path in files}


def test_headline_names_everybody_and_is_always_the_same(run: Run) -> None:
    drawn = headline_svg(run)
    assert drawn == headline_svg(run)
    for row in run.of(run.topics[0].name):
        assert f"<!-- {row.entrant} -->" in drawn
    assert "#0a52c4" in drawn


def test_headline_of_nothing() -> None:
    with pytest.raises(ValueError, match="the run has no values"):
        headline_svg(Run("now", 1, False, {}, [Topic("a", "A", "s")]))


def _cells(line: str) -> list[str]:
    assert line.startswith("| ")
    assert line.endswith(" |")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.mark.parametrize("name", ["run", "hostile"])
def test_tables_are_well_formed(name: str, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(name)
    text = document(run, "plots")
    for topic in run.topics:
        if not run.of(topic.name):
            continue
        found = table(run, topic)
        assert found in text
        head, rule, *rows = found.splitlines()
        assert len(_cells(head)) == 6
        assert re.fullmatch(r"\|(-+:?\|){6}", rule)
        assert len(rows) == len(run.of(topic.name))
        for row, line in zip(run.of(topic.name), rows, strict=True):
            assert len(_cells(line)) == 6
            assert _cells(line)[2].startswith(number(row.median))
            assert _cells(line)[4].startswith(ratio(row, run.baseline(topic)))


def test_markdown_says_who_is_absent_and_what_is_empty(hostile: Run, run: Run) -> None:
    text = document(run, "plots")
    assert r"(handshake-tls13-hybrid, handshake-tls13-rsa)" in text
    assert "* build flags, openssl: no-shared" in text
    text = document(hostile, "plots")
    assert text.count("Nobody gave a value.") == 2
    assert "mute gave no value." in text
    assert "quick run" in text
    assert "<script" not in text
    assert "](https" not in text.replace(r"\](https", "")
    assert "\x00" not in text


def test_command_writes_it_again(run: Run, tmp_path: Path) -> None:
    results = tmp_path / "old.json"
    results.write_text(run.to_json(), encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.report", str(results), "--output"]
    done = subprocess.run(
        [*command, str(tmp_path / "again")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Run.load(tmp_path / "again" / "results.json") == run
    assert "report.html" in done.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read"),
        ("{", "is not JSON"),
        ('{"schema": 0}', "has schema 0"),
        ("[1]", "is not the result of a run"),
        ('{"schema": 1, "topics": [], "rows": []}', "is not the result of a run"),
    ],
)
def test_command_says_what_is_wrong(
    content: str | None, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert stop.value.code == 2
    assert reason in capsys.readouterr().err


def test_figures_gather_numbers_only_where_units_agree() -> None:
    topics = [
        Topic("load-10", "Load 10", "s"),
        Topic("load-2", "Load 2", "s"),
        Topic("load-30", "Load 30, memory", "kB"),
        Topic("tls-13", "TLS 1.3", "s"),
        Topic("Tls 13", "Another", "s"),
    ]
    found = figures(Run("now", 1, False, {}, topics))
    assert [figure.name for figure in found] == ["load", "load-30", "tls-13", "tls-13-again-2"]
    assert found[0].numbers == (2, 10)
    assert found[0].title == "Load N"
    assert [figure.is_lines for figure in found] == [True, False, False, False]


def test_sections_follow_the_beginning_of_titles(run: Run) -> None:
    found = sections(figures(run))
    assert [section.title for section in found] == ["Handshake in memory", ""]
    assert [len(section.figures) for section in found] == [4, 4]


def test_nobody_in_a_plot_looks_like_another(run: Run) -> None:
    found = looks(run)
    for topic in run.topics:
        shown = [found[row.entrant] for row in run.of(topic.name)]
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1,234,567"),
        (1234.56, "1,235"),
        (182.44, "182.4"),
        (1.0004, "1.000"),
        (0.012344, "0.01234"),
        (1.25e-9, "1.250e-09"),
        (-1.5, "-1.500"),
        (float("nan"), "nan"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_short_numbers() -> None:
    assert [short_number(value) for value in (0.1, 1, 1000, 100_000, 1e6)] == [
        *("0.1", "1", "1k", "100k", "1M")
    ]


def test_one_disturbed_round_hides_no_difference() -> None:
    calm = Row("a", "calm", "x", [1.0, 1.0, 1.0, 1.1, 9.0])
    slow = Row("a", "slow", "x", [2.0, 2.0, 2.1, 2.1, 2.2])
    assert not are_alike(calm, slow)
    assert versus(slow, calm) == ""
    assert are_alike(calm, Row("a", "same", "x", [1.05]))
    assert versus(Row("a", "same", "x", [1.05]), calm) == NO_DIFFERENCE
    assert versus(Row("a", "once", "x", [5.0]), calm) == "one sample"


def test_ratios_are_those_of_neighbours_in_time() -> None:
    base = Row("a", "base", "x", [10.0, 30.0, 11.0, 31.0, 10.0])  # the processor changes its speed
    dearer = Row("a", "dearer", "x", [11.0, 33.0, 12.1, 34.1, 11.0])
    assert ratio(dearer, base).startswith("1.10")
    assert not are_alike(dearer, base)
    assert are_alike(Row("a", "as dear", "x", [9.9, 30.1, 10.9, 31.2, 10.0]), base)


def test_the_ratio_to_nothing() -> None:
    nothing = Row("a", "nothing", "x", [0.0, 0.0, 0.0])
    assert ratio(Row("a", "something", "x", [1.0, 2.0, 3.0]), nothing) == NO_VALUE
    assert not are_alike(Row("a", "something", "x", [1.0, 2.0, 3.0]), nothing)
    rounds = Row("a", "rounds", "x", [1.0, 0.5, 2.0])
    assert ratio(Row("a", "more", "x", [2.0]), rounds).startswith("2.00")


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale.over([0.4, 11_000.0], is_log=True), [0.1, 1, 10, 100, 1000, 10_000, 100_000]),
        (Scale.over([3.0, 8.0], is_log=False), [0, 2, 4, 6, 8]),
        (Scale.over([], is_log=False), [0, 0.5, 1]),
        (Scale.over([10.0], is_log=True), [10, 100]),
    ],
)
def test_ticks(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)
    assert scale.place(scale.low) == 0
    assert scale.place(scale.high) == 1
