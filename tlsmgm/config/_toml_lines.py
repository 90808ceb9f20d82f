"""In which line of a TOML file a table or a key stands, for messages.

The standard library's reader does not say.  Lines are looked at one by one: a table header, or a
key at its beginning, is read by that same reader, so every spelling of a key is understood.  What
stands inside of a text over several lines is passed over.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

__all__ = ["Lines"]

_HEADER = re.compile(r"\s*\[(?!\[)(?P<keys>.+?)\]\s*(?:#.*)?")
_KEY = re.compile(
    r"""\s*(?P<key>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_LONG_TEXT = re.compile(r'"""|\'\'\'')


class Lines:
    """The lines of a file that can be read.

    Args:
        text: the file.
    """

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        closing: str | None = None
        for number, line in enumerate(text.splitlines(), 1):
            if closing is None:
                table = self._look(line, number, table)
            closing = _open_text(line, closing)

    def of(self, path: Sequence[str]) -> int | None:
        """Say where something stands.

        Args:
            path: keys from the outermost table inwards.

        Returns:
            Its line, from 1; that of the innermost table around it that can be found; or None.
        """
        keys = tuple(path)
        while keys:
            if keys in self._found:
                return self._found[keys]
            keys = keys[:-1]
        return None

    def _look(self, line: str, number: int, table: tuple[str, ...]) -> tuple[str, ...]:
        header = _HEADER.fullmatch(line)
        if header is not None:
            table = _path(f"[{header['keys']}]")
            self._found.setdefault(table, number)
            return table
        key = _KEY.match(line)
        if key is not None:
            self._found.setdefault((*table, *_path(f"{key['key']} = 0")), number)
        return table


def _open_text(line: str, closing: str | None) -> str | None:
    """The quotes that end the text which is open after this line, or None."""
    for match in _LONG_TEXT.finditer(line):
        if closing is None:
            closing = match[0]
        elif closing == match[0]:
            closing = None
    return closing


def _path(text: str) -> tuple[str, ...]:
    """The keys of a header or of an assignment."""
    try:
        content: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    keys = []
    while isinstance(content, dict) and content:
        key, content = next(iter(content.items()))
        keys.append(key)
    return tuple(keys)
