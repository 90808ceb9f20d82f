"""How commands print: aligned columns, JSON, complaints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from tlsmgm._domains.words import printable

__all__ = ["complain", "print_facts", "print_json", "print_table"]


def complain(message: str) -> None:
    """Print an error.

    Args:
        message: one sentence.
    """
    print(f"tlsmgm: error: {printable(message)}", file=sys.stderr)


def print_json(value: object) -> None:
    """Print a value as JSON.

    Args:
        value: of JSON's types.
    """
    print(json.dumps(value, indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns.

    Args:
        heads: titles of the columns.
        rows: cells; text of any origin.
    """
    lines = [list(heads), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def print_facts(facts: Iterable[tuple[str, str | None]], indent: str = "") -> None:
    """Print names and values, one per line.

    Args:
        facts: pairs; those whose value is None are left out.
        indent: goes before each line.
    """
    shown = [(name, value) for name, value in facts if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{indent}{name:<{width}}  {printable(value)}".rstrip())
