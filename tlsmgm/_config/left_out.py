"""What a configuration says that no other language takes over: routes, other modules, comments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from tlsmgm._config import lexer, toml_lines
from tlsmgm._config.lexer import TokenKind, tokenize
from tlsmgm._config.reader import is_toml
from tlsmgm._config.statements import ASSIGNMENTS, LoadModule, ModParam, Script
from tlsmgm._config.write_opensips import (
    DATABASE_NOTES,
    DEFAULTS_NOTE,
    OURS_NOTE,
    PATHS_NOTE,
    SCRIPT_HEAD,
)
from tlsmgm._config.write_toml import TOML_HEAD
from tlsmgm._domains.words import at_most

__all__ = ["left_out"]

#: Names in one sentence.
_MAX_NAMED: Final = 8

#: Modules that come back by themselves, from sockets and from the library.
_OWN_MODULES: Final = frozenset({"tls_mgm", "tls_openssl", "tls_wolfssl"})

#: Modules whose parameters are taken over.
_READ_MODULES: Final = ("tls_mgm", "proto_tls")

#: Comments that the writers write.
_OWN_COMMENTS: Final = frozenset(
    {TOML_HEAD, SCRIPT_HEAD, PATHS_NOTE, DEFAULTS_NOTE, OURS_NOTE, *DATABASE_NOTES.values()}
)


def _is_read(parameter: ModParam) -> bool:
    """Whether a parameter is of our modules alone; an expression may name others, too."""
    return parameter.module.lower() in _READ_MODULES


def left_out(path: str) -> list[str]:
    """Say what a file has beside the settings that are converted.

    Args:
        path: of a configuration that can be read.

    Returns:
        Sentences for people.

    Raises:
        ConfigError: it cannot be read any more.
    """
    if is_toml(path):
        return _about_comments(toml_lines.comments(_text(path)))
    found = _Script()
    found.read(path)
    return found.sentences()


def _about_comments(found: Iterable[str]) -> list[str]:
    others = [text for text in found if text.rstrip() not in _OWN_COMMENTS]
    return ["comments are left out"] if others else []


def _text(path: str) -> str:
    with open(path, "rb") as file:
        return file.read().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Script:
    """What was found in a script and in what it includes."""

    blocks: list[str] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    included: list[str] = field(default_factory=list)

    def read(self, path: str) -> None:
        files = {path: None}
        for statement in Script().read(path):
            files[statement.origin.file] = None
            if isinstance(statement, LoadModule):
                if statement.name not in _OWN_MODULES and not statement.name.startswith("proto_"):
                    self.modules.append(statement.name)
            elif isinstance(statement, ModParam) and not _is_read(statement):
                self.parameters.append(statement.module)
        self.included = [name for name in files if name != path]
        for name in files:
            self._look_through(_text(name), name)

    def _look_through(self, text: str, path: str) -> None:
        """Count blocks and settings, which stand outside of all blocks."""
        depth = 0
        word = ""
        for token in tokenize(text, path):
            if token.is_mark("{"):
                if not depth:
                    self.blocks.append(word)
                depth += 1
            elif token.is_mark("}"):
                depth -= 1
            elif not depth and token.is_mark("=") and word not in ASSIGNMENTS:
                self.settings.append(word)
            word = token.text if token.kind is TokenKind.WORD else ""
        self.comments += lexer.comments(text, path)

    def sentences(self) -> list[str]:
        found = [
            ("routes and other blocks", self.blocks),
            ("modules", self.modules),
            ("parameters of modules", self.parameters),
            ("settings of the core", self.settings),
        ]
        sentences = [f"{what} are left out: {_listed(names)}" for what, names in found if names]
        if self.included:
            names = _listed(self.included)
            sentences.append(f"what the script includes is written into the one file: {names}")
        return sentences + _about_comments(self.comments)


def _listed(names: list[str]) -> str:
    """The names, each once, and no more of them than can be read."""
    different = [name for name in dict.fromkeys(names) if name]
    return at_most(_MAX_NAMED, different) or str(len(names))
