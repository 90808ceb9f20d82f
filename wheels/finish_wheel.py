#!/usr/bin/env python3
"""Finish the wheel that auditwheel or delocate left in a folder: put in what is missing, check it.

    python wheels/finish_wheel.py FOLDER

cibuildwheel runs this behind the repair, where wheels/make_wheels.py does the same by itself. The
TLS library must be in the cache, and SOURCE_DATE_EPOCH set: a source tree knows no last commit.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from check_wheel import distribution_of, problems_of, size_line
from enclose import enclose
from make_wheels import WheelError, forbidden_texts, native_prefix


def epoch_of_environment() -> int:
    """Return the time that everything gets, in seconds since 1970."""
    setting = os.environ.get("SOURCE_DATE_EPOCH")
    if not setting:
        raise WheelError("SOURCE_DATE_EPOCH is not set: the wheel could not be made again.")
    return int(setting)


def finish(folder: Path) -> Path:
    """Finish the one wheel in the folder; raise WheelError if it is not fit to be handed out."""
    (wheel,) = folder.glob("*.whl")
    distribution = distribution_of(wheel)
    enclose(wheel, distribution, native_prefix(distribution), epoch_of_environment())
    problems = problems_of(wheel, forbidden_texts(folder))
    if problems:
        raise WheelError("\n".join([f"{wheel.name}:", *problems]))
    return wheel


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Finish and check a repaired wheel.")
    parser.add_argument("folder", type=Path, help="has this one wheel")
    options = parser.parse_args(arguments)
    try:
        print(size_line(finish(options.folder)))
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
