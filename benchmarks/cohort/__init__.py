"""The servers that are compared: one small file for each way of doing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Entrant", "Server"]


class Server(Protocol):
    """The server's end of one connection, in memory."""

    def step(self, data: bytes) -> tuple[bool, bytes]:
        """Go on with the handshake.

        Args:
            data: what the client sent.

        Returns:
            Whether the handshake is complete, and what to send to the client.
        """


@dataclass(frozen=True)
class Entrant:
    """A way of serving TLS.

    Attributes:
        name: for the table.
        library: name and version of the TLS library.
        accept: starts a connection; it is timed as part of the handshake.
    """

    name: str
    library: str
    accept: Callable[[], Server]
