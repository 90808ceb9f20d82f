"""The first argument of ``modparam``: a regular expression over the names of modules.

OpenSIPS compiles ``^(TEXT)$`` with ``REG_EXTENDED | REG_ICASE`` (its ``modparam.c``) and sets the
parameter in each loaded module that fits, so ``"usrloc|tls_mgm"`` is an ordinary way to write
``db_url`` once.  The language is POSIX's, not Python's; and time must be bounded, whatever the text
is, so expressions are matched here by sets of positions, without backtracking.

See POSIX.1-2017, XBD 9.4.
"""

from __future__ import annotations

import difflib
import functools
import string
from collections.abc import Callable
from typing import Final

from tlsmgm.errors import ConfigError

__all__ = ["MODULES", "is_slip", "matching_modules"]

#: How much a text must have of a module's name to be taken for a slip.
_ALIKE: Final = 0.82

#: Modules whose parameters are read.
MODULES: Final = ("tls_mgm", "proto_tls", "proto_wss", "proto_bins")

#: Characters that an expression may have, and groups that it may have in each other.
_MAX_LENGTH: Final = 500
_MAX_DEPTH: Final = 50

#: The largest number in braces (RE_DUP_MAX).
_MAX_REPEAT: Final = 255

#: From a position of the text to those where a match may end.
_Matcher = Callable[[int], frozenset[int]]

_CLASSES: Final[dict[str, Callable[[str], bool]]] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": lambda character: character in " \t",
    "cntrl": lambda character: not character.isprintable(),
    "digit": str.isdigit,
    "graph": lambda character: character.isprintable() and character != " ",
    "lower": str.isalpha,  # Without regard to case the two are one.
    "print": str.isprintable,
    "punct": lambda character: character in string.punctuation,
    "space": str.isspace,
    "upper": str.isalpha,
    "xdigit": lambda character: character in string.hexdigits,
}
_ESCAPED_CLASSES: Final[dict[str, Callable[[str], bool]]] = {
    "w": lambda character: character.isalnum() or character == "_",
    "W": lambda character: not (character.isalnum() or character == "_"),
    "s": str.isspace,
    "S": lambda character: not character.isspace(),
}


@functools.lru_cache(maxsize=1024)  # A script has few texts, and each of them often.
def matching_modules(text: str) -> tuple[str, ...]:
    """Say which modules an expression names.

    Args:
        text: the first argument of ``modparam``.

    Returns:
        Those of :data:`MODULES` that it fits, in that order; most expressions are of other modules.

    Raises:
        ConfigError: it is no expression, and OpenSIPS would not start with it; only ``reason`` is
            filled.
    """
    if text.replace("_", "").isalnum() and text.isascii():
        return (text.lower(),) if text.lower() in MODULES else ()
    if len(text) > _MAX_LENGTH:
        raise ConfigError(f"the module's name is an expression of {len(text)} characters")
    return tuple(name for name in MODULES if _fits(f"^({text})$", name))


def is_slip(text: str) -> bool:
    """Say whether a module's name fits none of ours, but looks as if it should.

    Args:
        text: the first argument of ``modparam``; :func:`matching_modules` has found nothing.

    Returns:
        True if a part of it is ``tls_mgm`` but for a slip, such as ``"tls_mgm.so"``.
    """
    return any(
        "tls_mgm" in part or difflib.SequenceMatcher(None, "tls_mgm", part).ratio() >= _ALIKE
        for part in text.lower().split("|")
    )


def _fits(expression: str, name: str) -> bool:
    """Whether the expression is found somewhere in the name, as regexec() would find it."""
    match = _Parser(expression, name).matcher()
    return any(match(start) for start in range(len(name) + 1))


class _Parser:
    """Turns an expression into a matcher of one text."""

    def __init__(self, expression: str, text: str) -> None:
        self._rest = expression
        self._at = 0
        self._depth = 0
        self._text = text.lower()

    def matcher(self) -> _Matcher:
        return self._alternatives()

    def _peek(self) -> str:
        return self._rest[self._at] if self._at < len(self._rest) else ""

    def _take(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _alternatives(self) -> _Matcher:
        branches = [self._branch()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._branch())
        return _either(branches)

    def _branch(self) -> _Matcher:
        parts: list[_Matcher] = []
        ends = ("", "|", ")") if self._depth else ("", "|")  # A ")" too many stands for itself.
        while self._peek() not in ends:
            parts.append(self._repeated(self._atom()))
        return _sequence(parts)

    def _atom(self) -> _Matcher:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return self._brackets()
        if character == ".":
            return self._single(lambda _: True)
        if character == "^":
            return lambda at: frozenset({at}) if at == 0 else frozenset()
        if character == "$":
            return lambda at: frozenset({at}) if at == len(self._text) else frozenset()
        if character in "*+?{":
            raise _bad(f"{character!r} repeats nothing")
        if character == "\\":
            return self._escape()
        return self._literal(character)

    def _group(self) -> _Matcher:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _bad(f"more than {_MAX_DEPTH} groups in each other")
        inner = self._alternatives()
        if self._take() != ")":
            raise _bad("'(' is not closed")
        self._depth -= 1
        return inner

    def _escape(self) -> _Matcher:
        character = self._take()
        if not character:
            raise _bad("it ends in a backslash")
        if character in _ESCAPED_CLASSES:
            return self._single(_ESCAPED_CLASSES[character])
        if character.isalnum() or character in "<>`'":
            raise _bad(f"'\\{character}' is not understood")
        return self._literal(character)

    def _literal(self, character: str) -> _Matcher:
        wanted = character.lower()
        return self._single(lambda found: found == wanted)

    def _single(self, fits: Callable[[str], bool]) -> _Matcher:
        text = self._text
        return lambda at: frozenset({at + 1}) if at < len(text) and fits(text[at]) else frozenset()

    def _repeated(self, atom: _Matcher) -> _Matcher:
        marks = 0
        while (mark := self._peek()) and mark in "*+?{":
            self._at += 1
            marks += 1
            if marks > _MAX_DEPTH:
                raise _bad(f"more than {_MAX_DEPTH} repetitions of one another")
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(mark) or self._braces()
            atom = _repeat(atom, low, high)
        return atom

    def _braces(self) -> tuple[int, int | None]:
        end = self._rest.find("}", self._at)
        low, comma, high = self._rest[self._at : max(end, self._at)].partition(",")
        numbers = [number for number in (low or "0", high or low or "0")]
        if (
            end < 0
            or not low + comma + high
            or not all(n.isascii() and n.isdigit() for n in numbers)
        ):
            raise _bad("what stands in braces is no number of times")
        self._at = end + 1
        least, most = (int(number[:4]) for number in numbers)
        if least > _MAX_REPEAT or most > _MAX_REPEAT or (high and least > most):
            raise _bad("what stands in braces is no number of times")
        return least, None if comma and not high else most

    def _brackets(self) -> _Matcher:
        negated = self._peek() == "^"
        self._at += negated
        tests: list[Callable[[str], bool]] = []
        while not tests or self._peek() != "]":
            tests.append(self._bracket_item())
        self._at += 1

        def fits(character: str) -> bool:
            both = {character, character.upper()}
            return any(test(one) for test in tests for one in both) != negated

        return self._single(fits)

    def _bracket_item(self) -> Callable[[str], bool]:
        if self._rest.startswith("[:", self._at):
            name = self._named(":")
            if name not in _CLASSES:
                raise _bad(f"there is no class {name!r}")
            return _CLASSES[name]
        low = self._bracket_end()
        if self._peek() != "-" or self._rest.startswith("-]", self._at):
            return lambda character: character == low
        self._at += 1
        high = self._bracket_end()
        if low > high:
            raise _bad(f"the range {low}-{high} is empty")
        return lambda character: low <= character <= high

    def _bracket_end(self) -> str:
        for mark in ".=":
            if self._rest.startswith("[" + mark, self._at):
                name = self._named(mark)
                if len(name) != 1:
                    raise _bad(f"there is no character {name!r}")
                return name
        character = self._take()
        if not character:
            raise _bad("'[' is not closed")
        return character

    def _named(self, mark: str) -> str:
        end = self._rest.find(mark + "]", self._at + 2)
        if end < 0:
            raise _bad("'[' is not closed")
        name = self._rest[self._at + 2 : end]
        self._at = end + 2
        return name


def _sequence(parts: list[_Matcher]) -> _Matcher:
    def match(at: int) -> frozenset[int]:
        reached = frozenset({at})
        for part in parts:
            reached = _step(part, reached)
        return reached

    return _kept(match)


def _either(branches: list[_Matcher]) -> _Matcher:
    return _kept(lambda at: frozenset().union(*(branch(at) for branch in branches)))


def _repeat(atom: _Matcher, low: int, high: int | None) -> _Matcher:
    """From ``low`` to ``high`` times.

    Positions only grow, so after as many steps as the text has characters further ones change
    nothing: that is when to stop, and it bounds the time whatever the numbers are.
    """

    def match(at: int) -> frozenset[int]:
        reached = frozenset({at})
        for _ in range(low):
            following = _step(atom, reached)
            if following == reached:
                break
            reached = following
        found = reached
        for _ in range(_MAX_REPEAT if high is None else high - low):
            reached = _step(atom, reached)
            if reached <= found:
                break
            found |= reached
        return found

    return _kept(match)


def _step(matcher: _Matcher, positions: frozenset[int]) -> frozenset[int]:
    return frozenset(end for start in positions for end in matcher(start))


def _kept(match: _Matcher) -> _Matcher:
    """Each position is looked at once, which keeps nested repetitions from multiplying."""
    return functools.cache(match)


def _bad(reason: str) -> ConfigError:
    return ConfigError(f"the module's name is no regular expression: {reason}")
