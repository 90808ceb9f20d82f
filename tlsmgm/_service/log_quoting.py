"""Values from strangers, written so that each is one field of a line, and a line one line."""

from __future__ import annotations

import re

__all__ = ["escape", "quote"]

_PLAIN = re.compile(r"[^\s\"\\=]+")


def escape(text: str) -> str:
    """Make text from strangers safe for a line of a log.

    Args:
        text: anything, lone surrogates too.

    Returns:
        Printable text without quotes: everything else is an escape as in Python or JSON.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(value: str | None) -> str:
    """Write a value so that it is one field of a line.

    Args:
        value: anything; None is not there.

    Returns:
        ``-`` for None; the value as it is, or escaped and in double quotes.
    """
    if value is None:
        return "-"
    if _PLAIN.fullmatch(value) and value.isprintable() and value != "-":
        return value
    return f'"{escape(value)}"'
