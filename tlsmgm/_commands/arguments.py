"""Options that several commands take, and types of their values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["add_json", "number", "seconds", "seconds_or_zero"]


def add_json(parser: argparse.ArgumentParser, what: str = "JSON") -> None:
    """Add the option that chooses JSON.

    Args:
        parser: of a command.
        what: is printed then.
    """
    parser.add_argument("--json", action="store_true", help=f"print {what}")


def seconds(text: str) -> float:
    """Read a duration.

    Args:
        text: as typed.

    Returns:
        Seconds, above 0.

    Raises:
        argparse.ArgumentTypeError: it is no such number.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def seconds_or_zero(text: str) -> float:
    """Read a duration that may be none at all.

    Args:
        text: as typed.

    Returns:
        Seconds, 0 or above.

    Raises:
        argparse.ArgumentTypeError: it is no such number.
    """
    return 0.0 if text.strip("0") in ("", ".") and text else seconds(text)


def number(low: int, high: int | None = None) -> Callable[[str], int]:
    """Make the type of whole numbers between two bounds.

    Args:
        low: the least.
        high: the largest; None: there is no such.

    Returns:
        What reads such a number, and raises argparse.ArgumentTypeError for anything else.
    """

    def read(text: str) -> int:
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else -1
        if value < low or (high is not None and value > high):
            bounds = f"{low} or more" if high is None else f"{low} to {high}"
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {bounds}")
        return value

    return read
