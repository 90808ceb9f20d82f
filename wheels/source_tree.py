#!/usr/bin/env python3
"""Put the source tree of each distribution together, for cibuildwheel, which builds one project.

    python wheels/source_tree.py build/trees

makes build/trees/tlsmgm and build/trees/tlsmgm-wolfssl. Each is whole: sources, settings, and the
scripts that its settings name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from distributions import DISTRIBUTIONS, put_together


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Put the distributions' source trees together.")
    parser.add_argument("folder", type=Path, help="where they go; must not exist yet")
    options = parser.parse_args(arguments)
    # What an earlier commit left there would be built, too.
    if options.folder.exists():
        parser.error(f"{options.folder} is there already")
    for distribution in DISTRIBUTIONS:
        tree = options.folder / distribution.name
        put_together(distribution, tree)
        print(tree)
    return 0


if __name__ == "__main__":
    sys.exit(main())
