"""In which line of a TOML file a table or a key stands, for messages.

The standard library's reader does not say.  So its text is gone through once more, token by token;
as that reader has taken it already, no more of the language is known here than it takes to tell
keys from values.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

__all__ = ["Lines", "comments"]

# Alternatives are tried in this order.  A text over several lines may end in up to five quotes.
_TOKEN = re.compile(
    r"""
      (?P<newline> \n )
    | (?P<blank>   [ \t\r]+ | \#[^\n]* )
    | (?P<long>    \"{3}(?:[^\\]|\\.)*?\"{3,5} | '{3}.*?'{3,5} )
    | (?P<text>    "(?:[^"\\]|\\.)*" | '[^']*' )
    | (?P<mark>    [\[\]{}=.,] )
    | (?P<word>    [^\s\[\]{}=.,"'\#]+ )
    """,
    re.VERBOSE | re.DOTALL,
)


class Lines:
    """The lines of a file that can be read.

    Args:
        text: the file; it is TOML.
    """

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        self._keys: list[str] = []  # of the header or key that is being read
        self._reads_key = True
        self._in_header = False
        self._table: tuple[str, ...] = ()
        self._path: tuple[str, ...] = ()  # of the value that is being read
        self._open: list[tuple[str, tuple[str, ...]]] = []  # brackets of values, and whose
        for kind, token, line in _tokens(text):
            if kind == "newline":
                self._end_line()
            elif self._reads_key:
                self._take_key(kind, token, line)
            elif kind == "mark":
                self._take_mark(token)

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

    def _end_line(self) -> None:
        if not self._open:
            self._keys = []
            self._reads_key = True

    def _take_key(self, kind: str, token: str, line: int) -> None:
        if kind in ("word", "text"):
            self._keys.append(_key(token))
        elif token == "[":
            self._in_header = True
        elif token == "]" and self._in_header:  # the second one of [[table]] comes as a value
            self._table = self._record((), line)
            self._in_header = self._reads_key = False
        elif token == "=":
            self._path = self._record(self._open[-1][1] if self._open else self._table, line)
            self._reads_key = False
        elif token == "}":
            self._close()

    def _take_mark(self, mark: str) -> None:
        if mark in "[{":
            self._open.append((mark, self._path))
            self._reads_key = mark == "{"
        elif mark in "]}":
            self._close()
        elif mark == "," and self._open:
            bracket, self._path = self._open[-1]
            self._reads_key = bracket == "{"
        self._keys = []

    def _close(self) -> None:
        self._reads_key = False
        if self._open:
            self._path = self._open.pop()[1]

    def _record(self, base: tuple[str, ...], line: int) -> tuple[str, ...]:
        """Note the keys that were read, and the tables that they imply."""
        path = (*base, *self._keys)
        for size in range(len(base) + 1, len(path) + 1):
            self._found.setdefault(path[:size], line)
        self._keys = []
        return path


def comments(text: str) -> list[str]:
    """Find the comments of a file.

    Args:
        text: the file; it is TOML.

    Returns:
        Each of them with its mark.
    """
    found = (match["blank"] for match in _TOKEN.finditer(text))
    return [blank for blank in found if blank is not None and blank.startswith("#")]


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and line of each token; blanks and comments are left out."""
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind != "blank":
            yield kind, match[0], line
        line += match[0].count("\n")


def _key(written: str) -> str:
    if written.startswith('"'):
        key: str = tomllib.loads(f"key = {written}")["key"]
        return key
    return written.strip("'") if written.startswith("'") else written
