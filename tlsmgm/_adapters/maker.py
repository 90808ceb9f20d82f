"""What the ends of connections ask of their context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tlsmgm._adapters.values import PlainValues
from tlsmgm._core.certificate import Certificate
from tlsmgm._core.context import Context
from tlsmgm._native.connection import Connection

__all__ = ["Maker"]


class Maker(PlainValues):
    """A context as its connections see it."""

    _state: object = None  # another one after each change
    #: The state in which every connection of a server is of this class and context, and needs
    #: nothing more.
    _quick: tuple[object, type[Connection], Context] | None = None
    _wrong_side: bool | None = None  # whether servers (True) or clients (False) are refused
    _alpn: bytes | None  # protocols in wire form
    _statistics: dict[str, int]  # what ``session_stats()`` shows

    def _check_side(self, is_server: bool) -> None:
        """Refuse what the protocol is not for."""
        raise NotImplementedError

    def _connect(self, end: Any) -> Connection:
        """Make the connection of one end."""
        raise NotImplementedError

    def _native(self, is_server: bool, *, with_alpn: bool = True) -> Context:
        """The library's context with the present values."""
        raise NotImplementedError

    def _anchors(self) -> Sequence[Certificate]:
        """Whom connections trust."""
        raise NotImplementedError

    def _note_peer(self, connection: Connection) -> None:
        """Take note of a peer that was verified."""
        raise NotImplementedError
