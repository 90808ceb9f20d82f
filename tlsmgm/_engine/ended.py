"""What remains of a connection, for logs and statistics."""

from __future__ import annotations

import datetime
import os

from tlsmgm._core.record import Record, note_of, trouble_of
from tlsmgm._domains.domain import Domain
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError, TruncatedError

__all__ = ["Ended", "reason_of"]

#: In place of what a TLS library says of it, once the client was in.
_UNANNOUNCED = "closed without close_notify"

#: Then the failure is one of the header, and not of TLS.
_BAD_HEADER = "bad-proxy-header"


class Ended(Record):
    """A connection of a :class:`~tlsmgm.Listener` that is over."""

    __slots__ = ()

    @property
    def accepted(self) -> datetime.datetime:
        """When it was accepted (UTC)."""
        return datetime.datetime.fromtimestamp(self.timestamp, datetime.UTC)

    @property
    def domain(self) -> Domain | None:
        """The server domain that has answered, or None."""
        found: Domain | None = super().domain
        return found

    @property
    def connection(self) -> Connection | None:
        """The TLS connection with the client, to be looked at; None: there was none."""
        found: Connection | None = super().connection
        return found

    @property
    def upstream_connection(self) -> Connection | None:
        """The same with the upstream."""
        found: Connection | None = super().upstream_connection
        return found

    @property
    def failure(self) -> TLSError | None:
        """What TLS has failed with, or None."""
        return None if self.status == _BAD_HEADER else trouble_of(self)

    @property
    def reason(self) -> str | None:
        """What went wrong, in words, or None."""
        return reason_of(
            trouble_of(self), self.error, note_of(self), is_established=self.is_established
        )

    def __repr__(self) -> str:
        """Status, domain and client."""
        domain = "-" if self.domain is None else self.domain.name
        client = "-" if self.client is None else f"{self.client[0]}:{self.client[1]}"
        return f"<Ended {self.status} {domain} {client}>"


def reason_of(
    trouble: TLSError | None, error: int, note: str | None, *, is_established: bool
) -> str | None:
    """Say what went wrong with a connection.

    Args:
        trouble: what TLS has failed with.
        error: number of the system's error; 0: none.
        note: words of the engine.
        is_established: whether the client's handshake had come to a good end.

    Returns:
        The words that tell most, or None.
    """
    if isinstance(trouble, TruncatedError) and is_established:
        return _UNANNOUNCED
    if trouble is not None:
        return str(trouble) or type(trouble).__name__
    return os.strerror(error) if error else note
