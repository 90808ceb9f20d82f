"""Tokens of OpenSIPS scripts.

Only as much of the language is known as it takes to never mistake what is text, what is a comment
and what is a block: strings, comments, pseudo-variables in ``$(...)``, and everything else as
words and single marks.  Strings and comments are those of OpenSIPS' ``cfg.lex``: comments nest, and
a backslash at the end of a line is a blank.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tlsmgm._domains.domain import Origin
from tlsmgm.errors import ConfigError

__all__ = ["Token", "TokenKind", "comments", "quote", "tokenize"]


class TokenKind(enum.Enum):
    """What a token is."""

    STRING = "string"
    WORD = "word"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Token:
    """A token.

    Args:
        kind: string, word or mark.
        text: of a string its value without quotes, otherwise what is written.
        line: line that it begins in, from 1.
    """

    kind: TokenKind
    text: str
    line: int

    def is_mark(self, mark: str) -> bool:
        """Tell whether this is a certain mark.

        Args:
            mark: one of ``{ } ( ) , ; =``.

        Returns:
            True if it is; a string that holds the mark is not.
        """
        return self.kind is TokenKind.MARK and self.text == mark


# Alternatives are tried in this order.  None can backtrack for longer than its own text.
_TOKEN = re.compile(
    r"""
      (?P<blank>     (?:[ \t\r\n\f\v]|\\\r?\n)+ )
    | (?P<comment>   \#[^\n]* )
    | (?P<block>     /\* )
    | (?P<double>    "(?:[^"\\]|\\.)*+" )
    | (?P<single>    '[^']*+' )
    | (?P<open>      "|' )
    | (?P<variable>  \$\( )
    | (?P<braced>    \$\{[^{}\n]*+\} )
    | (?P<mark>      [{}(),;=] )
    | (?P<word>      (?:[^\s{}(),;="'#/$\\]|/(?!\*)|\$(?![({])|\\(?!\r?\n))++ )
    | (?P<dollar>    \$ )
    """,
    re.VERBOSE | re.DOTALL,
)

_PARENTHESIS = re.compile(r"[()]")
_COMMENT_MARK = re.compile(r"/\*|\*/")
_CODE = r"\\x[0-9a-fA-F]{1,2}|\\[0-7]{2,3}"
_ESCAPE = re.compile(rf"(?P<codes>(?:{_CODE})+)|\\(\r?\n|.)", re.DOTALL)
_CODES = re.compile(_CODE)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", '"': '"', "\\": "\\", "\n": "", "\r\n": ""}


def tokenize(text: str, file: str) -> Iterator[Token]:
    """Yield the tokens of a script.

    Args:
        text: the script.
        file: its path, for messages.

    Returns:
        Tokens in order, comments left out.  A double-quoted string has its escapes resolved (an
        unknown one is left as it is); a single-quoted string is taken as it stands.

    Raises:
        ConfigError: a string or a comment is not closed, or a string holds a NUL byte.
    """
    for kind, written, line in _pieces(text, file):
        token = _token(kind, written, line, file)
        if token is not None:
            yield token


def comments(text: str, file: str) -> Iterator[str]:
    """Yield the comments of a script.

    Args:
        text: the script.
        file: its path, for messages.

    Returns:
        Comments as they are written, in order; one that begins with ``#!`` is left out, for it is
        an instruction to other readers.

    Raises:
        ConfigError: a string or a comment is not closed.
    """
    for kind, written, _ in _pieces(text, file):
        if kind == "block" or (kind == "comment" and not written.startswith("#!")):
            yield written


def _pieces(text: str, file: str) -> Iterator[tuple[str, str, int]]:
    """Divide a text, all of it: kind, what is written, and line."""
    at, line = 0, 1
    closing: dict[int, int] = {}
    matched_to = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:  # Cannot happen: all begins some token.
            raise ConfigError(f"unexpected character {text[at]!r}", origin=Origin(file, line))
        kind, end = match.lastgroup, match.end()
        if kind == "open":
            raise ConfigError(
                "string is not closed", origin=Origin(file, line), hint=f"it begins with {match[0]}"
            )
        if kind == "block":
            end = _end_of_comment(text, at, Origin(file, line))
        elif kind == "variable":
            # It ends in its line and may hold quotes and braces; else the "$" stands for itself.
            if at >= matched_to:
                closing, matched_to = _closing_parentheses(text, at)
            end = closing.get(at + 1, at) + 1
        written = text[at:end]
        yield kind, written, line
        line += written.count("\n")
        at = end


def _end_of_comment(text: str, start: int, origin: Origin) -> int:
    depth = opened = 0
    for match in _COMMENT_MARK.finditer(text, start):
        is_open = match[0] == "/*"
        opened += is_open
        depth += 1 if is_open else -1
        if not depth:
            return match.end()
    hint = "comments nest: each /* needs its own */" if opened > 1 else "its */ is missing"
    raise ConfigError("comment is not closed", origin=origin, hint=hint)


def _token(kind: str, written: str, line: int, file: str) -> Token | None:
    if kind == "double":
        return Token(TokenKind.STRING, _unescape(written[1:-1], Origin(file, line)), line)
    if kind == "single":
        return Token(TokenKind.STRING, written[1:-1], line)
    if kind == "mark":
        return Token(TokenKind.MARK, written, line)
    if kind in ("word", "variable", "braced", "dollar"):
        return Token(TokenKind.WORD, written, line)
    return None


def _unescape(body: str, origin: Origin) -> str:
    if "\\" not in body:
        return body

    def value(match: re.Match[str]) -> str:
        if match["codes"] is None:
            return _ESCAPES.get(match[2], match[0])
        # Codes are bytes, and several of them may be one character.
        codes = bytes(_code(code) for code in _CODES.findall(match["codes"]))
        if 0 in codes:
            raise ConfigError("string holds a NUL byte", origin=origin)
        return codes.decode("utf-8", "surrogateescape")

    return _ESCAPE.sub(value, body)


def _code(written: str) -> int:
    """The byte that hexadecimal or octal digits behind a backslash stand for."""
    value = int(written[2:], 16) if written[1] == "x" else int(written[1:], 8)
    return value & 0xFF


def _closing_parentheses(text: str, start: int) -> tuple[dict[int, int], int]:
    """Match the parentheses from start to the end of the line: index to index, and that end.

    Whole lines at once, so that a line full of ``$(`` costs no more than another.
    """
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    closing: dict[int, int] = {}
    unclosed: list[int] = []
    for match in _PARENTHESIS.finditer(text, start, end):
        if match[0] == "(":
            unclosed.append(match.start())
        elif unclosed:
            closing[unclosed.pop()] = match.start()
    return closing, end


def quote(text: str) -> str:
    """Write a text as a double-quoted string of a script.

    Args:
        text: any text.

    Returns:
        What :func:`tokenize` reads back as the same text.
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
