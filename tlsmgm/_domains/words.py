"""How things are told to people, wherever that is: in errors, logs and what commands print."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Iterable, Sequence

__all__ = ["at_most", "counted", "did_you_mean", "minute", "os_reason", "printable"]


def printable(text: str) -> str:
    """Make text from elsewhere safe for a terminal, and for one line of a log.

    Args:
        text: anything.

    Returns:
        The text with escapes in place of what cannot be printed; line ends stay out, too.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def counted(kind: str, names: Sequence[str]) -> str:
    """Say how many there are, and which.

    Args:
        kind: what they are, such as ``added``.
        names: of any origin.

    Returns:
        Such as ``2 added (a, b)``, or ``0 added``.
    """
    count = f"{len(names)} {kind}"
    return f"{count} ({', '.join(map(printable, names))})" if names else count


def at_most(number: int, names: Sequence[str]) -> str:
    """List names, as many as can be read.

    Args:
        number: of those that are named.
        names: all of them.

    Returns:
        Such as ``a, b and 3 more``.
    """
    more = len(names) - number
    return ", ".join(names[:number]) + (f" and {more} more" if more > 0 else "")


def did_you_mean(
    word: str,
    known: Iterable[str],
    *,
    fold: Callable[[str], str] = str,
    cutoff: float = 0.6,
) -> str | None:
    """Guess what somebody has mistyped.

    Args:
        word: what was written.
        known: what could have been meant.
        fold: brings both into the form in which they are compared.
        cutoff: how much alike they must be, from 0 to 1.

    Returns:
        A hint, or None when nothing known is like it.
    """
    choices = {fold(name): name for name in known}
    close = difflib.get_close_matches(fold(word), choices, n=1, cutoff=cutoff)
    return f"did you mean {choices[close[0]]!r}?" if close else None


def minute(when: datetime.datetime) -> str:
    """Write a time as precisely as people care about certificates.

    Args:
        when: in UTC.
    """
    return f"{when:%Y-%m-%d %H:%M} UTC"


def os_reason(error: Exception) -> str:
    """Say what the system says, without the number.

    Args:
        error: an OSError, or what comes where one might, such as a UnicodeError.

    Returns:
        Its text; never nothing.
    """
    text: str | None = getattr(error, "strerror", None)
    return text or str(error) or type(error).__name__
