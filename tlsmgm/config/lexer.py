"""Tokens of OpenSIPS scripts.

Only as much of the language is known as it takes to never mistake what is text, what is a comment
and what is a block: strings, comments, pseudo-variables in ``$(...)``, and everything else as
words and single marks.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tlsmgm.domain import Origin
from tlsmgm.errors import ConfigError

__all__ = ["Token", "TokenKind", "quote", "tokenize"]


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
      (?P<blank>     [ \t\r\n\f\v]+ )
    | (?P<comment>   \#[^\n]* )
    | (?P<block>     /\*(?:[^*]|\*(?!/))*+\*/ )
    | (?P<double>    "(?:[^"\\]|\\.)*+" )
    | (?P<single>    '[^']*+' )
    | (?P<open>      "|'|/\* )
    | (?P<variable>  \$\( )
    | (?P<mark>      [{}(),;=] )
    | (?P<word>      (?:[^\s{}(),;="'#/$]|/(?!\*)|\$(?!\())++ )
    """,
    re.VERBOSE | re.DOTALL,
)

_PARENTHESIS = re.compile(r"[()]")
_OPEN_TEXT = {'"': "string", "'": "string", "/*": "comment"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", '"': '"', "\\": "\\", "\n": ""}


def tokenize(text: str, file: str) -> Iterator[Token]:
    """Yield the tokens of a script.

    Args:
        text: the script.
        file: its path, for messages.

    Returns:
        Tokens in order, comments left out.  A double-quoted string has its escapes resolved (an
        unknown one is left as it is); a single-quoted string is taken as it stands.

    Raises:
        ConfigError: a string or a comment is not closed.
    """
    at, line = 0, 1
    closing: dict[int, int] = {}
    matched_to = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:  # Cannot happen: every character begins some token.
            raise ConfigError(f"unexpected character {text[at]!r}", origin=Origin(file, line))
        kind, written = match.lastgroup, match[0]
        end = match.end()
        if kind == "open":
            reason = f"{_OPEN_TEXT[written]} is not closed"
            raise ConfigError(reason, origin=Origin(file, line))
        if kind == "variable":
            # It ends in its line and may hold quotes and braces; else the "$" stands for itself.
            if at >= matched_to:
                closing, matched_to = _closing_parentheses(text, at)
            end = closing.get(at + 1, at) + 1
            written = text[at:end]
        token = _token(kind, written, line)
        if token is not None:
            yield token
        line += written.count("\n")
        at = end


def _token(kind: str | None, written: str, line: int) -> Token | None:
    if kind == "double":
        return Token(TokenKind.STRING, _unescape(written[1:-1]), line)
    if kind == "single":
        return Token(TokenKind.STRING, written[1:-1], line)
    if kind == "mark":
        return Token(TokenKind.MARK, written, line)
    if kind in ("word", "variable"):
        return Token(TokenKind.WORD, written, line)
    return None


def _unescape(body: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[0]), body)


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
