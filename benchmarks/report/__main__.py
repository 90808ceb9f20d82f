"""Write the report again: ``python -m benchmarks.report RESULTS.json --output DIR``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.model import Run
from benchmarks.report import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Read a run and write its report.

    Args:
        arguments: of the command line; None: those of the process.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path, metavar="RESULTS.json", help="of a run")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default: beside the results")
    options = parser.parse_args(arguments)
    try:
        run = Run.load(options.results)
    except OSError as error:
        parser.error(f"cannot read {options.results}: {error.strerror}")
    except json.JSONDecodeError as error:
        parser.error(f"{options.results} is not JSON: {error}")
    except (ValueError, KeyError, TypeError) as error:
        parser.error(f"{options.results} is not the result of a run: {error}")
    folder = options.output or options.results.parent
    write_report(run, folder)
    print(f"the report is in {folder / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
