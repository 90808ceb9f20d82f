"""The report about a run: JSON, Markdown, plots, and one page to look at.

``write_report`` writes everything; ``python -m benchmarks.report RESULTS.json`` does it again from
the JSON of a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.model import Run
from benchmarks.report.html import page
from benchmarks.report.markdown import document

__all__ = ["JSON", "headline_svg", "write_report"]

#: File name of the numbers, from which everything else can be made again.
JSON: Final = "results.json"

_PLOTS: Final = "plots"


def write_report(run: Run, folder: Path) -> None:
    """Write the files of a report.

    These are ``results.json``, ``results.md``, ``report.html`` and ``plots/*.svg`` and ``*.png``.
    The plots come last, so that numbers are safe where matplotlib is missing.

    Args:
        run: what was measured.
        folder: is made if it is missing.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / JSON, run.to_json() + "\n")
    _write(folder / "results.md", document(run, _PLOTS))
    _write(folder / "report.html", page(run))
    from benchmarks.report.plots import write_plots

    write_plots(run, folder / _PLOTS)


def headline_svg(run: Run) -> str:
    """Draw the one plot that matters.

    Args:
        run: what was measured.

    Returns:
        An SVG document.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: the run has no values.
    """
    from benchmarks.report.plots import headline_svg as draw

    return draw(run)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
