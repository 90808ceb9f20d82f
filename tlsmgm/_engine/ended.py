"""What remains of a connection, for logs and statistics."""

from __future__ import annotations

import datetime
import os
import time

from tlsmgm._core.record import Record
from tlsmgm._core.worker import clock
from tlsmgm._domains.addresses import unpack_address
from tlsmgm._domains.domain import Domain
from tlsmgm._native.connection import Connection
from tlsmgm.errors import TLSError, TruncatedError

__all__ = ["Ended"]

#: In place of what a TLS library says of it, once the client was in.
_UNANNOUNCED = "closed without close_notify"

#: Then the failure is one of the header, and not of TLS.
_BAD_HEADER = "bad-proxy-header"


class Ended:
    """A connection of a :class:`~tlsmgm.Listener` that is over.

    Args:
        record: what the engine says of it.
        fallback: the address of the upstream as configured, where none was asked.
    """

    __slots__ = ("_fallback", "_noted", "_record")

    def __init__(self, record: Record, fallback: str | None = None) -> None:
        self._record = record
        self._fallback = fallback
        self._noted = time.time() - (clock() - record.accepted)

    @property
    def accepted(self) -> datetime.datetime:
        """When it was accepted (UTC)."""
        return datetime.datetime.fromtimestamp(self._noted, datetime.UTC)

    @property
    def duration(self) -> float:
        """Seconds from accept to the end."""
        return self._record.ended - self._record.accepted

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the client; None: it has none, as on a unix socket.

        Where the listener takes PROXY headers, the one in the header.
        """
        return unpack_address(self._record.client_address)

    @property
    def peer(self) -> tuple[str, int] | None:
        """The other end of the connection itself: who sent the PROXY header, else the client."""
        return unpack_address(self._record.sender_address) or self.client

    @property
    def local(self) -> tuple[str, int] | None:
        """Address and port that it came in at, or that the PROXY header names."""
        return unpack_address(self._record.local_address)

    @property
    def listener(self) -> int:
        """Which of the listener's addresses that was, from 0 on."""
        return self._record.listener

    @property
    def domain(self) -> Domain | None:
        """The server domain that has answered, or None."""
        found: Domain | None = self._record.domain
        return found

    @property
    def server_name(self) -> str | None:
        """Server name (SNI) that the client sent, or None."""
        return self._record.server_name

    @property
    def connection(self) -> Connection | None:
        """The TLS connection with the client, to be looked at; None: there was none."""
        found: Connection | None = self._record.client
        return found

    @property
    def upstream_connection(self) -> Connection | None:
        """The same with the upstream."""
        found: Connection | None = self._record.upstream
        return found

    @property
    def upstream(self) -> str | None:
        """Address of the upstream: the one that has answered, else the one that was given."""
        address = self._record.upstream_address
        if address is None or not self._record.is_attached:
            return self._fallback
        text: str = address.text
        return text

    @property
    def bytes_in(self) -> int:
        """Application bytes from the client."""
        return self._record.bytes_in

    @property
    def bytes_out(self) -> int:
        """Application bytes from the upstream."""
        return self._record.bytes_out

    @property
    def status(self) -> str:
        """How it ended, in one word; docs/python.md has them all."""
        return self._record.status

    @property
    def failure(self) -> TLSError | None:
        """What TLS has failed with, or None."""
        return None if self._has_bad_header else self._record.failure

    @property
    def _has_bad_header(self) -> bool:
        return self.status == _BAD_HEADER

    @property
    def reason(self) -> str | None:
        """What went wrong, in words, or None."""
        record = self._record
        failure = record.failure
        if isinstance(failure, TruncatedError) and record.is_established:
            return _UNANNOUNCED
        if failure is not None:
            return str(failure) or type(failure).__name__
        if record.error:
            return os.strerror(record.error)
        return record.reason

    def __repr__(self) -> str:
        """Status, domain and client."""
        domain = "-" if self.domain is None else self.domain.name
        client = "-" if self.client is None else f"{self.client[0]}:{self.client[1]}"
        return f"<Ended {self.status} {domain} {client}>"
