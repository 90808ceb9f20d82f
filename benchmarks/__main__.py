"""Run the benchmarks: ``python -m benchmarks [--quick] [--only WORKLOAD,...] [--topics ...]``."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import machine, rounds
from benchmarks.cohort.members import ECHO, LOOPBACK
from benchmarks.model import Run, Topic
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.bench import Bench

_ROUNDS = 9
_QUICK_ROUNDS = 3
_QUICK_SCALE = 0.05


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the report.

    Args:
        arguments: of the command line; None: those of the process.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(WORKLOADS))
        return 0
    run = Run(
        machine.now(),
        options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS),
        options.quick,
        machine.facts(),
    )
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="tlsmgm-bench-") as folder:
        scale = options.scale or _scale(options)
        bench = Bench(Path(folder), options.quick, scale, servers=options.servers)
        for name in options.only:
            _run_workload(name, options.topics, bench, run, console)
    unknown = set(options.topics) - {topic.name for topic in run.topics}
    if unknown:
        console.print(f"no topic {', '.join(sorted(unknown))} in {', '.join(options.only)}")
        return 2
    _write(run, Path(options.output), console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, to see that it works")
    parser.add_argument(
        "--only",
        type=_workloads,
        default=list(WORKLOADS),
        metavar="A,B",
        help="only these: " + ", ".join(WORKLOADS),
    )
    parser.add_argument(
        "--topics",
        type=lambda text: text.split(","),
        default=[],
        metavar="A,B",
        help="only these of their tables, such as message; the names are in results.json",
    )
    parser.add_argument(
        "--servers",
        type=_servers,
        default=(),
        metavar="A,B",
        help="over loopback only these: " + ", ".join([*LOOPBACK, *ECHO]),
    )
    parser.add_argument("--list", action="store_true", help="list the workloads")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default: {_ROUNDS}")
    parser.add_argument("--scale", type=float, metavar="X", help="part of the usual amount of work")
    parser.add_argument(
        "--output", default="build/benchmarks", metavar="DIR", help="default: build/benchmarks"
    )
    return parser


def _workloads(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no workload {', '.join(unknown)}")
    return names


def _servers(text: str) -> tuple[str, ...]:
    keys = tuple(text.split(","))
    unknown = [key for key in keys if key not in LOOPBACK and key not in ECHO]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no server {', '.join(unknown)}")
    return keys


def _scale(options: argparse.Namespace) -> float:
    return _QUICK_SCALE if options.quick else 1.0


class _Bar:
    """Shows how far the comparison of a topic has come."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress = progress
        self._task = task

    def advance(self, topic: Topic, entrant: str) -> None:
        """One turn is done."""
        self._progress.update(self._task, advance=1, description=f"{topic.name}: {entrant}")


def _run_workload(
    name: str, topics: Sequence[str], bench: Bench, run: Run, console: Console
) -> None:
    module = importlib.import_module(f"benchmarks.workloads.{name}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    for plan in module.plans(bench):
        if topics and plan.topic.name not in topics:
            for contestant in plan.contestants:
                contestant.close()
            continue
        run.topics.append(plan.topic)
        run.absent += [text for text in plan.absent if text not in run.absent]
        with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
            total = len(plan.contestants) * min(run.rounds, plan.rounds or run.rounds)
            bar = _Bar(progress, progress.add_task(plan.topic.name, total=total))
            run.rows += rounds.compare(plan, run.rounds, bar)
        _tell(run, plan.topic, console)


def _tell(run: Run, topic: Topic, console: Console) -> None:
    """A short table on the terminal, while the rest is being measured."""
    base = run.baseline(topic)
    console.print(f"\n[bold]{topic.title}[/bold] ({topic.unit}, {topic.better} is better)")
    for row in run.of(topic.name):
        ratio = row.median / base.median if base and base.median else 0.0
        console.print(
            f"  {row.entrant:<26} {row.median:>12.2f} ±{row.spread:>5.1%} {ratio:>7.2f}x  "
            f"{row.library}",
            highlight=False,
            soft_wrap=True,
        )


def _write(run: Run, folder: Path, console: Console) -> None:
    from benchmarks.report import write_report

    folder.mkdir(parents=True, exist_ok=True)
    write_report(run, folder)
    for text in run.absent:
        console.print(f"not there: {text}", highlight=False)
    console.print(f"the report is in {folder}/report.html", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
