"""The matching rules once more, as plainly as they can be said; slow, and right.

The index in C is compared with this.  Entries are those of ``match_entries`` of
``tlsmgm._domains.matching``.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Sequence

Entry = tuple[bytes | None, int, bytes | None, int]


def find(entries: Sequence[Entry], ip: bytes, port: int, name: bytes | None) -> int | None:
    """Return the number of the domain that answers.

    Args:
        entries: later ones win between equals.
        ip: 16 bytes.
        port: 1 to 65535.
        name: None if no server name was sent.

    Returns:
        The number in the winning entry, or None.
    """
    exact = [entry for entry in entries if (entry[0], entry[1]) == (ip, port)]
    group = exact or [entry for entry in entries if entry[0] is None]
    best: tuple[tuple[int, int, int], int] | None = None
    for order, (_, _, pattern, number) in enumerate(group):
        rank = _rank(pattern, name)
        if rank is not None and (best is None or (*rank, order) > best[0]):
            best = ((*rank, order), number)
    return best[1] if best else None


def _rank(pattern: bytes | None, name: bytes | None) -> tuple[int, int] | None:
    """How well a filter fits, higher is better; None if it does not."""
    if pattern == b"*":
        return (0, 0)
    if pattern is None:
        return (2, 0) if name is None or _is_ip(name) else None
    if name is None:
        return None
    expression, literals = compile_pattern(pattern)
    if literals == len(pattern):
        return (3, 0) if pattern.lower() == name.lower() else None
    return (1, literals) if expression.fullmatch(name) else None


def _is_ip(name: bytes) -> bool:
    try:
        ipaddress.ip_address(name.decode("ascii"))
    except ValueError:
        return False
    return True


@functools.cache
def compile_pattern(pattern: bytes) -> tuple[re.Pattern[bytes], int]:
    """Turn a shell pattern into an expression, and count its literal characters.

    Args:
        pattern: the filter.

    Returns:
        The expression, and the number of characters that stand for themselves.
    """
    out, literals, at = b"", 0, 0
    while at < len(pattern):
        char = pattern[at : at + 1]
        bracket = _BRACKET.match(pattern, at)
        escaped = _ESCAPED.match(pattern, at)
        if char == b"*":
            out += b".*"
        elif char == b"?":
            out += b"."
        elif bracket:
            out += _set(bracket["body"], negated=bool(bracket["not"]))
        else:
            out += re.escape(escaped[1] if escaped else char)
            literals += 1
        at = bracket.end() if bracket else escaped.end() if escaped else at + 1
    return re.compile(out, re.DOTALL | re.IGNORECASE), literals


_BRACKET = re.compile(rb"\[(?P<not>[!^]?+)(?P<body>(?:\\.|[^\\])(?:\\.|[^\\\]])*)\]", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MEMBER = re.compile(rb"(?P<low>\\.|[^\\])(?:-(?P<high>\\.|[^\\]))?", re.DOTALL)


def _set(body: bytes, *, negated: bool) -> bytes:
    taken: set[int] = set()
    for member in _MEMBER.finditer(body.lower()):
        low = member["low"][-1]
        high = member["high"][-1] if member["high"] else low
        taken.update(range(low, high + 1))
    # Names are compared in lower case, so an upper-case letter is in a set if its lower case is.
    chosen = [byte for byte in range(256) if (bytes([byte]).lower()[0] in taken) is not negated]
    if not chosen:
        return rb"(?!)"
    return b"[" + b"".join(b"\\x%02x" % byte for byte in chosen) + b"]"
