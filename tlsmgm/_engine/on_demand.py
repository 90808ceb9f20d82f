"""Domains that are looked for when a client asks for them: what a program says about that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tlsmgm.errors import ConfigError

__all__ = ["ClientHello", "OnDemand", "as_on_demand"]

_MAX_COUNT: Final = 1 << 20
_MAX_SECONDS: Final = 1_000_000.0


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What is known of a client for whom no domain answers.

    Attributes:
        server_name: that it asks for, in lower case; None: it sends none (RFC 6066 section 3).  It
            has letters, digits, ``-``, ``_`` and ``.`` only, and begins and ends with none of the
            last three; whoever asks for anything else is refused without a question.
        local: address and port that it has come in at.
        client: its own; None: it has none.
    """

    server_name: str | None
    local: tuple[str, int]
    client: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class OnDemand:
    """Who finds the domain of a client for whom none of the manager's answers.

    What was found holds for all who ask for this name at this address of ours.

    Args:
        load: is called with a :class:`ClientHello`, in a thread of its own, or, if it is a
            coroutine function, in the event loop that runs where the listener was made, or in one
            of the listener's own.  Returns a server domain, which matches the name itself, or
            ``"reject"`` or None; or awaits one of them.
        ask: is called before it, in the same way, and returns whether ``load`` may be troubled: a
            look at a list of names that are ours, so that strangers cannot make us work.  None:
            every name is looked for.
        max_waiting: names that are looked for at a time, and calls of plain functions that may go
            on; clients who ask for more are refused.
        remembered: names whose domain is remembered, and as many that are refused; those that
            nobody has asked for lately give way.
        seconds: for how long a domain is used, before it is looked for again.
        refused_seconds: for how long a name stays refused.

    Raises:
        ConfigError: one of them makes no sense.
    """

    load: Callable[[ClientHello], Any]
    ask: Callable[[ClientHello], Any] | None = None
    max_waiting: int = 256
    remembered: int = 1024
    seconds: float = 3600.0
    refused_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name, callback in (("load", self.load), ("ask", self.ask)):
            if not callable(callback) and not (name == "ask" and callback is None):
                raise ConfigError(f"cannot be {callback!r}", parameter=name, hint="a function")
        for name in ("max_waiting", "remembered"):
            count = getattr(self, name)
            if not isinstance(count, int) or not 1 <= count <= _MAX_COUNT:
                raise ConfigError(f"cannot be {count!r}", parameter=name, hint="1 or more")
        for name in ("seconds", "refused_seconds"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or not 0 <= value <= _MAX_SECONDS:
                raise ConfigError(f"cannot be {value!r}", parameter=name, hint="seconds, or 0")


def as_on_demand(given: OnDemand | Callable[[ClientHello], Any] | None) -> OnDemand | None:
    """Return what a program has said as one value.

    Args:
        given: a function is ``load``.

    Raises:
        TypeError: it is neither.
    """
    if given is None or isinstance(given, OnDemand):
        return given
    if not callable(given):
        raise TypeError(
            f"on_client_hello must be a function or OnDemand(...), not {type(given).__name__}"
        )
    return OnDemand(given)
