"""Which context answers a ClientHello: ``sni_callback``, and what it takes for ALPN."""

from __future__ import annotations

import sys
import traceback
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

from tlsmgm._adapters.engine import Engine
from tlsmgm._core.context import Context
from tlsmgm.errors import HandshakeError

__all__ = ["Chooser"]

_HANDSHAKE_FAILURE: Final = 40

#: The greatest number that an alert may have: it is a byte.
_MOST_ALERT: Final = 255
_INTERNAL_ERROR: Final = 80

#: Called with the connection's object, the server name or None, and the context it began in.
Callback = Callable[[Any, str | None, Any], int | None]


class Chooser:
    """Asked once for a connection, when its ClientHello is whole.

    Args:
        end: refers to the connection.
        callback: ``sni_callback``, or None.
    """

    __slots__ = ("_callback", "_end")

    def __init__(self, end: weakref.ref[Engine], callback: Callback | None) -> None:
        self._end = end
        self._callback = callback

    def __call__(self, name: bytes | None, offered: bytes | None) -> Context:
        """Return the library's context.

        Args:
            name: what the client sent in SNI, or None.
            offered: protocols in wire form, or None.

        Raises:
            HandshakeError: the callback says so, or fails; the client is sent its alert.
        """
        end = self._end()
        if end is None:
            raise HandshakeError("the connection is gone", alert=_INTERNAL_ERROR)
        if self._callback is not None:
            self._ask(end, self._callback, name)
        context = end.context
        with_alpn = _agree(context._alpn, offered)
        return context._native(is_server=True, with_alpn=with_alpn)

    def _ask(self, end: Engine, callback: Callback, name: bytes | None) -> None:
        try:
            shown = None if name is None else name.decode("ascii")
            answer = callback(end.owner, shown, end.context)
        except Exception as error:
            _tell(error, callback)
            raise HandshakeError("callback failed", alert=_HANDSHAKE_FAILURE) from None
        if answer is None:
            return
        try:
            alert = _alert_of(answer)
        except (TypeError, OverflowError) as error:
            _tell(error, callback)
            alert = _INTERNAL_ERROR
        raise HandshakeError("callback failed", alert=alert)


def _alert_of(answer: object) -> int:
    if not isinstance(answer, int):
        raise TypeError(f"an integer is required (got type {type(answer).__name__})")
    if not 0 <= answer <= _MOST_ALERT:
        raise OverflowError(f"{answer} is no alert of TLS (RFC 8446 section 6)")
    return int(answer)


def _tell(error: Exception, callback: object) -> None:
    """As CPython does where nobody can catch it."""
    if sys.unraisablehook is sys.__unraisablehook__:
        traceback.print_exception(error)
        return
    told: Any = types.SimpleNamespace(
        exc_type=type(error),
        exc_value=error,
        exc_traceback=error.__traceback__,
        err_msg=None,
        object=callback,
    )
    sys.unraisablehook(told)


def _agree(ours: bytes | None, offered: bytes | None) -> bool:
    """Whether ALPN is to be answered; ``ssl`` goes on without it where nothing is in common."""
    if ours is None or offered is None:
        return True
    return not set(_names(ours)).isdisjoint(_names(offered))


def _names(wire: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(wire):
        yield wire[at + 1 : at + 1 + wire[at]]
        at += 1 + wire[at]
