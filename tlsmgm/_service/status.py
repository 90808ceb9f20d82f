"""The words for how far a connection has come, and for how it ended."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from tlsmgm._serving.limits import Limit

__all__ = ["LIMIT_OF", "Phase", "Status"]


class Phase(enum.Enum):
    """How far a relay has come."""

    HANDSHAKE = enum.auto()
    CONNECTING = enum.auto()
    RELAYING = enum.auto()
    CLOSING = enum.auto()


class Status(enum.StrEnum):
    """How a connection ended, for the access log."""

    OK = "ok"
    NO_DOMAIN = "no-domain"
    HANDSHAKE_FAILED = "handshake-failed"
    HELLO_TOO_LARGE = "hello-too-large"
    FIRST_BYTE_TIMEOUT = "first-byte-timeout"
    HANDSHAKE_TIMEOUT = "handshake-timeout"
    UPSTREAM_FAILED = "upstream-failed"  # no connection, or its handshake failed
    UPSTREAM_TIMEOUT = "upstream-timeout"
    CLIENT_CLOSED = "client-closed"  # no close_notify, but all was delivered
    UPSTREAM_CLOSED = "upstream-closed"
    CLIENT_TRUNCATED = "client-truncated"  # no close_notify, in the middle of something
    UPSTREAM_TRUNCATED = "upstream-truncated"
    CLIENT_ERROR = "client-error"  # reset, fatal alert, broken record
    UPSTREAM_ERROR = "upstream-error"
    IDLE_TIMEOUT = "idle-timeout"
    SEND_TIMEOUT = "send-timeout"  # one side does not take what waits for it
    DRAINED = "drained"  # cut when the proxy was stopped
    INTERNAL_ERROR = "internal-error"


#: The limit that has struck when a connection ends in one of these ways.
LIMIT_OF: Final[Mapping[Status, Limit]] = {
    Status.HELLO_TOO_LARGE: Limit.HELLO_SIZE,
    Status.FIRST_BYTE_TIMEOUT: Limit.FIRST_BYTE_TIMEOUT,
    Status.HANDSHAKE_TIMEOUT: Limit.HANDSHAKE_TIMEOUT,
    Status.IDLE_TIMEOUT: Limit.IDLE_TIMEOUT,
    Status.SEND_TIMEOUT: Limit.SEND_TIMEOUT,
}
