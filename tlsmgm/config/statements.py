"""Statements of OpenSIPS scripts that tlsmgm cares for, gathered over all included files.

These stand outside of every block::

    loadmodule "tls_mgm.so"
    modparam("module", "parameter", "text" or number)
    include_file "other.cfg"        import_file "may_be_missing.cfg"
    socket=tls:10.0.0.10:5061       and a few other assignments

Everything else is passed over, whatever it is; what stands in blocks (routes) never counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tlsmgm.config.lexer import Token, TokenKind, tokenize
from tlsmgm.domain import Origin
from tlsmgm.errors import ConfigError
from tlsmgm.reading import Reader, read_file

__all__ = [
    "ASSIGNMENTS",
    "MAX_FILES",
    "MAX_FILE_SIZE",
    "MAX_INCLUDE_DEPTH",
    "Assignment",
    "LoadModule",
    "ModParam",
    "Script",
    "Statement",
]

#: Bytes that one file of a script may have.
MAX_FILE_SIZE = 256 * 1024 * 1024

#: Files that may be open above an included one.
MAX_INCLUDE_DEPTH = 10

#: Files that a script may consist of, counted as often as they are included.
MAX_FILES = 1000

#: Core settings that are reported as :class:`Assignment`.
ASSIGNMENTS = frozenset({"socket", "listen", "tls_handshake_timeout", "tls_send_timeout"})

_NUMBER = re.compile(r"[+-]?\d{1,18}")
_END = Token(TokenKind.MARK, "", 0)


@dataclass(frozen=True, slots=True)
class LoadModule:
    """``loadmodule``.

    Args:
        name: the module without folder and ``.so``.
        origin: where it stands.
    """

    name: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ModParam:
    """``modparam``.

    Args:
        module: the module's name as written.
        name: the parameter's name.
        value: text or number.
        origin: where it stands.
    """

    module: str
    name: str
    value: str | int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Assignment:
    """A core setting.

    Args:
        name: one of :data:`ASSIGNMENTS`.
        value: the first word of the value.
        origin: where it stands.
    """

    name: str
    value: str
    origin: Origin


Statement = LoadModule | ModParam | Assignment


@dataclass(slots=True)
class Script:
    """Reads a script and what it includes.

    Args:
        strict_module: module whose ``modparam`` must be well formed; others are passed over.
        reader: of the load; None: each file is read for itself.
        warnings: what looked odd, filled while reading.
    """

    strict_module: str
    reader: Reader | None = None
    warnings: list[str] = field(default_factory=list)
    _stack: list[str] = field(default_factory=list)
    _files: int = 0

    def read(self, path: str, *, included_at: Origin | None = None) -> Iterator[Statement]:
        """Yield the statements of a file.

        Args:
            path: the file; a file system that does not answer is not waited for.
            included_at: where it is included, or None for the script itself.

        Returns:
            Its statements and, where they are included, those of other files.

        Raises:
            ConfigError: a file cannot be read, breaks a limit, includes itself, or is malformed.
        """
        origin = included_at or Origin(path)
        try:
            data = read_file(path, MAX_FILE_SIZE, self.reader)
        except ConfigError as error:
            raise error.at(origin=origin) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"cannot read {path!r}: {reason}", origin=origin) from error
        if len(data) > MAX_FILE_SIZE:
            raise ConfigError(f"{path!r} is larger than {MAX_FILE_SIZE} bytes", origin=origin)
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        yield from self.parse(text, path, included_at=origin)

    def parse(
        self, text: str, path: str, *, included_at: Origin | None = None
    ) -> Iterator[Statement]:
        """Yield the statements of a text.

        Args:
            text: the script.
            path: the file that it counts as; included files are sought beside it.
            included_at: where it is included, or None.

        Returns:
            Like :meth:`read`.

        Raises:
            ConfigError: like :meth:`read`.
        """
        origin = included_at or Origin(path)
        real = os.path.realpath(path.replace("\0", ""))
        if real in self._stack:
            raise ConfigError(f"{path!r} includes itself", origin=origin)
        if len(self._stack) > MAX_INCLUDE_DEPTH:
            raise ConfigError(f"files include each other {len(self._stack)} deep", origin=origin)
        self._files += 1
        if self._files > MAX_FILES:
            raise ConfigError(f"more than {MAX_FILES} files are included", origin=origin)
        self._stack.append(real)
        yield from self._statements(_top_level(tokenize(text, path), path, self.warnings), path)
        self._stack.pop()

    def _statements(self, stream: Iterator[Token], path: str) -> Iterator[Statement]:
        tokens = _Lookahead(stream)
        while (token := tokens.take()) is not _END:
            if token.kind is not TokenKind.WORD:
                continue
            origin = Origin(path, token.line)
            if token.text == "loadmodule" and tokens.peek().kind is TokenKind.STRING:
                yield LoadModule(_module_name(tokens.take().text), origin)
            elif token.text == "modparam" and tokens.peek().is_mark("("):
                yield from self._modparam(tokens, origin)
            elif token.text in ("include_file", "import_file"):
                yield from self._include(token.text, tokens, origin)
            elif token.text in ASSIGNMENTS and tokens.peek().is_mark("="):
                yield from _assignment(token, tokens, origin)

    def _modparam(self, tokens: _Lookahead, origin: Origin) -> Iterator[ModParam]:
        arguments = _arguments(tokens)
        values = [token for token in arguments if token.kind is not TokenKind.MARK]
        commas = [token for token in arguments if token.is_mark(",")]
        texts = [token for token in values[:2] if token.kind is TokenKind.STRING]
        value = _value(values[2]) if len(values) == 3 else None
        if len(texts) == 2 and value is not None and len(arguments) == 5 and len(commas) == 2:
            yield ModParam(texts[0].text, texts[1].text, value, origin)
        elif values and values[0].text == self.strict_module:
            raise ConfigError(
                "malformed modparam",
                origin=origin,
                hint='write modparam("module", "parameter", "value")',
            )

    def _include(self, word: str, tokens: _Lookahead, origin: Origin) -> Iterator[Statement]:
        if tokens.peek().kind is not TokenKind.STRING:
            raise ConfigError(f"{word} without a file name in quotes", origin=origin)
        path = os.path.join(os.path.dirname(origin.file), tokens.take().text)
        if word == "import_file" and not os.path.lexists(path.replace("\0", "")):
            return
        yield from self.read(path, included_at=origin)


class _Lookahead:
    """Tokens one by one, with a look at the next."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._next = next(tokens, _END)

    def peek(self) -> Token:
        return self._next

    def take(self) -> Token:
        token, self._next = self._next, next(self._tokens, _END)
        return token


def _top_level(tokens: Iterator[Token], path: str, warnings: list[str]) -> Iterator[Token]:
    """Leave out all blocks.  One that is never closed would swallow settings: that is refused."""
    opened: list[int] = []
    for token in tokens:
        if token.is_mark("{"):
            opened.append(token.line)
        elif token.is_mark("}"):
            if opened:
                opened.pop()
            else:
                warnings.append(f"{Origin(path, token.line)}: '}}' closes nothing")
        elif not opened:
            yield token
    if opened:
        raise ConfigError("block is not closed", origin=Origin(path, opened[0]))


def _arguments(tokens: _Lookahead) -> Sequence[Token]:
    """Take ``( ... )`` and return what is between; a missing end shows as a wrong count."""
    tokens.take()
    arguments: list[Token] = []
    while tokens.peek() is not _END and len(arguments) < 6:
        token = tokens.take()
        if token.is_mark(")"):
            return arguments
        arguments.append(token)
    arguments.append(_END)
    return arguments


def _value(token: Token) -> str | int | None:
    if token.kind is TokenKind.STRING:
        return token.text
    if token.kind is TokenKind.WORD and _NUMBER.fullmatch(token.text):
        return int(token.text)
    return None


def _module_name(written: str) -> str:
    return os.path.basename(written.strip()).removesuffix(".so")


def _assignment(name: Token, tokens: _Lookahead, origin: Origin) -> Iterator[Assignment]:
    """Take ``= value``; a value may have blanks around its colons, but ends in its line."""
    line = tokens.take().line
    parts: list[str] = []
    while tokens.peek().line == line and tokens.peek().kind is not TokenKind.MARK:
        following = tokens.peek().text
        if parts and not (parts[-1].endswith(":") or following.startswith(":")):
            break
        parts.append(tokens.take().text)
    if parts:
        yield Assignment(name.text, "".join(parts), origin)
