"""What a proxy counts.

===================================== ======================================================
``connections_accepted_total``        by the listening sockets, refused ones included
``accept_errors_total``               attempts to take one that found no descriptor or memory, those
                                      of the management interface over HTTP included
``connections_refused_total``         turned away by a limit, at once and without a word
``connections_ended_total``           that had been let in; each has a line in the access log
``connections_ended_STATUS_total``    the same by the status in that line, ``-`` as ``_``
``handshakes_started_total``          with TLS clients that had been let in
``handshakes_completed_total``        and came to a good end
``handshakes_resumed_total``          of those that completed: sessions resumed
``handshakes_failed_total``           and came to none
``handshakes_failed_REASON_total``    the same by reason, see :class:`Failure`
``limit_NAME_total``                  how often a limit has struck, see :class:`~.limits.Limit`
``bytes_from_clients_total``          application bytes, of connections that have ended
``bytes_to_clients_total``            the same in the other direction
===================================== ======================================================

A handshake that was started has completed, failed, or is in progress.
"""

from __future__ import annotations

import enum

from tlsmgm._service.status import Status
from tlsmgm._serving.counters import Counters
from tlsmgm._serving.limits import Limit
from tlsmgm.errors import AlertError, ProtocolError, TLSError, TruncatedError, VerificationError

__all__ = [
    "Failure",
    "count_end",
    "count_failure",
    "count_limit",
    "count_refusal",
    "new_counters",
]

_ALWAYS = (
    "connections_accepted_total",
    "accept_errors_total",
    "connections_refused_total",
    "connections_ended_total",
    "handshakes_started_total",
    "handshakes_completed_total",
    "handshakes_resumed_total",
    "handshakes_failed_total",
    "bytes_from_clients_total",
    "bytes_to_clients_total",
)


class Failure(enum.StrEnum):
    """Why a client's handshake did not come to a good end."""

    NO_DOMAIN = "no_domain"
    HELLO_TOO_LARGE = "hello_too_large"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    HANDSHAKE_TIMEOUT = "handshake_timeout"
    DRAINED = "drained"
    CERTIFICATE = "certificate"  # the client's was missing or refused
    ALERT = "alert"  # the client has refused us
    PROTOCOL = "protocol"  # no TLS, broken TLS, or nothing in common
    LOST = "lost"  # the client was gone
    OTHER = "other"


_BY_STATUS = {
    Status.NO_DOMAIN: Failure.NO_DOMAIN,
    Status.HELLO_TOO_LARGE: Failure.HELLO_TOO_LARGE,
    Status.FIRST_BYTE_TIMEOUT: Failure.FIRST_BYTE_TIMEOUT,
    Status.HANDSHAKE_TIMEOUT: Failure.HANDSHAKE_TIMEOUT,
    Status.DRAINED: Failure.DRAINED,
}

_BY_ERROR: tuple[tuple[type[TLSError], Failure], ...] = (
    (VerificationError, Failure.CERTIFICATE),
    (AlertError, Failure.ALERT),
    (ProtocolError, Failure.PROTOCOL),
    (TruncatedError, Failure.LOST),
)


def new_counters() -> Counters:
    """Return all counters of a proxy, at 0."""
    names = list(_ALWAYS)
    names += [_ended(status) for status in Status]
    names += [_failed(reason) for reason in Failure]
    names += [_limit(limit) for limit in Limit]
    return Counters(names)


def count_limit(counters: Counters, limit: Limit) -> None:
    """Count a limit that has struck.

    Args:
        counters: of the proxy.
        limit: which one.
    """
    counters.add(_limit(limit))


def count_refusal(counters: Counters, limit: Limit) -> None:
    """Count a client that was turned away.

    Args:
        counters: of the proxy.
        limit: what has kept it out.
    """
    counters.add("connections_refused_total")
    count_limit(counters, limit)


def count_failure(counters: Counters, status: Status, error: BaseException | None) -> None:
    """Count a handshake that did not come to a good end.

    Args:
        counters: of the proxy.
        status: of the connection.
        error: what has ended it; None: the client has closed it, or a deadline has passed.
    """
    counters.add("handshakes_failed_total")
    counters.add(_failed(_BY_STATUS.get(status) or _reason(error)))


def count_end(counters: Counters, status: Status, received: int, sent: int) -> None:
    """Count a connection that is over.

    Args:
        counters: of the proxy.
        status: how it ended.
        received: application bytes from the client.
        sent: application bytes for the client.
    """
    counters.add("connections_ended_total")
    counters.add(_ended(status))
    counters.add("bytes_from_clients_total", received)
    counters.add("bytes_to_clients_total", sent)


def _reason(error: BaseException | None) -> Failure:
    if error is None or isinstance(error, OSError):
        return Failure.LOST
    for kind, reason in _BY_ERROR:
        if isinstance(error, kind):
            return reason
    return Failure.OTHER


def _ended(status: Status) -> str:
    return f"connections_ended_{status.replace('-', '_')}_total"


def _failed(reason: Failure) -> str:
    return f"handshakes_failed_{reason}_total"


def _limit(limit: Limit) -> str:
    return f"limit_{limit}_total"
