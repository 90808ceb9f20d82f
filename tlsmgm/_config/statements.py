"""Statements of OpenSIPS scripts that tlsmgm cares for, gathered over all included files.

These stand outside of every block::

    loadmodule "tls_mgm.so"
    modparam("module", "parameter", "text" or number)
    include_file "other.cfg"        import_file "may_be_missing.cfg"
    socket=tls:10.0.0.10:5061       and a few other assignments

Everything else is passed over, whatever it is; what stands in blocks (routes) never counts.

The grammar is that of OpenSIPS' ``cfg.y``: neighbouring strings are one value, a socket may have
several ports, and the module of a ``modparam`` is a regular expression.  Words that show that a
preprocessor has still to be run, and settings of TLS that OpenSIPS 1 had, are refused: passed over,
they would take a part of the configuration with them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tlsmgm._config.lexer import Token, TokenKind, tokenize
from tlsmgm._config.module_names import is_slip, matching_modules
from tlsmgm._domains.domain import Origin
from tlsmgm._domains.parameters import PARAMETERS
from tlsmgm._domains.words import os_reason
from tlsmgm._material.reading import Reader, read_file
from tlsmgm.errors import ConfigError

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

#: Files that may be open above an included one, as in OpenSIPS (``CFG_MAX_INCLUDE_DEPTH``).
MAX_INCLUDE_DEPTH = 20

#: Files that a script may consist of, counted as often as they are included.
MAX_FILES = 1000

#: Core settings that are reported as :class:`Assignment`.
ASSIGNMENTS = frozenset({"socket", "listen", "tls_handshake_timeout", "tls_send_timeout"})

_SOCKETS = frozenset({"socket", "listen"})

#: What may stand behind a socket: flags, and words that have a value.
_SOCKET_FLAG = re.compile(
    r"anycast|frag|reuse_port|accept_subdomain|((allow|send)[-_])?proxy([-_]protocol)?", re.I
)
_SOCKET_WORDS = frozenset({"as", "use_workers", "tos", "tag", "use_auto_scaling_profile"})

#: Settings of OpenSIPS 1, before TLS was a module, with the parameter that has taken their place.
_OLD_SETTINGS = {name: item.names[0] for item in PARAMETERS for name in item.old} | {
    "tls_server_domain": "server_domain",
    "tls_client_domain": "client_domain",
    "tls_client_domain_avp": "client_tls_domain_avp",
    "tls_port_no": "tls_port",
}

#: Macros of m4 that stand at the beginning of scripts; ``dnl`` takes the rest of its line.
_M4_MACROS = frozenset(
    {
        *("define", "undefine", "pushdef", "popdef", "ifdef", "ifelse", "include", "sinclude"),
        *("divert", "undivert", "changequote", "changecom", "syscmd", "esyscmd"),
        *("m4_define", "m4_include", "m4_ifdef", "m4_ifelse", "m4_divert", "m4_changequote"),
    }
)

#: Numbers of ``cfg.lex``: a zero in front makes one octal, and some words are numbers, too.
_NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?:0x(?P<hex>[0-9a-fA-F]{1,15})|0(?P<octal>[0-7]{1,18})"
    r"|(?P<decimal>0|[1-9][0-9]{0,17}))"
)
_NUMBER_WORDS = dict.fromkeys(("yes", "true", "on", "enable"), 1) | dict.fromkeys(
    ("no", "false", "off", "disable"), 0
)

#: Words that count in lower case only, as in ``cfg.lex``.
_KEYWORDS = frozenset({"loadmodule", "modparam", "include_file", "import_file", "socket", "listen"})
_PORTS_AT_END = re.compile(r":[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$")
_JOINTS = (":", "-", ",")
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
        module: the module's name as written, which is a regular expression.
        modules: those that it fits, of :data:`tlsmgm._config.module_names.MODULES`.
        name: the parameter's name.
        value: text or number.
        origin: where it stands.
    """

    module: str
    modules: tuple[str, ...]
    name: str
    value: str | int
    origin: Origin


@dataclass(frozen=True, slots=True)
class Assignment:
    """A core setting.

    Args:
        name: one of :data:`ASSIGNMENTS`.
        value: the first word of the value, without the blanks that it may have; of a socket with
            all its ports.
        origin: where it stands.
        flags: of a socket, in lower case.
    """

    name: str
    value: str
    origin: Origin
    flags: tuple[str, ...] = ()


Statement = LoadModule | ModParam | Assignment


@dataclass(slots=True)
class Script:
    """Reads a script and what it includes.

    Args:
        reader: of the load; None: each file is read for itself.
        warnings: what looked odd, filled while reading.
    """

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
            hint = None
            if included_at is not None:
                hint = "paths start at the folder of the file that includes; see import_file, too"
            raise ConfigError(
                f"cannot read {path!r}: {os_reason(error)}", origin=origin, hint=hint
            ) from error
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
            raise ConfigError(
                f"files include each other {len(self._stack)} deep",
                origin=origin,
                hint=f"OpenSIPS reads them {MAX_INCLUDE_DEPTH} deep",
            )
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
                yield _assignment(token, tokens, origin)
            elif token.text.partition("[")[0] in _OLD_SETTINGS and _is_old_setting(token, tokens):
                raise _old_setting(token.text.partition("[")[0], origin)
            elif token.text not in _KEYWORDS and token.text.lower() in _KEYWORDS:
                _check_case(token.text, tokens.peek(), origin)

    def _modparam(self, tokens: _Lookahead, origin: Origin) -> Iterator[ModParam]:
        arguments = _arguments(tokens)
        modules: tuple[str, ...] = ()
        if arguments[0].kind is TokenKind.STRING:
            try:
                modules = matching_modules(arguments[0].text)
            except ConfigError as error:
                raise error.at(origin=origin) from None
            if not modules and is_slip(arguments[0].text):
                self.warnings.append(
                    f"{origin}: modparam of {arguments[0].text!r} is passed over, for this does "
                    'not name tls_mgm; if it should, write "tls_mgm"'
                )
        read = _read_arguments(arguments)
        if read is not None:
            module, name, value = read
            yield ModParam(module, modules, name, value, origin)
        elif modules:
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
    before, last = _END, _END
    for token in tokens:
        if _is_macro(last, token, bool(opened)) or _is_template(before, last, token):
            raise ConfigError(
                "here a macro or template was not expanded",
                origin=Origin(path, token.line),
                hint="run the preprocessor first (m4, envsubst or what opensips -p names)",
            )
        before, last = last, token
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
        raise ConfigError(
            "block is not closed", origin=Origin(path, opened[0]), hint="its } is missing"
        )


def _is_macro(before: Token, token: Token, inside: bool) -> bool:
    """Whether a token shows that a text is meant for m4.

    An apostrophe behind ``dnl`` would begin a string and hide what follows, so this must be seen
    before the next token is.
    """
    if token.kind is TokenKind.WORD:
        return token.text == "dnl" and token.line != before.line
    return not inside and token.is_mark("(") and before.text in _M4_MACROS


def _is_template(first: Token, second: Token, token: Token) -> bool:
    """Whether a value is a template: ``socket=tls:{{ IP }}``."""
    is_value = first.is_mark("=") or (first.kind is TokenKind.WORD and first.text.endswith(":"))
    return is_value and second.is_mark("{") and token.is_mark("{")


def _arguments(tokens: _Lookahead) -> Sequence[Token]:
    """Take ``( ... )`` and return what is between; neighbouring strings are one.

    A missing end shows as an end among the arguments.
    """
    tokens.take()
    arguments: list[Token] = []
    while tokens.peek() is not _END and len(arguments) < 6:
        token = tokens.take()
        if token.is_mark(")"):
            return arguments or [_END]
        both_strings = arguments and arguments[-1].kind is token.kind is TokenKind.STRING
        if both_strings and len(arguments) == 5:  # in the value only
            last = arguments.pop()
            token = Token(TokenKind.STRING, last.text + token.text, last.line)
        arguments.append(token)
    arguments.append(_END)
    return arguments


def _read_arguments(arguments: Sequence[Token]) -> tuple[str, str, str | int] | None:
    """Module, parameter and value; None if the arguments are not that."""
    if len(arguments) != 5 or not (arguments[1].is_mark(",") and arguments[3].is_mark(",")):
        return None
    module, name = arguments[0], arguments[2]
    value = _value(arguments[4])
    if value is None or not (module.kind is name.kind is TokenKind.STRING):
        return None
    return module.text, name.text, value


def _value(token: Token) -> str | int | None:
    if token.kind is TokenKind.STRING:
        return token.text
    return _number(token.text) if token.kind is TokenKind.WORD else None


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _NUMBER_WORDS.get(text)
    for base, digits in ((16, match["hex"]), (8, match["octal"]), (10, match["decimal"])):
        if digits is not None:
            return int(match["sign"] + digits, base)
    return None


def _check_case(word: str, following: Token, origin: Origin) -> None:
    """Refuse what is a statement but for its case; OpenSIPS does not start with it either."""
    if following.kind is TokenKind.STRING or following.is_mark("(") or following.is_mark("="):
        raise ConfigError(
            f"{word!r} is no word of a script", origin=origin, hint=f"write {word.lower()!r}"
        )


def _module_name(written: str) -> str:
    return os.path.basename(written.strip()).removesuffix(".so")


def _is_old_setting(token: Token, tokens: _Lookahead) -> bool:
    return tokens.peek().is_mark("=") or "[" in token.text or tokens.peek().text.startswith("[")


def _old_setting(name: str, origin: Origin) -> ConfigError:
    module = "proto_tls" if name == "tls_port_no" else "tls_mgm"
    return ConfigError(
        f"{name!r} is a setting of OpenSIPS 1, which nobody reads any more",
        origin=origin,
        hint=f'write modparam("{module}", "{_OLD_SETTINGS[name]}", ...)',
    )


def _assignment(name: Token, tokens: _Lookahead, origin: Origin) -> Assignment:
    """Take ``= value``."""
    tokens.take()
    first = tokens.peek()
    is_word = first.kind is not TokenKind.MARK
    if not is_word or first.text in ASSIGNMENTS or first.text in ("loadmodule", "modparam"):
        raise ConfigError(f"{name.text} has no value", origin=origin)
    if name.text not in _SOCKETS:
        return Assignment(name.text, tokens.take().text, origin)
    value = _socket(tokens)
    flags: list[str] = []
    while (word := tokens.peek()).kind is TokenKind.WORD:
        if word.text.lower() in _SOCKET_WORDS:
            tokens.take()
            _socket(tokens)
        elif _SOCKET_FLAG.fullmatch(word.text):
            flags.append(tokens.take().text.lower())
        else:
            break
    return Assignment(name.text, value, origin, tuple(flags))


def _socket(tokens: _Lookahead) -> str:
    """Take a socket: there may be blanks around its colons and dashes, and commas in its ports."""
    parts: list[str] = []
    while (token := tokens.peek()) is not _END:
        if token.kind is TokenKind.MARK:
            if not (token.text == "," and _PORTS_AT_END.search("".join(parts))):
                break
        elif parts and not (parts[-1][-1:] in _JOINTS or token.text[:1] in _JOINTS):
            break
        parts.append(tokens.take().text)
    return "".join(parts)
