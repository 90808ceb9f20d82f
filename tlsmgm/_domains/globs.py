"""Shell patterns as values: their parts, their rank, and whether one covers another.

This is for reasoning about filters when they are loaded.  Looking names up is done elsewhere, by
the index in C.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["STAR", "Token", "covers", "ending", "is_plain", "literals", "tokens"]

#: What one position of a pattern takes: a set of bytes, folded to lower case; or STAR.
Token = frozenset[int]

#: ``*``: any number of any bytes.
STAR: Token = frozenset({-1})

_ANY_BYTE = frozenset(bytes(range(256)).lower())
_MAX_STATES = 4096


def tokens(pattern: bytes) -> list[tuple[Token, bool]]:
    """Take a pattern apart.

    Args:
        pattern: a name filter in bytes.

    Returns:
        Its positions in order: what each takes, and whether it counts as literal.
    """
    found: list[tuple[Token, bool]] = []
    at = 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        end = _bracket_end(pattern, at) if char == b"[" else None
        if char == b"*":
            found.append((STAR, False))
        elif char == b"?":
            found.append((_ANY_BYTE, False))
        elif end is not None:
            found.append((_bracket(pattern[at + 1 : end]), False))
            at = end
        else:
            at += char == b"\\" and at + 1 < len(pattern)
            found.append((frozenset(pattern[at : at + 1].lower()), True))
        at += 1
    return found


def _bracket_end(pattern: bytes, start: int) -> int | None:
    """Index of the bracket that closes the one at start; a bracket that comes first is a member."""
    at = start + 1
    at += pattern[at : at + 1] in (b"!", b"^")
    first = at
    while at < len(pattern):
        if pattern[at : at + 1] == b"]" and at > first:
            return at
        at += 2 if pattern[at : at + 1] == b"\\" else 1
    return None


def _bracket(body: bytes) -> Token:
    negated = body[:1] in (b"!", b"^")
    members = _members(body[1:] if negated else body)
    taken: set[int] = set()
    at = 0
    while at < len(members):
        low, _ = members[at]
        is_range = at + 2 < len(members) and members[at + 1] == (ord("-"), False)
        high = members[at + 2][0] if is_range else low
        taken.update(range(low, high + 1))
        at += 3 if is_range else 1
    return _ANY_BYTE - taken if negated else _ANY_BYTE & taken


def _members(body: bytes) -> list[tuple[int, bool]]:
    """Bytes of a bracket expression in lower case, each with whether a backslash stood before."""
    members: list[tuple[int, bool]] = []
    at = 0
    while at < len(body):
        escaped = body[at : at + 1] == b"\\" and at + 1 < len(body)
        at += escaped
        members.append((body[at : at + 1].lower()[0], escaped))
        at += 1
    return members


def is_plain(pattern: bytes) -> bool:
    """Tell whether a filter is a plain name.

    Args:
        pattern: a name filter in bytes.

    Returns:
        True if it has no ``*``, ``?``, closed bracket expression or backslash: it fits itself.
    """
    found = tokens(pattern)
    return len(found) == len(pattern) and all(literal for _, literal in found)


def literals(pattern: bytes) -> int:
    """Count the literal characters of a pattern: its rank among patterns.

    Args:
        pattern: a name filter in bytes.

    Returns:
        Characters other than ``*``, ``?`` and bracket expressions.
    """
    return sum(literal for _, literal in tokens(pattern))


def ending(pattern: bytes) -> bytes:
    """Return the literal text behind the last wildcard, in lower case.

    Args:
        pattern: a name filter in bytes.

    Returns:
        The text that every fitting name ends in.
    """
    text = bytearray()
    for taken, literal in reversed(tokens(pattern)):
        if not literal:
            break
        text.extend(taken)
    return bytes(reversed(text))


def covers(wide: bytes, narrow: bytes) -> bool:
    """Tell whether a pattern fits every name that another one fits.

    Args:
        wide: the pattern that may cover.
        narrow: the pattern that may be covered.

    Returns:
        True if it does; False if it does not, or if finding out would take too long.
    """
    wide_tokens = [taken for taken, _ in tokens(wide)]
    narrow_tokens = [taken for taken, _ in tokens(narrow)]
    # Walk through both at once: from each position of `narrow`, the set of positions where `wide`
    # can be.  A name of `narrow` that leaves `wide` nowhere shows that it is not covered.
    start = (0, _closure(wide_tokens, {0}))
    seen = {start}
    todo = [start]
    while todo and len(seen) < _MAX_STATES:
        at, states = todo.pop()
        if at == len(narrow_tokens):
            if len(wide_tokens) not in states:
                return False
            continue
        for following in _steps(at, states, narrow_tokens, wide_tokens):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return not todo


def _closure(pattern: Sequence[Token], states: set[int]) -> frozenset[int]:
    reached = set(states)
    for state in sorted(states):
        at = state
        while at < len(pattern) and pattern[at] is STAR:
            at += 1
            reached.add(at)
    return frozenset(reached)


def _steps(
    at: int, states: frozenset[int], narrow: Sequence[Token], wide: Sequence[Token]
) -> set[tuple[int, frozenset[int]]]:
    taken = narrow[at]
    if taken is STAR:
        stay = {(at, _after(byte, states, wide)) for byte in _representatives(_ANY_BYTE, wide)}
        return stay | {(at + 1, states)}
    return {(at + 1, _after(byte, states, wide)) for byte in _representatives(taken, wide)}


def _representatives(taken: Token, wide: Sequence[Token]) -> set[int]:
    """Bytes of a set, one for each way in which the positions of `wide` can tell them apart."""
    classes = {tuple(byte in token for token in wide if token is not STAR): byte for byte in taken}
    return set(classes.values())


def _after(byte: int, states: frozenset[int], wide: Sequence[Token]) -> frozenset[int]:
    following: set[int] = set()
    for state in states:
        if state < len(wide):
            if wide[state] is STAR:
                following.add(state)
            elif byte in wide[state]:
                following.add(state + 1)
    return _closure(wide, following)
